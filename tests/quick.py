"""Families and settings whose searches take a moment, for tests that need a fitted estimator and not a good one."""

from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from autoarch.families import Family
from autoarch.families.cnn import CNN
from autoarch.families.mlp import MLP
from autoarch.families.tree import Tree


class QuickCNN(CNN):
    """The family with small nets and short trainings."""

    def defaults(self, problem):
        """As those of the family, an eighth of the filters and a third of the epochs."""
        return [
            {**params, **({"filters": 8, "stages": 2} if "filters" in params else {}), "effort": 0.35}
            for params in super().defaults(problem)
        ]


class QuickMLP(MLP):
    """The family with one small net and short trainings."""

    def defaults(self, problem):
        """As those of the family, with a quarter of the units, members and epochs."""
        return [{**params, "units": 64, "members": 1, "effort": 0.25} for params in super().defaults(problem)]


class QuickTree(Tree):
    """The family with boosting alone, and few rounds."""

    def defaults(self, problem):
        """Twenty rounds and ten."""
        boosting = {"kind": "boosting", "leaves": 15, "leaf_rows": 5, "l2": 1e-3, "columns": 1.0, "amount": 2.0}
        return [{**boosting, "rate": rate} for rate in (0.1, 0.2)]

    def suggest(self, trial, problem):
        """Sample the rate."""
        return {**self.defaults(problem)[0], "rate": trial.suggest_float("tree.rate", 0.1, 0.5)}


def quick(**changes):
    """Settings of a search of one trial without a clock."""
    settings = {"time_budget": None, "n_trials": 1, "families": QuickCNN, "cv": 2, "random_state": 0, "verbose": 0}
    return {**settings, **changes}


class Bayes(Family):
    """Naive Bayes, in a millisecond."""

    name = "bayes"
    averages_folds = True

    def defaults(self, problem):
        """Two of them, one of which lies outside of what is sampled."""
        return [{"smoothing": 1e-9}, {"smoothing": 2.0}]

    def suggest(self, trial, problem):
        """Sample the smoothing."""
        return {"smoothing": trial.suggest_float("bayes.smoothing", 1e-9, 1.0, log=True)}

    def build(self, params, problem, seed):
        """The model alone."""
        return [("model", GaussianNB(var_smoothing=params["smoothing"]))]


class Stump(Family):
    """A tree of few leaves, in a millisecond."""

    name = "stump"

    def suggest(self, trial, problem):
        """Sample the number of leaves and the share of columns."""
        leaves = trial.suggest_int("stump.leaves", 2, 30)
        return {"leaves": leaves, "columns": trial.suggest_float("stump.columns", 0.1, 1.0)}

    def build(self, params, problem, seed):
        """The model alone."""
        tree = DecisionTreeClassifier(
            max_leaf_nodes=params["leaves"], max_features=params["columns"], random_state=seed
        )
        return [("model", tree)]
