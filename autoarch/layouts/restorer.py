"""Transformer of flat columns to the grid that they come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_feature_names_in, check_array, check_is_fitted, validate_data

from autoarch._core.checks import check_choice, check_flag, check_seed, own_errors
from autoarch._core.quiet import filters_kept
from autoarch._data.containers import check_whole_fits
from autoarch._data.layout import Layout
from autoarch.exceptions import InputError
from autoarch.layouts.infer import infer_layout
from autoarch.layouts.recover import FEWEST_TO_RECOVER, recover_layout


class LayoutRestorer(TransformerMixin, BaseEstimator):
    """Find the grid behind flat columns, or the one that a scrambled order has lost, and lay the columns out on it.

    Parameters
    ----------
    shape : "auto" or tuple of int, default="auto"
        Grid as ``(height, width)`` or ``(channels, height, width)``; "auto" infers it.
    recover : bool, default=True
        If True, columns in whose order no grid is found may be rearranged. That needs 49 columns.
    output : {"grid", "flat"}, default="grid"
        "grid" gives ``(n, height, width)``, or ``(n, channels, height, width)`` with several channels. "flat" gives
        all columns, cell by cell, those that belong to no cell at the end.
    random_state : int, RandomState instance or None, default=None
        Seed of subsamples and permutations.

    Attributes
    ----------
    layout_ : Layout
        Sides, order, origin, confidence. Where nothing was found, one line in the given order.
    found_ : bool
        True if a grid was found, or given.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns, when X was a DataFrame with names.

    Examples
    --------
    >>> from autoarch.datasets import load_digits_grid
    >>> from autoarch.locality import LayoutRestorer
    >>> X, y = load_digits_grid()
    >>> flat = X.reshape(len(X), -1)
    >>> restorer = LayoutRestorer(random_state=0).fit(flat)
    >>> str(restorer.layout_), restorer.transform(flat).shape
    ('8 x 8', (1797, 8, 8))
    """

    def __init__(
        self, shape: Sequence[int] | str = "auto", recover: bool = True, output: str = "grid", random_state: Any = None
    ):
        self.shape = shape
        self.recover = recover
        self.output = output
        self.random_state = random_state

    @filters_kept
    def fit(self, X: Any, y: object = None) -> LayoutRestorer:
        """Find the layout of the columns of X; y is ignored."""
        check_choice("output", self.output, ("grid", "flat"))
        check_flag("recover", self.recover)
        check_seed(self.random_state)
        if isinstance(self.shape, str):
            check_choice("shape", self.shape, ("auto",))
        else:
            Layout.of(self.shape)
        with own_errors(reading="X"):
            check_whole_fits(X)
            values = validate_data(self, X, ensure_all_finite="allow-nan", dtype=np.float64)
        layout = self._find_layout(values)
        self.found_ = layout is not None
        self.layout_ = layout or Layout(1, values.shape[1], origin="shape")
        return self

    @filters_kept
    def transform(self, X: Any) -> np.ndarray:
        """Lay the columns of X out on the grid."""
        check_is_fitted(self, "layout_")
        with own_errors(reading="X"):
            check_whole_fits(X)
            values = validate_data(self, X, reset=False, ensure_all_finite="allow-nan", dtype=[np.float64, np.float32])
        if self.output == "flat":
            return values[:, self._flat_order()]
        grid = self.layout_.to_grid(values)
        return grid[:, 0] if self.layout_.channels == 1 else grid

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Put the columns back where they came from.

        From a grid, columns that belong to no cell are NaN.
        """
        check_is_fitted(self, "layout_")
        with own_errors(reading="X"):
            check_whole_fits(X)
            values = check_array(X, ensure_all_finite="allow-nan", allow_nd=True, ensure_min_samples=0)
        expected = (self.n_features_in_,) if self.output == "flat" else self.layout_.shape[self.layout_.channels == 1 :]
        if values.shape[1:] != tuple(expected):
            raise InputError(
                f"X has shape {values.shape}; inverse_transform expects what transform gives: (n, "
                f"{', '.join(map(str, expected))})."
            )
        if self.output == "flat":
            return values[:, np.argsort(self._flat_order())]
        return self.layout_.to_flat(values.reshape(len(values), *self.layout_.shape))

    @available_if(lambda self: self.output == "flat")  # type: ignore[untyped-decorator]  # a grid has no columns to name
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns in the order that ``output="flat"`` gives them."""
        check_is_fitted(self, "layout_")
        return _check_feature_names_in(self, input_features)[self._flat_order()]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _find_layout(self, values: np.ndarray) -> Layout | None:
        """The shape given or inferred; if the columns show no grid in their order, what rearranging them gives."""
        given = None if isinstance(self.shape, str) else Layout.of(self.shape, n_columns=values.shape[1])
        names = getattr(self, "feature_names_in_", None) if given is None else None
        may_recover = self.recover and values.shape[1] >= FEWEST_TO_RECOVER
        if given is not None and not may_recover:
            return given
        inferred = infer_layout(values, names, random_state=self.random_state).best
        if inferred is not None or not may_recover:
            return given or inferred
        return recover_layout(values, given.shape if given else None, random_state=self.random_state).layout or given

    def _flat_order(self) -> np.ndarray:
        """All columns: cell by cell, then those that belong to none."""
        cells = self.layout_.columns
        return np.concatenate([cells[cells >= 0], self.layout_.foreign])
