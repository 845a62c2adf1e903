"""Labels of rows as columns of numbers, for means over neighbours: the number, or the share of each class.

Imports: numpy, ``autoarch._data.targets``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autoarch._data.targets import encode_labels, guess_task, numeric_target


def label_columns(y: Any, n_rows: int, kind: str, speaker: str) -> tuple[np.ndarray, np.ndarray | None]:
    """One column of numbers, or one of 0 and 1 for each class; and the classes, None for numbers.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels or numbers.
    n_rows : int
        Rows of X.
    kind : {"auto", "classification", "regression"}
        Which of these; "auto" guesses.
    speaker : str
        Whom messages speak for.

    Returns
    -------
    columns : ndarray of shape (n, 1) or (n, classes)
        Floats.
    classes : ndarray or None
        Sorted.
    """
    if (guess_task(y) if kind == "auto" else kind) == "regression":
        return numeric_target(y, n_samples=n_rows, estimator_name=speaker)[:, None], None
    codes, classes = encode_labels(y, n_samples=n_rows, estimator_name=speaker, fewest=1)
    return np.eye(len(classes))[codes], classes
