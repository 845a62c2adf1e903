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
