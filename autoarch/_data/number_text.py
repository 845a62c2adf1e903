"""Numbers written as text: decimal commas, thousands, signs of currencies, units, limits such as "<5", odd cells.

How a column writes its numbers is decided by the column as a whole (``NumberStyle.learn``): "1,234" alone is a
thousand, beside "12,5" it is a little more than one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NEARLY_ALL = 0.9  # of the cells that are not missing
_MOST = 0.6  # of them, where they are many different numbers beside few words
_FEW_WORDS, _NUMBERS_PER_WORD = 10, 5
MISSING = frozenset(
    [
        "?",
        "??",
        "n/a",
        "na",
        "n.a.",
        "n.a",
        "#n/a",
        "nan",
        "null",
        "(null)",
        "nil",
        "none",
        "missing",
        "unknown",
        "undefined",
        ".",
        "..",
        "...",
        "*",
        "--",
        "---",
        "-",
        "\u2013",
        "\u2014",
        "/",
        "#value!",
        "#div/0!",
        "#ref!",
        "#null!",
        "#num!",
        "nd",
        "n.d.",
        "bdl",
        "lod",
        "<lod",
        "<dl",
        "tbd",
        "tba",
    ]
) | {"", "not available", "not measured", "no data", "not applicable", "not recorded", "no value"}
_SPACES = str.maketrans({"\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2019": "'", "\u2032": "'"})
_SPACES |= str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2033": '"', "\u03bc": "\u00b5"})
_LETTER = r"(?:[^\W\d_]|[%‰°µ²³$€£¥₹₽₩₺฿/·*^\"'.])"
_UNIT = rf"{_LETTER}+[23]?(?: {_LETTER}+[23]?)?"
_MONEY = r"[$€£¥₹₽₩₺฿]|(?:US|A|C|NZ|HK|R)\$|Rs\.?|kr\.?|zł|(?:USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|INR|SEK|NOK|DKK)"
_MONEY += r"|(?:PLN|CZK|HUF|BRL|MXN|ZAR|RUB|KRW|TRY|SGD|HKD)"
_CELL = re.compile(
    rf"(?P<paren>\()?\s*(?P<mark>[<>≤≥~≈±]=?|ca\.?|approx\.?|about)?\s*(?P<sign>[-+])?\s*(?P<money>{_MONEY})?\s*"
    r"(?P<inner>[-+])?(?P<digits>\d[\d.,'_ ]*\d|\d|[.,]\d+)[.,]?(?P<exponent>[eE][-+]?\d{1,3})?"
    rf"\s*(?P<unit>{_UNIT})?\s*(?P<close>\))?(?P<open_end>\+)?"
)
_RANGE = re.compile(r"\s*(?P<low>[^-]+?)\s*(?:-|\bto\b)\s*(?P<high>[^-]+)")
_MOST_RANGES = 50  # different ones
_THOUSANDS = re.compile(r"\d{1,3}(?:(?P<by>[.,'_ ])\d{3})(?:(?P=by)\d{3})*|\d{1,2}(?:,\d{2})*,\d{3}")
# Factors of units that measure the same; the first of each is what numbers without a unit are taken for
_SAME: tuple[dict[str, float], ...] = (
    {"": 1.0, "k": 1e3, "K": 1e3, "m": 1e6, "M": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "b": 1e9, "B": 1e9}
    | {"bn": 1e9, "billion": 1e9, "T": 1e12, "tn": 1e12, "trillion": 1e12},
    {"kg": 1.0, "g": 1e-3, "mg": 1e-6, "µg": 1e-9, "ug": 1e-9, "t": 1e3, "lb": 0.45359237, "lbs": 0.45359237}
    | {"oz": 0.028349523125, "st": 6.35029318, "KG": 1.0, "Kg": 1.0},
    {"m": 1.0, "mm": 1e-3, "cm": 1e-2, "dm": 0.1, "km": 1e3, "µm": 1e-6, "nm": 1e-9, "in": 0.0254, "inch": 0.0254}
    | {"ft": 0.3048, "yd": 0.9144, "mi": 1609.344, "miles": 1609.344, '"': 0.0254, "'": 0.3048},
    {"l": 1.0, "L": 1.0, "ml": 1e-3, "mL": 1e-3, "cl": 1e-2, "dl": 0.1, "hl": 100.0, "gal": 3.785411784},
    {"s": 1.0, "ms": 1e-3, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "min": 60.0, "mins": 60.0}
    | {"minute": 60.0, "minutes": 60.0, "m": 60.0, "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "hour": 3600.0}
    | {"hours": 3600.0, "d": 86_400.0, "day": 86_400.0, "days": 86_400.0, "week": 604_800.0, "weeks": 604_800.0}
    | {"month": 2_629_746.0, "months": 2_629_746.0, "year": 31_556_952.0, "years": 31_556_952.0}
    | {"yr": 31_556_952.0, "yrs": 31_556_952.0, "y": 31_556_952.0},
    {"B": 1.0, "bytes": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 2**10, "MiB": 2**20}
    | {"GiB": 2**30, "TiB": 2**40, "K": 1e3, "M": 1e6, "G": 1e9},
    {"W": 1.0, "mW": 1e-3, "kW": 1e3, "MW": 1e6, "GW": 1e9},
    {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6, "GWh": 1e9},
    {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    {"V": 1.0, "mV": 1e-3, "µV": 1e-6, "kV": 1e3},
    {"A": 1.0, "mA": 1e-3, "µA": 1e-6},
    {"Pa": 1.0, "hPa": 100.0, "mbar": 100.0, "kPa": 1e3, "bar": 1e5, "MPa": 1e6},
    {"km/h": 1.0, "kmh": 1.0, "kph": 1.0, "m/s": 3.6, "mph": 1.609344, "kn": 1.852},
    {"m²": 1.0, "m2": 1.0, "sqm": 1.0, "cm²": 1e-4, "ha": 1e4, "km²": 1e6, "km2": 1e6, "sqft": 0.09290304}
    | {"sq ft": 0.09290304, "ft²": 0.09290304, "ft2": 0.09290304, "acres": 4046.8564224, "acre": 4046.8564224},
    {"st": 1.0, "nd": 1.0, "rd": 1.0, "th": 1.0, "": 1.0},
)


@dataclass(frozen=True)
class NumberStyle:
    """Style in which a column writes its numbers.

    Parameters
    ----------
    comma : bool, default=False
        Whether decimals stand behind a comma.
    factors : tuple of pairs, default=()
        Units and what numbers that carry them are multiplied by.
    ranges : bool, default=False
        Whether cells such as "10-20" are read as the middle of both.
    """

    comma: bool = False
    factors: tuple[tuple[str, float], ...] = ()
    ranges: bool = False

    @classmethod
    def learn(cls, texts: Sequence[str], counts: Sequence[int] | np.ndarray | None = None) -> NumberStyle | None:
        """The style in which nearly all of the distinct ``texts`` are numbers; None where there is none.

        ``counts`` says how many cells hold each.
        """
        weights = dict(zip(texts, [1] * len(texts) if counts is None else counts, strict=True))
        there = [text for text in texts if not is_missing(text)]
        total = sum(weights[text] for text in there)
        if not there:
            return None
        found = {text: match for text in there if (match := _CELL.fullmatch(_plain(text)))}
        ranges = {text: ends for text in there if text not in found and (ends := _range_of(text))}
        few = 0 < len(ranges) <= _MOST_RANGES
        read = [*found.values(), *(end for ends in ranges.values() if few for end in ends)]
        if not read:
            return None
        style = cls(_has_decimal_commas([match["digits"] for match in read]), _factors(read) or (), few)
        known = [text for text, value in zip(there, style.read(there), strict=True) if value == value]
        words = len(there) - len(known)
        measured = words <= _FEW_WORDS and len(known) >= _NUMBERS_PER_WORD * words
        n_read = sum(weights[text] for text in known)
        return style if n_read >= (_MOST if measured else NEARLY_ALL) * total else None

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Numbers of texts, NaN for those that are none."""
        factors = dict(self.factors)
        return np.array([self._number(text, factors) for text in texts], dtype=np.float64)

    def _number(self, text: str, factors: dict[str, float]) -> float:
        match = _CELL.fullmatch(_plain(text))
        if match is None:
            ends = _range_of(text) if self.ranges else None
            return float("nan") if ends is None else float(np.mean([self._value(end, factors) for end in ends]))
        return self._value(match, factors)

    def _value(self, match: re.Match[str], factors: dict[str, float]) -> float:
        digits, unit = match["digits"], _unit_of(match)
        if unit not in factors or bool(match["paren"]) != bool(match["close"]):
            return float("nan")
        point, other = (",", ".") if self.comma else (".", ",")
        whole, _, rest = digits.partition(point)
        if other in rest or point in rest:
            if _THOUSANDS.fullmatch(digits) is None:
                return float("nan")
            whole, rest = digits, ""
        if not whole.isdigit() and whole and _THOUSANDS.fullmatch(whole) is None:
            return float("nan")
        number = float(f"{re.sub(r'[^0-9]', '', whole) or 0}.{rest.replace(' ', '') or 0}{match['exponent'] or ''}")
        negative = "-" in (match["sign"], match["inner"]) or match["paren"]
        return (-number if negative else number) * factors[unit]


