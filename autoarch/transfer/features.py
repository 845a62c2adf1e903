"""Frozen features of a pretrained net as a transformer, to put any model behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from autoarch._core.checks import check_choice
from autoarch._data.canonical import Canonicaliser
from autoarch._data.layout import Layout
from autoarch.exceptions import LayoutError


class TransferFeatures(TransformerMixin, BaseEstimator):
    """Features of a pretrained net for each row: the input of its last layer.

    Parameters
    ----------
    model : torch.nn.Module, Pretrained, str or Path
        The net. ``Pretrained.of(clf)`` makes one of a fitted estimator, whose weights ``clone`` would drop.
    layout : tuple of int, Layout or "auto", default="auto"
        Cells behind the columns of flat X.
    channels : {"first", "last"}, default="first"
        Where 4-D X has its channels.
    inputs : {"source", "own", "sample"}, default="source"
        Scale of the inputs: that of the data that the net was trained on, that of the rows of ``fit``, or that of each
        sample on its own.
    sizing : {"native", "resize", "pad"} or None, default=None
        How grids of other sides are brought to the net. None is the first of these that it can take.

    Attributes
    ----------
    changes_ : tuple of str
        What was changed to fit the net to the grids.
    n_features_in_ : int
        ``X.shape[1]``.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from torch import nn
    >>> from autoarch.datasets import make_stripes
    >>> from autoarch.transfer import TransferFeatures
    >>> X, y = make_stripes(n_samples=50, random_state=0)
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    >>> TransferFeatures(net, layout=(8, 8)).fit_transform(X).shape
    (50, 144)
    """

    def __init__(
        self,
        model: Any,
        *,
        layout: Layout | Sequence[int] | str = "auto",
        channels: str = "first",
        inputs: str = "source",
        sizing: str | None = None,
    ):
        self.model = model
        self.layout = layout
        self.channels = channels
        self.inputs = inputs
        self.sizing = sizing

    def fit(self, X: Any, y: Any = None) -> TransferFeatures:
        """Fit the net to the shape of X, and the scale where it is X's own.

        Parameters
        ----------
        X : array-like of shape (n, H, W), (n, C, H, W) or (n, p)
            Rows.
        y : ignored
            For scikit-learn's sake.

        Returns
        -------
        TransferFeatures
            Itself.

        Raises
        ------
        InputError
            If the net cannot be fitted to the grids.
        LayoutError
            If X is no grid.
        """
        from autoarch._training.pretrained.adapt import SIZINGS, adapt
        from autoarch._training.pretrained.fine_tuning import INPUTS, scaler_for
        from autoarch._training.pretrained.source import Pretrained

        check_choice("inputs", self.inputs, INPUTS)
        check_choice("sizing", self.sizing, (None, *SIZINGS))
        source = Pretrained.of(self.model)
        self._canonical = Canonicaliser(self.layout, self.channels).with_estimator_name(self)
        values = self._canonical.fit_transform(X)
        layout = self._canonical.layout_
        if layout is None:
            raise LayoutError("X has columns that are no cells of a grid; the net reads grids.")
        self._scaler = scaler_for(self.inputs, layout, source).fit(values)
        self._net = adapt(source, layout.shape, 1, sizing=self.sizing, head="new")
        self.changes_ = self._net.changes
        self.n_features_in_ = self._canonical.n_features_in_
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the features.

        Parameters
        ----------
        X : array-like of the cells that ``fit`` saw
            Rows.

        Returns
        -------
        ndarray of shape (n, n_features)
            Float32.
        """
        from autoarch._training.pretrained.inspect import features_of

        check_is_fitted(self, "changes_")
        cells = self._scaler.transform(self._canonical.transform(X))
        n_cells = self._scaler.layout.channels
        return features_of(self._net, cells[:, :n_cells])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the features: ``net0``, ``net1``, ..."""
        check_is_fitted(self, "changes_")
        return np.array([f"net{place}" for place in range(self._net.anatomy.n_features)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = tags.input_tags.allow_nan = True
        return tags
