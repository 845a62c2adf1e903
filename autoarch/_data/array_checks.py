"""Checks of an array X: its numbers, those of them that say "not measured", and the grid that its cells make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import assert_all_finite, check_array

from autoarch._core.checks import own_errors
from autoarch._core.quiet import warn_user
from autoarch._data.containers import check_room, to_dense
from autoarch._data.layout import Layout
from autoarch.exceptions import InputError, InputTypeError, LayoutError

LayoutLike = Layout | Sequence[int] | str | None

_MOST_COLOURS = 4  # a last axis no wider than this, behind a wider first one, looks like channels
_CLEARLY_SMOOTH, _SMOOTHER = 0.1, 3.0  # mean correlation of neighbours less that of any two lines; of the other axis
_MOST_READ = 500_000  # values read to decide
_FEWEST_ROWS, _FEWEST_REPEATS, _FEWEST_VALUES = 10, 5, 20  # of one value, in as many rows, among so many other ones
_MOST_HIDDEN, _MOST_NAMED = 0.5, 0.95  # share of the cells that may be taken for missing, and that is worth a word
_GAP, _GAP_OF_FILLS, _GAP_OF_MASKS, _GAP_TO_NAME = 5.0, 0.5, 2.0, 0.25  # to all others, in units of their spread
_GAP_ALONE = 2.0  # of a usual fill in a single column of a table
_FILLS = (255.0, 32_767.0, -32_768.0, 65_535.0, 2_147_483_647.0, -2_147_483_648.0)  # limits of types that hold no more
_HUGE = 1e15
_LEAST_SPREAD, _MOST_OFFSET = 1e-12, 1e3  # of values whose squares, and differences, float32 holds
_TEXT_HINT = "\nPut columns that hold text or dates into a pandas DataFrame: its columns may differ in kind."


def check_numbers(X: Any, *, least_rows: int, speaker: str, hint: str = _TEXT_HINT) -> np.ndarray:
    """Return X as a real array of 2 to 4 axes, in its own type where that is numeric; NaN and infinity pass.

    Raises
    ------
    InputError, InputTypeError
        In scikit-learn's words where it has some; ``speaker`` is the estimator that they name, and ``hint`` follows
        where X holds text.
    """
    if sparse.issparse(X):
        X = to_dense(X)
    elif isinstance(X, np.ndarray) and X.dtype == object:
        with own_errors(reading="X"):
            X = np.where(pd.isna(X), np.nan, X)  # also None and pandas.NA, which float() would refuse
    with own_errors(hint=hint, reading="X"):
        array = check_array(X, ensure_all_finite=False, allow_nd=True, ensure_min_samples=least_rows, estimator=speaker)
    if array.dtype.kind not in "biuf":
        raise InputTypeError(f"X is an array of {array.dtype}; expected numbers.{hint}")
    if array.ndim > 4:
        raise InputError(
            f"Found array with dim {array.ndim}, while dim <= 4 is required by {speaker}. Expected (n, p), "
            "(n, height, width) or (n, channels, height, width); merge or select axes first."
        )
    if not array.flags.c_contiguous:  # it will be copied; a view may have a shape that no memory holds
        check_room("X", array.shape, array.dtype.itemsize)
    if 0 in array.shape:
        raise InputError(f"Found array with 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")
    return np.asarray(array)


def float32_tells_apart(array: np.ndarray) -> bool:
    """Return whether float32 holds the differences between values: they are no trifle beside them, nor tiny or huge."""
    some = np.asarray(array[:: max(1, -(-array.size // _MOST_READ))], dtype=np.float64)
    with np.errstate(all="ignore"):
        low, middle, high = np.nanquantile(some, (0.05, 0.5, 0.95)) if (some == some).any() else (0.0, 0.0, 0.0)
    spread = high - low
    return spread == 0 or bool(_LEAST_SPREAD < spread < 1 / _LEAST_SPREAD and abs(middle) < _MOST_OFFSET * spread)


def check_rows(shape: tuple[int, ...], *, least_rows: int, speaker: str) -> None:
    """Raise, in scikit-learn's words, unless there are enough rows."""
    stand_in = np.broadcast_to(0.0, shape)  # takes no memory
    with own_errors():
        check_array(stand_in, ensure_all_finite=False, ensure_min_samples=least_rows, estimator=speaker)


def check_cell_shape(given: tuple[int, ...], fitted: tuple[int, ...], *, speaker: str) -> None:
    """Raise unless rows have the shape that they had in fit."""
    if given[0] != fitted[0]:
        raise InputError(f"X has {given[0]} features, but {speaker} is expecting {fitted[0]} features as input.")
    if given != fitted:
        raise InputError(
            f"X has shape (n, {', '.join(map(str, given))}), but {speaker} is expecting "
            f"(n, {', '.join(map(str, fitted))}), the shape that it was fitted with."
        )


