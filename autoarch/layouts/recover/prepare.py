"""Make the columns of a matrix comparable: numbers, spread one, constant ones set aside, in an order of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autoarch.exceptions import InputError

MOST_ROWS = 20_000  # beyond, more rows make correlations no better than lattices need
LARGEST = 1e15  # of float32 values; sums of their squares stay finite
RARE = 0.02  # share of rows; a column that leaves its usual value in fewer rows is near-constant,
ENOUGH = 5  # unless it does so in that many rows


@dataclass(frozen=True)
class Columns:
    """Columns ready for correlations.

    Parameters
    ----------
    values : ndarray of shape (n, a + r), float32
        Active columns, then near-constant ones, with mean zero and spread one. Missing cells are zero, which weakens
        all correlations a little; those of the rows where both are there would be no correlations of anything, and
        regressions on them explain more than all there is.
    numbers : ndarray of int, shape (a + r,)
        Their places in X.
    n_active : int
        How many of them are active.
    constant : ndarray of int
        Columns of X that never vary, or are never there.
    """

    values: np.ndarray
    numbers: np.ndarray
    n_active: int
    constant: np.ndarray

    def correlations(self) -> np.ndarray:
        """Of the active columns."""
        return _as_correlations(self._products(slice(None), slice(0, self.n_active)))

    def halved_correlations(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the active columns: over all rows, and over two halves of them drawn at random."""
        rows = rng.permutation(len(self.values))
        active = slice(0, self.n_active)
        first = self._products(np.sort(rows[: len(rows) // 2]), active)
        second = self._products(np.sort(rows[len(rows) // 2 :]), active)
        return _as_correlations(first + second), _as_correlations(first), _as_correlations(second)

    def rare_correlations(self) -> np.ndarray:
        """Of all columns that vary, (a + r, a + r)."""
        return _as_correlations(self._products(slice(None), slice(None)))

    def _products(self, rows: slice | np.ndarray, which: slice) -> np.ndarray:
        Z = self.values[rows, which]
        return Z.T @ Z


def _as_correlations(products: np.ndarray) -> np.ndarray:
    spread = np.sqrt(np.diag(products))  # in a half of the rows a column has a spread of its own, which may be none
    scale = np.where(spread > 1e-3 * spread.max(initial=0.0), 1.0 / np.maximum(spread, 1e-12), 0.0)
    products *= scale.astype(np.float32)[:, None]
    products *= scale.astype(np.float32)
    np.clip(products, -1.0, 1.0, out=products)
    np.fill_diagonal(products, 1.0)
    return products


def prepare_columns(X: Any, rng: np.random.Generator) -> Columns:
    """Read X, subtract each column's minimum, take roots where X is non-negative, standardise.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Real numbers; NaN where a cell is missing.
    rng : Generator
        Draws the rows where there are more than 20,000, and the order of the columns.

    Returns
    -------
    Columns
        In an order that depends on their values alone: the given one must not help, as it often is the answer.

    Raises
    ------
    InputError
        If X is no table of real numbers, or has fewer than two rows.
    """
    values = _numbers(X)
    if len(values) > MOST_ROWS:
        values = values[np.sort(rng.choice(len(values), MOST_ROWS, replace=False))]
    if np.isinf(values).any():
        raise InputError("X holds infinite values. Replace them, by NaN if unknown.")
    values = _within_reach(values)
    observed = None if not np.isnan(values).any() else ~np.isnan(values)
    lowest = _lowest(values, observed)
    root = bool((lowest >= 0).all())
    values -= lowest
    if root:
        np.sqrt(values, out=values)
    active, rare, constant = _by_variation(values, observed)
    _standardise(values, observed)
    key = rng.normal(size=len(values)).astype(np.float32) @ values
    numbers = np.concatenate([kind[np.argsort(key[kind], kind="stable")] for kind in (active, rare)])
    return Columns(np.ascontiguousarray(values[:, numbers]), numbers, len(active), constant)


def _numbers(X: Any) -> np.ndarray:
    try:
        values = np.asarray(X)
        if values.dtype.kind not in "buif":
            values = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"X holds values that are no real numbers ({error}). A layout is recovered from numbers only: encode or "
            "drop the other columns."
        ) from None
    if values.ndim != 2:
        raise InputError(
            f"X has {values.ndim} dimensions, {values.shape}; expected (rows, columns). Flatten every row first: "
            "X.reshape(len(X), -1)."
        )
    if len(values) < 2 or values.shape[1] < 1:
        raise InputError(f"X has shape {values.shape}; expected at least two rows and one column.")
    return values


def _within_reach(values: np.ndarray) -> np.ndarray:
    """As float32, columns with values whose squares would overflow scaled down: only what is relative matters."""
    with np.errstate(invalid="ignore"):
        largest = np.fmax.reduce(np.abs(values), axis=0, initial=0.0)
    if float(largest.max(initial=0.0)) <= LARGEST:
        return values.astype(np.float32)
    return (values / np.maximum(largest / LARGEST, 1.0)).astype(np.float32)


def _lowest(values: np.ndarray, observed: np.ndarray | None) -> np.ndarray:
    if observed is None:
        return values.min(axis=0)
    lowest = np.where(observed, values, np.inf).min(axis=0)
    return np.where(np.isfinite(lowest), lowest, 0.0).astype(np.float32)


def _by_variation(values: np.ndarray, observed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns that vary, hardly vary, never vary; the usual value of a column is its median."""
    if observed is None:
        usual, spread = np.median(values[:: max(1, len(values) // 2_000)], axis=0), values.max(axis=0)
        count = (np.abs(values - usual) > 1e-6 * spread).sum(axis=0)
    else:
        usual = np.zeros(values.shape[1], np.float32)
        seen = observed.any(axis=0)
        usual[seen] = np.nanmedian(values[:, seen], axis=0)
        spread = np.where(observed, values, 0.0).max(axis=0)
        count = ((np.abs(values - usual) > 1e-6 * spread) & observed).sum(axis=0)
    constant, rare = count == 0, count < min(ENOUGH, RARE * len(values))
    return np.flatnonzero(~rare), np.flatnonzero(rare & ~constant), np.flatnonzero(constant)


def _standardise(values: np.ndarray, observed: np.ndarray | None) -> None:
    """To mean zero and spread one, in place; missing cells become zero."""
    count: Any = len(values)
    if observed is not None:
        values[~observed] = 0.0
        count = np.maximum(observed.sum(axis=0), 1)
    values -= (values.sum(axis=0, dtype=np.float64) / count).astype(np.float32)
    if observed is not None:
        values[~observed] = 0.0
    values /= np.maximum(np.sqrt(np.einsum("ij,ij->j", values, values) / count), 1e-12).astype(np.float32)
