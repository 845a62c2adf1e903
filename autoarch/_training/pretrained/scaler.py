"""Grids as a pretrained net knows them: by its own mean and deviation, or as they are where these are unknown."""

from __future__ import annotations

from typing import Any

import numpy as np

from autoarch._data.layout import Layout
from autoarch._training.grid_scaler import GridScaler
from autoarch._training.pretrained.input_shift import channel_moments
from autoarch._training.pretrained.source import Pretrained


class SourceScaler(GridScaler):
    """Shape flat rows into grids and scale them by the statistics of other data.

    Missing cells become the mean, and the columns beside the grid follow as planes, as in
    :class:`autoarch._training.grid_scaler.GridScaler`.

    Parameters
    ----------
    layout : Layout
        Cells behind the columns.
    mean, scale : ndarray of shape (channels, height, width) or (channels, 1, 1), or None
        What the net was trained with: cell by cell where the sides are the same, else of each channel, or of all
        channels where their number differs. None leaves the values as they are.
    categorical : tuple of int, default=()
        Columns that hold codes of categories.
    """

    def __init__(
        self,
        layout: Layout,
        mean: np.ndarray | None = None,
        scale: np.ndarray | None = None,
        categorical: tuple[int, ...] = (),
    ):
        super().__init__(layout, "global", categorical)
        self.mean = mean
        self.scale = scale

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return ["categorical", "layout", "mean", "scale"]

    def fit(self, X: np.ndarray, y: Any = None) -> SourceScaler:
        """Learn which cells are missing and what stands beside the grid; the scale is given."""
        super().fit(X)
        if self.mean is None or self.scale is None:
            self.level_ = self.mean_  # what a missing cell becomes
            self.mean_, self.scale_ = np.zeros_like(self.mean_), np.ones_like(self.scale_)
            self._largest = np.inf
            return self
        mean, scale = self.mean, self.scale
        if mean.shape[1:] not in ((1, 1), self.layout.shape[1:]):
            mean, scale = (part[:, None, None] for part in channel_moments(mean, scale))
        if len(mean) != self.layout.channels:
            mean, scale = mean.mean(0, keepdims=True), scale.mean(0, keepdims=True)
        self.mean_, self.scale_ = mean, scale
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the scaled grids, then the mask where one was learned, then the planes."""
        if not hasattr(self, "level_") or not np.isnan(X).any():
            return super().transform(X)
        missing = np.isnan(self.layout.to_grid(X))
        grids = super().transform(X)
        cells = grids[:, : self.layout.channels]
        cells[missing] = np.broadcast_to(self.level_, missing.shape)[missing]
        return grids


def scaler_for(inputs: str, layout: Layout, source: Pretrained, categorical: tuple[int, ...] = ()) -> GridScaler:
    """The unfitted step that brings grids to a net: "own" scales by their own statistics, "source" by the net's."""
    if inputs == "own":
        return GridScaler(layout, categorical=categorical)
    return SourceScaler(layout, source.mean, source.scale, categorical)
