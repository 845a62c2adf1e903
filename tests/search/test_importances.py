"""Importances of columns: falls of the score on left-out rows, by models that the search has fitted anyway."""

import numpy as np
import pandas as pd
import pytest
from quick import QuickTree, quick

from autoarch import AutoArchClassifier, AutoArchRegressor, Layout
from autoarch._search import importances

pytestmark = pytest.mark.usefixtures("probe_without_labels")


def frame(n=150):
    """A table whose numbers, dates and texts hold nothing but for two of them, and labels."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"noise": rng.normal(size=n), "main": rng.normal(size=n)})
    X["day"] = pd.date_range("2024-01-01", periods=n)
    X["colour"] = rng.choice(["red", "blue"], n)
    X["constant"] = 1.0
    return X, np.where(X["main"] + (X["colour"] == "red") > 0.5, "yes", "no")


def test_columns_of_a_table():
    """One number for each column of X, whatever it is read as; what was dropped has none, noise hardly any."""
    X, y = frame()
    found = AutoArchClassifier(**quick(families="linear", cv=3)).fit(X, y).feature_importances_
    assert found.shape == (X.shape[1],)
    worth = dict(zip(X.columns, found, strict=True))
    assert worth["main"] > worth["colour"] > 0.05 > max(map(abs, (worth["noise"], worth["day"])))
    assert worth["constant"] == 0.0


@pytest.mark.parametrize("channels", ["first", "last"])
def test_cells_come_in_the_shape_of_a_row(channels):
    """The cell that decides, in the channel in which it stands."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4, 3, 2) if channels == "last" else (120, 2, 4, 3))
    y = X[:, 1, 2, 1] if channels == "last" else X[:, 1, 1, 2]
    model = AutoArchRegressor(**quick(families=QuickTree, cv=3, channels=channels)).fit(X, y)
    found = model.feature_importances_
    assert found.shape == X.shape[1:]
    assert np.unravel_index(found.argmax(), found.shape) == ((1, 2, 1) if channels == "last" else (1, 1, 2))


def test_patches_stand_in_for_cells_that_are_too_many(monkeypatch):
    """The fall of a patch is shared by its cells."""
    monkeypatch.setattr(importances, "_UNTIMED_VALUES", 60 * 36 * 12)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 6, 6))
    model = AutoArchRegressor(**quick(families="linear", cv=3)).fit(X, X[:, 0, 0])
    found = model.feature_importances_
    assert len(np.unique(found[:2, :2])) == 1 and found.argmax() == 0 and found[0, 0] > 5 * abs(found[2:]).max()


def test_they_are_missing_where_they_cannot_be_known(monkeypatch):
    """No time, no rows that were left out, or a model that breaks: the fit is none the worse."""
    X, y = frame(80)
    settings = quick(families="linear", cv=3)
    every = np.arange(len(X))
    own = AutoArchClassifier(**{**settings, "cv": [(every, every)]}).fit(X, y)
    assert not hasattr(own, "feature_importances_") and hasattr(own, "best_estimator_")
    model = AutoArchClassifier(**settings).fit(X, y)
    assert hasattr(model, "feature_importances_")
    monkeypatch.setattr(importances, "_UNTIMED_VALUES", 10)
    assert not hasattr(model.fit(X, y), "feature_importances_")


def test_equal_seeds_give_equal_importances():
    """Without a clock."""
    X, y = frame(90)
    one, other = (AutoArchClassifier(**quick(families="linear", cv=3)).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(one.feature_importances_, other.feature_importances_)


@pytest.mark.parametrize("most", [200, 40, 9, 1])
def test_patches_of_many_cells_change_places_together(most):
    """As small as their number allows: each cell is in one of them, beside its neighbours in all channels."""
    layout = Layout(11, 9, 2)
    units = importances._units([np.array([column]) for column in range(198)], layout, most)

    assert len(units) <= most
    assert sorted(np.concatenate(units).tolist()) == list(range(198))
    channels, height, width = layout.shape
    place = {channel * height * width + cell: divmod(cell, width) for channel in range(channels) for cell in range(99)}
    for unit in units if most < 198 else []:
        assert sum(1 for cell in unit if cell < 99) == len(unit) / 2
        down, across = (np.ptp([place[cell][axis] for cell in unit]) + 1 for axis in (0, 1))
        assert down * across * 2 >= len(unit) and max(down, across) <= max(2, 2 * int(np.sqrt(len(unit) / 2)) + 1)
