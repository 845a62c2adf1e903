"""Combinations of columns: which are found, and that they are those of each row alone."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.preprocessing import TargetEncoder

from autoarch._training.crossed_columns import MOST_CROSSED, CrossedColumns

RNG = np.random.default_rng(0)
X = RNG.uniform(1, 9, (500, 5))
X[:, 4] = RNG.integers(0, 4, 500)


@pytest.mark.parametrize(
    ("target", "operation", "columns"),
    [
        pytest.param(X[:, 0] / X[:, 2], "ratio", {0, 2}, id="ratio"),
        pytest.param(X[:, 1] - X[:, 3], "difference", {1, 3}, id="difference"),
        pytest.param(X[:, 0] * X[:, 1], "product", {0, 1}, id="product"),
        pytest.param(np.where(X[:, 0] + X[:, 3] > 10, "high", "low"), "sum", {0, 3}, id="sum-of-classes"),
    ],
)
def test_the_combination_that_decides_is_found(target, operation, columns):
    """It comes first, in any unit."""
    for unit in (1.0, 1e-13, 1e9):
        step = CrossedColumns().fit(X[:, :4] * unit, target)
        found, of = step.made_[0]
        assert (found, set(of)) == (operation, columns)
        assert len(step.made_) <= MOST_CROSSED


def test_pairs_of_categories_have_means():
    """Where a pair says what neither says alone; a level that was not seen has the mean of all."""
    codes = RNG.integers(0, 6, (600, 3)).astype(float)
    y = np.asarray(RNG.normal(size=(6, 6))[codes[:, 0].astype(int), codes[:, 2].astype(int)])
    step = CrossedColumns(categorical=(0, 1, 2), means=TargetEncoder(target_type="continuous"))
    made = step.fit_transform(codes, y)
    assert (0, 2) in step.crosses_
    place = codes.shape[1] + len(step.made_) + step.crosses_.index((0, 2))
    assert np.corrcoef(made[:, place], y)[0, 1] > 0.95
    unseen = codes[:3].copy()
    unseen[:, 0] = 9
    np.testing.assert_allclose(step.transform(unseen)[:, place], y.mean())


def test_rows_are_transformed_alone_and_alike():
    """Missing and infinite cells, and denominators of 0, give missing values."""
    values = X[:, :4].copy()
    step = clone(CrossedColumns(seed=3)).fit(values, X[:, 0] / X[:, 2])
    values[0, 2], values[1, 0], values[2, 2] = 0.0, np.nan, np.inf
    whole = step.transform(values)
    np.testing.assert_array_equal(np.vstack([step.transform(values[i : i + 7]) for i in range(0, 500, 7)]), whole)
    ratio = 4 + step.made_.index(("ratio", (0, 2)))
    assert np.isnan(whole[:2, ratio]).all() and whole[2, ratio] == 0.0
    assert not np.isinf(whole[:, 4:]).any()


def test_a_table_of_categories_alone_is_left_as_it_is():
    """Without an encoder there is nothing to combine."""
    codes = RNG.integers(0, 3, (300, 3)).astype(float)
    np.testing.assert_array_equal(CrossedColumns((0, 1, 2)).fit_transform(codes, RNG.normal(size=300)), codes)
