"""Families and settings whose searches take a moment, for tests that need a fitted estimator and not a good one."""

from autoarch.families.cnn import CNN
from autoarch.families.mlp import MLP


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


def quick(**changes):
    """Settings of a search of one trial without a clock."""
    settings = {"time_budget": None, "n_trials": 1, "families": QuickCNN, "cv": 2, "random_state": 0, "verbose": 0}
    return {**settings, **changes}
