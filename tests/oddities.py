"""Odd inputs, for property tests and for the larger runs of ``examples/benchmarks/fuzz.py``.

``values`` are odd parameters, ``matrices`` odd tables and grids, ``columns`` odd targets, weights and groups,
``damaged`` odd bytes of files. Each draws a pair: a word that says what it is, and the thing.
"""

import datetime
import decimal
import fractions
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import torch
from hypothesis import strategies as st
from scipy import sparse

# What must be refused wherever it stands for numbers: a result would be a wrong one.
NEVER_NUMBERS = ("complex", "records", "tensor without values", "raises")


class Raising:
    """An object that raises an error of its own, whatever is asked of it."""

    def __init__(self, error=ZeroDivisionError):
        object.__setattr__(self, "error", error)

    def _raise(self, *args, **kwargs):
        raise object.__getattribute__(self, "error")("asked too much")

    __array__ = __len__ = __iter__ = __getitem__ = __repr__ = __eq__ = __bool__ = __float__ = __int__ = _raise
    __hash__ = None
    shape = property(_raise)


def _raising_series(n):
    """A Series of such objects; older versions of pandas ask those in a list for their lengths."""
    values = np.empty(n, dtype=object)
    for place in range(n):
        values[place] = Raising()
    return pd.Series(values)


class ArrayRaises:
    """An object with a shape whose conversion to an array raises."""

    shape, ndim, dtype = (24, 16), 2, np.dtype(float)

    def __len__(self):
        return 24

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("the connection was lost")


class Plain:
    """An object that knows nothing of arrays."""


def _endless():
    while True:
        yield 1


def _nested():
    inner = []
    inner.append(inner)
    return inner


VALUES = {
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "nan": lambda: float("nan"),
    "infinite": lambda: float("inf"),
    "1e308": lambda: 1e308,
    "1e-320": lambda: 1e-320,
    "huge int": lambda: 10**400,
    "int beyond 64 bits": lambda: 2**70,
    "int beyond 32 bits": lambda: 2**40,
    "-1": lambda: -1,
    "0": lambda: 0,
    "0.5": lambda: 0.5,
    "text": lambda: "a",
    "empty text": lambda: "",
    "null byte": lambda: "a\0b",
    "long text": lambda: "x" * 100_000,
    "surrogate": lambda: "\ud800",
    "bytes": lambda: b"a",
    "empty tuple": lambda: (),
    "tuple of one": lambda: (1,),
    "tuple of zeros": lambda: (0, 0),
    "tuple of texts": lambda: ("a", "b"),
    "tuple of floats": lambda: (2.5, 4.0),
    "tuple of Nones": lambda: (None, None),
    "a million by a million": lambda: (10**6, 10**6),
    "sides beyond 64 bits": lambda: (2**40, 2**40),
    "four sides": lambda: (2, 2, 2, 2),
    "nested list": _nested,
    "dict": lambda: {"a": 1},
    "dict of odd": lambda: {0: float("nan"), 1: "x"},
    "set": lambda: {1, 2},
    "frozen set": lambda: frozenset((1, 2)),
    "endless generator": _endless,
    "complex": lambda: 1 + 2j,
    "Decimal": lambda: decimal.Decimal("0.1"),
    "Fraction": lambda: fractions.Fraction(1, 3),
    "date": lambda: datetime.datetime(2024, 1, 1),
    "NA": lambda: pd.NA,
    "NaT": lambda: pd.NaT,
    "numpy int": lambda: np.int64(3),
    "numpy float": lambda: np.float32(0.5),
    "numpy bool": lambda: np.bool_(True),
    "numpy text": lambda: np.str_("auto"),
    "array": lambda: np.array([1, 2]),
    "empty array": lambda: np.array([]),
    "array of objects": lambda: np.array([None, "a"], dtype=object),
    "matrix": lambda: np.ones((3, 3)),
    "Series": lambda: pd.Series([1, 2]),
    "DataFrame": lambda: pd.DataFrame({"a": [1]}),
    "tensor": lambda: torch.ones(2),
    "tensor without values": lambda: torch.empty(2, device="meta"),
    "function": lambda: lambda *args, **kwargs: None,
    "class": lambda: Plain,
    "object": Plain,
    "error": lambda: ValueError("a"),
    "module": lambda: np,
    "path": lambda: Path("/nowhere/at/all"),
    "raises": Raising,
    "raises, system": lambda: Raising(RuntimeError),
    "memory view": lambda: memoryview(b"abcd"),
    "range": lambda: range(3),
}


