"""Several targets for each row: numbers, or labels as indicators; and one code or number that stands for all of them.

Whatever needs a single y (the probe, folds, questions about the rows) is given ``in_one``: of numbers the direction in
which they vary most, of indicators strata in which rows have the same labels as far as rows are many enough.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.class_weight import compute_sample_weight

from autoarch._core.checks import own_errors, shown
from autoarch._data.containers import to_plain
from autoarch.exceptions import InputError, ParameterError

_LEAST_IN_STRATUM = 10  # rows; a few for each fold
_MOST_STRATA = 12


@own_errors(reading="y")
def matrix_of(y: Any) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Targets of shape (n, k) and their names, empty where they have none; None where y is a single target.

    Examples
    --------
    >>> import pandas as pd
    >>> from autoarch._data.several_targets import matrix_of
    >>> values, names = matrix_of(pd.DataFrame({"height": [1.0, 2.0], "weight": [3.0, 4.0]}))
    >>> values.shape, names
    ((2, 2), ('height', 'weight'))
    """
    if sparse.issparse(y):
        y = y.toarray()
    y = to_plain(y)
    if isinstance(y, pd.DataFrame):
        named = all(isinstance(name, str) for name in y.columns)
        columns = [column.to_numpy(dtype=object, na_value=None) for _, column in y.items()]
        values = np.column_stack(columns) if columns else np.empty((len(y), 0), dtype=object)
        names = tuple(map(str, y.columns)) if named else ()
    elif y is None or isinstance(y, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
        return None
    elif (values := np.asarray(y)).ndim == 2:
        names = ()
    else:
        return None
    if values.shape[1] == 0:
        raise InputError(f"y has shape {values.shape}; expected a target for each row, or a column for each target.")
    if values.shape[1] == 1:
        return None
    if values.dtype == object:
        values = np.column_stack([pd.Series(column).infer_objects().to_numpy() for column in values.T])
    return values, names


def as_given(values: np.ndarray, classes: np.ndarray | None, names: tuple[str, ...]) -> Any:
    """Targets with the names and the type that they were given in."""
    if values.ndim == 1:
        return values
    values = values if classes is None else values.astype(classes.dtype)
    return pd.DataFrame(values, columns=list(names)) if names else values


def several_numbers(values: np.ndarray, n_samples: int, estimator_name: str) -> np.ndarray:
    """Targets as finite float64 of shape (n, k).

    Raises
    ------
    InputError
        If they are of another length, missing, infinite or no numbers.
    """
    _check_length(values, n_samples)
    with own_errors():
        if values.dtype == object and pd.isna(values).any():
            raise InputError("Input y contains NaN: a target is missing. Drop the rows without all targets.")
        values = check_array(values, dtype="numeric", input_name="y", estimator=estimator_name)
        if values.dtype.kind not in "biuf":
            raise InputError(f"y holds values of type {values.dtype}; a regression needs numbers. Convert them first.")
        values = values.astype(np.float64)
        assert_all_finite(values, input_name="y")
    return values


def indicators(values: np.ndarray, n_samples: int, estimator_name: str) -> tuple[np.ndarray, np.ndarray]:
    """Indicators as int64 of shape (n, k), and the two classes that each label has, as y holds them.

    Raises
    ------
    InputError
        If they are of another length, hold anything but 0 and 1, or no label varies.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._data.several_targets import indicators
    >>> indicators(np.array([[0, 1], [1, 1]]), 2, "AutoArchClassifier")[1]
    array([0, 1])
    """
    _check_length(values, n_samples)
    if values.dtype == object and pd.isna(values).any():
        raise InputError("Input y contains NaN: a label is missing. Drop the rows without all labels.")
    with own_errors():
        if values.dtype.kind == "f":
            assert_all_finite(values, input_name="y")
    found = pd.unique(values.ravel())
    if values.dtype.kind not in "biuf" or not np.isin(found, (0, 1)).all():
        others = [value for value in found.tolist() if value not in (0, 1)][:3]
        raise InputError(
            f"y has shape {values.shape} and holds {', '.join(map(shown, others))}; several labels of a row are "
            "indicators: a column for each label, 1 where a row has it and else 0. Make them with "
            "sklearn.preprocessing.MultiLabelBinarizer; for several targets with classes of their own, wrap the "
            f"estimator: sklearn.multioutput.MultiOutputClassifier({estimator_name}(...))."
        )
    if not len(values) or (values == values[0]).all():
        raise InputError(
            f"{estimator_name} needs samples of at least 2 classes in y, but all rows have the same labels: the data "
            "contains only one class. Pass rows with other labels too."
        )
    return values.astype(np.int64), np.array([0, 1], dtype=values.dtype)


def in_one(values: np.ndarray, *, labels: bool) -> np.ndarray:
    """One number or code for each row that stands for all of its targets.

    Numbers are brought to one scale; their first principal component is taken, which of equal columns is each of them.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._data.several_targets import in_one
    >>> in_one(np.array([[1.0, 10.0], [3.0, 30.0]]), labels=False).round(2)
    array([-1.41,  1.41])
    """
    if labels:
        return _strata(values.astype(bool))
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    axis = np.linalg.eigh(scaled.T @ scaled / max(len(scaled), 1))[1][:, -1]
    return np.asarray(scaled @ (axis if axis.sum() >= 0 else -axis))


def label_weights(class_weight: Any, values: np.ndarray) -> np.ndarray:
    """Weight of each row: the product of those of its labels, as scikit-learn's forests have it.

    Raises
    ------
    ParameterError
        If ``class_weight`` is neither "balanced" nor a dict for each label.
    """
    each = isinstance(class_weight, list) and len(class_weight) == values.shape[1]
    if not each and not (isinstance(class_weight, str) and class_weight == "balanced"):
        raise ParameterError(
            f"class_weight={shown(class_weight)} was given, and y has {values.shape[1]} labels; expected None, "
            "'balanced', or a list with a dict for each label, such as {0: 1.0, 1: 5.0}."
        )
    with own_errors(reading="class_weight"):
        return np.asarray(compute_sample_weight(class_weight, values), dtype=np.float64)


def _strata(labels: np.ndarray) -> np.ndarray:
    """Rows with the same labels, the rarest label first, while each stratum keeps some rows; at most a dozen strata."""
    codes = np.zeros(len(labels), dtype=np.int64)
    counts = labels.sum(axis=0)
    rarity = np.minimum(counts, len(labels) - counts)
    least = max(2, min(_LEAST_IN_STRATUM, int(rarity[rarity > 0].min())))
    for label in np.argsort(rarity, kind="stable"):
        for code in range(codes.max() + 1):
            inside = codes == code
            having = inside & labels[:, label]
            if min(having.sum(), inside.sum() - having.sum()) >= least and codes.max() + 1 < _MOST_STRATA:
                codes[having] = codes.max() + 1
    if codes.max() == 0:  # labels so rare that no stratum has enough rows: those with any label, and those without
        codes = labels[:, int(np.argmax(rarity))].astype(np.int64)
    return codes


def _check_length(values: np.ndarray, n_samples: int) -> None:
    if len(values) != n_samples:
        raise InputError(
            f"Found input variables with inconsistent numbers of samples: {[n_samples, len(values)]} (X, y). "
            "Pass one row of targets per row of X."
        )
