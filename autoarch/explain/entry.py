"""Entry point ``explain``: parameters are read, a method is chosen, and its values come under the names of X."""

from __future__ import annotations

from typing import Any

import numpy as np

from autoarch._core.checks import (
    check_choice,
    check_verbose,
    check_whole,
    did_you_mean,
    own_errors,
    seed_of,
    shown,
)
from autoarch._core.clock import Budget
from autoarch._core.pace import threads_that_pay
from autoarch._core.progress import Progress
from autoarch._core.quiet import filters_kept, warn_user
from autoarch._core.threads import limited
from autoarch._data.containers import to_plain
from autoarch.exceptions import InputError, MissingExtraError, ParameterError
from autoarch.explain.attribution import (
    gradcam,
    integrated_gradients,
    reads_by_convolutions,
    tree_shap,
    with_affordable_nets,
)
from autoarch.explain.column_map import BY, make_partition
from autoarch.explain.explanation import Explanation
from autoarch.explain.model import Query, WrappedModel, wrap_model
from autoarch.explain.one_target import one_target
from autoarch.explain.perturbation import occlude, permute
from autoarch.explain.pullback import UntraceableError

_METHODS = {
    "occlusion": occlude,
    "gradients": integrated_gradients,
    "gradcam": gradcam,
    "shap": tree_shap,
    "permutation": permute,
}
_USED_BY = {  # parameters that not every method uses; "auto" may become any but "permutation"
    "by": ("auto", "occlusion", "permutation"),
    "patch": ("auto", "occlusion", "permutation"),
    "baseline": ("auto", "occlusion", "gradients"),
    "background": ("auto", "occlusion", "gradients"),
    "scale": ("auto", "occlusion"),
    "scoring": ("permutation",),
}
_MOST_REPEATS = 100_000
_REPEATS = 10  # draws: a rule on the sign of one column escapes the eye once in a thousand rows, with five in thirty