def values():
    """An odd parameter."""
    return st.sampled_from(sorted(VALUES)).map(lambda kind: (kind, VALUES[kind]()))


def _matrix_kinds(rng, n, p):
    X = rng.normal(size=(n, p))
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(p)])
    return {
        "plain": lambda: X,
        "float32": lambda: X.astype(np.float32),
        "float16": lambda: X.astype(np.float16),
        "longdouble": lambda: X.astype(np.longdouble),
        "big-endian": lambda: X.astype(">f8"),
        "Fortran": lambda: np.asfortranarray(X),
        "negative strides": lambda: X[::-1, ::-1],
        "read-only": lambda: _read_only(X),
        "int64 extremes": lambda: rng.choice([np.iinfo(np.int64).min, np.iinfo(np.int64).max, 0], (n, p)),
        "uint64": lambda: rng.integers(0, 2**64 - 1, (n, p), dtype=np.uint64),
        "bool": lambda: X > 0,
        "constant": lambda: np.ones((n, p)),
        "all missing": lambda: np.full((n, p), np.nan),
        "some missing": lambda: np.where(rng.random((n, p)) < 0.3, np.nan, X),
        "infinite": lambda: np.where(rng.random((n, p)) < 0.3, np.inf, X),
        "1e308": lambda: X * 1e307,
        "1e300": lambda: X * 1e300,
        "1e30": lambda: X * 1e30,
        "denormal": lambda: X * 1e-310,
        "no rows": lambda: X[:0],
        "no columns": lambda: X[:, :0],
        "neither": lambda: np.empty((0, 0)),
        "one row": lambda: X[:1],
        "two rows": lambda: X[:2],
        "one column": lambda: X[:, :1],
        "column short": lambda: X[:, :-1],
        "more columns": lambda: np.hstack([X, X]),
        "1-D": lambda: X[:, 0],
        "0-D": lambda: np.array(1.0),
        "3-D": lambda: X.reshape(n, -1, 2) if p % 2 == 0 else X[:, None],
        "4-D": lambda: X.reshape(n, 1, 1, p),
        "5-D": lambda: X.reshape(n, 1, 1, 1, p),
        "32 axes": lambda: np.ones((1,) * 32),
        "a million by a million": lambda: np.broadcast_to(0.0, (10**6, 10**6)),
        "a million columns": lambda: np.broadcast_to(np.float32(0), (2, 10**6)),
        "sparse, a million by a million": lambda: sparse.csr_matrix((10**6, 10**6)),
        "text": lambda: X.astype(str),
        "words": lambda: rng.choice(["red", "green"], (n, p)),
        "bytes": lambda: X.astype("S6"),
        "objects": lambda: X.astype(object),
        "mixed objects": lambda: np.where(rng.random((n, p)) < 0.2, None, X.astype(object)),
        "objects of lists": lambda: _objects(n, p, [1, 2]),
        "objects of dicts": lambda: _objects(n, p, {"a": 1}),
        "complex": lambda: X + 1j,
        "complex objects": lambda: (X + 1j).astype(object),
        "records": lambda: np.zeros(n, dtype=[("a", float), ("b", int)]),
        "void": lambda: np.zeros((n, p), dtype="V8"),
        "dates": lambda: rng.integers(0, 10**9, (n, p)).astype("datetime64[s]"),
        "spans": lambda: rng.integers(0, 10**9, (n, p)).astype("timedelta64[s]"),
        "masked": lambda: np.ma.masked_array(X, rng.random((n, p)) < 0.2),
        "np.matrix": lambda: np.asmatrix(X),
        "sparse": lambda: sparse.csr_matrix(np.where(X > 1, X, 0)),
        "sparse triplets": lambda: sparse.coo_array(np.where(X > 1, X, 0)),
        "sparse BSR": lambda: sparse.bsr_array(np.where(X > 1, X, 0)),
        "sparse of bool": lambda: sparse.csc_matrix(X > 1),
        "sparse complex": lambda: sparse.csr_matrix(X + 1j),
        "frame": lambda: frame,
        "frame, names twice": lambda: frame.set_axis(["a"] * p, axis=1),
        "frame, names of two kinds": lambda: frame.set_axis([*range(p - 1), "a"], axis=1),
        "frame, names in levels": lambda: frame.set_axis(pd.MultiIndex.from_product([["a"], range(p)]), axis=1),
        "frame, nullable": lambda: frame.convert_dtypes(),
        "frame, sparse": lambda: frame.astype(pd.SparseDtype(float, np.nan)),
        "frame, complex": lambda: frame.astype(complex),
        "frame, mixed": lambda: frame.assign(w=rng.choice(["x", "y"], n), d=pd.Timestamp(2024, 1, 1), m=None),
        "frame, intervals": lambda: pd.DataFrame({"a": pd.cut(X[:, 0], 3), "b": X[:, 1]}),
        "frame, lists": lambda: pd.DataFrame({"a": [[1, 2]] * n, "b": X[:, 1]}),
        "frame, objects": lambda: pd.DataFrame({"a": [Plain()] * n, "b": X[:, 1]}),
        "frame, raises": lambda: pd.DataFrame({"a": _raising_series(n), "b": X[:, 1]}),
        "frame, empty": lambda: pd.DataFrame(),
        "frame, index twice": lambda: frame.set_axis([0] * n, axis=0),
        "Series": lambda: frame["c0"],
        "Index": lambda: pd.Index(X[:, 0]),
        "polars": lambda: pl.DataFrame(X),
        "polars, mixed": lambda: pl.DataFrame({"a": X[:, 0], "b": ["x"] * n, "c": [None] * n}),
        "polars, lists": lambda: pl.DataFrame({"a": [[1, 2]] * n, "b": X[:, 0]}),
        "polars, structs": lambda: pl.DataFrame({"a": [{"q": 1}] * n, "b": X[:, 0]}),
        "polars, objects": lambda: pl.DataFrame({"a": pl.Series([Plain()] * n, dtype=pl.Object), "b": X[:, 0]}),
        "polars, lazy": lambda: pl.DataFrame(X).lazy(),
        "polars, names of another": lambda: pl.DataFrame(X, schema=["a", *map(str, range(p - 1))]),
        "tensor": lambda: torch.tensor(X),
        "tensor with gradient": lambda: torch.tensor(X, requires_grad=True),
        "tensor without values": lambda: torch.empty(n, p, device="meta"),
        "tensor, sparse": lambda: torch.tensor(X).to_sparse(),
        "tensor, sparse CSR": lambda: torch.tensor(X).to_sparse_csr(),
        "tensor, sparse, a million by a million": lambda: torch.sparse_coo_tensor(
            torch.zeros(2, 1, dtype=torch.long), torch.ones(1), (10**6, 10**6)
        ),
        "tensor, bfloat16": lambda: torch.tensor(X).bfloat16(),
        "tensor, float8": lambda: torch.tensor(X).to(torch.float8_e4m3fn),
        "tensor, complex": lambda: torch.tensor(X + 1j),
        "tensor, quantized": lambda: torch.quantize_per_tensor(torch.tensor(X).float(), 0.1, 0, torch.qint8),
        "tensor, nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        "list": lambda: X.tolist(),
        "ragged list": lambda: [[1.0], *X.tolist()],
        "list of arrays": lambda: list(X),
        "list of texts": lambda: [["a", "b"]] * n,
        "list of Nones": lambda: [[None] * p] * n,
        "nested list": _nested,
        "dict of lists": lambda: {"a": [1, 2], "b": [3, 4]},
        "raises": ArrayRaises,
        "raises, all": Raising,
        "endless generator": _endless,
    }


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _objects(n, p, item):
    cells = np.empty((n, p), dtype=object)
    cells.ravel()[:] = [item] * (n * p)
    return cells


