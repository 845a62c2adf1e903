"""Claim: a family of your own takes two methods, and competes with the built-in ones from then on.

``check_family`` is the contract as a test. To offer the family to everybody who installs your package, name it under
the entry point ``autoarch.families``.
"""

from sklearn.neighbors import KNeighborsClassifier

from autoarch import AutoArchClassifier
from autoarch.datasets import load_digits_grid
from autoarch.families import Family, Needs
from autoarch.testing import check_family


class Neighbours(Family):
    """Nearest neighbours on scaled columns."""

    name = "neighbours"
    needs = Needs(tasks=("classification",))

    def suggest(self, trial, problem):
        """How many neighbours vote, and how."""
        return {
            "k": trial.suggest_int("neighbours.k", 1, 15),
            "weights": trial.suggest_categorical("neighbours.weights", ["uniform", "distance"]),
        }

    def build(self, params, problem, seed):
        """Fill gaps, then vote."""
        from sklearn.impute import SimpleImputer

        vote = KNeighborsClassifier(n_neighbors=params["k"], weights=params["weights"])
        return [("fill", SimpleImputer(keep_empty_features=True)), ("model", vote)]

    def defaults(self, problem):
        """Tried before anything is sampled."""
        return ({"k": 3, "weights": "distance"},)


check_family(Neighbours)

X, y = load_digits_grid()
clf = AutoArchClassifier(time_budget=None, n_trials=6, families=[Neighbours, "linear"], random_state=0, verbose=0).fit(
    X[:1000], y[:1000]
)
print(clf.leaderboard_[["family", "params", "score", "status"]].to_string(index=False))
print(f"{clf.best_family_} won; accuracy {clf.score(X[1000:], y[1000:]):.3f} on unseen digits")

assert clf.best_family_ == "neighbours"
