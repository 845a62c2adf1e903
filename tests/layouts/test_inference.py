"""Inference of the grid behind flat columns, from the columns alone and with the help of their names."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_sample_images, load_wine

from autoarch.datasets import load_digits_grid, make_textures
from autoarch.exceptions import InputError, LayoutError
from autoarch.layouts.decision import _is_more_than_a_line
from autoarch.layouts.infer import infer_layout
from autoarch.layouts.pseudo_likelihood import Grid, LagProducts, NormalEquations, list_grids
from autoarch.layouts.ranking import ScoredGrid
from autoarch.layouts.table import read_names

DIGITS = load_digits_grid()[0].astype(float)
PHOTOGRAPHS = load_sample_images().images


def _crops(n, height, width, seed=0):
    """Crops (n, 3, height, width) of the photographs that scikit-learn ships."""
    rng = np.random.default_rng(seed)
    out = np.empty((n, 3, height, width))
    for crop in out:
        photo = PHOTOGRAPHS[rng.integers(2)]
        top, left = rng.integers(photo.shape[0] - height), rng.integers(photo.shape[1] - width)
        crop[:] = photo[top : top + height, left : left + width].transpose(2, 0, 1)
    return out


def _flat(X, *, channels_last=False):
    return (np.moveaxis(X, 1, -1) if channels_last else X).reshape(len(X), -1)


def _series(n, p, seed=0, steps=0.9):
    """Autoregressive series (n, p)."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    for t in range(1, p):
        X[:, t] += steps * X[:, t - 1]
    return X


@pytest.mark.parametrize("n", [10, 50, 400])
def test_digits_are_eight_by_eight(n):
    """Ten rows are enough to see it."""
    found = infer_layout(DIGITS[:n].reshape(n, -1), random_state=0)

    assert found.kind == "2d"
    assert found.best.shape == (1, 8, 8)
    assert found.best.origin == "inferred" and found.best.in_order
    assert found.foreign == ()
    assert 0.5 < found.best.confidence <= 1
    assert found.candidates[0].layout.shape == (1, 8, 8) and found.candidates[0].rank == 1
    assert "8 x 8" in found.reason


@pytest.mark.parametrize("shape", [(9, 13), (13, 9), (6, 40), (16, 16), (7, 11)])
def test_smooth_fields_of_any_shape(shape):
    """Tall and wide grids are told apart from each other and from their other factorisations."""
    X, _ = make_textures(60, shape, random_state=1)

    found = infer_layout(X.reshape(60, -1), random_state=0)

    assert (found.kind, found.best.shape) == ("2d", (1, *shape))


@pytest.mark.parametrize("channels_last", [False, True], ids=["first", "last"])
@pytest.mark.parametrize("shape", [(8, 8), (12, 20)])
def test_photographs_with_three_colours(shape, channels_last):
    """Sides, number of channels and their order are inferred."""
    X = _crops(100, *shape)

    found = infer_layout(_flat(X, channels_last=channels_last), random_state=0)

    assert (found.kind, found.best.shape) == ("2d", (3, *shape))
    assert found.best.channels_last == channels_last
    np.testing.assert_allclose(found.best.to_grid(_flat(X, channels_last=channels_last)), X)


@pytest.mark.parametrize("side", [8, 16])
def test_few_interleaved_colours_are_no_wide_picture(side):
    """Of ten rows the next colour predicts a cell better than the next cell of its colour."""
    found = infer_layout(_flat(_crops(10, side, side, seed=54), channels_last=True), random_state=0)

    assert (found.best.shape, found.best.channels_last) == ((3, side, side), True)


@pytest.mark.parametrize("channels_last", [False, True], ids=["first", "last"])
def test_sensors_are_channels_of_a_line(channels_last):
    """Several series side by side are one-dimensional."""
    common = _series(80, 60, seed=9)
    X = np.stack([common + _series(80, 60, seed=k) for k in range(5)], axis=1)[:, :, None]

    found = infer_layout(_flat(X, channels_last=channels_last), random_state=0)

    assert (found.kind, found.best.shape, found.best.channels_last) == ("1d", (5, 1, 60), channels_last)


@pytest.mark.parametrize("p", [60, 97, 256])
def test_series_are_lines(p):
    """A series is a line whatever the number of columns factorises into."""
    found = infer_layout(_series(200, p), random_state=0)

    assert (found.kind, found.best.shape) == ("1d", (1, 1, p))


