"""Models that grow in steps: the same as in one go, and cut at a deadline."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from autoarch._training.deadline import Deadline
from autoarch._training.growing import fit_affordable_rows, fit_growing

X, y = make_classification(n_samples=300, n_features=8, random_state=0)


@pytest.mark.parametrize(
    ("model", "size"),
    [
        pytest.param(HistGradientBoostingClassifier(max_iter=30, early_stopping=False), "max_iter", id="boosting"),
        pytest.param(ExtraTreesClassifier(n_estimators=30, random_state=0), "n_estimators", id="forest"),
    ],
)
def test_growing_in_steps_gives_the_model_of_one_go(model, size):
    """With time enough, steps change nothing: warm starts continue where they stopped."""
    from sklearn.base import clone

    whole = clone(model).fit(X, y)
    grown = fit_growing(clone(model), size, X, y, None, Deadline(1e6), first=5, seed=0)
    assert getattr(grown, size) == 30
    np.testing.assert_allclose(grown.predict_proba(X), whole.predict_proba(X), atol=1e-12)


def test_no_time_gives_the_first_step_and_says_so():
    """The parameter tells how far the model got."""
    model = fit_growing(
        ExtraTreesClassifier(n_estimators=500, random_state=0), "n_estimators", X, y, None, Deadline(0.0), first=5, seed=0
    )
    assert model.n_estimators == len(model.estimators_) == 5


def test_growing_stops_when_the_model_has_converged():
    """A solver that is done is not called again."""
    model = fit_growing(LogisticRegression(max_iter=500), "max_iter", X, y, None, Deadline(1e6), first=100, seed=0)
    assert model.n_iter_[0] < 100


def test_rows_are_cut_when_all_would_take_too_long():
    """Without time the fit on the probe's rows is returned, and every class is in it."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5000, 3)), np.r_[np.zeros(4999, int), 1]
    model = fit_affordable_rows(LogisticRegression(), X, y, None, Deadline(0.0), seed=0)
    assert list(model.classes_) == [0, 1]
    assert fit_affordable_rows(Ridge(), X, y.astype(float), None, Deadline(), seed=0).coef_.shape == (3,)