def refuse_infinite(values: np.ndarray, *, names: Sequence[str] | None = None, speaker: str) -> None:
    """Raise if a value is infinite, naming its place."""
    try:
        assert_all_finite(values, allow_nan=True, estimator_name=speaker, input_name="X")
    except ValueError as error:
        row, column = np.argwhere(np.isinf(values))[0].tolist()
        place = f"row {row}, column {column if names is None else repr(names[column])}"
        raise InputError(
            f"{error} The first one is in {place}. Replace it by a finite number, or by NaN if it is missing."
        ) from error


def first_axes(cell_shape: tuple[int, ...], channels: str) -> tuple[int, ...]:
    """Shape of a row with its channels, if any, first."""
    return cell_shape[-1:] + cell_shape[:-1] if len(cell_shape) == 3 and channels == "last" else cell_shape


def lay_out(declared: LayoutLike, cells: tuple[int, ...]) -> Layout | None:
    """Check the declared layout against the cells of a row, or read it off their shape."""
    if isinstance(declared, str) and declared == "auto":
        return Layout.of((1, *cells) if len(cells) == 1 else cells, origin="shape")
    return None if declared is None else Layout.of(_sides(declared), n_columns=prod(cells))  # type: ignore[arg-type]


def question_channels(array: np.ndarray, declared: LayoutLike) -> None:
    """Raise, or warn, if a 4-D X that should have its channels first looks as if it had them last.

    Its shape speaks for that where the last axis is as short as colours are, or the first two sides are equal and the
    last is shorter; its values, where neighbours along the first axis are clearly more alike than along the last.

    Raises
    ------
    LayoutError
        If the shape speaks for it and the values do not speak against it.
    """
    shape = array.shape
    if len(shape) != 4 or declared is None or _sides(declared) == shape[1:]:
        return
    shaped = shape[3] <= _MOST_COLOURS < shape[1] or shape[1] == shape[2] > max(shape[3], _MOST_COLOURS)
    smooth = [_smoothness(array, axis) for axis in (1, 3)]
    first, last = (ours > max(_CLEARLY_SMOOTH, _SMOOTHER * other) for ours, other in (smooth[::-1], smooth))
    looks = f"X has shape {shape}, which looks like (n, height, width, channels)"
    if not first and shaped:
        raise LayoutError(
            f'{looks}; expected (n, channels, height, width). Pass channels="last", or layout={shape[1:]} if the axis '
            f"of {shape[1]} really holds the channels."
        )
    if last:
        warn_user(
            f"{looks}: neighbours along its first axis are far more alike than along its last. It is read as (n, "
            f'channels, height, width); pass channels="last" if the axis of {shape[3]} holds the channels, or '
            f"layout={shape[1:]} to say that the axis of {shape[1]} does."
        )


