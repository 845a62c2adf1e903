"""``check_transfer``: compare four ways to use a pretrained net on the same held-out folds, with the same budget."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from autoarch._core.checks import check_choice, check_training_length, seed_of
from autoarch._core.pace import threads_of_training
from autoarch._core.quiet import quiet
from autoarch._core.threads import limited
from autoarch._data.canonical import Canonicaliser
from autoarch._data.layout import Layout
from autoarch._data.row_splits import SplitPlan, plan_splits
from autoarch._data.target import encode_labels, guess_task, numeric_target
from autoarch._search.scoring import Predictions, Scorer
from autoarch._training.pretrained.adapt import CHANNELS, SIZINGS, channels_of, sizings
from autoarch._training.pretrained.inspect import examine
from autoarch._training.pretrained.measures import InputShift, input_shift
from autoarch._training.pretrained.source import Pretrained
from autoarch._training.time_limited import averaged_models
from autoarch.exceptions import LayoutError, ParameterError
from autoarch.families.net_settings import lengths
from autoarch.transfer.report import TransferReport, Way
from autoarch.transfer.strategies import AS_IS, WAYS, Prepared, Setting, fit_way, keeps_head, prepare

_SHIFT_ROWS = 500


def check_transfer(
    model: Any,
    X: Any,
    y: Any,
    *,
    layout: Layout | Sequence[int] | str = "auto",
    channels: str = "first",
    task: str = "auto",
    classes: Sequence[Any] | None = None,
    cv: Any = 5,
    groups: Any = None,
    scoring: Any = None,
    time_budget: float | None = None,
    steps: int | None = None,
    first_convolution: str = "auto",
    inputs: str = "auto",
    sizing: str = "auto",
    random_state: Any = 0,
) -> TransferReport:
    """Measure whether a net that was trained on other data is worth using here, and how.

    On the same held-out folds, four ways are compared: the net **as it is** (where it knows all labels), its **frozen**
    features under a linear model, **fine-tuned** (the last layer first, then all layers, the early ones slowly), and
    its architecture **from scratch**. The last two train equally long.

    Parameters
    ----------
    model : torch.nn.Module, skorch net, fitted AutoArchClassifier or AutoArchRegressor, Pretrained, str or Path
        The net; it is not changed. Files are read as :func:`load_pretrained` does.
    X : array-like of shape (n, H, W), (n, C, H, W) or (n, p), or DataFrame
        Rows to learn from.
    y : array-like of shape (n,)
        Labels or numbers.
    layout : tuple of int, Layout or "auto", default="auto"
        Cells behind the columns of flat X. "auto" takes that of the model where it has as many columns.
    channels : {"first", "last"}, default="first"
        Where 4-D X has its channels.
    task : {"auto", "classification", "regression"}, default="auto"
        What y is; "auto" takes numbers with fractions for a regression.
    classes : sequence, optional
        Labels in the order of the outputs of a module that does not tell them. Default: the sorted labels of y, where
        there are as many.
    cv : int, splitter or iterable, default=5
        Folds; two at least.
    groups : array-like of shape (n,), optional
        Rows of one group are never split between training and judging.
    scoring : str, callable or None, default=None
        What is compared, as in scikit-learn. None is accuracy or R2.
    time_budget : float or None, default=None
        Seconds for all trainings together, the same for each. None trains for a number of steps; then nothing depends
        on the clock.
    steps : int or None, default=None
        Gradient steps of each training. None takes as many as the cnn family's defaults for so many rows.
    first_convolution : {"auto", "sum", "repeat", "new"}, default="auto"
        What becomes of its kernels where the net saw another number of channels: summed (for one channel), dealt to the
        new channels in turn and scaled, or new ones. "auto" sums for one channel, else repeats.
    inputs : {"auto", "source", "own"}, default="auto"
        Scale of the inputs: that of the data that the net saw (values as they are, where it does not know it), or that
        of these data. "auto" takes, on the training rows, what lets the features tell more about the labels.
    sizing : {"auto", "native", "resize", "pad"}, default="auto"
        How grids of other sides are brought to the net: as they are, or resized or padded to the sides that it saw.
        "auto" chooses like ``inputs``.
    random_state : int, RandomState instance or None, default=0
        Seed of folds and weights.

    Returns
    -------
    TransferReport
        Scores of each way and fold, verdict, margin with its standard error, input shift, LogME.

    Raises
    ------
    InputError
        If the net cannot be fitted to the grids; the message says why.
    ParameterError
        If a parameter makes no sense.
    LayoutError
        If X is flat and its layout is not known.

    References
    ----------
    .. [1] K. You, Y. Liu, J. Wang, M. Long, "LogME: practical assessment of pre-trained models for transfer learning",
       ICML 2021.
    .. [2] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52, 239-281, 2003: the
       standard error over folds that share training rows.

    Examples
    --------
    >>> from autoarch import AutoArchClassifier
    >>> from autoarch.datasets import load_digits_grid
    >>> from autoarch.transfer import check_transfer
    >>> X, y = load_digits_grid()
    >>> clf = AutoArchClassifier(n_trials=1, time_budget=None, families="cnn", cv=2, random_state=0, verbose=0)
    >>> report = check_transfer(clf.fit(X[:120], y[:120]), X[120:180], y[120:180], cv=2, steps=20)
    >>> report.verdict in ("reuse", "fine-tune"), sorted(report.ways)
    (True, ['as is', 'fine-tuned', 'from scratch', 'frozen'])
    """
    started = time.monotonic()
    check_choice("first_convolution", first_convolution, CHANNELS)
    check_choice("inputs", inputs, ("auto", "source", "own"))
    check_choice("sizing", sizing, ("auto", *SIZINGS))
    check_choice("task", task, ("auto", "classification", "regression"))
    check_training_length(steps, time_budget)
    source, seed = Pretrained.of(model), seed_of(random_state)
    values, read = _read_rows(source, X, layout, channels)
    task = _task(task, source, y)
    if task == "classification":
        codes, labels = encode_labels(y, n_samples=len(values), estimator_name="check_transfer")
        target = labels[codes]
    else:
        codes = target = numeric_target(y, n_samples=len(values), estimator_name="check_transfer")
        labels = None
    plan = plan_splits(codes, cv=cv, groups=groups, task=task, random_state=seed, X=X)
    if len(plan) < 2:
        raise ParameterError(f"cv={cv!r} gives one split; a standard error needs two or more, such as cv=5.")
    kept, doubts = kept_outputs(source, read.shape, labels, classes)
    if (n_models := _n_averaged(model)) > 1:
        doubts += (f"of {n_models} nets that the estimator averages, the first one was taken",)
    seconds = None if time_budget is None else time_budget / (2 * len(plan))
    setting = Setting(source, read, labels, kept, first_convolution, inputs, sizing, steps, seconds, seed)
    scorer = Scorer(scoring, task, values, target, None, labels)
    scorer.check(plan.splits[0][1])
    with quiet(), limited(threads_of_training(lengths(len(values))[0] * values.shape[1], time_budget)):
        ways, prepared = _measure(setting, scorer, plan, values, target)
    return TransferReport(
        ways=ways,
        metric=scorer.name,
        n_samples=len(values),
        test_share=float(np.mean([len(test) / len(train) for train, test in plan.splits])),
        shift=_shift(setting, prepared[0], values),
        features=(float(np.mean([p.logme for p in prepared])), float(np.mean([p.logme_random for p in prepared]))),
        inputs=_inputs_in_words(source, Counter(each.inputs for each in prepared).most_common(1)[0][0]),
        changes=_changes(setting, prepared[0]),
        doubts=doubts,
        budget=_budget_in_words(setting, plan),
        net=repr(source),
        seconds=time.monotonic() - started,
    )


def _read_rows(source: Pretrained, X: Any, layout: Any, channels: str) -> tuple[np.ndarray, Layout]:
    """Flat rows and their layout: that of the net where the user leaves it open and X has as many columns."""
    if isinstance(layout, str) and layout == "auto" and source.layout is not None:
        layout = source.layout if np.shape(X)[1:] == (source.layout.n_columns,) else layout
    canonical = Canonicaliser(layout, channels).with_estimator_name("check_transfer")
    values = canonical.fit_transform(X)
    read = canonical.layout_
    if read is None or (read.is_bare_line and canonical.kind_ != "grid"):
        raise LayoutError(
            f"X is flat with {values.shape[1]} columns, and the net reads grids. Pass layout=(height, width), or (1, "
            f"{values.shape[1]}) if the columns are a line."
        )
    return values, read


def _measure(
    setting: Setting, scorer: Scorer, plan: SplitPlan, X: np.ndarray, y: np.ndarray
) -> tuple[dict[str, Way], list[Prepared]]:
    scores: dict[str, list[float]] = {name: [] for name in WAYS if name != AS_IS or setting.kept_outputs is not None}
    seconds = dict.fromkeys(scores, 0.0)
    prepared = []
    for train, test in plan.splits:
        prepared.append(prepare(setting, X[train], y[train]))
        for name in scores:
            began = time.monotonic()
            predict = fit_way(name, setting, prepared[-1], X[train], y[train])
            scores[name].append(scorer.score(Predictions(test, predict(X[test]))))
            seconds[name] += time.monotonic() - began
    return {name: Way(tuple(of_way), seconds[name]) for name, of_way in scores.items()}, prepared


def _task(task: str, source: Pretrained, y: Any) -> str:
    if task != "auto":
        return task
    if source.y_mean is not None:
        return "regression"
    return guess_task(y)


def kept_outputs(
    source: Pretrained, shape: tuple[int, int, int], labels: np.ndarray | None, classes: Sequence[Any] | None
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Outputs that stand for the labels, in their order, and the assumptions and omissions that this took."""
    ways = sizings(source, shape)
    anatomy = examine(source.module, (channels_of(source), *next(iter(ways.values()))))
    n_outputs = anatomy.n_outputs
    if labels is not None and n_outputs == 1 and source.y_mean is None:
        n_outputs = 2  # a single logit, that of the second label
    if classes is not None and len(classes) != n_outputs:
        raise ParameterError(f"classes={list(classes)!r} names {len(classes)} labels; the net has {n_outputs} outputs.")
    if labels is None:
        if n_outputs == 1 and source.classes is None and anatomy.squash is None:
            return np.zeros(1, dtype=int), ()
        return None, ("as it is: the net predicts classes, y holds numbers",)
    known = source.classes if classes is None else np.asarray(classes)
    doubts: tuple[str, ...] = ()
    if known is None and n_outputs == len(labels):
        known, doubts = labels, ("the net does not tell its labels; its outputs were taken for those of y, sorted",)
    if known is None:
        return None, (f"as it is: the net has {n_outputs} outputs, y has {len(labels)} classes",)
    place = {label: number for number, label in enumerate(known.tolist())}
    unknown = [label for label in labels.tolist() if label not in place]
    if unknown:
        return None, (f"as it is: the net does not know {len(unknown)} of the labels, such as {unknown[0]!r}",)
    return np.array([place[label] for label in labels.tolist()]), doubts