TABLES = {
    "cancer": load_breast_cancer().data,
    "wine": load_wine().data,
    "diabetes": load_diabetes().data,
    "noise": np.random.default_rng(0).normal(size=(200, 64)),
    "one-factor": np.random.default_rng(1).normal(size=(200, 1)) + np.random.default_rng(2).normal(size=(200, 100)),
    "digits-permuted": DIGITS[:500].reshape(500, -1)[:, np.random.default_rng(3).permutation(64)],
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_no_grids(name):
    """No grid is found in a table, as it is or with its columns in any order."""
    X = TABLES[name]
    rng = np.random.default_rng(0)

    assert infer_layout(X, random_state=0).kind != "2d"
    for seed in range(3):
        found = infer_layout(X[:, rng.permutation(X.shape[1])], random_state=seed)
        assert found.kind != "2d"
        assert found.best is None or found.best.height == 1


@pytest.mark.parametrize(
    ("front", "inside", "back"),
    [(1, None, 0), (0, None, 1), (2, None, 1), (0, 30, 0), (1, 40, 1)],
    ids=["id-in-front", "label-behind", "both-ends", "inside", "everywhere"],
)
def test_outlier_columns_are_set_aside(front, inside, back):
    """A few columns that are no cells do not hide the grid, and are listed."""
    X, rng = DIGITS[:400].reshape(400, -1), np.random.default_rng(0)
    if inside is not None:
        X = np.insert(X, inside, rng.normal(size=400), axis=1)
    X = np.hstack([rng.normal(size=(400, front)), X, rng.normal(size=(400, back))])
    outliers = [*range(front), *([] if inside is None else [front + inside]), *range(X.shape[1] - back, X.shape[1])]

    found = infer_layout(X, random_state=0)

    assert (found.kind, found.best.shape) == ("2d", (1, 8, 8))
    assert list(found.foreign) == outliers
    np.testing.assert_array_equal(found.best.to_grid(X).reshape(400, 64), DIGITS[:400].reshape(400, 64))


def test_padding_is_set_aside():
    """Constant columns behind the last cell make 67, a prime, of 64 columns."""
    X = np.hstack([DIGITS[:300].reshape(300, -1), np.zeros((300, 3))])

    found = infer_layout(X, random_state=0)

    assert found.best.shape == (1, 8, 8)
    assert found.foreign == (64, 65, 66)


def test_text_columns_of_a_frame_are_no_cells():
    """Only numbers can be cells."""
    frame = pd.DataFrame(DIGITS[:200].reshape(200, -1)).add_prefix("pixel")
    frame.insert(0, "writer", [f"w{i % 7}" for i in range(200)])

    found = infer_layout(frame, random_state=0)

    assert found.best.shape == (1, 8, 8)
    assert found.foreign == (0,)
    assert found.best.columns[0] == 1


NAMINGS = {
    "pixel{i}": lambda r, c: f"pixel{8 * r + c}",
    "1-based": lambda r, c: f"V{8 * r + c + 1}",
    "padded": lambda r, c: f"px_{8 * r + c:03d}",
    "r{r}c{c}": lambda r, c: f"r{r}c{c}",
    "x_{r}_{c}": lambda r, c: f"x_{r + 1}_{c + 1}",
    "row_col": lambda r, c: f"row{r + 1}_col{c + 1}",
    "x{c}y{r}": lambda r, c: f"x{c}y{r}",
}


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("shuffled", [False, True])
def test_names_put_cells_in_their_place(naming, shuffled):
    """Names give the cell of each column, however the columns are sorted."""
    names = [NAMINGS[naming](r, c) for r in range(8) for c in range(8)]
    order = np.random.default_rng(0).permutation(64) if shuffled else np.arange(64)
    X = DIGITS[:150].reshape(150, -1)[:, order]

    found = infer_layout(X, feature_names=[names[k] for k in order], random_state=0)

    assert (found.kind, found.best.shape, found.best.origin) == ("2d", (1, 8, 8), "names")
    np.testing.assert_array_equal(found.best.to_grid(X)[:, 0], DIGITS[:150])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(lambda b, r, c: f"b{b}_row{r}_col{c}", id="b_row_col"),
        pytest.param(lambda b, r, c: f"band{b + 1}_{9 * r + c}", id="band_place"),
        pytest.param(lambda b, r, c: f"{('red', 'green', 'blue')[b]}_{9 * r + c}", id="word_place"),
        pytest.param(lambda b, r, c: f"r{r}c{c}ch{b}", id="r_c_ch"),
    ],
)
def test_names_of_channels(name):
    """Channels are numbered or have words of their own."""
    grid = _crops(60, 7, 9)
    places = [(b, r, c) for b in range(3) for r in range(7) for c in range(9)]
    shuffled = np.random.default_rng(0).permutation(len(places))
    order = [0, 63, 126, *(k for k in shuffled if k % 63)]  # words come in the order of their first appearance

    found = infer_layout(_flat(grid)[:, order], [name(*places[k]) for k in order], random_state=0)

    assert (found.kind, found.best.shape, found.best.origin) == ("2d", (3, 7, 9), "names")
    np.testing.assert_array_equal(found.best.to_grid(_flat(grid)[:, order]), grid)


