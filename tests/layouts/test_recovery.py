"""Layout recovery: shuffled grids are found again, tables are refused, and unusual inputs are accepted."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_breast_cancer, load_digits, load_sample_images

from autoarch.exceptions import InputError, LayoutError
from autoarch.layouts.channels import candidate_sides
from autoarch.layouts.local_search import pseudo_likelihood, swap_nearby
from autoarch.layouts.partial_correlation import (
    candidate_affinities,
    local_partial_correlations,
    partial_correlations,
)
from autoarch.layouts.recover import agreement, neighbour_pairs, recover_layout
from autoarch.layouts.region_growing import grow, seeds


def _field(height, width, n=400, seed=0):
    """Smooth random fields, flat."""
    noise = np.random.default_rng(seed).normal(size=(n, height + 8, width + 8))
    return gaussian_filter(noise, (0, 1, 1))[:, 4:-4, 4:-4].reshape(n, -1)


def _series(length, n=400):
    """First-order autoregressive series."""
    X = np.random.default_rng(0).normal(size=(n, length))
    for t in range(1, length):
        X[:, t] = 0.9 * X[:, t - 1] + 0.44 * X[:, t]
    return X


def _recovered(found, truth, columns=None):
    """Share of true neighbouring pairs, of some columns or all, that are neighbours again."""
    wanted = neighbour_pairs(truth if columns is None else np.where(np.isin(truth, columns), truth, -1))
    return np.isin(wanted, neighbour_pairs(found.order.reshape(found.shape))).mean()


@cache
def _lattice():
    """Correlations of a field on 7 x 7 cells, in order, and what is made of them."""
    C = np.corrcoef(_field(7, 7), rowvar=False).astype(np.float32)
    return C, candidate_affinities(C, 400)


def test_a_shuffled_grid_is_found_again():
    """Every pair of neighbours of a smooth field, with its sides given."""
    found = recover_layout(_field(10, 12), (10, 12), random_state=0)
    assert found.accepted and found.kind == "grid"
    assert _recovered(found, np.arange(120).reshape(10, 12)) == 1.0
    assert found.score > 0.9 and found.layout.confidence == found.score
    assert (found.layout.origin, found.layout.shape, found.layout.n_columns) == ("recovered", (1, 10, 12), 120)
    assert sorted(found.layout.order) == list(range(120))


def test_digits_are_found_again_and_columns_that_hardly_vary_go_last():
    """Of scikit-learn's digits nearly all pairs of pixels that are used; the blank ones fill what is left."""
    X = load_digits().data
    active = np.flatnonzero((X > 0).mean(axis=0) > 0.005)
    found = recover_layout(X, (8, 8), random_state=0)
    assert found.accepted
    assert _recovered(found, np.arange(64).reshape(8, 8), active) > 0.8
    assert sorted(found.order) == list(range(64))


@settings(max_examples=3)
@given(seed=st.integers(0, 2**31))
def test_the_order_of_the_columns_plays_no_part(seed):
    """Any shuffle of the columns gives the same neighbours and the same score."""
    X = _field(6, 6, n=150)
    shuffle = np.random.default_rng(seed).permutation(36)
    straight, shuffled = (recover_layout(values, (6, 6), random_state=1) for values in (X, X[:, shuffle]))
    assert shuffled.score == pytest.approx(straight.score)
    assert agreement(shuffle[shuffled.order].reshape(6, 6), straight.order.reshape(6, 6)) == 1.0


@pytest.mark.parametrize("sides", [pytest.param((8, 8), id="square"), pytest.param((6, 10), id="oblong")])
def test_unknown_sides_are_found(sides):
    """The true sides explain more than any others with as many cells."""
    found = recover_layout(_field(*sides, n=600), random_state=0)
    assert found.shape == (1, *sides) and found.accepted


def test_missing_cells_do_no_harm():
    """One cell in ten is missing, one column altogether."""
    X = _field(8, 8, n=600)
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    X[:, 9] = np.nan
    found = recover_layout(X, (8, 8), random_state=0)
    assert found.accepted and _recovered(found, np.arange(64).reshape(8, 8)) > 0.9


