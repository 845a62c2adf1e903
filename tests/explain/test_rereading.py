"""Answers after cells were taken away, for models that do not read all of the rest again."""

import numpy as np
import pytest

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch.datasets import make_planted
from autoarch.explain.model import ask
from autoarch.explain.rereading import answers_after
from autoarch.explain.rows import Swap

SETTINGS = {"time_budget": None, "n_trials": 1, "families": "kernels", "random_state": 0, "verbose": 0}


@pytest.fixture(scope="module")
def planted():
    return make_planted(240, (8, 8), cause="cell", random_state=0)


def swaps_of(subject, cells):
    """Single cells, each taken from another row."""
    columns = [np.array([cell]) for cell in cells]
    return [Swap(one, subject.pool, np.arange(len(subject.pool))[::-1]) for one in columns]


@pytest.mark.parametrize("kind", ["classifier", "regressor", "ensemble", "with missing cells"])
def test_they_are_the_answers_of_the_whole_model(planted, kind):
    """One model, several that are averaged, and one with a channel that says what is missing."""
    X, y = planted[0].copy(), planted[1]
    estimator = AutoArchRegressor if kind == "regressor" else AutoArchClassifier
    if kind == "with missing cells":
        X[::7, 2, 3] = np.nan
    settings = {**SETTINGS, "ensemble_size": 3, "n_trials": 3} if kind == "ensemble" else SETTINGS
    model = estimator(**settings).fit(X[:200], y[:200].astype(float) if kind == "regressor" else y[:200])
    subject = ask(model, X[200:], "auto")
    swaps = swaps_of(subject, [0, 9, 19, 63])
    expected = subject.answers(subject.pool.swapped(swaps))
    np.testing.assert_allclose(answers_after(subject, subject.pool, swaps), expected, atol=1e-5)