def is_missing(text: str) -> bool:
    """Return whether a text says that there is no value."""
    return _plain(text).casefold() in MISSING


def _plain(text: str) -> str:
    return text.translate(_SPACES).strip()


def _range_of(text: str) -> tuple[re.Match[str], re.Match[str]] | None:
    ends = _RANGE.fullmatch(_plain(text))
    matches = [] if ends is None else [_CELL.fullmatch(ends[name].strip()) for name in ("low", "high")]
    if not matches or not all(matches):
        return None
    low, high = matches
    as_numbers = [float(re.sub(r"[^0-9]", "", match["digits"])) for match in (low, high)]  # type: ignore[index]
    return (low, high) if as_numbers[0] < as_numbers[1] else None  # type: ignore[return-value]


def _unit_of(match: re.Match[str]) -> str:
    """The unit, or the currency, without the full stop of an abbreviation."""
    return " ".join(part.rstrip(".") for part in (match["money"], match["unit"]) if part)


def _has_decimal_commas(digits: Sequence[str]) -> bool:
    """Decide by the column as a whole what a comma means."""
    for number in digits:
        comma, point = number.rfind(","), number.rfind(".")
        if comma >= 0 and point >= 0:
            return comma > point
    commas = [number for number in digits if "," in number]
    if commas:
        return not all(_THOUSANDS.fullmatch(number) and not number.startswith("0") for number in commas)
    return any(number.count(".") > 1 for number in digits)  # points between thousands


