"""What came out: values in the shape of X, under its names, with all that is needed to read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from autoarch.exceptions import InputError, ParameterError
from autoarch.explain.column_map import Columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LISTED = 5  # names in the text


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """How much each cell or column speaks for the target, for each row or for the whole data set.

    Parameters
    ----------
    method : {"occlusion", "gradients", "gradcam", "shap", "permutation"}
        How it was found.
    reason : str
        Why this method, where it was chosen by itself; else empty.
    by : str
        What was taken away at once. Its value is spread evenly over its cells.
    units : str
        What a value measures.
    baseline : str
        What stood in for what was taken away.
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
    models : str
        Of an ensemble, how many of its models were asked; empty where that is all.
    outputs, base_outputs : ndarray of shape (n,)
        What the model says of the rows, and of what stood in; NaN where the method knows no such thing. The values of
        "gradients" and "shap" sum to their difference.
    columns : Columns
        Names, and their places on a grid.
    sample : ndarray of shape (n, p) or DataFrame
        The rows, for pictures.
    """

    method: str
    reason: str
    by: str
    units: str
    baseline: str
    target: np.ndarray | None
    by_name: np.ndarray
    std_error_by_name: np.ndarray | None
    stability: float | None
    n_repeats: int
    models: str
    outputs: np.ndarray
    base_outputs: np.ndarray
    columns: Columns = field(repr=False)
    sample: Any = field(repr=False)

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
        """Whether this is about all rows together and not each of them."""
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
        shown: dict[str, Any] = {"name": self.names}
        if self.columns.cells is not None:
            places = np.full((len(self.names), 3), -1)
            places[self.columns.cells[self.columns.cells >= 0]] = np.argwhere(self.columns.cells >= 0)
            shown |= {axis: places[:, i] for i, axis in enumerate(("channel", "row", "column"))}
        if sample is None:
            key = "importance"
            shown |= {key: self.importances, "mean_value": self.by_name.mean(axis=0)}
            errors = None if self.std_error_by_name is None or len(self.by_name) > 1 else self.std_error_by_name[0]
        else:
            key, place = "value", self._place(sample)
            shown[key] = self.by_name[place]
            errors = None if self.std_error_by_name is None else self.std_error_by_name[place]
        if errors is not None:
            shown["std_error"] = errors
        frame = pd.DataFrame(shown)
        return frame.iloc[np.argsort(-frame[key].abs().to_numpy(), kind="stable")].reset_index(drop=True)

    def plot(self, sample: int = 0) -> Figure:
        """Draw one row beside its values: heat maps with profiles of rows and columns, or bars with names.

        Parameters
        ----------
        sample : int, default=0
            A row of X; of no matter where the whole data set is explained.

        Returns
        -------
        Figure
            Of matplotlib; the extra ``plot`` brings it.
        """
        from autoarch.explain.views import draw

        return draw(self, self._place(sample))

    def __str__(self) -> str:
        n = "the data set" if self.of_data_set else f"{len(self.by_name)} rows"
        chosen = f" ({self.reason})" if self.reason else ""
        said = [f"{self.method}{chosen} of {n}, by {self.by}; {self.units}"]
        if self.baseline:
            said.append(f"instead of what is taken away: {self.baseline}")
        if self.models:
            said.append(f"asked: {self.models}")
        if self.stability is not None:
            said.append(f"stability over {self.n_repeats} repeats: {self.stability:.2f}")
        overall = self.importances
        order = np.argsort(-np.abs(overall), kind="stable")[:MOST_LISTED]
        said.append("most important: " + ", ".join(f"{self.names[place]} {overall[place]:.3g}" for place in order))
        return "\n".join(said)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from autoarch.explain.html import as_html

        return as_html(self)

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        return self.columns.to_grid(values) if self.columns.shaped and self.columns.cells is not None else values

    def _place(self, sample: int) -> int:
        if self.of_data_set:
            return 0
        n = len(self.by_name)
        if not isinstance(sample, (int, np.integer)) or not -n <= sample < n:
            raise ParameterError(f"sample={sample!r} was given; expected a row of X, from 0 to {n - 1}.")
        return int(sample) % n


def agreement(parts: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, float | None]:
    """Mean of maps (repeats, n, p), its standard errors, and how far the repeats rank the columns alike.

    Parameters
    ----------
    parts : ndarray of shape (repeats, n, p)
        Maps.
    weights : ndarray of shape (repeats,)
        What each counts for; they sum to 1.
    """
    mean = np.tensordot(weights, parts, axes=1)
    if len(parts) < 2:
        return mean, None, None
    spread = np.tensordot(weights, (parts - mean) ** 2, axes=1)
    lost = np.square(weights).sum()  # 1 / repeats where all count alike
    errors = np.sqrt(spread * lost / max(1.0 - lost, 1e-12))
    maps = np.abs(parts).mean(axis=1)
    ranks = rankdata(maps, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    sizes = np.sqrt((ranks**2).sum(axis=1))
    if (sizes == 0).any():
        return mean, errors, None
    correlations = ranks @ ranks.T / np.outer(sizes, sizes)
    return mean, errors, float(correlations[np.triu_indices(len(parts), 1)].mean())
