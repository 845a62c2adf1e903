"""Properties of explanations: linear models, whose truth is known, on grids and tables of any size."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from strategies import SEEDS

from autoarch.explain import explain

SIDES = st.tuples(st.integers(2, 5), st.integers(2, 5))
BY = st.sampled_from(["cell", "patch", "row", "column", "channel"])


def linear(seed, p, n=25):
    """Rows, and a linear model with known slopes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    slopes = np.round(rng.normal(size=p), 2)
    return X, LinearRegression().fit(X, X @ slopes), slopes


@settings(max_examples=20)
@given(seed=SEEDS, p=st.integers(1, 6))
def test_a_linear_model_is_explained_by_its_slopes(seed, p):
    """With the mean in place of a column, the value of a column is its slope times its distance from the mean."""
    X, model, slopes = linear(seed, p)

    found = explain(model, X, method="occlusion", by="name", baseline="mean", verbose=0)

    np.testing.assert_allclose(found.values, slopes * (X - X.mean(axis=0)), atol=1e-6)
    np.testing.assert_allclose(found.importances, np.abs(found.values).mean(axis=0))
    np.testing.assert_allclose(found.outputs, model.predict(X))


@settings(max_examples=20)
@given(seed=SEEDS, sides=SIDES, by=BY)
def test_units_take_each_cell_away_exactly_once(seed, sides, by):
    """However a grid is cut, the values of a linear model sum to what it says beyond the mean."""
    X, model, slopes = linear(seed, int(np.prod(sides)))

    patch = 2 if by == "patch" else "auto"
    found = explain(model, X, method="occlusion", by=by, patch=patch, baseline="mean", layout=sides, verbose=0)

    assert found.grid.shape == (len(X), 1, *sides)
    np.testing.assert_allclose(found.values.sum(axis=1), (X - X.mean(axis=0)) @ slopes, atol=1e-6)
    np.testing.assert_allclose(found.by_row(), found.grid.sum(axis=(1, 3)))
    np.testing.assert_allclose(found.by_column(), found.grid.sum(axis=(1, 2)))


@settings(max_examples=20)
@given(seed=SEEDS, sides=SIDES)
def test_what_is_taken_away_together_shares_its_value(seed, sides):
    """All cells of a row have the same value when rows are taken away."""
    X, model, _ = linear(seed, int(np.prod(sides)))

    grid = explain(model, X, method="occlusion", by="row", baseline="mean", layout=sides, verbose=0).grid

    np.testing.assert_allclose(grid, np.broadcast_to(grid[..., :1], grid.shape), atol=1e-12)


@settings(max_examples=20)
@given(seed=SEEDS, p=st.integers(2, 6), method=st.sampled_from(["permutation", "occlusion"]))
def test_columns_that_cannot_matter_are_worth_nothing(seed, p, method):
    """One that is constant, and one that the model ignores; the only one that counts is first."""
    X, _, _ = linear(seed, p + 1)
    X[:, 1] = 3.0
    model = LinearRegression().fit(X, X[:, 0])
    y = {"y": X[:, 0]} if method == "permutation" else {}

    found = explain(model, X, method=method, n_repeats=3, random_state=0, verbose=0, **y)

    np.testing.assert_allclose(found.importances[1:], 0.0, atol=1e-8)
    assert found.importances.argmax() == 0 and found.importances[0] > 0


@settings(max_examples=15)
@given(seed=SEEDS)
def test_rows_are_explained_alone_where_the_baseline_is_given(seed):
    """Some rows, in any order, have the values that they have among all."""
    X, model, _ = linear(seed, 4)
    rows = np.random.default_rng(seed).permutation(len(X))[:5]
    settings_ = {"method": "occlusion", "by": "name", "baseline": X.mean(axis=0, keepdims=True), "verbose": 0}
    whole = explain(model, X, **settings_)

    some = explain(model, X[rows], **settings_)

    np.testing.assert_allclose(some.values, whole.values[rows], atol=1e-9)
    np.testing.assert_array_equal(some.outputs, whole.outputs[rows])


@settings(max_examples=15)
@given(name=st.text("<>&\"' abc", min_size=1, max_size=8))
def test_names_are_data_and_never_markup(name):
    """A notebook shows the name of a column as text, whatever it is made of."""
    marked = f"<script>{name}</script>"
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=[marked, "b"])
    model = LinearRegression().fit(X, X[marked])

    found = explain(model, X, method="occlusion", verbose=0)

    assert found.names == (marked, "b")
    assert "<script" not in found._repr_html_()
    assert "&lt;script&gt;" in found._repr_html_()
