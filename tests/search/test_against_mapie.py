"""Intervals and sets are as wide as those of MAPIE with the same model, and hold as much."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification

from autoarch import AutoArchClassifier, AutoArchRegressor

regression = pytest.importorskip("mapie.regression", reason="needs MAPIE, of the extra dev")
classification = pytest.importorskip("mapie.classification")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SETTINGS = {"time_budget": None, "n_trials": 2, "layout": None, "rows": "independent", "random_state": 0, "verbose": 0}
WIDER, TAILS = 1.05, 1.1  # times MAPIE's, at most; where tails are unequal, of which each is cut by itself


def numbers(n, seed, kind):
    """Numbers with even, skewed or growing errors."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    noise = {"even": rng.normal(size=n), "skewed": rng.exponential(size=n), "growing": np.exp(X[:, 0])}[kind]
    return X, 2 * X[:, 0] + np.sin(2 * X[:, 1]) + noise * (rng.normal(size=n) if kind == "growing" else 1.0)


@pytest.mark.parametrize(
    ("family", "kind"), [("linear", "even"), ("linear", "skewed"), ("linear", "growing"), ("tree", "growing")]
)
def test_intervals(family, kind):
    """Against CV+ with the winner's pipeline, refitted by MAPIE on folds of its own."""
    X, y = numbers(800, 0, kind)
    Z, z = numbers(3000, 1, kind)
    model = AutoArchRegressor(families=family, ensemble_size=1, **SETTINGS).fit(X, y)
    low, high = model.predict_interval(Z).T
    theirs = regression.CrossConformalRegressor(
        clone(model.best_estimator_), confidence_level=0.9, cv=5, random_state=0
    )
    ends = theirs.fit_conformalize(X, y).predict_interval(Z)[1][:, :, 0]
    held = np.mean((low <= z) & (z <= high))
    assert held >= 0.9 - 2 * np.sqrt(0.09 / len(z) + 0.09 / len(y))
    assert np.mean(high - low) <= (TAILS if kind == "skewed" else WIDER) * np.mean(ends[:, 1] - ends[:, 0])


@pytest.mark.parametrize("family", ["linear", "tree"])
def test_sets(family):
    """Against adaptive sets of MAPIE, which are drawn at random at their edge."""
    X, y = make_classification(4000, 12, n_informative=5, n_classes=5, class_sep=0.8, random_state=0)
    model = AutoArchClassifier(families=family, ensemble_size=1, **SETTINGS).fit(X[:1000], y[:1000])
    chosen = model.predict_set(X[1000:])
    theirs = classification.CrossConformalClassifier(
        clone(model.best_estimator_), confidence_level=0.9, conformity_score="aps", cv=5, random_state=0
    )
    sets = theirs.fit_conformalize(X[:1000], y[:1000]).predict_set(X[1000:])[1][:, :, 0]
    assert chosen[np.arange(3000), y[1000:]].mean() >= 0.9 - 2 * np.sqrt(0.09 / 3000 + 0.09 / 1000)
    assert chosen.sum(axis=1).mean() <= WIDER * sets.sum(axis=1).mean()
