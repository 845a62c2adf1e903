"""``explain``: reads what is asked, chooses a method, and puts its values under the names of X.

Imports: numpy, ``autoarch._base`` and below, every other module of this room.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoarch._checks import check_choice, check_whole, did_you_mean, seed_of
from autoarch._search.budget import Budget
from autoarch._search.progress import Progress
from autoarch._search.scoring import Judge
from autoarch.exceptions import MissingExtraError, ParameterError
from autoarch.explain.donors import Donors, find_donors
from autoarch.explain.explanation import Explanation, agreement
from autoarch.explain.gradients import gradcam, integrated
from autoarch.explain.occlusion import occlude
from autoarch.explain.permutation import make_judge, permute
from autoarch.explain.subject import Scale, Subject, ask, find_scale
from autoarch.explain.trace import Attribution, UntraceableError
from autoarch.explain.treeshap import shapley
from autoarch.explain.units import Unit, make_units, spread

_TAKING = ("occlusion", "permutation")
METHODS = ("auto", "occlusion", "gradients", "gradcam", "shap", "permutation")
_AFFORDABLE = 30_000_000  # values of X in all rows to predict, up to which draws are the default: seconds for most
_REPEATS = 10  # draws: a rule on the sign of one column escapes the eye once in a thousand rows, with five in thirty


def explain(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    method: str = "auto",
    target: Any = None,
    by: str = "auto",
    patch: Any = "auto",
    baseline: Any = "auto",
    background: Any = None,
    layout: Any = "auto",
    scale: str = "auto",
    scoring: Any = None,
    n_repeats: int = _REPEATS,
    random_state: Any = None,
    verbose: int = 1,
) -> Explanation:
    """Say which cells, columns or regions of the rows of X a fitted model goes by.

    Parameters
    ----------
    estimator : AutoArchClassifier, AutoArchRegressor, or any fitted scikit-learn estimator or Pipeline
        What is explained.
    X : array-like of shape (n, p), (n, H, W) or (n, C, H, W), DataFrame or sparse matrix
        Rows to explain, as ``predict`` takes them.
    y : array-like of shape (n,) or None, default=None
        True labels or numbers; for "permutation".
    method : str, default="auto"
        "occlusion" takes parts away and looks at the answer, for any model. "gradients" are integrated gradients, for
        nets. "gradcam" looks at the last convolutions, for convolutional nets. "shap" gives Shapley values of trees.
        "permutation" deals parts out anew and looks at the score, for the data set as a whole. "auto" takes "shap" for
        trees where it can be done and its package is there, else "occlusion".
    target : label, array-like of shape (n,) or None, default=None
        Class whose probability is explained, for all rows or for each. None is the class that is predicted.
    by : {"auto", "cell", "patch", "row", "column", "channel", "name"}, default="auto"
        What is taken away at once: a cell with all its channels, a patch of cells, a row, a column or a channel of the
        grid, or one named column or value. "auto" is "patch" on grids, else "name". Columns beside a grid are always
        taken one by one.
    patch : int, tuple of int or "auto", default="auto"
        Height and width of a patch. "auto" makes at most 64 patches: 4 x 4 cells of 28 x 28, single cells of 8 x 8.
    baseline : "auto", "mean", "rows", float or one row like those of X, default="auto"
        What stands in. "mean" is the mean of the training rows where the estimator knows it, else that of
        ``background``, else of X (the most frequent category, the middle date). "rows" draws from the rows of
        ``background``, or of X, ``n_repeats`` times. "auto" is "rows" for "occlusion" where there are ten of them or
        more and the rows to predict hold at most 30 million values, else "mean".
    background : like X or None, default=None
        Rows such as those of training, that stand-ins are made of.
    layout : "auto", tuple of int, Layout or None, default="auto"
        Cells behind flat columns. "auto" is the estimator's own; None explains columns one by one.
    scale : {"auto", "probability", "log-odds"}, default="auto"
        What "occlusion" measures of a class. In log-odds very sure answers still differ; "auto" takes them unless the
        model gives probabilities of exactly 0, as votes do.
    scoring : str, callable or None, default=None
        Score whose fall "permutation" measures; None is accuracy or R2.
    n_repeats : int, default=10
        Draws, where anything is drawn.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws.
    verbose : int, default=1
        0 is silent, 1 shows one line to people.

    Returns
    -------
    Explanation

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    InputError
        If X or y does not fit the estimator.
    ParameterError
        If a parameter makes no sense, or the method cannot explain this model.
    MissingExtraError
        If the method's package is not installed.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from autoarch.datasets import make_planted
    >>> from autoarch.explain import explain
    >>> X, y, truth = make_planted(200, (8, 8), cause="cell", random_state=0)
    >>> model = LogisticRegression().fit(X.reshape(200, 64), y)
    >>> found = explain(model, X.reshape(200, 64), layout=(8, 8), random_state=0)
    >>> found.method, found.grid.shape, bool(found.global_.argmax() == truth[0].argmax())
    ('occlusion', (200, 1, 8, 8), True)
    """
    check_choice("method", method, METHODS)
    check_whole("n_repeats", n_repeats, least=1)
    check_whole("verbose", verbose, least=0)
    subject = ask(estimator, X, layout)
    took, units = make_units(subject.columns, by, patch)
    judge = make_judge(subject, y, scoring) if method == "permutation" else None
    said = subject.answers(subject.pool.given())
    question = _Question(
        subject=subject,
        units=units,
        by=took,
        said=said,
        codes=_codes_of(target, subject, said, method),
        judge=judge,
        scale=find_scale(scale, subject, said),
        baseline=baseline,
        background=background,
        n_repeats=n_repeats,
        rng=np.random.default_rng(seed_of(random_state)),
        progress=Progress(verbose, Budget(None, None, started=time.monotonic())),
    )
    try:
        if method == "auto":
            takes_away = any(str(given) != "auto" for given in (by, patch, baseline, scale))
            return _best_for(question, takes_away=takes_away)
        if method not in _TAKING and by != "auto":
            raise ParameterError(
                f"by={by!r} says what is taken away at once, and method={method!r} takes nothing away. Leave it out "
                "and sum with by_row(), by_column() or by_channel(), or pass method='occlusion'."
            )
        return _found(method, question)
    except UntraceableError as error:
        raise ParameterError(
            f"method={method!r} cannot explain this {type(estimator).__name__}: {error}. Pass method='occlusion', "
            "which asks for predictions only, or 'auto'."
        ) from error
    finally:
        question.progress.close()


@dataclass(frozen=True, eq=False)
class _Question:
    """What is asked, once it is read."""

    subject: Subject
    units: list[Unit]
    by: str
    said: np.ndarray
    codes: np.ndarray
    judge: Judge | None
    scale: Scale
    baseline: Any
    background: Any
    n_repeats: int
    rng: np.random.Generator
    progress: Progress

    def donors(self, *, affordable: bool) -> Donors:
        return find_donors(self.subject, self.baseline, self.background, affordable)

    def repeats(self, donors: Donors) -> int:
        """Once is enough where the same row stands in every time."""
        return self.n_repeats if donors.drawn else 1


def _best_for(question: _Question, *, takes_away: bool) -> Explanation:
    """Shapley values for trees; occlusion for all else, and where units, a baseline or a scale is asked for."""
    if takes_away:
        return _found("occlusion", question, "as parts to take away were asked for")
    try:
        return _found("shap", question, "chosen for trees")
    except UntraceableError:
        return _found("occlusion", question, "chosen as it works for any model")
    except MissingExtraError:
        return _found("occlusion", question, "chosen as shap, for trees, is not installed")


def _found(method: str, question: _Question, reason: str = "") -> Explanation:
    return {
        "occlusion": _by_occlusion,
        "permutation": _by_permutation,
        "gradients": _by_gradients,
        "gradcam": _by_gradcam,
        "shap": _by_shap,
    }[method](question, reason)


def _by_occlusion(question: _Question, reason: str) -> Explanation:
    subject, units = question.subject, question.units
    cost = len(subject.pool) * len(units) * question.n_repeats * subject.pool.n_columns
    donors = question.donors(affordable=cost <= _AFFORDABLE)
    n_repeats = question.repeats(donors)
    changes = occlude(
        subject,
        units,
        donors,
        question.codes,
        question.said,
        question.scale,
        n_repeats,
        question.rng,
        question.progress,
    )
    parts = spread(changes, units, len(subject.columns))
    return _explanation(
        question,
        "occlusion",
        reason,
        parts,
        baseline=donors.words,
        units=f"fall of the {question.scale.words}",
        by=question.by,
    )


def _by_permutation(question: _Question, reason: str) -> Explanation:
    subject, judge = question.subject, question.judge
    assert judge is not None  # made before any work
    falls = permute(subject, question.units, judge, question.said, question.n_repeats, question.rng, question.progress)
    parts = spread(falls, question.units, len(subject.columns))[:, None]
    return _explanation(
        question,
        "permutation",
        reason,
        parts,
        baseline="the same cells of other rows",
        units=f"fall of {judge.name}",
        by=question.by,
    )


def _by_gradients(question: _Question, reason: str) -> Explanation:
    donors = question.donors(affordable=False)
    found = integrated(
        question.subject, donors, question.codes, question.repeats(donors), question.rng, question.progress
    )
    return _explanation(question, "gradients", reason, found.parts, found, donors.words)


def _by_gradcam(question: _Question, reason: str) -> Explanation:
    found = gradcam(question.subject, question.codes, question.progress)
    return _explanation(question, "gradcam", reason, found.parts, found)


def _by_shap(question: _Question, reason: str) -> Explanation:
    found = shapley(question.subject, question.codes, question.progress)
    return _explanation(question, "shap", reason, found.parts, found, "what the paths of the trees expect")


def _explanation(
    question: _Question,
    method: str,
    reason: str,
    parts: np.ndarray,
    found: Attribution | None = None,
    baseline: str = "",
    *,
    units: str = "",
    by: str = "name",
) -> Explanation:
    """Put the maps (repeats, n, p) together."""
    subject = question.subject
    n = len(subject.pool)
    weights = np.full(len(parts), 1.0 / len(parts)) if found is None else found.weights
    values, errors, stability = agreement(parts, weights)
    of_rows = method != "permutation"
    target = subject.classes[question.codes] if of_rows and subject.classes is not None else None
    said = question.scale.of(question.said, question.codes)
    return Explanation(
        method=method,
        reason=reason,
        by=by,
        units=units if found is None else found.units,
        baseline=baseline,
        target=target,
        by_name=values,
        std_error_by_name=errors,
        stability=stability,
        n_repeats=len(parts),
        outputs=said if found is None else found.outputs,
        base_outputs=np.full(n, np.nan) if found is None else found.base_outputs,
        columns=subject.columns,
        sample=subject.sample,
    )


def _codes_of(target: Any, subject: Subject, said: np.ndarray, method: str) -> np.ndarray:
    """Column of the answers that is explained, for each row.

    Raises
    ------
    ParameterError
        If the target is no class, or there are none.
    """
    n, classes = len(subject.pool), subject.classes
    if target is None:
        return said.argmax(axis=1) if classes is not None else np.zeros(n, dtype=int)
    if classes is None or method == "permutation":
        about = "numbers are predicted" if classes is None else "a score is about all classes at once"
        raise ParameterError(f"target={target!r} was given, but {about}. Leave it out.")
    labels = np.asarray(target)
    labels = np.full(n, target, dtype=labels.dtype) if labels.ndim == 0 else labels.reshape(-1)
    if len(labels) != n:
        raise ParameterError(f"target has {len(labels)} labels and X has {n} rows; expected one label, or one per row.")
    places = {label: code for code, label in enumerate(classes.tolist())}
    unknown = [label for label in labels.tolist() if label not in places]
    if unknown:
        raise ParameterError(
            f"target={unknown[0]!r} is none of the classes {list(places)}.{did_you_mean(unknown[0], list(places))}"
        )
    return np.array([places[label] for label in labels.tolist()])