def test_constant_columns_fill_what_is_left():
    """A grid whose edge never varies; there is room for it."""
    X = np.pad(_field(7, 7, n=500).reshape(-1, 7, 7), ((0, 0), (0, 1), (0, 1))).reshape(500, 64)
    found = recover_layout(X, (8, 8), random_state=0)
    truth = np.arange(64).reshape(8, 8)
    assert found.accepted and sorted(found.order) == list(range(64))
    assert _recovered(found, truth, truth[:7, :7].ravel()) == 1.0


def test_cells_may_be_more_than_columns():
    """Cells without a column are -1."""
    found = recover_layout(_field(6, 7), (6, 8), random_state=0)
    assert found.accepted and (found.order == -1).sum() == 6
    assert _recovered(found, np.arange(42).reshape(6, 7)) > 0.95


def test_channels_scrambled_among_the_pixels_are_told_apart():
    """Crops of a colour photograph: pixels are found, and in them the three channels."""
    image = load_sample_images().images[0].astype(np.float32)
    rng = np.random.default_rng(0)
    corners = zip(rng.integers(400, size=1500), rng.integers(600, size=1500), strict=True)
    X = np.array([image[r : r + 8, c : c + 8].transpose(2, 0, 1).ravel() for r, c in corners])
    truth = np.arange(192).reshape(3, 8, 8)
    found = recover_layout(X, random_state=0)
    assert found.accepted and found.layout.shape == (3, 8, 8)
    assert _recovered(found, truth) > 0.95


def test_a_series_is_a_line_and_no_grid():
    """Autoregressive columns are put in order; a grid of them is refused."""
    X = _series(64)
    found = recover_layout(X, random_state=0)
    assert found.kind == "line" and found.accepted and found.layout.shape == (1, 1, 64)
    assert _recovered(found, np.arange(64).reshape(1, 64)) > 0.9
    assert recover_layout(X, (1, 64), random_state=0).accepted
    assert not recover_layout(X, (8, 8), random_state=0).accepted


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(np.random.default_rng(0).normal(size=(300, 49)), id="noise"),
        pytest.param(load_breast_cancer().data, id="table"),
        pytest.param(
            (lambda r: r.normal(size=(500, 5)) @ r.normal(size=(5, 64)) + r.normal(size=(500, 64)))(
                np.random.default_rng(0)
            ),
            id="factors",
        ),
        pytest.param(np.random.default_rng(0).normal(size=(50, 6)), id="few-columns"),
        pytest.param(np.ones((50, 36)), id="constant"),
    ],
)
def test_what_has_no_layout_is_refused(X):
    """No layout, and still every column once in the order."""
    found = recover_layout(X, random_state=0)
    assert found.layout is None and not found.accepted
    assert sorted(found.order[found.order >= 0]) == list(range(X.shape[1]))


@pytest.mark.parametrize(
    ("X", "shape", "error", "hint"),
    [
        pytest.param(np.ones((5, 12)), (3, 3), LayoutError, "Grids that fit", id="too-few-cells"),
        pytest.param(np.ones((5, 12)), (12,), LayoutError, "height, width", id="one-side"),
        pytest.param(np.ones((5, 12)), (3, 1, 4), LayoutError, "channels", id="line-of-channels"),
        pytest.param(np.ones((5, 3, 4)), None, InputError, "Flatten", id="not-flat"),
        pytest.param(np.ones((1, 12)), None, InputError, "minimum of 2", id="one-row"),
        pytest.param([["a", "b"], ["c", "d"]], None, InputError, "recovered from numbers only", id="words"),
        pytest.param(np.full((5, 4), np.inf), None, InputError, "row 0, column 0", id="infinite"),
    ],
)
def test_errors_say_what_to_do(X, shape, error, hint):
    """Messages tell what came, what was expected, what to do."""
    with pytest.raises(error, match=hint):
        recover_layout(X, shape)