@filters_kept
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
    """Attribute the predictions of a fitted model to cells, columns or regions of the rows of X.

    Parameters
    ----------
    estimator : AutoArchClassifier, AutoArchRegressor, or any fitted scikit-learn estimator or Pipeline
        Model to explain.
    X : array-like of shape (n, p), (n, H, W) or (n, C, H, W), DataFrame or sparse matrix
        Rows to explain, as ``predict`` takes them.
    y : array-like of shape (n,) or None, default=None
        True labels or numbers; for "permutation".
    method : str, default="auto"
        "occlusion" removes parts and measures the change of the prediction, for any model. "gradients" are integrated
        gradients, for nets. "gradcam" maps activations times gradients of the last convolutions, for convolutional
        nets. "shap" gives Shapley values of trees. "permutation" permutes parts among the rows and measures the score
        of the whole data set. "auto" is "shap" for trees and "gradients" for convolutional nets on grids, where that
        can be done and the package is there, else "occlusion".
    target : label, array-like of shape (n,) or None, default=None
        Class whose probability is explained, for all rows or for each. None is the predicted class. Of several targets
        it says which one is explained, by its place or the name of its column in y: a number, or that a row has a
        label.
    by : {"auto", "cell", "patch", "row", "column", "channel", "name"}, default="auto"
        Parts that are removed at once: a cell with all its channels, a patch of cells, a row, a column or a channel of
        the grid, or one named column or value. "auto" is "patch" on grids, and on the line of flat columns where the
        model is a convolution over it, else "name". Columns beside a grid are always removed one by one.
    patch : int, tuple of int or "auto", default="auto"
        Height and width of a patch. "auto" averages patches of two sizes, 6 x 6 and 12 x 12 cells of 28 x 28. They are
        cut in several ways, each shifted by some cells, and have soft edges; in more ways than two where the rows to
        predict then hold at most 6 million values.
    baseline : "auto", "mean", "rows", float or one row like those of X, default="auto"
        Values that replace the removed ones. "mean" is the mean of the training rows where the estimator knows it, else
        that of ``background``, else of X (the most frequent category, the middle date). "rows" draws from the rows of
        ``background``, or of X, ``n_repeats`` times. "auto" is "rows" for "occlusion" where there are ten of them or
        more and the rows to predict hold at most 30 million values, else "mean"; in patches it is "rows" for trees
        alone (6 million), and never for rows of a grid that are nearly all predicted to be of one class.
    background : like X or None, default=None
        Rows such as those of training, for the baseline.
    layout : "auto", tuple of int, Layout or None, default="auto"
        Cells behind flat columns. "auto" is the estimator's own, which is a mere line of columns only for convolutions
        over it; None explains columns one by one.
    scale : {"auto", "probability", "log-odds"}, default="auto"
        Scale on which "occlusion" measures a class. In log-odds very sure predictions still differ; "auto" takes them
        unless the model votes: gives probabilities of 0, and else none below a millionth.
    scoring : str, callable or None, default=None
        Score whose fall "permutation" measures; None is accuracy or R2.
    n_repeats : int, default=10
        Draws, where anything is drawn. Patches that are cut in several ways are drawn as often as six million values
        allow, but at least four times.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws.
    verbose : int, default=1
        0 is silent, 1 shows one line in terminals and notebooks.

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
    check_choice("method", method, ("auto", *_METHODS))
    check_choice("by", by, BY)
    check_choice("scale", scale, ("auto", "probability", "log-odds"))
    check_whole("n_repeats", n_repeats, least=1, most=_MOST_REPEATS)
    verbose, seed = check_verbose(verbose), seed_of(random_state)
    _check_used(method, by=by, patch=patch, baseline=baseline, background=background, scale=scale, scoring=scoring)
    if getattr(estimator, "n_targets_", 1) > 1:
        estimator, target, y = one_target(estimator, target, y, method)
    with own_errors(reading="X"):
        model = wrap_model(estimator, X, layout)
        y = _checked_target(y, len(model.predictions))  # that predictions can be made shows here, before any work
    partition = make_partition(model.columns, by, patch)
    parts = any(not (isinstance(given, str) and given == "auto") for given in (by, patch, baseline, scale))
    changed = model.sample.size * len(partition.units()[1])  # values to predict, and more
    with limited(threads_that_pay("prediction", changed)):
        columns = _target_columns(target, model, method)
        rng, progress = np.random.default_rng(seed), Progress(verbose, Budget())
        query = Query(model, partition, columns, n_repeats, rng, progress, y, scoring, scale, baseline, background)
        try:
            return _explain_by_default(query, parts=parts) if method == "auto" else _explain_by(method, query)
        except UntraceableError as error:
            raise ParameterError(
                f"method={method!r} cannot explain this {type(estimator).__name__}: {error}. Pass method='occlusion', "
                "which needs predictions only, or 'auto'."
            ) from error
        finally:
            progress.close()


def _explain_by_default(query: Query, *, parts: bool) -> Explanation:
    """Shapley values for trees, gradients for convolutional nets on grids; occlusion for all else.

    Also where ``parts``, a baseline or a scale is wanted.
    """
    if parts:
        return _explain_by("occlusion", query, "chosen as parts to remove were given")
    try:
        return _explain_by("shap", query, "chosen for trees")
    except UntraceableError:
        pass
    except MissingExtraError:
        return _explain_by("occlusion", query, "chosen as shap, for trees, is not installed")
    if query.partition.shifted and reads_by_convolutions(query):
        try:
            return _explain_by("gradients", with_affordable_nets(query), "chosen for convolutional nets on grids")
        except UntraceableError:
            pass
        except MissingExtraError:
            return _explain_by("occlusion", query, "chosen as captum, for nets, is not installed")
    return _explain_by("occlusion", query, "chosen as it works for any model")


def _explain_by(method: str, query: Query, reason: str = "") -> Explanation:
    model, found = query.model, _METHODS[method](query)
    explanation = Explanation(
        method=method,
        reason=reason,
        by=found.by or ("name" if model.columns.cells is None else "cell"),
        baseline=found.baseline,
        models=found.models,
        units=found.units,
        target=None if model.classes is None or method == "permutation" else model.classes[query.target],
        **found.averaged(),
        outputs=found.outputs,
        base_outputs=np.full(len(model.rows), np.nan) if found.base_outputs is None else found.base_outputs,
        columns=model.columns,
        sample=model.sample,
        by_size=found.by_size,
    )
    if warning := explanation.warning:
        warn_user(f"In this explanation, {warning}. Compare the maps in by_size, or pass patch=.")
    return explanation


def _check_used(method: str, **given: Any) -> None:
    """Raise where a parameter is given that the method does not use."""
    names = [name for name, value in given.items() if not (isinstance(value, str | None) and value in (None, "auto"))]
    for name in names:
        if method not in _USED_BY[name]:
            kinds = " or ".join(repr(kind) for kind in _USED_BY[name] if kind != "auto")
            sums = " and sum with by_row(), by_column() or by_channel()" if name == "by" else ""
            raise ParameterError(
                f"{name}= is for method={kinds}, and method={method!r} does not use it. Leave it out{sums}, or pass "
                "another method."
            )
    if "patch" in names and given["by"] not in ("auto", "patch"):
        raise ParameterError(
            f"patch={shown(given['patch'])} is the size of patches, and by={given['by']!r} uses none. Leave one out."
        )


def _checked_target(y: Any, n: int) -> np.ndarray | None:
    """True labels or numbers of n rows, where there are any."""
    if y is None:
        return None
    with own_errors(reading="y"):
        values = np.asarray(to_plain(y))
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.shape != (n,) or values.dtype.kind == "c":
        raise InputError(
            f"y is {values.dtype} of shape {values.shape}; expected ({n},), one label or number for each of the rows."
        )
    return values


def _target_columns(target: Any, model: WrappedModel, method: str) -> np.ndarray:
    """Column of the predictions that is explained, for each row.

    Raises
    ------
    ParameterError
        If the target is no class, or there are none.
    """
    n, classes = len(model.rows), model.classes
    if target is None:
        return np.zeros(n, dtype=int) if classes is None else model.predictions.argmax(axis=1)
    if classes is None or method == "permutation":
        about = "numbers are predicted" if classes is None else "a score is about all classes at once"
        raise ParameterError(f"target={shown(target)} was given, but {about}. Leave it out.")
    with own_errors(reading="target"):
        labels = np.asarray(to_plain(target))
    labels = np.full(n, target, dtype=labels.dtype) if labels.ndim == 0 else labels.reshape(-1)
    if len(labels) != n:
        raise ParameterError(f"target has {len(labels)} labels and X has {n} rows; expected one label, or one per row.")
    columns = {label: column for column, label in enumerate(classes.tolist())}
    with own_errors(reading="target"):
        unknown = [label for label in labels.tolist() if label not in columns]
    if unknown:
        raise ParameterError(
            f"target={shown(unknown[0])} is none of the classes {list(columns)}."
            f"{did_you_mean(unknown[0], list(columns))}"
        )
    return np.array([columns[label] for label in labels.tolist()])