def test_names_that_contradict_the_data_are_overruled_with_a_remark():
    """Names of a 4 x 16 grid over 8 x 8 digits are overruled by the data, and the reason mentions it."""
    names = [f"r{k // 16}c{k % 16}" for k in range(64)]

    found = infer_layout(DIGITS[:300].reshape(300, -1), names, random_state=0)

    assert found.best.shape == (1, 8, 8)
    assert found.best.origin == "inferred"
    assert "names of the columns give another layout" in found.reason


def test_names_decide_where_two_rows_cannot():
    """With nothing to test, the grid that the names give is kept as "none", not significant."""
    names = [f"r{k // 8}c{k % 8}" for k in range(64)]

    found = infer_layout(DIGITS[:2].reshape(2, -1), names, random_state=0)

    assert (found.kind, found.best.shape, found.best.origin) == ("none", (1, 8, 8), "names")
    assert "names" in found.reason


@pytest.mark.parametrize(
    "names",
    [
        ["age", "height", "weight", "pulse"],
        ["a1", "b7", "c3", "d9"],
        ["x1", "x1", "x2", "x3"],
        ["r0c0", "r0c1", "r1c0", "r2c2", "r2c1"],
    ],
    ids=["words", "unlike", "twice", "gaps"],
)
def test_names_without_a_pattern_give_no_order(names):
    """Names need a common pattern and one column per cell."""
    assert read_names(names) is None