def _smoothness(array: np.ndarray, axis: int) -> float:
    """Mean correlation of neighbours along an axis, less that of any two lines; cells are centred over the rows."""
    some = array[:: max(1, -(-array.size // _MOST_READ))]
    with np.errstate(all="ignore"):
        cells = np.moveaxis(some, axis, 1).reshape(len(some), array.shape[axis], -1).astype(np.float64)
        cells -= np.nanmean(np.where(np.isfinite(cells), cells, np.nan), axis=0)
        lines = np.nan_to_num(cells, nan=0.0, posinf=0.0, neginf=0.0).swapaxes(0, 1).reshape(array.shape[axis], -1)
        lines = lines / np.sqrt(np.einsum("ij,ij->i", lines, lines))[:, None]
    lines = lines[np.isfinite(lines[:, 0])]
    if len(lines) <= _MOST_COLOURS or len(some) < _FEWEST_ROWS:
        return 0.0
    correlations = lines @ lines.T
    return float(np.diag(correlations, 1).mean() - correlations[~np.eye(len(lines), dtype=bool)].mean())


@dataclass(frozen=True)
class Sentinel:
    """A value that stands for "not measured": it repeats exactly, and a wide gap separates it from all others.

    Parameters
    ----------
    value : float
        The value.
    channels : tuple of int
        Channels in which it does.
    share : float
        Of their cells that hold it.
    gap : float
        Distance from all other values, in units of their spread (between the quantiles .005 and .995).
    certain : bool
        Whether it is read as missing. Else there is reason to ask: 0 may be a measurement, and a value that fills most
        cells a background.
    """

    value: float
    channels: tuple[int, ...]
    share: float
    gap: float
    certain: bool

    def __str__(self) -> str:
        cells = (
            f"{self.value:g} fills {self.share:.1%} of the cells, {self.gap:.3g} times the spread of all others away"
        )
        if self.certain:
            return f"The value {cells}: it stands for cells that were not measured and is read as missing."
        return f"The value {cells}: if it stands for cells that were not measured, replace it by NaN."


def find_sentinels(values: np.ndarray, n_channels: int, *, cells: bool) -> tuple[Sentinel, ...]:
    """Values that stand for "not measured", those that are certain first.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers; the channels are blocks of columns.
    n_channels : int
        Channels of a grid, which may have units of their own.
    cells : bool
        Whether the columns are known to be cells. Columns of a table have units of their own: there, a value counts if
        it occurs in most columns.
    """
    blocks = values[:: max(1, -(-values.size // _MOST_READ))].reshape(-1, n_channels, values.shape[1] // n_channels)
    if len(blocks) < _FEWEST_ROWS:
        return ()
    found: dict[float, list[tuple[int, float, float]]] = {}
    for channel in range(n_channels):
        for value, share, gap in _set_apart(blocks[:, channel], cells=cells):
            found.setdefault(value, []).append((channel, share, gap))
    sentinels = []
    for value, places in found.items():
        channels, shares, gaps = (tuple(part) for part in zip(*places, strict=True))
        gap, share = min(gaps), float(np.mean(shares))
        needed = _GAP
        if _is_fill(value):
            needed = _GAP_OF_FILLS
        elif len(channels) == n_channels > 1 and _masks_agree(blocks, value):
            needed = _GAP_OF_MASKS
        certain = gap >= needed and share <= _MOST_HIDDEN
        if certain or gap >= _GAP_TO_NAME:
            sentinels.append(Sentinel(value, channels, share, gap, certain))
    return tuple(sorted(sentinels, key=lambda sentinel: not sentinel.certain))


def find_fills(values: np.ndarray, columns: Sequence[int]) -> tuple[Sentinel, ...]:
    """Values such as -999 that certainly stand for "not measured" in single columns of a table, its channels.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers and codes.
    columns : sequence of int
        Columns of numbers.
    """
    low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    step = max(1, len(values) // (_MOST_READ // 10))
    found = []
    for column in columns:
        if len(values) < _FEWEST_ROWS or not (_is_fill(float(low[column])) or _is_fill(float(high[column]))):
            continue
        for value, share, gap in _set_apart(values[::step, column, None], cells=True):
            if _is_fill(value) and gap >= _GAP_ALONE and share <= _MOST_HIDDEN:
                found.append(Sentinel(value, (column,), share, gap, certain=True))
    return tuple(found)


def hide_sentinels(values: np.ndarray, sentinels: Sequence[Sentinel], n_channels: int) -> np.ndarray:
    """Values of shape (n, p) with NaN for those that certainly stand for "not measured"; the argument stays."""
    for sentinel in sentinels:
        if sentinel.certain:
            blocks = values.reshape(len(values), n_channels, -1)
            held = blocks == np.asarray(sentinel.value, dtype=values.dtype)
            held[:, np.setdiff1d(np.arange(n_channels), sentinel.channels)] = False
            values = np.where(held, np.asarray(np.nan, dtype=values.dtype), blocks).reshape(values.shape)
    return values


def _set_apart(block: np.ndarray, *, cells: bool) -> list[tuple[float, float, float]]:
    """Extreme values of a channel that repeat, the share of its cells with each, and the gap in units of spread."""
    held, found = block[np.isfinite(block)].astype(np.float64), []
    for _ in range(2):  # two may stand on one side, or on both
        if not held.size:
            break
        for value in (float(held.min()), float(held.max())):
            other = held != value
            share = 1 - np.count_nonzero(other) / held.size
            rows, columns = (np.count_nonzero((block == value).any(axis=axis)) for axis in (1, 0))
            if held.size - np.count_nonzero(other) < _FEWEST_REPEATS or rows < _FEWEST_REPEATS or share > _MOST_NAMED:
                continue
            if not cells and columns < block.shape[1] / 2:
                continue
            others = held[other]
            nearest, farthest = (others.min(), others.max())[:: 1 if value < others.min() else -1]
            gap = abs(nearest - value)
            if gap < _GAP_TO_NAME / 2 * abs(farthest - nearest) and gap < _HUGE:  # cheap, and often the end
                continue
            if len(np.unique(others[:: max(1, others.size // 10_000)])) < _FEWEST_VALUES:
                continue
            spread = float(np.subtract(*np.quantile(others, (0.995, 0.005))))
            if spread > 0 and gap >= _GAP_TO_NAME * spread:
                found.append((value, share, float(gap / spread)))
                held = others
                break
        else:
            break
    return found


def _masks_agree(blocks: np.ndarray, value: float) -> bool:
    """Return whether the cells that hold the value are the same in all channels."""
    held = blocks == value
    return bool(held.all(axis=1).sum() >= 0.95 * held.any(axis=1).sum())


def _is_fill(value: float) -> bool:
    """Return whether a number is often written where there is none: of nines, a limit of its type, or huge."""
    return bool(value) and np.isfinite(value) and (abs(value) >= _HUGE or value in _FILLS or _is_nines(value))


def _is_nines(value: float) -> bool:
    """Return whether a number is written in nines alone, two at least: -99, 9999, -99.9."""
    digits = f"{abs(value):g}".replace(".", "")
    return len(digits) > 1 and set(digits) == {"9"}


def _sides(declared: LayoutLike) -> object:
    if isinstance(declared, Layout):
        return declared.shape
    return tuple(declared) if isinstance(declared, (list, tuple)) else declared
