"""Rows of X that a fit reads: all of them or, where X is larger than what a search can hold a few times, a sample.

Every step holds a copy or two of its training rows, and random convolutions and ridges hold features of them. What is
left out is neither converted nor checked, so that a file that is mapped or sliced is never read as a whole into memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from autoarch._core.checks import own_errors
from autoarch._core.quiet import global_random_state_kept
from autoarch._data.containers import check_room, check_whole_fits, take_rows
from autoarch._data.row_splits import Split, check_groups, is_plain, users_own_splits
from autoarch._data.several_targets import as_given
from autoarch._data.target import Target
from autoarch._search.row_folds import is_time
from autoarch._training.time_limited import class_first_order

MOST_VALUES = 2**26  # rows x cells that a search works on: 256 MiB as float32
_FEWEST_ROWS = 300
_PREDICTED_VALUES = 2**22  # rows x cells that are converted and predicted at a time


def shape_of(X: Any) -> tuple[int, ...] | None:
    """Rows and cells of X, where it says so without being converted."""
    shape = getattr(X, "shape", None)
    if isinstance(X, np.ndarray) and 0 in X.strides:  # a view that repeats its values may have a shape that none holds
        check_whole_fits(X)
    whole = isinstance(shape, tuple) and all(isinstance(side, (int, np.integer)) for side in shape)
    return tuple(map(int, shape)) if whole and shape is not None and 2 <= len(shape) <= 4 else None


def rows_to_read(X: Any) -> int | None:
    """Number of rows that a search works on; None for all of them."""
    shape = shape_of(X)
    if shape is None or prod(shape) <= MOST_VALUES:
        return None
    most = max(_FEWEST_ROWS, MOST_VALUES // prod(shape[1:]))
    return most if most < shape[0] else None


def blocks_of(X: Any, n_classes: int) -> list[slice]:
    """Blocks of rows in which X is predicted; none where it is small or does not tell its shape."""
    shape = shape_of(X)
    if shape is None:
        return []
    step = max(1, _PREDICTED_VALUES // max(n_classes, prod(shape[1:]), 1))
    if step >= shape[0]:
        return []
    check_room("the array of predictions", (shape[0], max(n_classes, 1)), 8)
    return [slice(start, min(start + step, shape[0])) for start in range(0, shape[0], step)]


@dataclass(frozen=True, eq=False)
class GivenRows:
    """Arguments of a fit that have one entry per row.

    Parameters
    ----------
    X, y, sample_weight, groups, cv
        As of ``fit`` and the estimators; those of a sample once it is drawn.
    note : str
        What the sample is, in words; empty for all rows.
    sample : tuple of ndarray and int, or None
        Rows of the sample, and how many there were.
    """

    X: Any
    y: Any
    sample_weight: Any
    groups: Any
    cv: Any
    note: str = ""
    sample: tuple[np.ndarray, int] | None = None

    def sampled(self, read_target: Callable[[Any, int], Target], task: str) -> GivenRows:
        """Draw a random sample of the rows, two of each class at least, where they have too many values together.

        It is the same whatever the seed of the search, so that searches on the same rows can be continued.

        Parameters
        ----------
        read_target : callable
            Check y against a number of rows, and read it.
        task : {"classification", "regression"}
            What y is, for splitters.
        """
        with own_errors(reading="X"):
            most = rows_to_read(self.X)
        if most is None:
            return self
        n = self.X.shape[0]
        target = read_target(self.y, n)
        rows = np.sort(class_first_order(target.codes, 0)[: max(most, 2 * target.n_classes)])
        weight = target.weights(self.sample_weight, None)
        groups = None if self.groups is None else check_groups(self.groups, n, coded=False)
        with own_errors(reading="X"):
            X = take_rows(self.X, rows)
        return GivenRows(
            X,
            as_given(target.values[rows], target.classes, target.names),
            None if weight is None else weight[rows],
            None if groups is None else groups[rows],
            self.cv if is_time(self.cv) or is_plain(self.cv) else self._splits_of(rows, target.codes, groups, task),
            f"a random sample of {len(rows):,} of the {n:,} rows of X",
            (rows, n),
        )

    def in_full(self, values: np.ndarray) -> np.ndarray:
        """Values of the rows that are read, NaN for the others."""
        if self.sample is None:
            return values
        rows, n = self.sample
        full = np.full((n, *values.shape[1:]), np.nan)
        full[rows] = values
        return full

    def _splits_of(self, rows: np.ndarray, y: np.ndarray, groups: np.ndarray | None, task: str) -> list[Split]:
        """Split all rows as the user says, and keep those of the sample."""
        place = np.full(len(y), -1)
        place[rows] = np.arange(len(rows))
        with global_random_state_kept():
            splits = users_own_splits(self.cv, y, groups, task, self.X).splits
        sampled = [(place[train], place[valid]) for train, valid in splits]
        return [(train[train >= 0], valid[valid >= 0]) for train, valid in sampled]

    @property
    def warning(self) -> str:
        """Say that rows are left out, why, and what to do; empty for all rows."""
        return self.note and (
            f"X has more than {MOST_VALUES:,} values, so the search works on {self.note}. Rows with fewer cells, such "
            "as pictures of half the height and width, let more of them take part."
        )
