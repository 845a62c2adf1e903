"""From any accepted y and weights to codes, floats and one weight per sample."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Number, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from autoarch._core.checks import did_you_mean, own_errors, shown
from autoarch._data.containers import to_plain
from autoarch._data.several_targets import in_one, indicators, label_weights, matrix_of, several_numbers
from autoarch.exceptions import InputError, ParameterError

_LARGEST_WEIGHT = 1e30  # and the inverse of the least: a billion rows of it stay below what float32 holds
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal")  # objects that are all numbers


@dataclass(frozen=True, eq=False)
class Target:
    """Target of a fit, as models and as the probe see it.

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, k)
        Labels as the user gave them, or numbers; a column for each of several targets.
    codes : ndarray of shape (n,)
        Codes of the labels, or the numbers again; what stands for all of several targets.
    classes : ndarray or None
        Sorted labels, of several targets those of each; None for a regression.
    names : tuple of str, default=()
        Of several targets, where they have some.
    """

    values: np.ndarray
    codes: np.ndarray
    classes: np.ndarray | None = None
    names: tuple[str, ...] = ()

    @classmethod
    def of_labels(cls, y: Any, n_samples: int, estimator_name: str) -> Target:
        """Read labels, or indicators of several."""
        if (several := matrix_of(y)) is None:
            codes, classes = encode_labels(y, n_samples=n_samples, estimator_name=estimator_name)
            return cls(classes[codes], codes, classes)
        values, classes = indicators(several[0], n_samples, estimator_name)
        return cls(values, in_one(values, labels=True), classes, several[1])

    @classmethod
    def of_numbers(cls, y: Any, n_samples: int, estimator_name: str) -> Target:
        """Read one number or several for each row."""
        if (several := matrix_of(y)) is None:
            values = numeric_target(y, n_samples=n_samples, estimator_name=estimator_name)
            return cls(values, values)
        values = several_numbers(several[0], n_samples, estimator_name)
        return cls(values, in_one(values, labels=False), names=several[1])

    @property
    def n_targets(self) -> int:
        """Number of targets of a row."""
        return 1 if self.values.ndim == 1 else self.values.shape[1]

    @property
    def n_classes(self) -> int:
        """Number of classes, 0 for a regression."""
        return 0 if self.classes is None else len(self.classes)

    @property
    def smallest_class(self) -> int:
        """Rows of the rarest class of any label that varies, 0 for a regression."""
        if self.classes is None:
            return 0
        if self.values.ndim == 1:
            return int(np.bincount(self.codes).min())
        counts = self.values.astype(np.int64).sum(axis=0)
        rarest = np.minimum(counts, len(self.values) - counts)
        return int(rarest[rarest > 0].min())

    def weights(self, sample_weight: Any, class_weight: Any) -> np.ndarray | None:
        """Product of both weights per sample, or None when neither was given.

        Parameters
        ----------
        sample_weight : array-like of shape (n,), number or None
            Weight of each sample; at least 0, not all 0.
        class_weight : dict, "balanced", list of dict or None
            Weight of each class, by label; ignored by a regression. A dict for each of several labels.

        Returns
        -------
        ndarray of float64, of shape (n,), or None
            The weights.

        Raises
        ------
        InputError
            If ``sample_weight`` is negative, NaN, infinite, of another length, all zero, or leaves a single class.
        ParameterError
            If ``class_weight`` is neither of the above, or does not fit the classes.

        Examples
        --------
        >>> import numpy as np
        >>> from autoarch._data.target import Target, encode_labels
        >>> labels = np.array(["a", "a", "b"])
        >>> Target(labels, *encode_labels(labels)).weights([1, 1, 2], {"a": 1, "b": 3})
        array([1., 1., 6.])
        """
        weights = None if sample_weight is None else _check_weights(sample_weight, len(self.codes))
        if self.classes is not None and class_weight is not None:
            if self.values.ndim == 1:
                per_class = _class_weights(class_weight, self.codes, self.classes)[self.codes]
            else:
                per_class = label_weights(class_weight, self.values)
            weights = per_class if weights is None else weights * per_class
        _refuse_extreme(weights)
        if self.classes is None or weights is None or self.values.ndim > 1:
            return weights
        if len(heard := np.unique(self.codes[weights > 0])) < 2:
            raise InputError(
                "Samples of at least 2 classes need a weight above 0, but sample_weight and class_weight leave "
                f"{f'only one class: {self.classes[heard].tolist()[0]!r}' if len(heard) else 'no class at all'}."
            )
        return weights


def encode_labels(
    y: Any, *, n_samples: int | None = None, estimator_name: str = "AutoArchClassifier", fewest: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Labels as codes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Strings, integers, booleans, or floats that are whole.
    n_samples : int or None
        Rows of X, to be compared with.
    estimator_name : str
        Whom messages speak for.
    fewest : int
        Classes that y must have.

    Returns
    -------
    codes : ndarray of int64
        ``classes_[codes]`` are the labels.
    classes_ : ndarray
        Labels, sorted.

    Raises
    ------
    InputError
        If y is missing, has several columns, another length, a missing label, continuous values or too few classes.

    Examples
    --------
    >>> from autoarch._data.target import encode_labels
    >>> codes, classes = encode_labels(["no", "yes", "no"])
    >>> codes.tolist(), classes.tolist()
    ([0, 1, 0], ['no', 'yes'])
    """
    values = _one_column(y, n_samples, estimator_name, several="MultiOutputClassifier")
    if not len(values):
        raise InputError("Found array with 0 sample(s) as y while samples of at least 2 classes are required.")
    with own_errors(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # many classes for so few rows: a matter of taste
        _refuse_missing(values)
        kinds = {type(label).__name__ for label in values} if values.dtype == object else set()
        if len(kinds) > 1 and not all(isinstance(label, str) for label in values):
            raise InputError(
                f"Unknown label type: y holds {', '.join(sorted(kinds))} side by side. Make the labels all strings or "
                "all numbers, for example with y.astype(str)."
            )
        check_classification_targets(values)
        encoder = LabelEncoder()
        codes = encoder.fit_transform(values).astype(np.int64)
    classes = encoder.classes_
    if len(classes) < fewest:
        raise InputError(
            f"{estimator_name} needs samples of at least 2 classes in y, but the data contains only one class: "
            f"{classes.tolist()[0]!r}. Pass rows of the other classes too."
        )
    return codes, classes


def numeric_target(y: Any, *, n_samples: int | None = None, estimator_name: str = "AutoArchRegressor") -> np.ndarray:
    """Target as finite float64, of shape (n_samples,); the parameters are those of ``encode_labels``.

    Raises
    ------
    InputError
        If y is missing, has several columns, another length, or values that are missing, infinite or no numbers.

    Examples
    --------
    >>> from autoarch._data.target import numeric_target
    >>> numeric_target([1, 2])
    array([1., 2.])
    """
    values = _one_column(y, n_samples, estimator_name, several="MultiOutputRegressor")
    with own_errors():
        _refuse_missing(values)
        values = check_array(values, ensure_2d=False, dtype="numeric", input_name="y", estimator=estimator_name)
        if values.dtype.kind not in "biuf":
            raise InputError(f"y holds values of type {values.dtype}; a regression needs numbers. Convert them first.")
        values = values.astype(np.float64)
        assert_all_finite(values, input_name="y")
    return values


@own_errors(reading="y")
def guess_task(y: Any) -> str:
    """Decide what y is where nobody says it: the one rule of the probe, of maps, of transfer and of the command line.

    Returns
    -------
    str
        ``"regression"`` for numbers with fractions, for whole numbers with more than 20 values of which each is met
        fewer than ten times on average, and for those with more than 5 values, most of them met once; else
        ``"classification"``. Of several columns, indicators are labels and all else is numbers.

    Examples
    --------
    >>> from autoarch._data.target import guess_task
    >>> guess_task([0.5, 1.5]), guess_task([3, 1, 3]), guess_task(["low", "top"])
    ('regression', 'classification', 'classification')
    """
    values = np.asarray(to_plain(y))
    if values.dtype == object and pd.api.types.infer_dtype(values.ravel(), skipna=True) in _NUMBERS:
        values = values.astype(np.float64)
    if values.ndim == 2 and values.shape[1] > 1 and values.dtype.kind in "biuf":  # indicators, or several numbers
        return "classification" if np.isin(values, (0, 1)).all() else "regression"
    if values.dtype.kind not in "iuf":
        return "classification"
    seen = np.unique(values[np.isfinite(values)])
    counts = len(seen) > max(20, values.size // 10) or len(seen) > max(5, values.size * 2 // 3)
    quantities = counts or bool((seen % 1 != 0).any())
    return "regression" if quantities else "classification"


def _check_weights(sample_weight: Any, n: int) -> np.ndarray:
    with own_errors(reading="sample_weight"):
        given = np.full(n, sample_weight) if isinstance(sample_weight, Number) else to_plain(sample_weight)
        weights = check_array(given, ensure_2d=False, allow_nd=True, dtype=np.float64, input_name="sample_weight")
    if weights.shape != (n,):
        raise InputError(
            f"sample_weight.shape == {weights.shape}, expected {(n,)}! Pass one weight per row of X, in a flat array."
        )
    if (weights < 0).any():
        raise InputError(
            f"Negative values in data passed to `sample_weight`: the least is {weights.min():g}, expected at least 0. "
            "Give rows that must not count the weight 0."
        )
    if not weights.any():
        raise InputError("Sample weights must contain at least one non-zero number, but all of them are zero.")
    return weights


def _refuse_extreme(weights: np.ndarray | None) -> None:
    """Raise where sums of weights, or their products with gradients, would not be numbers that float32 holds."""
    above = np.ones(1) if weights is None else weights[weights > 0]
    if above.min(initial=1.0) < 1 / _LARGEST_WEIGHT or above.max(initial=1.0) > _LARGEST_WEIGHT:
        raise InputError(
            f"sample_weight (times class_weight) goes from {above.min():g} to {above.max():g} where it is above 0; "
            f"expected {1 / _LARGEST_WEIGHT:g} to {_LARGEST_WEIGHT:g}. Divide the weights by their mean."
        )


def _class_weights(class_weight: Mapping[Any, float] | str, codes: np.ndarray, classes: np.ndarray) -> np.ndarray:
    if isinstance(class_weight, str) and class_weight == "balanced":
        return compute_class_weight("balanced", classes=np.arange(len(classes)), y=codes)
    if not isinstance(class_weight, Mapping):
        raise ParameterError(
            f"class_weight={shown(class_weight)} was given; expected None, 'balanced' or a dict from label to weight."
            f"{did_you_mean(class_weight, ['balanced'])}"
        )
    wrong = {k: w for k, w in class_weight.items() if not isinstance(w, Real) or not 0 <= w < np.inf}
    if wrong:
        raise ParameterError(f"class_weight holds {shown(wrong)}; expected finite numbers of at least 0.")
    labels = classes.tolist()
    unweighted = [label for label in labels if label not in class_weight]
    unknown = [label for label in class_weight if label not in labels]
    if unweighted and unknown:  # as in scikit-learn: a class may be left out, but not misspelled
        raise ParameterError(
            f"The classes, {unweighted}, are not in class_weight, which has {unknown} instead. Use the labels of y as "
            "keys."
        )
    return np.array([float(class_weight.get(label, 1.0)) for label in labels])


@own_errors(reading="y")
def _one_column(y: Any, n_samples: int | None, estimator_name: str, several: str) -> np.ndarray:
    if y is None:
        raise InputError(f"This {estimator_name} estimator requires y to be passed, but the target y is None.")
    y = to_plain(y)
    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        values = _series(y.iloc[:, 0])[:, None]
    else:
        values = _series(y) if isinstance(y, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)) else y
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] != 1:
        raise InputError(
            f"y has shape {values.shape}, that is several targets per sample; y should be a 1d array. "
            f"Wrap the estimator: sklearn.multioutput.{several}({estimator_name}(...))."
        )
    values = column_or_1d(values, warn=True)
    if n_samples is not None and len(values) != n_samples:
        raise InputError(
            f"Found input variables with inconsistent numbers of samples: {[n_samples, len(values)]} (X, y). "
            "Pass one target per row of X."
        )
    if values.dtype == object:  # numbers or booleans in a column of objects are what they are
        values = np.asarray(pd.Series(values, dtype=object).infer_objects().to_numpy())
    return values


def _series(y: Any) -> np.ndarray:
    """Values of a pandas column, whatever extension type holds them, with missing ones as None or NaN."""
    column = pd.Series(y)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype if not column.isna().any() else object)
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    return column.astype(object).where(column.notna(), None).to_numpy()


def _refuse_missing(values: np.ndarray) -> None:
    if values.dtype.kind in "fc":
        assert_all_finite(values, input_name="y")
    elif pd.isna(values).any():
        raise InputError("Input y contains NaN: a label is missing. Drop the rows without a label.")