@st.composite
def matrices(draw, n=24, p=16):
    """An odd table or grid, or an odd thing in its place."""
    kinds = _matrix_kinds(np.random.default_rng(draw(st.integers(0, 2**16))), n, p)
    kind = draw(st.sampled_from([*sorted(kinds), "value"]))
    if kind == "value":
        kind, value = draw(values())
        return f"{kind} as X", value
    return kind, kinds[kind]()


def _column_kinds(rng, n):
    codes = np.arange(n) % 2
    numbers = rng.normal(size=n)
    return {
        "codes": lambda: codes,
        "words": lambda: np.where(codes, "yes", "no"),
        "bools": lambda: codes.astype(bool),
        "objects": lambda: codes.astype(object),
        "numbers": lambda: numbers,
        "float16": lambda: numbers.astype(np.float16),
        "one class": lambda: np.zeros(n, dtype=int),
        "a class each": lambda: np.arange(n),
        "one of its own": lambda: np.r_[2, codes[1:]],
        "missing": lambda: np.where(codes, np.nan, 1.0),
        "None among words": lambda: np.array([None, *["a", "b"] * n], dtype=object)[:n],
        "infinite": lambda: np.where(codes, np.inf, 1.0),
        "1e308": lambda: np.where(codes, 1e308, -1e308),
        "all 1e308": lambda: np.full(n, 1e308),
        "1e200": lambda: numbers * 1e200,
        "denormal": lambda: np.where(codes, 5e-324, 1e-320),
        "negative": lambda: -codes - 1.0,
        "zeros": lambda: np.zeros(n),
        "one above zero": lambda: np.r_[1.0, np.zeros(n - 1)],
        "short": lambda: codes[:-1],
        "long": lambda: np.r_[codes, 1],
        "empty": lambda: codes[:0],
        "2-D of one": lambda: codes[:, None],
        "2-D": lambda: np.stack([codes, codes], axis=1),
        "3-D": lambda: codes[:, None, None],
        "0-D": lambda: np.array(1),
        "complex": lambda: codes + 1j,
        "complex objects": lambda: (codes + 1j).astype(object),
        "records": lambda: np.zeros(n, dtype=[("a", float), ("b", int)]),
        "dates": lambda: codes.astype("datetime64[D]"),
        "bytes": lambda: codes.astype("S1"),
        "lists": lambda: [[1], [2]] * (n // 2),
        "objects of lists": lambda: _objects(n, 1, [1])[:, 0],
        "objects of dicts": lambda: _objects(n, 1, {"a": 1})[:, 0],
        "objects of sets": lambda: _objects(n, 1, {1})[:, 0],
        "objects of two kinds": lambda: np.array([1, "a"] * (n // 2), dtype=object),
        "plain objects": lambda: np.array([Plain() for _ in range(n)], dtype=object),
        "raising objects": lambda: _raising_series(n),
        "big ints": lambda: np.array([10**30, 10**31] * (n // 2), dtype=object),
        "uint64": lambda: codes.astype(np.uint64) + 2**63,
        "Series": lambda: pd.Series(codes, index=range(n, 2 * n)),
        "Series, nullable": lambda: pd.Series(codes, dtype="Int64"),
        "Series, nullable, missing": lambda: pd.Series([None, *codes[1:]], dtype="Int64"),
        "categories": lambda: pd.Series(codes).astype("category"),
        "categories, one unused": lambda: pd.Series(pd.Categorical(codes, [0, 1, 2])),
        "intervals": lambda: pd.Series(pd.cut(numbers, 2)),
        "frame": lambda: pd.DataFrame({"a": codes}),
        "frame of two": lambda: pd.DataFrame({"a": codes, "b": codes}),
        "polars": lambda: pl.Series(codes),
        "polars, lists": lambda: pl.Series([[1]] * n),
        "tensor": lambda: torch.tensor(codes),
        "tensor without values": lambda: torch.empty(n, device="meta"),
        "tensor, sparse": lambda: torch.tensor(numbers).to_sparse(),
        "tensor, complex": lambda: torch.tensor(numbers + 1j),
        "masked": lambda: np.ma.masked_array(codes, codes > 0),
        "sparse": lambda: sparse.csr_matrix(codes),
        "a million, all the same": lambda: np.broadcast_to(1, 10**6),
        "generator": lambda: iter(codes.tolist()),
        "endless generator": _endless,
        "raises": lambda: _ColumnRaises(n),
        "raises, all": Raising,
    }


class _ColumnRaises(ArrayRaises):
    ndim = 1

    def __init__(self, n):
        self.shape = (n,)


@st.composite
def columns(draw, n=24):
    """An odd target, weights or groups, or an odd thing in their place."""
    kinds = _column_kinds(np.random.default_rng(draw(st.integers(0, 2**16))), n)
    kind = draw(st.sampled_from([*sorted(kinds), "value"]))
    if kind == "value":
        kind, value = draw(values())
        return f"{kind} as column", value
    return kind, kinds[kind]()


def _npy(array, **changes):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    return file.getvalue()


def _npy_with_head(head):
    text = head.encode("latin1") + b"\n"
    return b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text


def _zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def _parquet(frame, **settings):
    file = io.BytesIO()
    frame.to_parquet(file, **settings)
    return file.getvalue()


def _head(shape, kind="<f8"):
    return f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"


def _torch_file(content):
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _net_file(**settings):
    from autoarch._training.conv_net import ConvNet

    net = ConvNet((1, 4, 4), 2, filters=4, stages=1)
    facts = dict.fromkeys(("input_shape", "mean", "scale", "classes", "y_mean", "y_scale", "layout"))
    facts |= {"settings": net.settings, **settings}
    return _torch_file({"autoarch": json.dumps(facts), "state_dict": net.state_dict()})


def _settings(**changes):
    return {"input_shape": [1, 4, 4], "n_outputs": 2, "filters": 4, "stages": 1, **changes}


_X = np.random.default_rng(0).normal(size=(24, 16))
_FRAME = pd.DataFrame(_X[:, :4], columns=list("abcd")).assign(y=np.arange(24) % 2)

FILES = {
    "whole.npz": lambda: _zipped(X=_npy(_X), y=_npy(np.arange(24) % 2)),
    "no X.npz": lambda: _zipped(Z=_npy(_X)),
    "X of objects.npz": lambda: _zipped(X=_npy(_X.astype(object)), y=_npy(np.arange(24) % 2)),
    "y of objects.npz": lambda: _zipped(X=_npy(_X), y=_npy(np.array([{}] * 24, dtype=object))),
    "bomb.npz": lambda: _zipped(X=_npy_with_head(_head((10**6, 10**4))) + bytes(10**7), y=_npy(np.arange(24) % 2)),
    "a million by a million.npz": lambda: _zipped(X=_npy_with_head(_head((10**6, 10**6)))),
    "no array.npz": lambda: _zipped(X=b"no array at all"),
    "y longer.npz": lambda: _zipped(X=_npy(_X), y=_npy(np.arange(25) % 2)),
    "cut.npz": lambda: _zipped(X=_npy(_X), y=_npy(np.arange(24) % 2))[:-40],
    "no zip.npz": lambda: b"PK\x03\x04 no zip",
    "empty.npz": lambda: b"",
    "whole.npy": lambda: _npy(_X),
    "objects.npy": lambda: _npy(_X.astype(object)),
    "records.npy": lambda: _npy(np.zeros(24, dtype=[("a", float), ("b", int)])),
    "complex.npy": lambda: _npy(_X + 1j),
    "cut.npy": lambda: _npy(_X)[:-400],
    "huge head.npy": lambda: _npy_with_head(" " * 10**6 + _head((2, 2))),
    "deep head.npy": lambda: _npy_with_head("(" * 5000 + ")" * 5000),
    "huge shape.npy": lambda: _npy_with_head(_head((10**6, 10**6))),
    "endless shape.npy": lambda: _npy_with_head(_head((10**30,))),
    "negative shape.npy": lambda: _npy_with_head(_head((-1, 4))) + bytes(64),
    "shape of text.npy": lambda: _npy_with_head(_head("('a', 2)")),
    "type of none.npy": lambda: _npy_with_head(_head((2, 2), kind="<q99")),
    "no items.npy": lambda: _npy_with_head(_head((10**9, 10**9), kind="|V0")),
    "version.npy": lambda: b"\x93NUMPY\x09\x00" + bytes(100),
    "text.npy": lambda: b"hello",
    "empty.npy": lambda: b"",
    "whole.csv": lambda: _FRAME.to_csv(index=False).encode(),
    "empty.csv": lambda: b"",
    "only a head.csv": lambda: b"a,b,y\n",
    "nulls.csv": lambda: b"\0" * 1000,
    "no text.csv": lambda: bytes(range(256)) * 20,
    "ragged.csv": lambda: b"a,b,y\n1,2,0\n1,2,3,4,5\n",
    "open quote.csv": lambda: b'a,b,y\n"1,2,0\n' * 30,
    "utf-16.csv": lambda: "a,b,y\n1,2,0\n".encode("utf-16"),
    "names twice.csv": lambda: b"a,a,y\n" + b"1,2,0\n3,4,1\n" * 12,
    "many columns.csv": lambda: b",".join([b"a"] * 20_000) + b",y\n",
    "huge numbers.csv": lambda: b"a,b,y\n" + (b"9" * 400 + b",1e999,0\n1,2,1\n") * 12,
    "infinite.csv": lambda: b"a,b,y\n" + b"inf,1,0\n2,3,1\n" * 12,
    "whole.parquet": lambda: _parquet(_FRAME),
    "cut.parquet": lambda: _parquet(_FRAME)[:-20],
    "cut middle.parquet": lambda: _parquet(_FRAME)[:200] + _parquet(_FRAME)[300:],
    "no parquet.parquet": lambda: b"PAR1" + bytes(64) + b"PAR1",
    "empty.parquet": lambda: b"",
    "bomb.parquet": lambda: _flipped(_parquet(_FRAME), 60),
    "lists.parquet": lambda: _parquet(pd.DataFrame({"a": [[1, 2]] * 24, "y": np.arange(24) % 2})),
    "letters.txt": lambda: b"a,b\n1,2\n",
    "no end": lambda: b"a,b\n1,2\n",
    "zip.csv": lambda: _zipped(X=_npy(_X)),
}

WEIGHTS = {
    "whole": _net_file,
    "deep JSON": lambda: _torch_file({"autoarch": "[" * 100_000 + "]" * 100_000, "state_dict": {}}),
    "no JSON": lambda: _torch_file({"autoarch": "{", "state_dict": {}}),
    "facts are a list": lambda: _torch_file({"autoarch": "[1, 2]", "state_dict": {}}),
    "facts are a number": lambda: _torch_file({"autoarch": 7, "state_dict": {}}),
    "no facts": lambda: _torch_file({"autoarch": "{}", "state_dict": {}}),
    "settings are a text": lambda: _net_file(settings="abc"),
    "settings unknown": lambda: _net_file(settings=_settings(evil=1)),
    "sides of a million": lambda: _net_file(settings=_settings(input_shape=[1, 10**6, 10**6])),
    "channels of a billion": lambda: _net_file(settings=_settings(input_shape=[10**9, 4, 4])),
    "filters of a billion": lambda: _net_file(settings=_settings(filters=10**9)),
    "stages of a million": lambda: _net_file(settings=_settings(stages=10**6)),
    "stages of 60": lambda: _net_file(settings=_settings(stages=60)),
    "outputs of a trillion": lambda: _net_file(settings=_settings(n_outputs=10**12)),
    "kernel of a million": lambda: _net_file(settings=_settings(kernel=[10**6 + 1, 10**6 + 1])),
    "scales of a billion": lambda: _net_file(settings=_settings(scales=10**9)),
    "negative sides": lambda: _net_file(settings=_settings(input_shape=[1, -4, 4])),
    "dropout of a text": lambda: _net_file(settings=_settings(dropout="a")),
    "other weights": lambda: _net_file(settings=_settings(filters=8)),
    "layout of a million": lambda: _net_file(layout={"height": 10**6, "width": 10**6}),
    "layout unknown": lambda: _net_file(layout={"evil": 1}),
    "layout is a list": lambda: _net_file(layout=[1, 2]),
    "mean of texts": lambda: _net_file(mean=["a"]),
    "mean ragged": lambda: _net_file(mean=[[1], [1, 2]]),
    "mean of another shape": lambda: _net_file(mean=[[[0.0]]] * 7, scale=[[[1.0]]] * 7),
    "scale of zero": lambda: _net_file(mean=[[[0.0]]], scale=[[[0.0]]]),
    "classes of objects": lambda: _net_file(classes={"labels": ["a"], "type": "|O"}),
    "classes without type": lambda: _net_file(classes={"labels": ["a"]}),
    "classes of an odd type": lambda: _net_file(classes={"labels": ["a", "b"], "type": "<M8[s]"}),
    "classes of another number": lambda: _net_file(classes={"labels": list(range(9)), "type": "<i8"}),
    "input shape is a text": lambda: _net_file(input_shape="abc"),
    "input shape of a million": lambda: _net_file(input_shape=[1, 10**6, 10**6]),
    "y mean is a text": lambda: _net_file(y_mean="a"),
    "weights are numbers": lambda: _torch_file({"autoarch": json.dumps({}), "state_dict": {"a": 1}}),
    "a list": lambda: _torch_file([1, 2]),
    "cut": lambda: _net_file()[:-100],
    "text": lambda: b"hello",
    "empty": lambda: b"",
}


def _flipped(content, place):
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


@st.composite
def damaged(draw, files):
    """The name and the bytes of an odd file; now and then with a byte changed, or cut."""
    kind = draw(st.sampled_from(sorted(files)))
    content = files[kind]()
    change = draw(st.sampled_from(["as it is", "as it is", "a byte", "cut"]))
    if content and change == "a byte":
        content = _flipped(content, draw(st.integers(0, len(content) - 1)))
    elif content and change == "cut":
        content = content[: draw(st.integers(0, len(content) - 1))]
    return kind, f"{kind}, {change}", content
