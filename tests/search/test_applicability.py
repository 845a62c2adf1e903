"""Rows outside of what was tested are told, and drift is said in a sentence."""

import numpy as np
import pandas as pd
import pytest

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch.exceptions import AutoArchWarning

LINEAR = {"time_budget": None, "n_trials": 1, "families": "linear", "random_state": 0, "verbose": 0}


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4))
    return AutoArchRegressor(**LINEAR).fit(X, X[:, 0] + X[:, 1] + 0.2 * rng.normal(size=500))


def test_rows_like_the_training_rows_are_inside_and_far_ones_are_not(fitted):
    """The limit is what the folds have seen."""
    rng = np.random.default_rng(1)
    table = fitted.applicability(rng.normal(size=(300, 4)))
    assert list(table.columns) == ["dissimilarity", "inside"]
    assert table["inside"].mean() > 0.85
    far = fitted.applicability(rng.normal(size=(20, 4)) + np.array([8.0, 0, 0, 0]))
    assert not far["inside"].any()
    assert far["dissimilarity"].min() > table["dissimilarity"].median()


def test_columns_that_the_model_does_not_look_at_count_little(fitted):
    """Far away in one of them is near."""
    X = np.zeros((10, 4))
    seen, unseen = (fitted.applicability(X + 6 * np.eye(4)[column])["dissimilarity"].mean() for column in (0, 3))
    assert seen > 3 * unseen


def test_drift_is_told_in_a_sentence_for_many_rows(fitted):
    """Of the same kind they cannot be told, moved ones can, with a warning; few rows get no sentence."""
    rng = np.random.default_rng(2)
    assert "cannot be told" in fitted.applicability(rng.normal(size=(400, 4))).attrs["drift"]
    with pytest.warns(AutoArchWarning, match="most by 'x1'.*fit on such rows as well"):
        table = fitted.applicability(rng.normal(size=(400, 4)) + np.array([0, 1.0, 0, 0]))
    assert "can be told" in table.attrs["drift"]
    assert "drift" not in fitted.applicability(rng.normal(size=(20, 4))).attrs


def test_a_table_of_categories_has_distances_too():
    """A category that was never seen with such numbers lies apart; missing values are in the middle."""
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"a": rng.normal(size=200), "kind": rng.choice(["x", "y"], 200)})
    y = np.where((X["a"] > 0) ^ (X["kind"] == "x"), "yes", "no")
    X.loc[::20, "a"] = np.nan
    table = AutoArchClassifier(**LINEAR).fit(X, y).applicability(X)
    assert np.isfinite(table["dissimilarity"]).all()
    assert table["inside"].all()
