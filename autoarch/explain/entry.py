"""``explain``: reads what is asked, chooses a method, and puts its values under the names of X."""

from __future__ import annotations

from typing import Any

import numpy as np

from autoarch._core.checks import check_choice, check_whole, did_you_mean, seed_of
from autoarch._core.clock import Budget
from autoarch._core.progress import Progress
from autoarch.exceptions import ParameterError
from autoarch.explain.explanation import Explanation
from autoarch.explain.methods import Question, best_for, found_by
from autoarch.explain.model import Subject, ask, find_scale
from autoarch.explain.permutation import make_judge
from autoarch.explain.pullback import UntraceableError
from autoarch.explain.units import make_cut

_MINDED_BY = {  # parameters that not every method looks at; "auto" may become any but "permutation"
    "by": ("auto", "occlusion", "permutation"),
    "patch": ("auto", "occlusion", "permutation"),
    "baseline": ("auto", "occlusion", "gradients"),
    "background": ("auto", "occlusion", "gradients"),
    "scale": ("auto", "occlusion"),
    "scoring": ("permutation",),
}
METHODS = ("auto", "occlusion", "gradients", "gradcam", "shap", "permutation")
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
        For "occlusion" they are cut in several ways, each shifted by some cells, where the rows to predict then hold at
        most 6 million values.
    baseline : "auto", "mean", "rows", float or one row like those of X, default="auto"
        What stands in. "mean" is the mean of the training rows where the estimator knows it, else that of
        ``background``, else of X (the most frequent category, the middle date). "rows" draws from the rows of
        ``background``, or of X, ``n_repeats`` times. "auto" is "rows" for "occlusion" where there are ten of them or
        more and the rows to predict hold at most 30 million values (6 million in patches), else "mean".
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
        Draws, where anything is drawn. Patches that are cut in several ways are drawn as often as six million values
        allow, but at least four times.
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
    _check_minded(method, by=by, patch=patch, baseline=baseline, background=background, scale=scale, scoring=scoring)
    subject = ask(estimator, X, layout)
    cut = make_cut(subject.columns, by, patch)
    said = subject.answers(subject.pool.given())
    judge = make_judge(subject, y, scoring, said) if method == "permutation" else None
    question = Question(
        subject=subject,
        cut=cut,
        said=said,
        codes=_codes_of(target, subject, said, method),
        judge=judge,
        scale=find_scale(scale, subject, said),
        baseline=baseline,
        background=background,
        n_repeats=n_repeats,
        rng=np.random.default_rng(seed_of(random_state)),
        progress=Progress(verbose, Budget()),
    )
    try:
        if method == "auto":
            takes_away = any(str(given) != "auto" for given in (by, patch, baseline, scale))
            return best_for(question, takes_away=takes_away)
        return found_by(method, question)
    except UntraceableError as error:
        raise ParameterError(
            f"method={method!r} cannot explain this {type(estimator).__name__}: {error}. Pass method='occlusion', "
            "which asks for predictions only, or 'auto'."
        ) from error
    finally:
        question.progress.close()


def _check_minded(method: str, **given: Any) -> None:
    """Raise where something is asked for that the method would pass over in silence."""
    asked = [
        name for name, value in given.items() if not (value is None or (isinstance(value, str) and value == "auto"))
    ]
    for name in asked:
        if method not in _MINDED_BY[name]:
            kinds = " or ".join(repr(kind) for kind in _MINDED_BY[name] if kind != "auto")
            sums = " and sum with by_row(), by_column() or by_channel()" if name == "by" else ""
            raise ParameterError(
                f"{name}= is for method={kinds}, and method={method!r} does not look at it. Leave it out{sums}, or "
                "pass another method."
            )
    if "patch" in asked and given["by"] not in ("auto", "patch"):
        raise ParameterError(
            f"patch={given['patch']!r} is the size of patches, and by={given['by']!r} takes none. Leave one out."
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
