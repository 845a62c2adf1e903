"""Write a family
=================

Claim: a family of your own takes two methods, and competes with the built-in ones from then on.

``check_family`` is the contract as a test. To offer the family to everybody who installs your package, name it under
the entry point ``autoarch.families``.
"""

import matplotlib.pyplot as plt
from sklearn.neighbors import KNeighborsClassifier

from autoarch import AutoArchClassifier, SearchHistoryDisplay
from autoarch.datasets import load_digits_grid
from autoarch.families import Family, Needs
from autoarch.testing import check_family


class Nearest(Family):
    """Nearest neighbours on scaled columns."""

    name = "nearest"
    needs = Needs(tasks=("classification",))

    def suggest(self, trial, problem):
        """Sample the number of neighbours and their weights."""
        return {
            "k": trial.suggest_int("nearest.k", 1, 15),
            "weights": trial.suggest_categorical("nearest.weights", ["uniform", "distance"]),
        }

    def build(self, params, problem, seed):
        """Fill gaps, then vote."""
        from sklearn.impute import SimpleImputer

        vote = KNeighborsClassifier(n_neighbors=params["k"], weights=params["weights"])
        return [("fill", SimpleImputer(keep_empty_features=True)), ("model", vote)]

    def defaults(self, problem):
        """Tried before anything is sampled."""
        return ({"k": 3, "weights": "distance"},)


check_family(Nearest)

X, y = load_digits_grid()
clf = AutoArchClassifier(time_budget=None, n_trials=6, families=[Nearest, "linear"], random_state=0, verbose=0).fit(
    X[:1000], y[:1000]
)
print(clf.leaderboard_[["family", "params", "score", "status"]].to_string(index=False))
print(f"{clf.best_family_} won; accuracy {clf.score(X[1000:], y[1000:]):.3f} on unseen digits")

SearchHistoryDisplay.from_estimator(clf)
plt.show()

assert clf.best_family_ == "nearest"
