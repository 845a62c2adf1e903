"""How much worse a model does on the whole data set when a part of the rows is dealt out anew among them [1]_.

References
----------
.. [1] L. Breiman, "Random forests", Machine Learning 45, 5-32, 2001; A. Fisher, C. Rudin, F. Dominici, "All models are
   wrong, but many are useful", Journal of Machine Learning Research 20, 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autoarch._core.progress import Progress
from autoarch._data.target import numeric_target
from autoarch._search.scoring import Judge, Predictions
from autoarch.exceptions import InputError, ParameterError
from autoarch.explain.model import Subject
from autoarch.explain.occlusion import MOST_VALUES
from autoarch.explain.rows import Swap
from autoarch.explain.units import Unit


def make_judge(subject: Subject, y: Any, scoring: Any, said: np.ndarray) -> Judge:
    """Who scores predictions of the rows of X, such as those that the model gives as they are.

    Raises
    ------
    InputError
        If y is missing, has another length, or holds labels that the model does not know, or there is a single row.
    ParameterError
        If these predictions cannot be scored so, or hold no probabilities for a score of those.
    """
    n = len(subject.pool)
    if n < 2:
        raise InputError(
            "method='permutation' deals parts out among rows, and there is one. Pass more rows of X and y."
        )
    if y is None:
        raise InputError("method='permutation' measures how a score falls and needs y: pass explain(estimator, X, y).")
    if subject.classes is None:
        labels = numeric_target(y, n_samples=n, estimator_name="explain")
    else:
        labels = np.asarray(y).reshape(-1)
        if len(labels) != n:
            raise InputError(f"y has {len(labels)} rows and X has {n}; expected one label for each row.")
        unknown = labels[~np.isin(labels, subject.classes)]
        if len(unknown):
            raise InputError(f"y holds {unknown[0]!r}, which is none of the classes {list(subject.classes)}.")
    judge = Judge(scoring, subject.task, np.asarray(subject.pool.given()), labels, classes=subject.classes)
    wanted = getattr(judge.scorer, "_response_method", None)
    if wanted == "predict_proba" and subject.says != "probability":  # not every scorer would notice
        raise ParameterError(
            f"scoring={judge.name} does not work here: it needs probabilities, and there is a {subject.says}. Pass "
            "another score, such as 'accuracy', or wrap the model in CalibratedClassifierCV."
        )
    judge.check(np.arange(n), _values(judge, said))
    return judge


def permute(
    subject: Subject,
    units: Sequence[Unit],
    judge: Judge,
    base: np.ndarray,
    n_repeats: int,
    rng: np.random.Generator,
    progress: Progress,
) -> np.ndarray:
    """Fall of the score, of shape (n_repeats, units).

    Parameters
    ----------
    subject : Subject
        Model and rows.
    units : sequence of Unit
        What is dealt out anew.
    judge : Judge
        Scores the predictions.
    base : ndarray of shape (n, k)
        Predictions for the rows as they are.
    n_repeats : int
        Times that they are dealt out.
    rng : Generator
        Deals.
    progress : Progress
        Hears how far it is.

    Returns
    -------
    ndarray of shape (n_repeats, units)
    """
    n, pool = len(subject.pool), subject.pool
    whole = _score(judge, base)
    behind = [subject.columns.behind(unit.columns) for unit in units]
    dealt = [(repeat, unit) for repeat in range(n_repeats) for unit in range(len(units)) if len(behind[unit])]
    falls = np.zeros((n_repeats, len(units)))
    size = max(1, MOST_VALUES // (n * pool.n_columns))
    for first in range(0, len(dealt), size):
        batch = dealt[first : first + size]
        swaps = [Swap(behind[unit], pool, rng.permutation(n)) for _, unit in batch]
        said = subject.answers(pool.swapped(swaps)).reshape(len(batch), n, -1)
        for (repeat, unit), answers in zip(batch, said, strict=True):
            falls[repeat, unit] = whole - _score(judge, answers)
        progress.say(f"explaining, {(first + len(batch)) / len(dealt):.0%}")
    return falls


def _values(judge: Judge, answers: np.ndarray) -> np.ndarray:
    return answers[:, 0] if judge.classes is None else answers


def _score(judge: Judge, answers: np.ndarray) -> float:
    return judge.score(Predictions(np.arange(len(answers)), _values(judge, answers)))