@pytest.mark.parametrize(
    ("n", "kind", "reason"), [(1, "none", "too few"), (2, "none", "too few"), (3, "1d", "order p")]
)
def test_a_handful_of_rows_gives_an_answer(n, kind, reason):
    """Tests begin with three rows; fewer are too few, but no error."""
    found = infer_layout(DIGITS[:n].reshape(n, -1), random_state=0)

    assert found.kind == kind
    assert reason in found.reason and found.reason.endswith(".")


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(np.ones((20, 1)), id="one-column"),
        pytest.param(np.ones((20, 36)), id="constant"),
        pytest.param(np.full((20, 36), np.nan), id="missing"),
        pytest.param(np.random.default_rng(0).normal(size=(20, 3)), id="three-columns"),
        pytest.param(np.random.default_rng(0).normal(size=(20, 37)), id="prime"),
        pytest.param(np.random.default_rng(0).normal(size=(20, 36)) * 1e300, id="huge"),
        pytest.param(np.random.default_rng(0).integers(0, 2, size=(20, 36)), id="bits"),
        pytest.param(pd.DataFrame({"a": ["x", "y"], "b": ["u", "v"]}), id="no-numbers"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_odd_tables_have_no_grid(X):
    """No error, no warning, no grid."""
    found = infer_layout(X, random_state=0)

    assert (found.kind, found.best, found.foreign) == ("none", None, ())


def test_missing_values_do_not_matter():
    """A fifth of the cells may be missing."""
    X = DIGITS[:300].reshape(300, -1).copy()
    X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan

    assert infer_layout(X, random_state=0).best.shape == (1, 8, 8)


def test_equal_seeds_give_equal_answers():
    """Nothing but random_state is random."""
    X = DIGITS[:100].reshape(100, -1)
    first, second = (infer_layout(X, random_state=7) for _ in range(2))

    assert first.candidates == second.candidates
    assert first.best == second.best


@pytest.mark.parametrize(
    ("X", "names", "error", "says"),
    [
        pytest.param(np.ones((5, 4, 4)), None, LayoutError, r"shape \(5, 4, 4\)", id="grid"),
        pytest.param(np.ones((5, 4)), ["a", "b"], InputError, "2 feature_names .* 4 columns", id="names"),
        pytest.param(np.full((5, 4), np.inf), None, InputError, "row 0, column 0", id="infinite"),
        pytest.param(np.array([["a", "b"], ["c", "d"]]), None, InputError, "DataFrame", id="text"),
        pytest.param(np.ones(5), None, InputError, "2D", id="vector"),
    ],
)
def test_errors_say_what_came(X, names, error, says):
    """Messages tell what came, what was expected, what to do."""
    with pytest.raises(error, match=says):
        infer_layout(X, names)


@settings(max_examples=15)
@given(scale=st.floats(0.01, 100), shift=st.floats(-50, 50))
def test_units_do_not_matter(scale, shift):
    """Another unit in every column is the same picture."""
    X = DIGITS[:40].reshape(40, -1)
    units = np.linspace(1, scale, 64)

    assert infer_layout(X * units + shift, random_state=0).best.shape == (1, 8, 8)


@given(
    sides=st.tuples(st.integers(2, 3), st.integers(2, 6), st.integers(2, 6)),
    start=st.integers(0, 1),
    name=st.sampled_from(["r{r}c{c}b{b}", "band{b}_y{r}_x{c}", "ch{b}x{c}y{r}", "b{b}_{place}"]),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=40)
def test_names_of_any_grid_give_its_cells(sides, start, name, random):
    """Channel, row and column are read from names in any order of the columns."""
    cells = list(np.ndindex(sides))
    random.shuffle(cells)
    names = [name.format(b=b + start, r=r + start, c=c + start, place=r * sides[2] + c) for b, r, c in cells]

    named = read_names(names)

    assert [cells[column] for column in named.columns] == list(np.ndindex(sides))
    assert (named.channels, named.height, named.width) == ((sides[0], None, None) if "place" in name else sides)


@given(p=st.integers(1, 400))
def test_every_candidate_grid_takes_all_columns_once(p):
    """Its cells are a permutation of the columns, and its steps lead from one to the next."""
    for grid in list_grids(p):
        assert grid.n_columns == p
        assert sorted(grid.columns) == list(range(p))
        cells = grid.columns.reshape(grid.shape)
        for number, axis in enumerate(("between", "down", "across")):
            assert (np.diff(cells, axis=number) == grid.step(axis)).all()


@given(
    channels=st.integers(1, 3),
    height=st.integers(1, 4),
    width=st.integers(2, 5),
    last=st.booleans(),
    seed=st.integers(0, 9),
)
@settings(max_examples=30)
def test_explained_variance_is_that_of_a_regression(channels, height, width, last, seed):
    """The normal equations from lags agree with least squares on the grid itself."""
    grid = Grid(height, width, channels, channels_last=last)
    X = np.random.default_rng(seed).normal(size=(20, grid.n_columns)).cumsum(axis=1)
    cells = X.reshape(20, *grid.sides)
    sums = []
    for axis, name in enumerate(grid.axes, start=1):
        if cells.shape[axis] < 2:
            continue
        if name == "between":
            sums.append(cells.sum(axis=axis, keepdims=True) - cells)
        else:
            padded = np.pad(cells, [(1, 1) if k == axis else (0, 0) for k in range(4)])
            n = cells.shape[axis]
            sums.append(np.take(padded, range(n), axis=axis) + np.take(padded, range(2, n + 2), axis=axis))
    design = np.stack([one.ravel() for one in sums], axis=1)
    residual = X.ravel() - design @ np.linalg.lstsq(design, X.ravel(), rcond=None)[0]

    information = NormalEquations(LagProducts(X), grid).information()

    assert information == pytest.approx(-np.log((residual**2).sum() / (X**2).sum()), rel=0.02, abs=0.02)


@pytest.mark.parametrize(
    ("score", "p_values", "grid"),
    [
        pytest.param(1.15, {"down": 0.01, "across": 0.01, "rows": 0.2}, True, id="aligned-and-ahead"),
        pytest.param(1.05, {"down": 0.01, "across": 0.01, "rows": 0.2}, False, id="aligned-channels"),
        pytest.param(1.30, {"down": 0.03}, True, id="far-ahead-of-any-line"),
        pytest.param(1.30, {"down": 0.2}, False, id="not-aligned-at-all"),
        pytest.param(1.00, {"down": 0.01, "across": 0.05}, True, id="just-short-of-the-level"),
        pytest.param(1.00, {"down": 0.01, "across": 0.3}, False, id="channels-of-a-series"),
    ],
)
def test_a_grid_that_fails_a_test_must_be_ahead_of_the_best_line(score, p_values, grid):
    """A smaller lead makes the columns a line, perhaps of several channels."""
    best = ScoredGrid(Grid(6, 10), (), score, score, score, 0.1, 0.1)
    line = ScoredGrid(Grid(1, 10, 6), (), 1.0, 1.0, 1.0, 0.1, 0.1)
    assert _is_more_than_a_line(best, line, p_values) is grid
