"""Cells of a grid that hold letters or short codes: a channel of 0 and 1 for each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from autoarch.exceptions import InputError

_MOST_LETTERS, _LONGEST = 64, 3  # different ones, characters
_FEWEST_CELLS, _FEWEST_LETTERS, _LEAST_SHARED = 9, 3, 0.5  # where nobody said that columns are cells


@dataclass(frozen=True)
class Letters:
    """Cells of a grid that share a set of letters or short codes: one channel of 0 and 1 for each of ``levels``.

    A missing cell is NaN in all channels, a letter that was not there when the levels were learned 0 in all.
    """

    levels: tuple[str, ...]

    @classmethod
    def learn(cls, cells: Any, *, declared: bool) -> Letters | None:
        """Levels of an array of texts; None where these are no letters.

        Columns of a table, where no layout was declared, must be several, and share most of three letters or more:
        those of a questionnaire with yes and no are no line of cells.
        """
        texts, missing = _texts(cells)
        if texts is None or texts.ndim not in (2, 3) or missing.all():
            return None
        levels = np.unique(texts[~missing])
        if len(levels) > _MOST_LETTERS or max(map(len, levels.tolist())) > _LONGEST or not _are_texts(levels):
            return None
        if texts.ndim == 2 and not declared:
            shared = np.mean([(texts == level).any(axis=0) for level in levels])
            one_character = max(map(len, levels.tolist())) == 1
            if texts.shape[1] < _FEWEST_CELLS or len(levels) < _FEWEST_LETTERS:
                return None
            if not one_character or shared < _LEAST_SHARED:
                return None
        return cls(tuple(levels.tolist()))

    def names_out(self, cells: Iterable[str]) -> list[str]:
        """Names of the columns that ``encode`` makes of cells with these names."""
        names = list(cells)
        return [f"{name}={level}" for level in self.levels for name in names]

    def encode(self, cells: Any) -> np.ndarray:
        """Cells as channels, shape (n, number of levels, number of cells), float32.

        Raises
        ------
        InputError
            If a cell holds anything but text.
        """
        texts, missing = _texts(cells)
        if texts is None:
            raise InputError(
                "The cells of X should hold letters, as in fit, but some hold no text. Convert them with astype(str)."
            )
        texts, missing = texts.reshape(len(texts), 1, -1), missing.reshape(len(texts), 1, -1)
        channels = (texts == np.array(self.levels)[:, None]).astype(np.float32)
        channels[np.broadcast_to(missing, channels.shape)] = np.nan
        return channels


def _texts(cells: Any) -> tuple[np.ndarray | None, np.ndarray]:
    """Cells as an array of texts, and which are missing; None in place of texts where others are none."""
    cells = cells if isinstance(cells, np.ndarray) else np.asarray(cells, dtype=object)
    if cells.dtype.kind in "US":
        return cells.astype(str), np.zeros(cells.shape, dtype=bool)
    if cells.dtype != object or cells.ndim < 2:
        return None, np.zeros(cells.shape, dtype=bool)
    missing = np.asarray(pd.isna(cells))
    if not all(isinstance(cell, str) for cell in cells[~missing]):
        return None, missing
    return np.where(missing, "", cells).astype(str), missing


def _are_texts(levels: np.ndarray) -> bool:
    """Return whether some level is no number."""
    try:
        levels.astype(float)
    except ValueError:
        return True
    return False
