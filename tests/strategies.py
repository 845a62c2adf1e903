"""Random inputs for property tests: every new kind of input that autoarch accepts joins this file."""

from datetime import timedelta

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autoarch import Layout

REAL_TYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "int64", "uint64", "float16", "float32", "float64")


@st.composite
def layouts(draw, max_side=6, max_channels=3):
    """Small grids, tall ones, wide ones and single cells among them."""
    sides = st.integers(1, max_side)
    return Layout(height=draw(sides), width=draw(sides), channels=draw(st.integers(1, max_channels)))


def numbers(dtype):
    """Finite values of a real dtype; of floats, such as float32 can hold."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        return hnp.from_dtype(dtype)
    width = min(32, dtype.itemsize * 8)
    return st.floats(width=width, allow_nan=False, allow_infinity=False, allow_subnormal=False)


@st.composite
def arrays(draw, min_rows=2, max_rows=6, missing=True):
    """2-D, 3-D and 4-D arrays of any real dtype, in C or Fortran order, some with missing cells."""
    dtype = np.dtype(draw(st.sampled_from(REAL_TYPES)))
    sides = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    shape = (draw(st.integers(min_rows, max_rows)), *sides)
    X = draw(hnp.arrays(dtype, shape, elements=numbers(dtype)))
    if missing and dtype.kind == "f" and draw(st.booleans()):
        X[0] = np.nan
    return np.asfortranarray(X) if draw(st.booleans()) else X


def _columns():
    """Values of one column, by kind."""
    words = st.sampled_from(["red", "green", "blue", "", "a b"])
    days = st.datetimes(min_value=pd.Timestamp(1990, 1, 1), max_value=pd.Timestamp(2040, 1, 1))
    return {
        "number": st.floats(-1e6, 1e6),
        "count": st.integers(-1000, 1000),
        "flag": st.booleans(),
        "word": words,
        "category": words,
        "date": days,
        "span": st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
    }


@st.composite
def tables(draw, min_rows=2, max_rows=8):
    """DataFrames with columns of several kinds, with missing cells; the first one varies and holds words."""
    n = draw(st.integers(min_rows, max_rows))
    kinds = draw(st.lists(st.sampled_from(sorted(_columns())), max_size=5))
    columns = {"first": pd.Series([f"level {i % 2}" for i in range(n)])}
    for i, kind in enumerate(kinds):
        values = draw(st.lists(st.none() | _columns()[kind], min_size=n, max_size=n))
        column = pd.Series(values, dtype="datetime64[ns]" if kind == "date" else None)
        columns[f"{kind} {i}"] = column.astype("category") if kind == "category" else column
    return pd.DataFrame(columns)


@st.composite
def labels(draw, min_rows=2, max_rows=30):
    """Class labels as strings, integers, booleans or whole floats, with at least two classes."""
    pool = draw(st.sampled_from([["no", "yes", "maybe"], [3, -1, 7], [False, True], [0.0, 2.0, 5.0]]))
    n = draw(st.integers(min_rows - 2, max_rows - 2))
    drawn = draw(st.lists(st.sampled_from(pool), min_size=n, max_size=n))
    return np.array(draw(st.permutations([pool[0], pool[1], *drawn])))


@st.composite
def lattice_points(draw):
    """Cells (column, row) and the points that stand on them: any steps, turned by any angle, thinned, shifted."""
    height, width = draw(st.integers(4, 12)), draw(st.integers(4, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cells = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    cells = cells[rng.permutation(len(cells))[: int(len(cells) * draw(st.floats(0.7, 1.0)))]]
    steps = 10 ** draw(st.floats(-3, 3)) * np.array([1.0, draw(st.floats(0.2, 5.0))])
    angle = draw(st.floats(0, 2 * np.pi))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shift = steps[0] * rng.uniform(-1, 1, 2) * draw(st.sampled_from([0.0, 1.0, 1e5]))
    return cells, cells * steps @ turn + shift, steps


SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def partial_layouts(draw):
    """Grids that some columns belong to: cells without a column, columns without a cell, in any order."""
    layout = draw(layouts(max_side=4))
    cells = layout.n_columns
    n_columns = draw(st.integers(1, cells + 4))
    columns = draw(st.permutations([*range(n_columns), *[-1] * max(0, cells - n_columns)]))[:cells]
    return Layout(layout.height, layout.width, layout.channels, order=tuple(columns), n_columns=n_columns)


@st.composite
def grouped_targets(draw, min_rows=12, max_rows=60):
    """A target of either task, groups of its rows, and the task; every class has several rows."""
    n = draw(st.integers(min_rows, max_rows))
    rng = np.random.default_rng(draw(SEEDS))
    task = draw(st.sampled_from(["classification", "regression"]))
    y = rng.permutation(np.arange(n) % draw(st.integers(2, 3))) if task == "classification" else rng.normal(size=n)
    return y, rng.integers(0, draw(st.integers(3, 8)), size=n), task


@st.composite
def probabilities(draw, min_rows=5, max_rows=40):
    """Labels, their sorted classes, and predicted probabilities; each class is among the labels."""
    classes = np.array(draw(st.sampled_from([["a", "b"], ["high", "low", "mid"], [-1, 0, 4, 7]])))
    rng = np.random.default_rng(draw(SEEDS))
    n = draw(st.integers(max(min_rows, len(classes)), max_rows))
    y = classes[rng.permutation(np.r_[np.arange(len(classes)), rng.integers(len(classes), size=n - len(classes))])]
    return y, classes, rng.dirichlet(np.full(len(classes), 0.7), size=n)


@st.composite
def point_clouds(draw, min_points=12, max_points=60):
    """Distinct points on a plane, in units of any size, or on the globe, and whether they are degrees."""
    rng = np.random.default_rng(draw(SEEDS))
    points = rng.uniform(size=(draw(st.integers(min_points, max_points)), 2))
    if draw(st.booleans()):
        return np.column_stack([360 * points[:, 0] - 180, np.degrees(np.arcsin(1.98 * points[:, 1] - 0.99))]), True
    return points * draw(st.sampled_from([1e-3, 1.0, 1e3])), False
