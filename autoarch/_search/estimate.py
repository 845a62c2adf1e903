"""Estimate the score to expect, without the bias of choosing the best."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from autoarch._search.calibration import tempered, tempered_labels
from autoarch._search.compare import row_variance
from autoarch._search.conformal import LeftOut, LeftOutTargets
from autoarch._search.jobs import TrainingData
from autoarch._search.scoring import Predictions, Scorer
from autoarch._search.selection import ROUNDS, blended, select
from autoarch._search.steps import Candidate
from autoarch._training.labels import pairs
from autoarch.rows import QuestionScore

_BLOCKS = 10  # into which a single holdout is cut
_CONTENDERS = 10  # candidates further down are never chosen by a block's vote
_BOOTSTRAPS = 60
_FEW_UNITS = 30
_ANOTHER_TRAINING = 1.1  # times the error that bootstrap samples give, as measured over data sets drawn anew
_OF_OTHER_UNITS = 1.2  # the same where whole groups, blocks or stretches are drawn: other ones change a model by more


def honest_estimate(
    judged: Sequence[Candidate],
    data: TrainingData,
    seed: int,
    seconds: float = np.inf,
    size: int = 1,
    splits: tuple[int, ...] | None = None,
) -> tuple[float, float]:
    """Score of "search, then take the best ``size``", each row predicted by a choice in which it had no say.

    ``judged`` are candidates that were judged on all of ``splits``, by default those of the first one, which leads.
    The validation rows are cut into blocks (the splits, or tenths of a single holdout). For each block the candidate
    that is best on all other blocks is chosen and its predictions on the block are kept; the kept predictions are
    scored together. The error is that of ``standard_error``, or what one more wrong row would make if that is more.
    With a slow score and few ``seconds``, fewer candidates and samples are looked at. Where splits have several
    estimands, the estimate is of the last one: over a map, the score to expect where nothing is known nearby.

    Returns
    -------
    score, standard_error : float
        NaN where there is nothing to go by.
    """
    judged = judged[:_CONTENDERS]
    rng = np.random.default_rng(seed)
    if not judged:
        return float("nan"), float("nan")
    splits = judged[0].splits if splits is None else splits
    parts = [candidate.predictions_on(splits) for candidate in judged]
    calls = _affordable_calls(parts[0], data.scorer, seconds)
    if len({data.plan.estimands[split] for split in splits}) > 1:
        chosen = _choose_by_estimand(judged, data, size, splits)
    else:
        units = data.plan.units.get(data.plan.estimands[splits[0]])
        blocks = _blocks([data.splits[split][1] for split in splits], units, rng)
        parts = parts[: max(1, calls // (2 * len(blocks) * (1 if size == 1 else ROUNDS * size)))]
        chosen = [_without(block, parts, data.scorer, size) for block in blocks]
    kept = Predictions.joined(chosen)
    score = data.scorer.score_or_nan(kept)
    last = data.plan.estimands[splits[-1]]
    error = standard_error(kept, data, last, rng, min(_BOOTSTRAPS, max(2, calls // 2)))
    if not np.isfinite(score):
        score = data.score(judged[0])
    losses = data.scorer.unit_losses(kept)
    bounded = data.scorer.classes is not None and data.scorer.name != "neg_log_loss"
    scale = len(losses) / len(kept.rows) if bounded else 0.0  # by which a row more that is wrong moves its unit
    known = np.isfinite(error)
    least = float(np.sqrt(row_variance(losses, scale if known else max(scale, abs(score)))))
    if known and not bounded:  # what losses are divided by varies with them, as bootstrap samples know: one row more
        least = float(np.nanmax(np.abs(losses - np.nanmean(losses)), initial=0.0)) / len(losses)
    return score, max(least, float(np.nan_to_num(error)))


def question_scores(
    estimate: tuple[float, float], best: Candidate, data: TrainingData, seed: int, splits: tuple[int, ...], how: str
) -> list[QuestionScore]:
    """Score each question that the splits ask: the estimate for the last one, and the winner on the others.

    Parameters
    ----------
    estimate : tuple of float
        Score and standard error, from ``honest_estimate``.
    best : Candidate
        The winner.
    data : TrainingData
        What it was judged on.
    seed : int
        Of bootstrap samples.
    splits : tuple of int
        On which the final model was judged.
    how : str
        The splits in words.
    """
    rng = np.random.default_rng(seed)
    *others, last = dict.fromkeys(data.plan.estimands[split] for split in splits)
    joined = {name: best.predictions_on(data.splits_of(splits, name)) for name in (last, *others)}
    threshold = data.scorer.threshold_of(joined[last])
    decided = {name: data.scorer.decided(joined[name], threshold) for name in others}
    scores = {last: estimate}
    for name in others:
        score = data.scorer.score_or_nan(decided[name])
        scores[name] = score, standard_error(decided[name], data, name, rng)
    words = {
        last: f"{how}; each part predicted by what was best on the others",
        **dict.fromkeys(others, f"{how}; the winner"),
    }
    return [QuestionScore(name, *scores[name], n_units(joined[name], data, name), words[name]) for name in joined]


def left_out_of(
    predictions: Predictions, data: TrainingData, temperature: float
) -> tuple[np.ndarray, LeftOut | LeftOutTargets | None]:
    """Left-out predictions of all rows, NaN where a row was never left out, and those that intervals rest on.

    The latter of each target, where there are several.

    Where splits have several estimands, those of the last one: what is hardest. None where rows judged themselves.
    """
    plan, classes = data.plan, data.scorer.classes
    values = predictions.values
    if classes is not None:
        values = (tempered if data.n_targets == 1 else tempered_labels)(values, temperature)
    of_all = np.full((len(data.y), *values.shape[1:]), np.nan)
    if any(np.intersect1d(*split).size for split in plan.splits):
        return of_all, None
    of_all[predictions.rows] = values  # a row of several estimands has the last of its predictions
    last = plan.estimands[-1]
    hardest = np.unique(
        np.concatenate([v for (_, v), name in zip(plan.splits, plan.estimands, strict=True) if name == last])
    )
    rows = hardest[np.isin(hardest, predictions.rows)]
    truth = data.y[rows] if classes is None else np.searchsorted(classes, data.y[rows])
    values, units = of_all[rows], data.plan.units.get(last)
    if not len(rows):
        return of_all, None
    kind, units = LeftOut.of_numbers if classes is None else LeftOut.of_classes, None if units is None else units[rows]
    if data.n_targets == 1:
        return of_all, kind(values, truth, units)
    columns = values.T if classes is None else pairs(values)
    each = (kind(column, true, units) for column, true in zip(columns, truth.T, strict=True))
    return of_all, LeftOutTargets(tuple(each))


def n_units(predictions: Predictions, data: TrainingData, estimand: str) -> int:
    """Number of independent units among the rows that were predicted."""
    units = data.plan.units.get(estimand)
    return len(np.unique(predictions.rows if units is None else units[predictions.rows]))


def standard_error(
    predictions: Predictions, data: TrainingData, estimand: str, rng: np.random.Generator, n_samples: int = _BOOTSTRAPS
) -> float:
    """Standard error of a score, from bootstrap samples of whole units, corrected for their number.

    The deviation over samples of k units is too small by sqrt((k - 1) / k), and that of few units varies by itself,
    which makes t of normal quantiles. That another training set gives another model is left out, and made up for by a
    factor (docs/guide/scores.md).
    """
    units = data.plan.units.get(estimand)
    error = bootstrap_error(predictions, data.scorer, rng, n_samples, units=units)
    k = n_units(predictions, data, estimand)
    few = np.sqrt((k - 1) / max(k - 3, 1)) if k < _FEW_UNITS else 1.0
    widened = _ANOTHER_TRAINING if units is None else _OF_OTHER_UNITS
    return float(error * np.sqrt(k / max(k - 1, 1)) * few * widened)


def _affordable_calls(predictions: Predictions, scorer: Scorer, seconds: float) -> int:
    """Estimate how often the score can be computed in that time."""
    if np.isinf(seconds):
        return 10**6
    started = time.monotonic()
    scorer.score(scorer.decided(predictions))
    return int(seconds / max(time.monotonic() - started, 1e-5))


def _choose_by_estimand(
    judged: Sequence[Candidate], data: TrainingData, size: int, splits: tuple[int, ...]
) -> list[Predictions]:
    """Predict each split of the last estimand by what does best on the other estimands and its other splits."""
    scorer, weights = data.scorer, data.plan.weight_of
    *others, last = dict.fromkeys(data.plan.estimands[split] for split in splits)
    of = {name: data.splits_of(splits, name) for name in (*others, last)}
    parts = [[candidate.predictions_on((split,)) for split in of[last]] for candidate in judged]
    elsewhere = [candidate.predictions_on(of[others[0]]) for candidate in judged]
    if size > 1:
        shares = select(elsewhere, scorer, size)
        return [blended(list(of_split), shares) for of_split in zip(*parts, strict=True)]
    chosen = []
    for split in range(len(parts[0])):
        keys = []
        for candidate, own in zip(judged, parts, strict=True):
            rest = own[:split] + own[split + 1 :]
            score = _score_or_worst(scorer.decided(Predictions.joined(rest)), scorer) if rest else 0.0
            decided = [scorer.decided(candidate.predictions_on(of[name])) for name in others]
            known = sum(weights[name] * scorer.score(part) for name, part in zip(others, decided, strict=True))
            keys.append(known + weights[last] * score)
        own = parts[int(np.argmax(keys))]
        rest = own[:split] + own[split + 1 :]
        threshold = scorer.threshold_of(Predictions.joined(rest)) if rest else scorer.fixed
        chosen.append(scorer.decided(own[split], threshold))
    return chosen


def _blocks(rows: Sequence[np.ndarray], units: np.ndarray | None, rng: np.random.Generator) -> list[np.ndarray]:
    """Positions within the joined predictions: one block per split, or random tenths of a single one, of its units."""
    sizes = [len(of_split) for of_split in rows]
    if len(sizes) > 1:
        return np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    codes = np.arange(sizes[0]) if units is None else np.unique(units[rows[0]], return_inverse=True)[1]
    n_units = int(codes.max()) + 1
    parts = np.array_split(rng.permutation(n_units), min(_BLOCKS, n_units))
    return [np.flatnonzero(np.isin(codes, part)) for part in parts]


def _without(block: np.ndarray, parts: Sequence[Predictions], scorer: Scorer, size: int) -> Predictions:
    """Predictions of a block by what is best on the other rows, decided by the threshold that is best there."""
    chosen = _choose_without(block, parts, scorer, size)
    others = np.setdiff1d(np.arange(len(chosen.rows)), block)
    threshold = scorer.threshold_of(chosen.at(others)) if len(others) else scorer.fixed
    return scorer.decided(chosen.at(block), threshold)


def _choose_without(block: np.ndarray, parts: Sequence[Predictions], scorer: Scorer, size: int) -> Predictions:
    """Choose what scores best on the rows outside ``block``; on ties the first, which is best overall."""
    others = np.setdiff1d(np.arange(len(parts[0].rows)), block)
    if len(parts) == 1 or not len(others):
        return parts[0]
    scores = [_score_or_worst(scorer.decided(part.at(others)), scorer) for part in parts]
    if size == 1 or not np.isfinite(scores).all():
        return parts[int(np.argmax(scores))]
    order = np.argsort(-np.array(scores), kind="stable")
    shares = select([parts[place].at(others) for place in order], scorer, size)
    return blended([parts[place] for place in order], shares)


def _score_or_worst(predictions: Predictions, scorer: Scorer) -> float:
    """Score predictions; minus infinity where the rows lack what the score needs (two classes, two rows)."""
    score = scorer.score_or_nan(predictions)
    return score if np.isfinite(score) else -np.inf


def bootstrap_error(
    kept: Predictions,
    scorer: Scorer,
    rng: np.random.Generator,
    n_samples: int = _BOOTSTRAPS,
    over: Predictions | None = None,
    units: np.ndarray | None = None,
) -> float:
    """Deviation of the score over bootstrap samples of the rows, or of whole units of rows with the codes ``units``.

    With ``over``, that of the lead over its score.
    """
    n, scores = len(kept.rows), []
    parts = None
    if units is not None:
        codes = np.unique(units[kept.rows], return_inverse=True)[1]
        parts = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    for _ in range(n_samples):
        rows = rng.integers(n, size=n)
        if parts is not None:
            rows = np.concatenate([parts[unit] for unit in rng.integers(len(parts), size=len(parts))])
        scores.append(_score_or_worst(kept.at(rows), scorer))
        if over is not None:
            scores[-1] -= _score_or_worst(over.at(rows), scorer)
    scores = [score for score in scores if np.isfinite(score)]
    return float(np.std(scores, ddof=1)) if len(scores) > 1 else float("nan")