def _factors(read: Sequence[re.Match[str]]) -> tuple[tuple[str, float], ...] | None:
    """Factors of all units of a column; None where they do not measure the same."""
    units = Counter(_unit_of(match) for match in read)
    named = [unit for unit, _ in units.most_common() if unit]
    if len(named) <= 1 and not (named and "" in units and named[0] in _SAME[0]):
        alone = dict.fromkeys(("", *named), 1.0)
        if named:  # the same unit in other letters, or other units of its kind, may come later
            alone = _of_same_kind(named[0]) | alone
        return tuple(alone.items())
    for same in _SAME:
        if set(named) <= set(same):
            bare = same.get("", same[named[0]])  # numbers without a unit are in the most frequent one
            return tuple((same | {"": bare}).items())
    spelled = {unit.casefold().rstrip("s") for unit in named}
    if len(spelled) == 1:
        return tuple(dict.fromkeys(("", *named), 1.0).items())
    common = [unit for unit, n in units.items() if n >= (1 - NEARLY_ALL) * len(read)]  # a slip here and there is odd
    named_common = [unit for unit in common if unit]
    if len(named_common) <= 1 < len(named):
        return tuple(dict.fromkeys(("", *named_common), 1.0).items())
    return None


def _of_same_kind(unit: str) -> dict[str, float]:
    kinds = [same for same in _SAME[1:] if unit in same]
    return {other: factor / kinds[0][unit] for other, factor in kinds[0].items()} if len(kinds) == 1 else {}
