"""One data set under examination: its statistics and landmarks, in any layout of the columns.

Imports: numpy, ``clock``, ``landmarks``, ``look``, ``report``, ``autoarch._data.layout``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoarch._data.layout import Layout
from autoarch.locality.clock import Clock
from autoarch.locality.landmarks import ORDER, Measured, measure_landmarks
from autoarch.locality.look import look_at
from autoarch.locality.report import LocalityReport


@dataclass(frozen=True, eq=False)
class Subject:
    """What is examined, and how long it may take.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers, NaN where missing, codes in the ``categorical`` columns.
    y : ndarray of shape (n,) or None
        Codes or floats.
    task : {"classification", "regression"}
        Kind of ``y``.
    categorical : tuple of int
        Columns that hold codes of categories.
    clock : Clock
        The limit, if any.
    seed : int
        Everything random follows from it.
    n_jobs : int or None
        Jobs for the trees among the landmarks.
    """

    values: np.ndarray
    y: np.ndarray | None
    task: str
    categorical: tuple[int, ...]
    clock: Clock
    seed: int
    n_jobs: int | None

    @property
    def numeric(self) -> np.ndarray:
        """Columns that hold numbers."""
        return np.setdiff1d(np.arange(self.values.shape[1]), self.categorical)

    def measure(self, layout: Layout | None, known: Measured | None = None, wanted: Sequence[str] = ORDER) -> Measured:
        """Landmarks in this layout; none without y."""
        if self.y is None:
            return Measured(metric="r2" if self.task == "regression" else "accuracy")
        return measure_landmarks(
            self.values,
            self.y,
            task=self.task,
            layout=layout,
            categorical=self.categorical,
            clock=self.clock,
            seed=self.seed,
            n_jobs=self.n_jobs,
            known=known,
            wanted=wanted,
        )

    def look(self, layout: Layout | None) -> LocalityReport:
        """Statistics in this layout."""
        if layout is None:
            return LocalityReport()
        return look_at(self.values, layout, np.random.default_rng([self.seed, 0]), hurried=self.clock.left() < 1.0)


def completed(report: LocalityReport, measured: Measured) -> LocalityReport:
    """The same report with landmarks."""
    return replace(
        report,
        landmarks=measured.landmarks,
        gains=measured.gains,
        landmark_metric=measured.metric,
        landmark_rows=measured.n_rows,
        skipped=(*report.skipped, *measured.skipped),
    )
