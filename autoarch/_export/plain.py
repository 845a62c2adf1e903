"""Plain values as JSON and back: numbers, texts, dates, containers, tables. Arrays are handed on by name.

A value that JSON holds itself is itself; any other is an object with the key ``$``, which says what it is.
"""

from __future__ import annotations

import datetime
import decimal
import math
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from autoarch.exceptions import ModelFileError

TAG = "$"
Write = Callable[[Any], Any]
_NUMERIC = "biuf"
_WIDEST = 8  # bytes of a number that files hold


def tagged(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    """An object of JSON that says what it is."""
    return {TAG: kind, "v": value, **more}


def is_numeric(array: np.ndarray) -> bool:
    """Tell whether an array can stand among the arrays of a file."""
    return array.dtype.kind in _NUMERIC and array.dtype.itemsize <= _WIDEST and array.dtype.isnative


def written(value: Any, write: Write) -> Any:
    """JSON of a plain value, parts of it by ``write``; NotImplemented where it is none."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else tagged("float", repr(value))
    if kind is list:
        return [write(item) for item in value]
    if kind in (tuple, set, frozenset):
        items = sorted(value, key=repr) if kind in (set, frozenset) else value  # files of equal models are equal
        return tagged(kind.__name__, [write(item) for item in items])
    if kind in (dict, defaultdict, OrderedDict):
        return tagged("dict", [[write(key), write(item)] for key, item in value.items()])
    if isinstance(value, np.generic):
        return _scalar(value)
    if isinstance(value, np.dtype):
        return tagged("dtype", value.str)
    if isinstance(value, type) and issubclass(value, np.generic):
        return tagged("scalar type", np.dtype(value).str)
    return _table(value, write) if isinstance(value, (pd.DataFrame, pd.Series, pd.Index)) else _date(value, write)


def array_written(array: np.ndarray, write: Write) -> Any:
    """JSON of an array that is not numeric; NotImplemented for one of records, say."""
    if array.dtype.kind == "U":
        return tagged("texts", array.ravel().tolist(), shape=list(array.shape), dtype=array.dtype.str)
    if array.dtype.kind == "O":
        return tagged("objects", [write(item) for item in array.ravel()], shape=list(array.shape))
    if array.dtype.kind in "mM":
        return tagged("dates", write(array.view(np.int64)), dtype=array.dtype.str)
    return NotImplemented


def _scalar(value: np.generic) -> Any:
    if value.dtype.kind in "mM":
        return tagged("scalar", int(value.view(np.int64)), dtype=value.dtype.str)
    if value.dtype.kind not in f"{_NUMERIC}U" or (value.dtype.itemsize > _WIDEST and value.dtype.kind != "U"):
        return NotImplemented
    plain = value.item()
    if isinstance(plain, float) and not math.isfinite(plain):
        plain = repr(plain)
    return tagged("scalar", plain, dtype=value.dtype.str)


def _table(value: Any, write: Write) -> Any:
    if isinstance(value, pd.DataFrame):
        columns = [write(value.iloc[:, i]) for i in range(value.shape[1])]
        return tagged("frame", columns, columns=[write(name) for name in value.columns], index=write(value.index))
    if isinstance(value, pd.Series):
        return tagged("series", write(value.to_numpy()), dtype=str(value.dtype), name=write(value.name))
    if isinstance(value, pd.RangeIndex):
        return tagged("range", [value.start, value.stop, value.step])
    return tagged("index", write(value.to_numpy()), dtype=str(value.dtype))


def _date(value: Any, write: Write) -> Any:
    """Dates, spans, zones, missing values and exact numbers, which may be labels of categories."""
    kind = type(value)
    if value is pd.NA or value is pd.NaT:
        return tagged("missing", "NA" if value is pd.NA else "NaT")
    if kind in (pd.Timestamp, pd.Timedelta):
        zone = {"zone": write(value.tz)} if kind is pd.Timestamp and value.tz is not None else {}
        return tagged(kind.__name__, int(value.value), unit=value.unit, **zone)
    if kind in (datetime.datetime, datetime.date, datetime.time):
        if getattr(value, "tzinfo", None) is not None:
            return NotImplemented
        return tagged(kind.__name__, value.isoformat())
    if kind is datetime.timedelta:
        return tagged("timedelta", [value.days, value.seconds, value.microseconds])
    if kind is datetime.timezone:
        return tagged("timezone", value.utcoffset(None).total_seconds())
    if kind is ZoneInfo or hasattr(value, "zone"):  # pytz
        name = value.key if kind is ZoneInfo else value.zone
        return tagged("zone", name) if isinstance(name, str) else NotImplemented
    if kind is decimal.Decimal:
        return tagged("decimal", str(value))
    if kind is pd.Interval:
        return tagged("interval", [write(value.left), write(value.right)], closed=value.closed)
    if kind is pd.Period:
        return tagged("period", value.ordinal, freq=value.freqstr)
    return tagged("bytes", value.hex()) if kind is bytes else NotImplemented


def read(node: Any, read_part: Callable[[Any], Any]) -> Any:
    """The value behind JSON that ``written`` or ``array_written`` made; NotImplemented where it is of another kind."""
    if node is None or isinstance(node, (bool, int, float, str)):
        return node
    if isinstance(node, list):
        return [read_part(item) for item in node]
    reader = _READERS.get(node.get(TAG))
    return NotImplemented if reader is None else reader(node, read_part)


def _read_scalar(node: dict[str, Any], _: Any) -> np.generic:
    dtype, value = np.dtype(node["dtype"]), node["v"]
    if dtype.kind in "mM":
        return np.asarray(int(value), dtype=np.int64).view(dtype)[()]
    if dtype.kind not in f"{_NUMERIC}U":
        raise ModelFileError(f"it holds a value of type {dtype}")
    return dtype.type(float(value)) if dtype.kind == "f" else dtype.type(value)


def _read_objects(node: dict[str, Any], read_part: Any) -> np.ndarray:
    array = np.empty(len(node["v"]), dtype=object)
    for place, item in enumerate(node["v"]):
        array[place] = read_part(item)
    return array.reshape(node["shape"])


def _read_dtype(text: Any) -> np.dtype:
    dtype = np.dtype(text) if isinstance(text, str) else np.dtype("O")
    if dtype.kind not in f"{_NUMERIC}UmM":
        raise ModelFileError(f"it names the type {text!r} of numbers")
    return dtype


def _read_frame(node: dict[str, Any], read_part: Any) -> pd.DataFrame:
    parts = [read_part(column) for column in node["v"]]
    frame = pd.DataFrame(dict(enumerate(parts)), index=range(len(parts[0]) if parts else 0))
    frame.columns, frame.index = [read_part(name) for name in node["columns"]], read_part(node["index"])
    return frame


def _read_series(node: dict[str, Any], read_part: Any) -> pd.Series:
    return pd.Series(read_part(node["v"]), dtype=node["dtype"], name=read_part(node["name"]))


def _read_timestamp(node: dict[str, Any], read_part: Any) -> Any:
    unit, zone = _unit(node), read_part(node.get("zone"))
    stamp = pd.Timestamp(int(node["v"]), unit="ns").as_unit(unit)
    return stamp if zone is None else stamp.tz_localize("UTC").tz_convert(zone)


def _unit(node: dict[str, Any]) -> Any:
    return node["unit"] if node["unit"] in ("s", "ms", "us", "ns") else "ns"


_READERS: dict[Any, Callable[[dict[str, Any], Any], Any]] = {
    "float": lambda node, _: float(node["v"]),
    "tuple": lambda node, part: tuple(part(item) for item in node["v"]),
    "set": lambda node, part: {part(item) for item in node["v"]},
    "frozenset": lambda node, part: frozenset(part(item) for item in node["v"]),
    "dict": lambda node, part: {part(key): part(item) for key, item in node["v"]},
    "scalar": _read_scalar,
    "dtype": lambda node, _: _read_dtype(node["v"]),
    "scalar type": lambda node, _: _read_dtype(node["v"]).type,
    "texts": lambda node, _: np.array(node["v"], dtype=_read_dtype(node["dtype"])).reshape(node["shape"]),
    "objects": _read_objects,
    "dates": lambda node, part: part(node["v"]).view(_read_dtype(node["dtype"])),
    "frame": _read_frame,
    "series": _read_series,
    "range": lambda node, _: pd.RangeIndex(*map(int, node["v"])),
    "index": lambda node, part: pd.Index(part(node["v"]), dtype=node["dtype"]),
    "missing": lambda node, _: pd.NA if node["v"] == "NA" else pd.NaT,
    "Timestamp": _read_timestamp,
    "Timedelta": lambda node, _: pd.Timedelta(int(node["v"]), unit="ns").as_unit(_unit(node)),
    "datetime": lambda node, _: datetime.datetime.fromisoformat(node["v"]),
    "date": lambda node, _: datetime.date.fromisoformat(node["v"]),
    "time": lambda node, _: datetime.time.fromisoformat(node["v"]),
    "timedelta": lambda node, _: datetime.timedelta(*node["v"]),
    "timezone": lambda node, _: datetime.timezone(datetime.timedelta(seconds=float(node["v"]))),
    "zone": lambda node, _: ZoneInfo(node["v"]),
    "decimal": lambda node, _: decimal.Decimal(node["v"]),
    "interval": lambda node, part: pd.Interval(part(node["v"][0]), part(node["v"][1]), node["closed"]),
    "period": lambda node, _: pd.Period(ordinal=int(node["v"]), freq=node["freq"]),
    "bytes": lambda node, _: bytes.fromhex(node["v"]),
}
