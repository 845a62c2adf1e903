"""Small data sets: shapes, repeatability and the truth that each one claims."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoarch import datasets

MAKERS = [
    pytest.param(datasets.make_stripes, (50, 64), {"shape": (8, 8)}, id="stripes"),
    pytest.param(datasets.make_textures, (50, 6, 9), {"shape": (6, 9)}, id="textures"),
    pytest.param(datasets.make_cell_rule, (50, 6, 9), {"shape": (6, 9)}, id="cell-rule"),
    pytest.param(datasets.make_alternating_texture, (50, 6, 9), {"shape": (6, 9)}, id="alternating"),
    pytest.param(datasets.make_noise, (50, 7), {"n_features": 7}, id="noise"),
]


@pytest.mark.parametrize(("make", "shape", "arguments"), MAKERS)
def test_equal_seeds_give_equal_data(make, shape, arguments):
    """Shapes are as documented, both classes occur, and only the seed decides."""
    X, y = make(n_samples=50, random_state=4, **arguments)
    again, labels = make(n_samples=50, random_state=4, **arguments)
    other, _ = make(n_samples=50, random_state=5, **arguments)

    assert X.shape == shape
    assert X.dtype == np.float32
    assert sorted(set(y.tolist())) == [0, 1]
    np.testing.assert_array_equal(X, again)
    np.testing.assert_array_equal(y, labels)
    assert not np.array_equal(X, other)


@pytest.mark.parametrize("seed", [np.random.RandomState(0), np.random.default_rng(0), None], ids=["old", "new", "none"])
def test_any_kind_of_seed_is_taken(seed):
    """Integers, RandomState, Generator and None are accepted."""
    assert datasets.make_noise(10, 3, random_state=seed)[0].shape == (10, 3)


@pytest.mark.parametrize(("cause", "n_cells"), [("cell", 1), ("pair", 2), ("row", 9), ("texture", 16)])
def test_a_planted_cause_is_all_that_tells_the_labels_apart(cause, n_cells):
    """As many cells as documented; elsewhere both classes are the same noise."""
    X, y, truth = datasets.make_planted(2000, (6, 9), cause=cause, random_state=1)

    assert (truth.sum(axis=(1, 2)) == n_cells).all()
    np.testing.assert_array_equal(X, datasets.make_planted(2000, (6, 9), cause=cause, random_state=1)[0])
    outside = np.where(truth, np.nan, X)
    apart = np.nanmean(outside[y == 0]) - np.nanmean(outside[y == 1])
    assert abs(apart) < 0.02
    assert np.nanstd(outside) == pytest.approx(1.0, abs=0.02)


def test_one_cell_tells_the_label_of_the_cell_rule():
    """Exactly one cell's sign is the label."""
    X, y = datasets.make_cell_rule(200, (5, 5), random_state=0)

    agreement = ((X > 0) == y[:, None, None].astype(bool)).mean(axis=0)

    assert (agreement == 1).sum() == 1


@pytest.mark.parametrize("make", [datasets.make_stripes, datasets.make_textures, datasets.make_alternating_texture])
def test_no_single_cell_tells_the_label_of_a_pattern(make):
    """The mean of every cell is the same in both classes, up to noise."""
    X, y = make(n_samples=2000, random_state=0)
    X = X.reshape(len(X), -1)

    apart = np.abs(X[y == 0].mean(axis=0) - X[y == 1].mean(axis=0)) / X.std(axis=0)

    assert apart.max() < 0.2


@given(
    n_samples=st.integers(2, 40),
    shape=st.tuples(st.integers(4, 9), st.integers(4, 9)),
    cause=st.sampled_from(["cell", "pair", "row", "texture"]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=25)
def test_planted_labels_are_balanced_and_every_sample_has_its_cause(n_samples, shape, cause, seed):
    """Whatever the seed, both labels come equally often and each sample has as many causal cells as any other."""
    X, y, truth = datasets.make_planted(n_samples, shape, cause=cause, random_state=seed)

    assert X.shape == truth.shape == (n_samples, *shape)
    assert abs(2 * y.sum() - n_samples) <= 1
    assert set(truth.sum(axis=(1, 2))) == {{"cell": 1, "pair": 2, "row": shape[1], "texture": 16}[cause]}


def test_scrambled_digits_are_the_digits_in_another_order():
    """Every picture keeps its values and its label."""
    grid, labels = datasets.load_digits_grid()
    scrambled, same = datasets.load_digits_scrambled(random_state=3)

    assert grid.shape == (1797, 8, 8)
    np.testing.assert_array_equal(np.sort(grid.reshape(-1, 64), axis=1), np.sort(scrambled, axis=1))
    np.testing.assert_array_equal(labels, same)
    assert not np.array_equal(grid.reshape(-1, 64), scrambled)