def _n_averaged(model: Any) -> int:
    steps = getattr(getattr(model, "best_estimator_", model), "steps", None)
    return len(averaged_models(steps[-1][1])) if steps else 0


def _changes(setting: Setting, prepared: Prepared) -> tuple[str, ...]:
    """Changes for fine-tuning: a head whose outputs are not those of the labels in their order is replaced there."""
    if setting.kept_outputs is None or keeps_head(setting, prepared):
        return prepared.net.changes
    n_outputs = 1 if setting.classes is None else len(setting.classes)
    return (*prepared.net.changes, f"a new last layer: {prepared.net.anatomy.n_outputs} outputs became {n_outputs}")


def _shift(setting: Setting, prepared: Prepared, X: np.ndarray) -> InputShift:
    rows = np.random.default_rng(setting.seed).permutation(len(X))[:_SHIFT_ROWS]
    grids = setting.layout.to_grid(X[rows]).astype(np.float64)
    return input_shift(setting.source, prepared.net, grids, prepared.scaler.transform(X[rows]))


def _inputs_in_words(source: Pretrained, inputs: str) -> str:
    if inputs == "own":
        return "scaled by the mean and deviation of these data"
    return "as they are" if source.mean is None else "scaled as the data that the net was trained on"


def _budget_in_words(setting: Setting, plan: SplitPlan) -> str:
    if setting.seconds is not None:
        return f"{setting.seconds:.3g} s for each training"
    n_rows = round(float(np.mean([len(train) for train, _ in plan.splits])))
    _, per_epoch, n_epochs = lengths(n_rows, setting.steps)
    return f"{n_epochs * per_epoch} steps for each training"
