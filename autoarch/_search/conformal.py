"""Prediction intervals and sets with a stated coverage, from predictions of rows that were left out.

The centre is the model that is handed over; the width follows from the errors that were made on left-out rows, none of
whose models knew the row. So the coverage holds for rows like those that the splits held out: new rows, or rows of new
groups, later rows, new places [1]_.

References
----------
.. [1] V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", Springer 2005.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoarch._core.checks import shown
from autoarch._statistics.levels import intraclass
from autoarch.exceptions import InputError, ParameterError

_MOST_BINS, _LEAST_IN_BIN = 10, 50  # of predictions, in each of which the size of errors is read
_MOST_KEPT = 1_000  # rows
_LARGE = 0.9  # quantile of the errors, above which they are large
_LEAST_GAIN = 0.98  # of the mean width without a scale, below which one is used


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Predictions of rows that were left out, beside what was true.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Predicted numbers; of classes, the probability of those that are likelier than the true one and half of its own.
    truth : ndarray of shape (n,)
        Numbers; of classes, zeros.
    n_units : float
        Independent units among the rows: rows or, where those of a group, of a block of a map or of a stretch of time
        err together, as many as tell as much.
    """

    values: np.ndarray
    truth: np.ndarray
    n_units: float

    @classmethod
    def of_numbers(cls, values: np.ndarray, truth: np.ndarray, units: np.ndarray | None) -> LeftOut:
        """Keep a sample of predicted and true numbers: a model file is small, and holds no training rows.

        ``units`` are codes of the groups, blocks or stretches that the rows are of; None where each is its own.
        """
        rows = np.sort(np.random.default_rng(0).permutation(len(values))[:_MOST_KEPT])
        n_units = min(_independent(np.abs(truth - values), units), float(len(rows)))
        return cls(values[rows].astype(np.float32), truth[rows].astype(np.float32), n_units)

    @classmethod
    def of_classes(cls, proba: np.ndarray, truth: np.ndarray, units: np.ndarray | None) -> LeftOut:
        """Keep what sets need of the probabilities of rows whose codes are known."""
        mass = _mass_before(proba)[np.arange(len(truth)), truth]
        return cls.of_numbers(mass, np.zeros(len(mass)), units)

    def interval(self, predicted: np.ndarray, coverage: float) -> np.ndarray:
        """Lower and upper ends of intervals around predictions, shape (n, 2).

        Raises
        ------
        ParameterError
            If the coverage is no share.
        InputError
            If too few rows were left out for it.

        Examples
        --------
        >>> import numpy as np
        >>> from autoarch._search.conformal import LeftOut
        >>> truth = np.arange(99.0)
        >>> LeftOut(np.zeros(99), truth - truth.mean(), 99).interval(np.array([10.0]), 0.9)
        array([[-35.,  55.]])
        """
        tail = (1.0 - _checked(coverage)) / 2
        self._enough(coverage, tail)
        residual = self.truth - self.values
        scale = _scale(self.values, residual) if _scale_helps(self.values, residual, tail) else None
        size, here = (1.0, 1.0) if scale is None else (np.interp(self.values, *scale), np.interp(predicted, *scale))
        low = -_quantile(-residual / size, 1.0 - tail, self.n_units)
        high = _quantile(residual / size, 1.0 - tail, self.n_units)
        return np.column_stack([predicted + low * here, predicted + high * here])

    def sets(self, proba: np.ndarray, coverage: float) -> np.ndarray:
        """Mask of the classes in the set of each row, shape (n, n_classes); the likeliest is always in.

        A class is in where the classes that are likelier, with half of its own, hold no more than in left-out rows. So
        sets are large where a row is hard, and small where it is not.

        Raises
        ------
        ParameterError
            If the coverage is no share.
        InputError
            If too few rows were left out for it.
        """
        self._enough(coverage, 1.0 - _checked(coverage))
        chosen = _mass_before(proba) <= _quantile(self.values, coverage, self.n_units) + 1e-7
        chosen[np.arange(len(proba)), proba.argmax(axis=1)] = True
        return chosen

    def _enough(self, coverage: float, tail: float) -> None:
        """Raise where so rare an error cannot be known from so few rows."""
        needed = int(np.ceil(1.0 / tail - 1e-9)) - 1
        if len(self.truth) < needed:
            most = max(0.0, 1.0 - (1.0 - coverage) / tail / (len(self.truth) + 1))
            raise InputError(
                f"coverage={coverage:g} needs {needed} rows that were left out, and {len(self.truth)} were. Pass a "
                f"coverage of at most {np.floor(1000 * most) / 1000:g}, or fit on more rows."
            )


