"""``check_transfer``: compare four ways to use a pretrained net on the same held-out folds, with the same budget."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from autoarch._core.checks import check_choice, check_distinct, check_training_length, seed_of
from autoarch._core.pace import threads_of_training
from autoarch._core.quiet import filters_kept, quiet
from autoarch._core.threads import limited
from autoarch._data.canonical import Canonicaliser
from autoarch._data.containers import to_plain
from autoarch._data.layout import Layout
from autoarch._data.row_splits import SplitPlan
from autoarch._data.target import encode_labels, guess_task, numeric_target
from autoarch._search.compare import row_variance
from autoarch._search.scoring import Predictions, Scorer, per_unit
from autoarch._search.splits import folds_to_compare
from autoarch._training.pretrained.adapt import CHANNELS, SIZINGS
from autoarch._training.pretrained.fine_tuning import INPUTS
from autoarch._training.pretrained.measures import InputShift, input_shift
from autoarch._training.pretrained.source import Pretrained
from autoarch._training.time_limited import averaged_models
from autoarch.exceptions import LayoutError
from autoarch.families.net_settings import lengths
from autoarch.transfer.comparison import Way, evidence_of
from autoarch.transfer.references import REFERENCES, fit_reference
from autoarch.transfer.report import TransferReport
from autoarch.transfer.strategies import (
    AS_IS,
    FINE_TUNED,
    FROZEN,
    WAYS,
    Prepared,
    Setting,
    changes_of,
    fit_way,
    kept_outputs,
    mean_logme,
    prepare,
)

_SHIFT_ROWS = 500


@filters_kept
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
    its architecture **from scratch**. The last two train equally long. All are compared with a floor, the best of a
    constant, a linear model, a small forest and quick boosting, which learn the raw cells of the same rows: where
    nothing beats it by two standard errors, paired over the rows, the verdict is "none of these". Accuracy takes many
    rows to show a lead; there a way beats the floor also where its score is better and its probabilities surely tell
    more: calibrated, their log-loss is better than that of any plain model by two standard errors.

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
        Seconds for all trainings together, the same for each, and at most for each plain model. None trains for a
        number of steps; then nothing depends on the clock.
    steps : int or None, default=None
        Gradient steps of each training. None takes as many as the cnn family's defaults for so many rows.
    first_convolution : {"auto", "sum", "repeat", "new"}, default="auto"
        What becomes of its kernels where the net saw another number of channels: summed (for one channel), dealt to the
        new channels in turn and scaled, or new ones. "auto" sums for one channel, else repeats.
    inputs : {"auto", "source", "own", "sample"}, default="auto"
        Scale of the inputs: that of the data that the net saw (values as they are, where it does not know it), that of
        these data, or that of each sample on its own. "auto" measures it for each way on the training rows: the net as
        it is takes the one with which it scores best, the others that with which features tell more about the labels.
    sizing : {"auto", "native", "resize", "pad"}, default="auto"
        How grids of other sides are brought to the net: as they are, or resized or padded to the sides that it saw.
        "auto" chooses like ``inputs``.
    random_state : int, RandomState instance or None, default=0
        Seed of folds and weights.

    Returns
    -------
    TransferReport
        Scores of each way and of the floor on each fold, verdict, margin and its error, input shift, LogME.

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
    >>> report = check_transfer(clf.fit(X[:150], y[:150]), X[400:460], y[400:460], cv=2, steps=20)
    >>> report.verdict == "none of these", any(map(report.beats_floor, report.ways))  # a forest is as good
    (True, False)
    >>> sorted(report.ways), sorted(report.references)
    (['as is', 'fine-tuned', 'from scratch', 'frozen'], ['boosting', 'constant', 'forest', 'linear'])
    """
    started = time.monotonic()
    check_choice("first_convolution", first_convolution, CHANNELS)
    check_choice("inputs", inputs, ("auto", *INPUTS))
    check_choice("sizing", sizing, ("auto", *SIZINGS))
    check_choice("channels", channels, ("first", "last"))
    check_choice("task", task, ("auto", "classification", "regression"))
    if classes is not None:
        check_distinct("classes", classes, "the labels in the order of the outputs")
    check_training_length(steps, time_budget)
    seed, source = seed_of(random_state), Pretrained.of(model)
    values, read = _read_rows(source, X, layout, channels)
    task = _task(task, source, y)
    if task == "classification":
        codes, labels = encode_labels(y, n_samples=len(values), estimator_name="check_transfer")
        target = labels[codes]
    else:
        codes = target = numeric_target(y, n_samples=len(values), estimator_name="check_transfer")
        labels = None
    plan = folds_to_compare(codes, cv, groups, task, seed, X)
    kept, doubts = kept_outputs(source, read.shape, labels, classes)
    if (n_models := _n_averaged(model)) > 1:
        doubts += (f"of {n_models} nets that the estimator averages, the first one was taken",)
    seconds = None if time_budget is None else time_budget / (2 * len(plan))
    setting = Setting(source, read, labels, kept, first_convolution, inputs, sizing, steps, seconds, seed, scoring)
    scorer = Scorer(scoring, task, values, target, None, labels)
    scorer.check(plan.splits[0][1])
    with quiet(), limited(threads_of_training(lengths(len(values))[0] * values.shape[1], time_budget)):
        parts, taken, prepared = _measure(setting, plan, values, target)
    return TransferReport(
        *_scored(parts, taken, scorer, groups, _scales(source, prepared)),
        metric=scorer.name,
        n_samples=len(values),
        test_share=float(np.mean([len(test) / len(train) for train, test in plan.splits])),
        shift=_shift(setting, prepared[0][FROZEN], values),
        features=mean_logme(prepared),
        changes=changes_of(setting, prepared[0][FINE_TUNED]),
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
    setting: Setting, plan: SplitPlan, X: np.ndarray, y: np.ndarray
) -> tuple[dict[str, list[Predictions]], dict[str, float], list[dict[str, Prepared]]]:
    """Predictions of each way and reference on the held-out rows of each split, seconds of each, and scales."""
    ways = [name for name in WAYS if name != AS_IS or setting.kept_outputs is not None]
    parts: dict[str, list[Predictions]] = {name: [] for name in (*ways, *REFERENCES)}
    seconds = dict.fromkeys(parts, 0.0)
    prepared = []
    for train, test in plan.splits:
        prepared.append(prepare(setting, X[train], y[train]))
        for name in parts:
            began = time.monotonic()
            if name in REFERENCES:
                fitted = X[train], y[train], setting.classes
                predict = fit_reference(name, *fitted, seconds=setting.seconds, seed=setting.seed)
            else:
                predict = fit_way(name, setting, prepared[-1], X[train], y[train])
            parts[name].append(Predictions(test, predict(X[test])))
            seconds[name] += time.monotonic() - began
    return parts, seconds, prepared


