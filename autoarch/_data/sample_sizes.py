"""Samples that come one by one: a list, an array of objects or a table of one column that holds arrays.

Equal ones are stacked. Where they differ along one axis (series of different lengths) they are padded with missing
cells to the longest, for a pattern keeps its scale so; where both sides differ (pictures), or padding would leave more
empty cells than full ones, they are resized to the median sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from autoarch._core.quiet import warn_user
from autoarch._data.containers import to_plain
from autoarch.exceptions import InputError, InputTypeError

_AXES = "(length,), (height, width) or (channels, height, width)"
_MOST_EMPTY = 0.5  # share of the cells that padding may add


def samples_of(X: Any) -> list[np.ndarray] | None:
    """Read samples that come one by one and need more than ``numpy.asarray``; None where X is anything else.

    Raises
    ------
    InputTypeError
        If they have different numbers of axes.
    """
    cells: Sequence[Any]
    if isinstance(X, pd.Series):
        X = X.to_frame()
    if isinstance(X, pd.DataFrame):
        cells = X.iloc[:, 0].tolist() if X.shape[1] == 1 and X.dtypes.iloc[0].kind == "O" else []
    elif isinstance(X, np.ndarray):
        cells = X.tolist() if X.dtype == object and X.ndim == 1 else []
    else:
        cells = X if isinstance(X, (list, tuple)) and _differ(X) else []
    if not len(cells) or not all(map(_is_array, cells)):
        return None
    samples = [np.asarray(to_plain(cell)) for cell in cells]
    if any(sample.dtype == object for sample in samples) or len({sample.ndim for sample in samples}) > 1:
        raise InputTypeError(f"{_shapes(samples)}; expected as many axes in each, as in {_AXES}.")
    return samples


def stacked(samples: Sequence[np.ndarray]) -> np.ndarray:
    """One array of samples of one size.

    Raises
    ------
    InputTypeError
        If their sizes differ.
    """
    if len({sample.shape for sample in samples}) > 1:
        raise InputTypeError(f"{_shapes(samples)}; expected one shape, as in fit. Cut or pad them to it.")
    return np.stack(samples)


def _shapes(samples: Sequence[np.ndarray]) -> str:
    return f"X holds arrays of the shapes {', '.join(map(str, sorted({sample.shape for sample in samples})[:3]))}"


def _is_array(cell: Any) -> bool:
    return isinstance(cell, (list, tuple)) or (hasattr(cell, "shape") and len(cell.shape) > 0)


def _differ(samples: Sequence[Any]) -> bool:
    """Tell whether some arrays are of another size than others; in nested lists that is a mistake."""
    shapes = {tuple(getattr(sample, "shape", ())) for sample in samples}
    return len(shapes) > 1 and () not in shapes


@dataclass(frozen=True)
class CommonSize:
    """Shape that samples of different sizes are brought to, and how."""

    shape: tuple[int, ...]
    resized: bool
    least: tuple[int, ...]
    most: tuple[int, ...]
    n_samples: int

    @classmethod
    def learn(cls, samples: Sequence[np.ndarray], channels: str) -> CommonSize | None:
        """Find a size for samples; None where they have one.

        Raises
        ------
        InputError
            If the samples have different numbers of channels.
        """
        sizes = np.array([sample.shape for sample in samples])
        least, most = sizes.min(axis=0), sizes.max(axis=0)
        if (least == most).all():
            return None
        if least.min() == 0:
            raise InputError("X holds an empty sample; expected at least one value in each. Leave such rows out.")
        of_channels = {"first": 0, "last": 2}[channels]
        if sizes.shape[1] == 3 and least[of_channels] != most[of_channels]:
            raise InputError(
                f"X holds samples of {least[of_channels]} to {most[of_channels]} channels; expected one number of them "
                f"(channels={channels!r}). Pass samples with the same channels."
            )
        empty = 1.0 - sizes.prod(axis=1).mean() / most.prod()
        texts = any(sample.dtype.kind in "US" for sample in samples)  # letters have nothing in between
        resized = not texts and bool((least != most).sum() > 1 or empty > _MOST_EMPTY)
        shape = np.median(sizes, axis=0).round().astype(int) if resized else most
        ends = tuple(least.tolist()), tuple(most.tolist())
        return cls(tuple(shape.tolist()), resized, *ends, len(samples))

    def __str__(self) -> str:
        """Return a sentence that says what was done."""
        least, most, shape = (" x ".join(map(str, sizes)) for sizes in (self.least, self.most, self.shape))
        how = (
            f"each was resized to {shape} by linear interpolation"
            if self.resized
            else f"shorter ones were padded at the end with missing cells to {shape}"
        )
        return (
            f"The {self.n_samples} samples are of different sizes, from {least} to {most} cells: {how}. Where sizes "
            "should be treated otherwise, bring the samples to one shape yourself."
        )

    def bring(self, samples: Sequence[np.ndarray]) -> np.ndarray:
        """Bring samples to the common shape, (n, *shape), float64 (of texts: objects).

        Raises
        ------
        InputError
            If they have another number of axes, or of channels.
        """
        of_another_kind = [each.shape for each in samples if each.ndim != len(self.shape) or not each.size]
        if of_another_kind:
            raise InputError(
                f"X holds a sample of shape {of_another_kind[0]}; expected {len(self.shape)} axes with at least one "
                f"value, as in the shape {self.shape} that fit brought its samples to."
            )
        if self.resized:
            return np.stack([resize(each, self.shape) for each in samples])
        texts = any(sample.dtype.kind in "US" for sample in samples)
        out = np.full((len(samples), *self.shape), None if texts else np.nan, dtype=object if texts else np.float64)
        n_cut = 0
        for row, sample in zip(out, samples, strict=True):
            part = tuple(slice(0, min(own, common)) for own, common in zip(sample.shape, self.shape, strict=True))
            row[part] = sample[part]
            n_cut += row[part].shape != sample.shape
        if n_cut:
            warn_user(
                f"{n_cut} of {len(samples)} samples are longer than those of fit, and were cut to {self.shape}. Fit "
                "with samples of such lengths to have all their cells read."
            )
        return out


def resize(sample: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Resize along each axis by linear interpolation; where an axis shrinks, each cell is a weighted mean of a window.

    Missing cells take no part, and are missing where all those that a cell would be made of are.
    """
    values = np.asarray(sample, dtype=np.float64)
    known = ~np.isnan(values)
    values = np.where(known, values, 0.0)
    shares = known.astype(np.float64)
    for axis, size in enumerate(shape):
        if values.shape[axis] != size:
            weights = _triangles(values.shape[axis], size)
            values, shares = (
                np.moveaxis(np.tensordot(weights, part, axes=(1, axis)), 0, axis) for part in (values, shares)
            )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(shares > 1e-9, values / shares, np.nan)


def _triangles(source: int, target: int) -> np.ndarray:
    """Weights, (target, source), of a triangular window around the place of each new cell; rows sum to 1."""
    ratio = source / target
    places = (np.arange(target)[:, None] + 0.5) * ratio - 0.5
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(source) - places.clip(0, source - 1)) / max(1.0, ratio))
    return weights / weights.sum(axis=1, keepdims=True)
