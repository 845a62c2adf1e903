"""Layout: which cell of a grid each column stands for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import layouts

from autoarch import Layout
from autoarch.exceptions import LayoutError


@given(layout=layouts())
def test_flattening_undoes_gridding(layout):
    """A table survives the trip to a grid and back."""
    X = np.arange(3 * layout.n_columns, dtype=np.float32).reshape(3, -1)

    grid = layout.to_grid(X)

    assert grid.shape == (3, layout.channels, layout.height, layout.width)
    np.testing.assert_array_equal(layout.to_flat(grid), X)


@given(layout=layouts())
def test_gridding_copies_nothing(layout):
    """A grid is a view of the table, so it costs no memory."""
    X = np.zeros((3, layout.n_columns))

    assert np.shares_memory(layout.to_grid(X), X)


@given(layout=layouts(), data=st.data())
def test_an_order_of_columns_survives_the_trip(layout, data):
    """Whatever the order of the columns, and whether channels come first or last: there and back is where we were."""
    p = layout.n_columns
    order = tuple(data.draw(st.permutations(range(p))))
    X = np.arange(2 * p, dtype=np.float32).reshape(2, -1)

    for changed in (replace(layout, order=order), replace(layout, channels_last=True)):
        np.testing.assert_array_equal(changed.to_flat(changed.to_grid(X)), X)


def test_channels_last_means_that_a_cell_s_channels_are_neighbours():
    """The transpose that every image library needs."""
    X = np.arange(24).reshape(1, 2, 4, 3)

    grid = Layout(2, 4, 3, channels_last=True).to_grid(X.reshape(1, -1))

    np.testing.assert_array_equal(grid, X.transpose(0, 3, 1, 2))


def test_empty_cells_and_foreign_columns_are_missing():
    """A cell without a column is NaN in the grid, a column without a cell is NaN on the way back."""
    layout = Layout(1, 3, order=(3, -1, 1), n_columns=4)
    X = np.array([[10, 11, 12, 13]])

    grid = layout.to_grid(X)

    np.testing.assert_array_equal(grid[0, 0, 0], [13, np.nan, 11])
    np.testing.assert_array_equal(layout.to_flat(grid), [[np.nan, 11, np.nan, 13]])


@given(layout=layouts())
def test_a_layout_reads_its_own_shape(layout):
    """What ``shape`` says can be declared again."""
    assert Layout.of(layout.shape, n_columns=layout.n_columns, origin=layout.origin) == layout


@pytest.mark.parametrize(
    ("asked", "shape"),
    [
        pytest.param((4, 6), (1, 4, 6), id="matrix"),
        pytest.param((2, 3, 4), (2, 3, 4), id="channels-first"),
        pytest.param([4, 6], (1, 4, 6), id="list"),
        pytest.param(np.array([4, 6]), (1, 4, 6), id="array"),
    ],
)
def test_a_layout_is_declared_by_its_sides(asked, shape):
    """Two sides are a matrix, three are a stack of them."""
    layout = Layout.of(asked, n_columns=24)

    assert layout.shape == shape
    assert all(type(side) is int for side in layout.shape)


@pytest.mark.parametrize(
    ("n_columns", "asked", "hint"),
    [
        pytest.param(784, (28, 27), "28 x 28", id="one-row-short"),
        pytest.param(7, (2, 4), "1 x 7", id="prime"),
        pytest.param(12, (1, 2, 3), "3 x 4", id="channels"),
    ],
)
def test_a_wrong_layout_offers_grids_that_fit(n_columns, asked, hint):
    """The message helps: it names layouts that would have worked."""
    with pytest.raises(LayoutError, match=hint):
        Layout.of(asked, n_columns=n_columns)


@pytest.mark.parametrize("asked", [(4,), (1, 2, 3, 4), (0, 4), (-2, 2), (2.0, 2), (True, 4), "line", 4, None, ()])
def test_what_is_no_layout_is_refused(asked):
    """Only two or three positive whole numbers are a layout."""
    with pytest.raises(LayoutError, match="expected \\(height, width\\)"):
        Layout.of(asked)


def test_a_layout_prints_as_a_person_would_write_it():
    """One channel goes without saying."""
    assert str(Layout(height=28, width=20)) == "28 x 20"
    assert str(Layout(height=32, width=32, channels=3)) == "3 x 32 x 32"


def test_a_layout_of_some_columns_finds_them_in_a_wider_matrix():
    """``within`` renames the columns; cells without a column stay without one, others belong to no cell."""
    layout = Layout(2, 2, order=(1, 0, 2, -1), n_columns=3).within(np.array([4, 2, 0]), 5)
    X = np.arange(5.0)[None]
    np.testing.assert_array_equal(layout.to_grid(X)[0, 0], [[2, 4], [0, np.nan]])
    assert layout.foreign.tolist() == [1, 3]
    assert Layout(2, 3).within(np.arange(6), 6) == Layout(2, 3)
