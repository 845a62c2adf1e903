"""Values in the shape of X and under its names, with all that is needed to read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from autoarch.exceptions import InputError, ParameterError
from autoarch.explain import views
from autoarch.explain.column_map import Columns

MOST_LISTED = 5  # names in the text
_CONFIRMS = 0.5  # of the highest value of a map, near the highest place of another
MOST_APART = 0.25  # of the rows, above which sizes of patches are said to disagree


@dataclass(frozen=True, eq=False, repr=False)
class Setup:
    """Words on how an explanation was computed; :class:`Explanation` describes the fields."""

    reason: str
    by: str
    baseline: str
    models: str


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Setup):
    """Contribution of each cell or column to the target, for each row or for the whole data set.

    Parameters
    ----------
    reason : str
        Reason for the method, where it was chosen by itself; else empty.
    by : str
        Parts that were removed at once. The value of a part is spread evenly over its cells.
    baseline : str
        Values that replaced the removed ones.
    models : str
        Number of models of an ensemble that were used; empty where that is all.
    method : {"occlusion", "gradients", "gradcam", "shap", "permutation"}
        How it was found.
    units : str
        Unit of the values.
    target : ndarray of shape (n,) or None
        The class that is explained, for each row; None for numbers and for the whole data set.
    by_name : ndarray of shape (n, p)
        Values of the columns of X; one row for the whole data set.
    std_error_by_name : ndarray of shape (n, p) or None
        Standard errors over repeats, or over the models of an ensemble; None where there is only one.
    stability : float or None
        Mean rank correlation between the global maps of two repeats or models, from -1 to 1; None where there is one.
    n_repeats : int
        Repeats, or models.
    outputs, base_outputs : ndarray of shape (n,)
        Outputs of the model for the rows, and for the baseline; NaN where the method knows none. The values of
        "gradients" and "shap" sum to their difference.
    columns : Columns
        Names, and their cells on a grid.
    sample : ndarray of shape (n, p) or DataFrame
        The rows, for pictures.
    by_size : mapping from (int, int) to ndarray of shape (n, p)
        What patches of each height and width alone would have given; empty where parts of one size were removed. Their
        mean is ``by_name``.
    """

    method: str
    units: str
    target: np.ndarray | None
    by_name: np.ndarray
    std_error_by_name: np.ndarray | None
    stability: float | None
    n_repeats: int
    outputs: np.ndarray
    base_outputs: np.ndarray
    columns: Columns
    sample: Any
    by_size: Mapping[tuple[int, int], np.ndarray] = field(default_factory=dict)

    @cached_property
    def sizes_disagree(self) -> np.ndarray:
        """For each row, whether patches of two sizes have their highest values at different places, of shape (n,).

        They agree where each has at least half of its highest value within a patch around the other's highest place.
        """
        apart = np.zeros(len(self.by_name), dtype=bool)
        if self.by_size:
            sides = np.maximum.reduce([*self.by_size])
            maps = [self.columns.to_grid(values).sum(axis=1) for values in self.by_size.values()]
            tops = [values.reshape(len(values), -1).argmax(axis=1) for values in maps]
            for values in maps:
                near = ndimage.maximum_filter(values, (1, *sides), mode="nearest").reshape(len(values), -1)
                highest = near.max(axis=1)
                apart |= np.any([near[np.arange(len(near)), top] < _CONFIRMS * highest for top in tops], axis=0)
        return apart

    @property
    def warning(self) -> str:
        """Reason to beware: sizes of patches that disagree in many rows; empty where there is nothing."""
        share = float(self.sizes_disagree.mean())
        if share <= MOST_APART:
            return ""
        sizes = " and ".join(f"{down} x {across}" for down, across in self.by_size)
        return f"patches of {sizes} cells have their highest values at different places in {share:.0%} of the rows"

    @property
    def values(self) -> np.ndarray:
        """Values: (n, channels, height, width) if X was a grid, else (n, p)."""
        return self._shaped(self.by_name)

    @property
    def std_error(self) -> np.ndarray | None:
        """Standard errors in the shape of ``values``; None where there was one repeat."""
        return None if self.std_error_by_name is None else self._shaped(self.std_error_by_name)

    @property
    def grid(self) -> np.ndarray:
        """Values as (n, channels, height, width), also for flat columns whose layout was given or found.

        Raises
        ------
        InputError
            If there is no layout.
        """
        if self.columns.cells is None:
            raise InputError(
                "X has no layout here, so there is no grid. Pass layout=(height, width) to explain, or use by_name."
            )
        return self.columns.to_grid(self.by_name)

    @property
    def importances(self) -> np.ndarray:
        """Over the data set, of shape (p,): mean sizes of the values, or falls of the score as they are."""
        return self.by_name[0] if self.of_data_set else np.abs(self.by_name).mean(axis=0)

    @property
    def global_(self) -> np.ndarray:
        """``importances`` in the shape of one of the ``values``."""
        return self._shaped(self.importances[None])[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of X, or of its cells."""
        return self.columns.names

    @property
    def of_data_set(self) -> bool:
        """True for one explanation of all rows together, False for one of each."""
        return self.method == "permutation"

    def by_row(self) -> np.ndarray:
        """Sums over each row of the grid, of shape (n, height)."""
        return self.grid.sum(axis=(1, 3))

    def by_column(self) -> np.ndarray:
        """Sums over each column of the grid, of shape (n, width); without a grid, the values of the columns."""
        return self.by_name if self.columns.cells is None else self.grid.sum(axis=(1, 2))

    def by_channel(self) -> np.ndarray:
        """Sums over each channel of the grid, of shape (n, channels)."""
        return self.grid.sum(axis=(2, 3))

    def to_frame(self, sample: int | None = None) -> pd.DataFrame:
        """One row per column or cell, the most important first.

        Parameters
        ----------
        sample : int or None, default=None
            A row of X: then its values are shown, else the global ones.

        Returns
        -------
        DataFrame
            ``name``, its place on the grid if there is one, ``value`` (of the sample) or ``importance`` and
            ``mean_value``, and ``std_error`` where it is known.
        """
        frame, errors = pd.DataFrame({"name": self.names}), self.std_error_by_name
        if self.columns.cells is not None:
            places = np.full((len(frame), 3), -1)
            places[self.columns.cells[self.columns.cells >= 0]] = np.argwhere(self.columns.cells >= 0)
            frame[["channel", "row", "column"]] = places
        if sample is None:
            key, place, errors = "importance", 0, errors if len(self.by_name) == 1 else None
            frame[key], frame["mean_value"] = self.importances, self.by_name.mean(axis=0)
        else:
            key, place = "value", self._place(sample)
            frame[key] = self.by_name[place]
        if errors is not None:
            frame["std_error"] = errors[place]
        return frame.sort_values(key, key=np.abs, ascending=False, kind="stable", ignore_index=True)

    def plot(self, sample: int = 0, *, ax: Any = None) -> views.ExplanationDisplay:
        """Draw one row beside its values: heat maps with profiles of rows and columns, or bars with names.

        Where patches of several sizes disagree on the row, their maps are drawn below.

        Parameters
        ----------
        sample : int, default=0
            A row of X; of no matter where the whole data set is explained.
        ax : Axes or None, default=None
            Where to draw the values alone; None for a new figure.

        Returns
        -------
        ExplanationDisplay
            With ``ax_`` and ``figure_``; the extra ``plot`` brings matplotlib.
        """
        place = self._place(sample)
        target = "" if self.target is None else f", target {self.target[place]}"
        what = "over the data set" if self.of_data_set else f"of row {place}{target}"
        title = f"{self.method} {what}: {self.units}"
        if self.columns.cells is None:
            errors = None if self.std_error_by_name is None else self.std_error_by_name[place]
            return views.ExplanationDisplay.of_bars(
                self.by_name[place], errors, self._labels(place), title=title, ax=ax
            )
        shown = "mean sample" if self.of_data_set else "sample"
        heat = self.grid[place].sum(axis=0)
        alone = self._maps_of_sizes(lambda values: values[place]) if self.sizes_disagree[place] else {}
        return views.ExplanationDisplay.of_maps(
            self._picture(place), heat, title=title, shown=shown, alone=alone, ax=ax
        )

    def __str__(self) -> str:
        rows = len(self.by_name)
        n = "the data set" if self.of_data_set else f"{rows} row{'s' if rows > 1 else ''}"
        chosen = f" ({self.reason})" if self.reason else ""
        lines = [f"{self.method}{chosen} of {n}, by {self.by}; {self.units}"]
        if self.baseline:
            lines.append(f"baseline: {self.baseline}")
        if self.models:
            lines.append(f"computed with {self.models}")
        if self.stability is not None:
            lines.append(f"stability over {self.n_repeats} repeats: {self.stability:.2f}")
        if self.warning:
            lines.append(self.warning)
        overall = self.importances
        order = np.argsort(-np.abs(overall), kind="stable")[:MOST_LISTED]
        lines.append("most important: " + ", ".join(f"{self.names[place]} {overall[place]:.3g}" for place in order))
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        overall, heats = self.importances, {}
        if self.columns.cells is not None:
            heats["Over all rows"] = self.columns.to_grid(overall[None])[0].sum(axis=0)
        if self.warning:
            heats |= self._maps_of_sizes(lambda values: np.abs(values).mean(axis=0))
        return views.as_html(str(self).split("\n"), overall, self.names, heats)

    def _maps_of_sizes(self, of_rows: Callable[[np.ndarray], np.ndarray]) -> dict[str, np.ndarray]:
        """Maps (height, width) of the patches of each size, of what some function makes of the rows."""
        return {
            f"patches of {down} x {across} cells alone": self.columns.to_grid(of_rows(values)[None])[0].sum(axis=0)
            for (down, across), values in self.by_size.items()
        }

    def _picture(self, place: int) -> np.ndarray:
        """One row on the grid, its channels averaged; the mean row where the data set is explained."""
        rows: Any = pd.DataFrame(self.sample)  # columns beside the grid may hold anything
        rows = rows.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
        return self.columns.to_grid(rows if self.of_data_set else rows[[place]]).mean(axis=(0, 1))

    def _labels(self, place: int) -> list[str]:
        """Names of the columns, with their values in one row."""
        if self.of_data_set:
            return list(self.names)
        row = pd.DataFrame(self.sample).iloc[[place]].astype(object).iloc[0]
        texts = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in row]
        return [f"{name} = {text}" for name, text in zip(self.names, texts, strict=True)]

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        return self.columns.to_grid(values) if self.columns.shaped and self.columns.cells is not None else values

    def _place(self, sample: int) -> int:
        if self.of_data_set:
            return 0
        n = len(self.by_name)
        if not isinstance(sample, (int, np.integer)) or not -n <= sample < n:
            raise ParameterError(f"sample={sample!r} was given; expected a row of X, from 0 to {n - 1}.")
        return int(sample) % n