@dataclass(frozen=True, eq=False)
class LeftOutTargets:
    """Predictions of rows that were left out, of several targets.

    Parameters
    ----------
    each : tuple of LeftOut
        Those of each target, which hold the truth as often by itself.
    """

    each: tuple[LeftOut, ...]

    def interval(self, predicted: np.ndarray, coverage: float) -> np.ndarray:
        """Lower and upper ends of intervals around predictions, shape (n, 2, k); as for a single target."""
        pairs = zip(self.each, predicted.T, strict=True)
        return np.stack([known.interval(one, coverage) for known, one in pairs], axis=2)

    def sets(self, proba: Sequence[np.ndarray], coverage: float) -> list[np.ndarray]:
        """Mask of the classes in the set of each label, shape (n, 2) each; as for a single target."""
        return [known.sets(pair, coverage) for known, pair in zip(self.each, proba, strict=True)]


def _checked(coverage: float) -> float:
    number = isinstance(coverage, (int, float, np.number)) and not isinstance(coverage, bool)
    if not number or not 0.0 < coverage < 1.0:
        raise ParameterError(f"coverage={shown(coverage)} was given; expected a share between 0 and 1, such as 0.9.")
    return float(coverage)


def _independent(far: np.ndarray, units: np.ndarray | None) -> float:
    """Independent rows that say as much about large errors as these rows, which err together within units.

    By the design effect, 1 + (m - 1) rho, of units of m rows whose large errors have the intraclass correlation rho.
    """
    n = len(far)
    if units is None or n < 2:
        return float(n)
    codes = np.unique(units, return_inverse=True)[1]
    sizes = np.bincount(codes)
    large = (far > np.quantile(far, _LARGE)).astype(np.float64)
    rho = float(np.clip(intraclass(large[:, None], codes)[0], 0.0, 1.0))
    effect = 1.0 + (np.square(sizes).sum() / n - 1.0) * rho
    return float(max(min(len(sizes), n), n / effect))


def _quantile(values: np.ndarray, share: float, n_units: float) -> float:
    """Value that ``share`` of further values do not exceed, where so many units stand behind those that are known."""
    n = len(values)
    place = int(np.ceil(n * min(1.0, share * (1.0 + 1.0 / n_units)) - 1e-9))
    return float(np.partition(values, place - 1)[place - 1])


def _mass_before(proba: np.ndarray) -> np.ndarray:
    """Probability of all likelier classes and half of the own one, for each class."""
    order = np.argsort(-proba, axis=1, kind="stable")
    sorted_ = np.take_along_axis(proba, order, axis=1)
    mass = np.empty_like(proba)
    np.put_along_axis(mass, order, np.cumsum(sorted_, axis=1) - sorted_ / 2, axis=1)
    return mass


def _scale(predicted: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean size of errors around some predictions, to interpolate between; None where rows are few."""
    n_bins = min(_MOST_BINS, len(predicted) // _LEAST_IN_BIN)
    if n_bins < 3:
        return None
    bins = np.array_split(np.argsort(predicted, kind="stable"), n_bins)
    where = np.array([predicted[rows].mean() for rows in bins])
    sizes = np.array([np.abs(residual[rows]).mean() for rows in bins])
    least = 0.1 * float(np.abs(residual).mean())
    return where, np.maximum(sizes, max(least, 1e-300))


def _scale_helps(predicted: np.ndarray, residual: np.ndarray, tail: float) -> bool:
    """Return whether intervals that follow the size of the prediction are narrower, on rows that had no say in it."""
    halves = np.arange(len(predicted)) % 2 == 0
    plain = scaled = 0.0
    for half in (halves, ~halves):
        scale = _scale(predicted[half], residual[half])
        if scale is None or (~half).sum() * tail < 1:
            return False
        size = np.interp(predicted[~half], *scale)
        for kind, values, width in (("plain", residual[~half], 1.0), ("scaled", residual[~half] / size, size.mean())):
            spread = float(np.subtract(*np.quantile(values, [1 - tail, tail]))) * width
            plain, scaled = (plain + spread, scaled) if kind == "plain" else (plain, scaled + spread)
    return scaled < _LEAST_GAIN * plain