def _scored(
    parts: Mapping[str, list[Predictions]],
    seconds: Mapping[str, float],
    scorer: Scorer,
    groups: Any,
    scales: Mapping[str, str],
) -> tuple[dict[str, Way], dict[str, Way]]:
    """Scores of the ways and of the references, with the error of their distance to the best reference."""
    units = np.arange(len(scorer.y)) if groups is None else pd.factorize(np.asarray(to_plain(groups)))[0]
    scores = {name: tuple(scorer.score(part) for part in of_way) for name, of_way in parts.items()}
    floor = max(REFERENCES, key=lambda name: float(np.mean(scores[name])))
    errors = {name: _paired_error(scorer, of_way, parts[floor], units) for name, of_way in parts.items()}
    more = evidence_of(parts, REFERENCES, scorer, units)
    ways = {
        name: Way(scores[name], seconds[name], errors[name], scales.get(name, "as they are"), more.get(name, np.nan))
        for name in parts
    }
    references = {name: ways.pop(name) for name in REFERENCES}
    return ways, references


def _paired_error(scorer: Scorer, one: list[Predictions], other: list[Predictions], units: np.ndarray) -> float:
    """Standard error of the difference of two scores, by their losses on the same rows; a group of rows counts once."""
    joined = [Predictions.joined(parts) for parts in (one, other)]
    losses = np.subtract(*(scorer.unit_losses(each) for each in joined), dtype=np.float64)
    rows = joined[0].rows
    if len(losses) == len(rows):
        losses = per_unit(losses, units[rows])
    return float(np.sqrt(row_variance(losses, abs(float(np.nanmean(losses))))))


def _task(task: str, source: Pretrained, y: Any) -> str:
    if task != "auto":
        return task
    if source.y_mean is not None:
        return "regression"
    return guess_task(y)


def _n_averaged(model: Any) -> int:
    steps = getattr(getattr(model, "best_estimator_", model), "steps", None)
    return len(averaged_models(steps[-1][1])) if steps else 0


def _shift(setting: Setting, prepared: Prepared, X: np.ndarray) -> InputShift:
    rows = np.random.default_rng(setting.seed).permutation(len(X))[:_SHIFT_ROWS]
    grids = setting.layout.to_grid(X[rows]).astype(np.float64)
    return input_shift(setting.source, prepared.net, grids, prepared.scaler.transform(X[rows]))


def _scales(source: Pretrained, prepared: Sequence[Mapping[str, Prepared]]) -> dict[str, str]:
    """The scale of the inputs that each way has had on most splits, in words."""
    words = {
        "own": "scaled by the mean and deviation of these data (inputs='own')",
        "sample": "scaled by the mean and deviation of each sample (inputs='sample')",
        "source": "as they are" if source.mean is None else "scaled as the data that the net was trained on",
    }
    kinds = {name: Counter(each[name].inputs for each in prepared) for name in prepared[0]}
    return {name: words[count.most_common(1)[0][0]] for name, count in kinds.items()}


def _budget_in_words(setting: Setting, plan: SplitPlan) -> str:
    if setting.seconds is not None:
        return f"{setting.seconds:.3g} s for each training"
    n_rows = round(float(np.mean([len(train) for train, _ in plan.splits])))
    _, per_epoch, n_epochs = lengths(n_rows, setting.steps)
    return f"{n_epochs * per_epoch} steps for each training"
