"""Read dates, times of day and spans that are written as text or as numbers.

What "03/04/2021" means is decided by the column as a whole: the order of day, month and year that reads most cells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from autoarch._data.number_text import NEARLY_ALL

_TIME = (
    r"(?P<hour>\d{1,2})[:h](?P<minute>\d{2})(?::(?P<second>\d{2}(?:[.,]\d+)?))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?(?:\s*\(?[A-Z]{2,4}\)?)?"
)
_THEN = rf"(?:(?:[T\s]|,\s*|\s*-\s+|\sat\s)\s*(?:{_TIME}))?"
_WEEKDAY = r"(?:[^\W\d_]{2,10}\.?,?\s+)?"
_NAME = r"(?P<name>[^\W\d_]{3,10})\.?"
_SHAPES = [
    re.compile(shape)
    for shape in (
        rf"{_WEEKDAY}(?P<a>\d{{1,4}})\s?(?P<by>[-/.\s年])\s?(?P<b>\d{{1,2}})\s?(?:(?P=by)|月)\s?(?P<c>\d{{1,4}})日?{_THEN}",
        rf"{_WEEKDAY}(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.)?[-\s/.]*(?:of\s)?{_NAME}[-\s/.,]*'?(?P<y>\d{{4}}|\d{{2}}){_THEN}",
        rf"{_WEEKDAY}{_NAME}[-\s/.]*(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+|[-/.])'?(?P<y>\d{{4}}|\d{{2}}){_THEN}",
        rf"(?P<y>\d{{4}})[-\s/.]*{_NAME}[-\s/.]*(?P<d>\d{{1,2}}){_THEN}",
        rf"{_WEEKDAY}{_NAME}\s+(?P<d>\d{{1,2}})\s+{_TIME}\s+(?P<y>\d{{4}})",
        rf"{_NAME}[-\s/.,]*'?(?P<y>\d{{4}}|\d{{2}})",
        rf"(?P<y>\d{{4}})[-\s/.]*{_NAME}",
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})",
        r"(?P<m>\d{1,2})[-/.](?P<y>\d{4})",
        r"(?P<y>\d{4})[-\s/]?[Qq](?P<quarter>[1-4])",
        r"[Qq](?P<quarter>[1-4])[-\s/]?(?P<y>\d{4})",
    )
]
_ONLY_TIME = re.compile(_TIME)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier janv enero ene gennaio gen januari janeiro jänner",
            "february feb februar février févr fev febrero febbraio februari fevereiro",
            "march mar märz maerz mrz mars marzo maart março marco mär",
            "april apr avril avr abril abr aprile",
            "may mai mayo maggio mei maio mag",
            "june jun juni juin junio giugno junho giu",
            "july jul juli juillet juil julio luglio julho lug",
            "august aug août aout agosto ago augustus",
            "september sep sept septembre septiembre settembre setembro set",
            "october oct oktober okt octobre octubre ottobre outubro ott out",
            "november nov novembre noviembre novembro",
            "december dec dezember dez décembre déc diciembre dic dicembre dezembro",
        ),
        start=1,
    )
    for name in names.split()
}
_ORDERS = ("ymd", "mdy", "dmy")
_UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_EPOCHS = (631_152_000.0, 2_208_988_800.0)  # seconds of the years 1990 and 2040
_LEAST_SPAN = 2 * 86_400.0  # seconds that stamps cover
_SPAN = re.compile(
    r"(?P<sign>[-+])?\s*P?(?:(?P<weeks>[\d.,]+)\s*w(?:eeks?)?[\s,]*)?(?:(?P<days>[\d.,]+)\s*d(?:ays?)?[\s,+]*)?T?"
    r"(?:(?P<hours>[\d.,]+)\s*h(?:(?:ou)?rs?)?[\s,]*)?(?:(?P<minutes>[\d.,]+)\s*m(?:in(?:ute)?s?)?\.?[\s,]*)?"
    r"(?:(?P<seconds>[\d.,]+)\s*s(?:ec(?:ond)?s?)?\.?)?(?:(?P<clock>\d+:\d{2}(?::\d{2}(?:[.,]\d+)?)?))?",
    re.IGNORECASE,
)
_SECONDS = {"weeks": 604_800.0, "days": 86_400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


@dataclass(frozen=True)
class DateStyle:
    """Style in which a column writes its dates.

    Parameters
    ----------
    order : str, default="ymd"
        Order of year, month and day where numbers alone stand for all of them.
    unit : str or None, default=None
        What numbers count since 1970 (``"s"``, ``"ms"``, ``"us"``, ``"ns"``), or ``"digits"`` of such as 20210304.
    certain : bool, default=True
        Whether no other order would have read as many cells.
    """

    order: str = "ymd"
    unit: str | None = None
    certain: bool = True

    @classmethod
    def learn(cls, texts: Sequence[str], counts: Sequence[int] | np.ndarray | None = None) -> DateStyle | None:
        """The style in which nearly all of the distinct ``texts``, none of them missing, are dates, or None."""
        weights = np.ones(len(texts)) if counts is None else np.asarray(counts, dtype=float)
        if not len(texts):
            return None
        parts = _parts(texts)
        if (weights * parts["shape"].notna()).sum() < NEARLY_ALL * weights.sum():
            return None
        ranked = sorted(
            ((_fit_of(parts, weights, order), -place, order) for place, order in enumerate(_preferred(parts))),
            reverse=True,
        )
        (best, spread), _, order = ranked[0]
        if best < NEARLY_ALL * weights.sum():
            return None
        numbers_alone = parts["a"].notna() & (parts["a_digits"] < 4)
        rivals = [fit == (best, spread) for fit, _, _ in ranked[1:]]
        return cls(order, certain=not (any(rivals) and bool(numbers_alone.any())))

    @classmethod
    def of_numbers(cls, values: np.ndarray) -> DateStyle | None:
        """The style in which all of the numbers are dates (stamps, or digits); None where there is none."""
        values = values[~np.isnan(values)]
        if len(values) < 3 or not (np.floor(values) == values).all() or values.min() <= 0:
            return None
        low, high = float(values.min()), float(values.max())
        for unit, per_second in _UNITS.items():
            within = _EPOCHS[0] * per_second <= low and high <= _EPOCHS[1] * per_second
            if within and high - low >= _LEAST_SPAN * per_second:
                return cls(unit=unit)
        if 1.9e7 <= low < high < 2.1e7 and not _from_digits(values).isna().any():
            return cls(unit="digits")
        return None

    def read(self, texts: Sequence[str]) -> pd.Series:
        """Dates of texts, without a time zone (in UTC where they have one); NaT for those that are none."""
        dates = _dates(_parts(texts), self.order)
        if self.unit is not None:
            numbers = pd.to_numeric(pd.Series(list(texts), dtype=object), errors="coerce").to_numpy(dtype=np.float64)
            dates = dates.fillna(self.read_numbers(numbers)) if (~np.isnan(numbers)).any() else dates
        return dates

    def read_numbers(self, values: np.ndarray) -> pd.Series:
        """Dates of numbers; NaT for those that are none."""
        if self.unit == "digits":
            return _from_digits(values)
        return pd.Series(pd.to_datetime(pd.Series(values), unit=self.unit or "s", errors="coerce")).astype("M8[ns]")


def learn_seconds(texts: Sequence[str], counts: Sequence[int] | np.ndarray) -> str | None:
    """Return whether texts are "times" or "spans"; None where they are neither."""
    weights = np.asarray(counts, dtype=float)
    for kind in ("times", "spans") if len(texts) else ():
        seconds = read_seconds(texts, kind)
        if (weights * ~np.isnan(seconds)).sum() >= NEARLY_ALL * weights.sum():
            return kind
    return None


def read_seconds(texts: Sequence[str], kind: str) -> np.ndarray:
    """Seconds since midnight of ``"times"``, or seconds that ``"spans"`` last; NaN for texts that are neither.

    "12:30" is a time, beside "1:02:10" it is minutes and seconds.
    """
    if kind == "times":
        matches = [_ONLY_TIME.fullmatch(text.strip()) for text in texts]
        lengths = {match["second"] is None for match in matches if match is not None}
        halves = any(match is not None and match["half"] for match in matches)
        if len(lengths) == 1 or halves:
            return np.array([np.nan if match is None else _clock(match) for match in matches])
        return np.full(len(texts), np.nan)
    spans = [_SPAN.fullmatch(text.strip()) for text in texts]
    hours = not any(match is not None and (match["clock"] or "").count(":") == 2 for match in spans)
    return np.array([np.nan if match is None else _span(match, hours) for match in spans])


def _clock(match: re.Match[str]) -> float:
    hour, minute = int(match["hour"]), int(match["minute"])
    second = float((match["second"] or "0").replace(",", "."))
    if match["half"]:
        hour = hour % 12 + 12 * (match["half"][0] in "Pp") if hour <= 12 else 99
    return 3600.0 * hour + 60.0 * minute + second if hour <= 24 and minute < 60 else np.nan


def _span(match: re.Match[str], hours: bool) -> float:
    parts = {name: match[name] for name in (*_SECONDS, "clock") if match[name]}
    if not parts:
        return np.nan
    clock = [float(part.replace(",", ".")) for part in parts.pop("clock", "0").split(":")]
    scale = (3600.0, 60.0, 1.0)[: len(clock)] if hours or len(clock) == 3 else (60.0, 1.0)
    try:
        total = sum(_SECONDS[name] * float(value.replace(",", ".")) for name, value in parts.items())
    except ValueError:
        return np.nan
    total += sum(part * unit for part, unit in zip(clock, scale, strict=False)) if len(clock) > 1 else 0.0
    return -total if match["sign"] == "-" else total


def _parts(texts: Sequence[str]) -> pd.DataFrame:
    """Say of each text: numbers a, b, c, or named parts, the seconds of its day, and the shape that it fits."""
    return pd.DataFrame([_parts_of(text.strip()) for text in texts], columns=_COLUMNS, dtype=np.float64)


_COLUMNS = ["shape", "a", "a_digits", "b", "c", "c_digits", "y", "y_digits", "m", "d", "seconds", "dotted"]


def _parts_of(text: str) -> tuple[float, ...]:
    nothing = (np.nan,) * len(_COLUMNS)
    if not 4 <= len(text) <= 40 or not any(letter.isdigit() for letter in text):
        return nothing
    for number, shape in enumerate(_SHAPES):
        match = shape.fullmatch(text)
        if match is None:
            continue
        found: dict[str, Any] = match.groupdict()
        if found.get("name") is not None:
            found["m"] = _MONTHS.get(found["name"].casefold())
            if found["m"] is None:
                continue
        if found.get("quarter"):
            found["m"] = 3 * int(found["quarter"]) - 2
        seconds = 0.0
        if found.get("hour"):
            seconds = _clock(match) - _offset(found["zone"])
        of = {
            name: np.nan if found.get(name) is None else float(found[name]) for name in ("a", "b", "c", "y", "m", "d")
        }
        if np.isnan(of["a"]) and np.isnan(of["d"]):
            of["d"] = 1.0
        digits = {name: float(len(found.get(name) or "")) for name in ("a", "c", "y")}
        dotted = float(found.get("by") == ".")
        return (
            *(float(number), of["a"], digits["a"], of["b"], of["c"], digits["c"]),
            *(of["y"], digits["y"], of["m"], of["d"], seconds, dotted),
        )
    return nothing


def _offset(zone: str | None) -> float:
    """Seconds by which a zone is ahead of UTC."""
    if not zone or zone[0] not in "+-":
        return 0.0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (1 if zone[0] == "+" else -1) * (3600.0 * int(digits[:2]) + 60.0 * int(digits[2:]))


def _preferred(parts: pd.DataFrame) -> tuple[str, ...]:
    """Orders, that which is usual for the separator first."""
    return ("ymd", "dmy", "mdy") if parts["dotted"].mean() > 0.5 else _ORDERS  # mean: of those that have one


def _fit_of(parts: pd.DataFrame, weights: np.ndarray, order: str) -> tuple[float, int]:
    """Weight of the texts that an order reads and, of years with two digits, how much more days vary than years."""
    read = (weights * _dates(parts, order).notna().to_numpy()).sum()
    short = parts["a"].notna() & (parts["a_digits"] < 4) & (parts["c_digits"] < 4)
    if not short.any():
        return float(read), 0
    place = {letter: "abc"[order.index(letter)] for letter in "yd"}
    return float(read), int(parts[place["d"]].nunique() > parts[place["y"]].nunique())


def _dates(parts: pd.DataFrame, order: str) -> pd.Series:
    """Dates of parts read in an order; a year of four digits that stands first is one in any."""
    if not len(parts):
        return pd.Series([], dtype="M8[ns]")
    pieces = {name: parts[name].to_numpy(copy=True) for name in "ymd"}
    digits = parts["y_digits"].to_numpy(copy=True)
    alone = parts["a"].notna().to_numpy()
    first = alone & (parts["a_digits"] == 4).to_numpy()
    by_order = {letter: "abc"[place] for place, letter in enumerate(order)}
    for rows, places in ((alone & ~first, by_order), (first, {"y": "a", "m": "b", "d": "c"})):
        for letter, place in places.items():
            pieces[letter][rows] = parts[place].to_numpy()[rows]
        digits[rows] = parts[f"{places['y']}_digits"].to_numpy()[rows]
    year = pieces["y"]
    year = np.where(digits == 2, year + np.where(year < 69, 2000, 1900), np.where(digits == 4, year, np.nan))
    wrong = ~((year >= 1678) & (year <= 2261) & (pieces["m"] >= 1) & (pieces["m"] <= 12) & (pieces["d"] >= 1))
    days = _days(year, pieces["m"], pieces["d"], wrong)
    return days + pd.to_timedelta(parts["seconds"].fillna(0.0).to_numpy(), unit="s")


def _from_digits(values: np.ndarray) -> pd.Series:
    """Dates of numbers such as 20210304."""
    whole = np.where(np.isnan(values), 0, values).astype(np.int64)
    year = whole // 10_000
    return _days(year, whole // 100 % 100, whole % 100, (year < 1678) | (year > 2261))


def _days(year: np.ndarray, month: np.ndarray, day: np.ndarray, wrong: np.ndarray) -> pd.Series:
    """Dates of numbers; NaT where the calendar has no such day, and where they are ``wrong``."""
    table = {"year": np.where(wrong, 2000, year), "month": np.where(wrong, 1, month), "day": np.where(wrong, 99, day)}
    return pd.Series(pd.to_datetime(pd.DataFrame(table), errors="coerce")).astype("M8[ns]")