def test_equal_seeds_give_equal_layouts():
    """The seed decides everything; X is left as it was."""
    X = _field(6, 6, n=60)
    before = X.copy()
    first, second = (recover_layout(X, (6, 6), random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.order, second.order)
    assert first.score == second.score
    np.testing.assert_array_equal(X, before)


def test_partial_correlations_agree_with_the_definition():
    """Correlation of what two regressions on all other columns leave; local ones agree where all are partners."""
    X = np.random.default_rng(0).normal(size=(200, 5)) @ np.random.default_rng(1).normal(size=(5, 5))
    C = np.corrcoef(X, rowvar=False)
    centred = X - X.mean(axis=0)
    rest = centred[:, 2:]
    left = [centred[:, i] - rest @ np.linalg.lstsq(rest, centred[:, i], rcond=None)[0] for i in (0, 1)]
    wanted = np.corrcoef(left)[0, 1]
    assert partial_correlations(C, 0.0)[0, 1] == pytest.approx(wanted, abs=1e-3)
    assert local_partial_correlations(C, C, 4, 0.0)[0, 1] == pytest.approx(wanted, abs=1e-3)


def test_growth_starts_from_squares_and_keeps_within_the_box():
    """The clearest square is one of the lattice, and a lattice grows from it in either orientation."""
    _, affinities = _lattice()
    (square, *_) = seeds(affinities[0], 3)
    truth = np.arange(49).reshape(7, 7)
    assert np.isin(neighbour_pairs(square), neighbour_pairs(truth)).all()
    assert agreement(grow(affinities[0], square, 7, 7, 0.5), truth) > 0.5
    assert grow(affinities[0], square, 4, 12, 0.5).shape == (4, 12)


@given(st.tuples(st.integers(0, 48), st.integers(0, 48)))
@settings(max_examples=10)
def test_a_swap_lowers_the_likelihood_and_is_undone(pair):
    """Two swapped columns lower the likelihood; close ones are swapped back."""
    C, _ = _lattice()
    truth = np.arange(49).reshape(7, 7)
    swapped = truth.ravel().copy()
    swapped[list(pair)] = swapped[list(pair[::-1])]
    swapped = swapped.reshape(7, 7)
    assert pseudo_likelihood(swapped, C) <= pseudo_likelihood(truth, C) + 1e-6
    if _close(pair):
        assert agreement(swap_nearby(swapped, C, 5), truth) == 1.0


@given(st.permutations(range(49)), st.integers(1, 4))
@settings(max_examples=10)
def test_swaps_keep_all_columns_and_never_lower_the_likelihood(order, rounds):
    """Any layout is as good or better after swaps of columns that touch."""
    C, _ = _lattice()
    cells = np.array(order).reshape(7, 7)
    swapped = swap_nearby(cells, C, rounds)
    assert sorted(swapped.ravel()) == list(range(49))
    assert pseudo_likelihood(swapped, C) >= pseudo_likelihood(cells, C) - 1e-6


@given(st.integers(2, 9), st.integers(2, 9), st.sampled_from([0.0, 0.25, 1.0]), st.integers(0, 2))
@settings(max_examples=20)
def test_growth_places_no_column_twice_and_keeps_its_start(height, width, weight, seed):
    """Whatever the box, it holds the square that growth began with, up to turning."""
    _, affinities = _lattice()
    square = seeds(affinities[seed], 1)[0]
    cells = grow(affinities[seed], square, height, width, weight)
    placed = cells[cells >= 0]
    assert cells.shape == (height, width)
    assert len(set(placed)) == len(placed)
    assert np.isin(neighbour_pairs(square), neighbour_pairs(cells)).all()


@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 2**31), st.booleans(), st.booleans(), st.booleans())
def test_agreement_ignores_turns_and_counts_shared_pairs(height, width, seed, turn, flip, mirror):
    """It is symmetric, 1 for the same layout in any of its eight positions, and below 1 for another one."""
    first, second = (
        np.random.default_rng([seed, k]).permutation(height * width).reshape(height, width) for k in (0, 1)
    )
    moved = first.T if turn else first
    moved = moved[:: -1 if flip else 1, :: -1 if mirror else 1]
    assert agreement(first, moved) == 1.0
    assert agreement(first, second) == agreement(second, moved)
    assert (agreement(first, second) == 1.0) == np.array_equal(neighbour_pairs(first), neighbour_pairs(second))


@given(st.integers(1, 2_000))
def test_candidate_sides_have_as_many_cells_and_are_no_lines(n_cells):
    """Sides multiply to the number of cells, the squarest first, neither narrow nor long."""
    sides = candidate_sides(n_cells)
    assert sides == sorted(sides, reverse=True)
    for height, width in sides:
        assert height * width == n_cells
        assert 4 <= height <= width <= 8 * height


def _close(pair):
    (row, column), (other_row, other_column) = (divmod(item, 7) for item in pair)
    return abs(row - other_row) + abs(column - other_column) <= 1
