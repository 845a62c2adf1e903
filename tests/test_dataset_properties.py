"""Data sets hold what they promise for any size and seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoarch import datasets

SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.tuples(st.integers(4, 12), st.integers(4, 12))
GRIDS = ["make_stripes", "make_textures", "make_cell_rule", "make_alternating_texture"]


@pytest.mark.parametrize("name", [*GRIDS, "make_planted"])
@settings(max_examples=25)
@given(n=st.integers(2, 30), shape=SIDES, seed=SEEDS)
def test_grids_have_their_shape_and_follow_their_seed(name, n, shape, seed):
    """Finite float32 cells and labels 0 and 1; equal seeds give equal data, other seeds other data."""
    make = getattr(datasets, name)

    X, y, *_ = make(n, shape, random_state=seed)

    assert X.shape == ((n, shape[0] * shape[1]) if name == "make_stripes" else (n, *shape))
    assert X.dtype == np.float32 and np.isfinite(X).all()
    assert y.shape == (n,) and y.dtype == np.int64 and set(y.tolist()) <= {0, 1}
    again, other = (make(n, shape, random_state=s)[0] for s in (seed, (seed + 1) % 2**32))
    np.testing.assert_array_equal(again, X)
    assert not np.array_equal(other, X)


@pytest.mark.parametrize("name", ["make_stripes", "make_textures", "make_alternating_texture", "make_planted"])
@settings(max_examples=25)
@given(n=st.integers(2, 60), seed=SEEDS)
def test_classes_are_balanced(name, n, seed):
    """To a row."""
    y = getattr(datasets, name)(n, (4, 4), random_state=seed)[1]

    assert y.sum() == n // 2


@settings(max_examples=25)
@given(n=st.integers(1, 40), p=st.integers(2, 30), seed=SEEDS)
def test_two_columns_of_the_noise_table_tell_the_label(n, p, seed):
    """The label is whether they agree in sign; that holds for some pair."""
    X, y = datasets.make_noise(n, p, random_state=seed)

    positive = X > 0
    agree = positive[:, :, None] == positive[:, None, :]

    assert X.shape == (n, p) and X.dtype == np.float32
    assert np.triu((agree == y.astype(bool)[:, None, None]).all(axis=0), 1).any()


@settings(max_examples=25)
@given(n=st.integers(8, 40), shape=SIDES, seed=SEEDS)
def test_one_cell_tells_the_label_of_the_cell_rule(n, shape, seed):
    """By its sign."""
    X, y = datasets.make_cell_rule(n, shape, random_state=seed)

    assert ((X > 0) == y.astype(bool)[:, None, None]).all(axis=0).any()


@settings(max_examples=40)
@given(cause=st.sampled_from(["cell", "pair", "row", "texture"]), n=st.integers(4, 20), shape=SIDES, seed=SEEDS)
def test_the_truth_marks_the_cells_that_were_planted(cause, n, shape, seed):
    """As many as the cause has, at one place for all samples unless the texture moves; they tell the label."""
    X, y, truth = datasets.make_planted(n, shape, cause=cause, random_state=seed)
    side = max(4, round(0.4 * min(shape)))
    cells = {"cell": 1, "pair": 2, "row": shape[1], "texture": side**2}[cause]

    assert truth.shape == X.shape and truth.dtype == bool
    np.testing.assert_array_equal(truth.sum(axis=(1, 2)), cells)
    assert cause == "texture" or (truth == truth[0]).all()
    planted = X[truth].reshape(n, cells)
    if cause == "cell":
        np.testing.assert_array_equal(planted[:, 0] > 0, y == (planted[y == 1, 0] > 0).all())
    if cause == "pair":
        np.testing.assert_array_equal(np.prod(np.sign(planted), axis=1) > 0, y == 1)


@settings(max_examples=10)
@given(seed=SEEDS)
def test_scrambled_digits_are_the_digits_in_one_order(seed):
    """The same order for all samples, the same labels."""
    X, y = datasets.load_digits_grid()

    scrambled, labels = datasets.load_digits_scrambled(random_state=seed)

    np.testing.assert_array_equal(labels, y)
    flat = X.reshape(len(X), -1)
    np.testing.assert_array_equal(np.sort(scrambled, axis=1), np.sort(flat, axis=1))
    np.testing.assert_array_equal(np.sort(scrambled.sum(axis=0)), np.sort(flat.sum(axis=0)))
