"""Estimate the score to expect, without the bias of choosing the best."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from autoarch._search.ensemble import ROUNDS, blended, contenders, select
from autoarch._search.job import TrainingData, TrialResult
from autoarch._search.scoring import Predictions, Scorer
from autoarch.geo.autocorrelation import FoldScore

_BLOCKS = 10  # into which a single holdout is cut
_CONTENDERS = 10  # candidates further down are never chosen by a block's vote
_BOOTSTRAPS = 30


def honest_estimate(
    results: Sequence[TrialResult], data: TrainingData, seed: int, seconds: float = np.inf, size: int = 1
) -> tuple[float, float]:
    """Score of "search, then take the best ``size``", each row predicted by a choice in which it had no say.

    The validation rows are cut into blocks (the splits, or tenths of a single holdout). For each block the candidate
    that is best on all other blocks is chosen and its predictions on the block are kept; the kept predictions are
    scored together. The standard error is the deviation over bootstrap samples of them. With a slow score and few
    ``seconds``, fewer candidates and fewer bootstrap samples are looked at. Where splits have several estimands, the
    estimate is of the last one: over a map, the score to expect where nothing is known nearby.

    Returns
    -------
    score, standard_error : float
        NaN where there is nothing to go by.
    """
    judged = contenders(results, _CONTENDERS)
    rng = np.random.default_rng(seed)
    if not judged:
        return float("nan"), float("nan")
    parts = [Predictions.joined(result.predictions) for result in judged]
    calls = _affordable_calls(parts[0], data.scorer, seconds)
    if judged[0].pooled:
        chosen = _choose_by_estimand(judged, data.scorer, size)
    else:
        blocks = _blocks(judged[0], rng)
        parts = parts[: max(1, calls // (2 * len(blocks) * (1 if size == 1 else ROUNDS * size)))]
        chosen = [_choose_without(block, parts, data.scorer, size).at(block) for block in blocks]
    kept = Predictions.joined(chosen)
    return data.scorer.score(kept), bootstrap_error(kept, data.scorer, rng, min(_BOOTSTRAPS, max(2, calls // 2)))


def fold_scores(best: TrialResult, data: TrainingData, seed: int) -> tuple[FoldScore, ...]:
    """Score the winner on each estimand; return nothing where there is a single one, or a split is missing."""
    rng = np.random.default_rng(seed)
    joined = {estimand: Predictions.joined(best.predictions_of(estimand)) for estimand in best.pooled}
    return tuple(
        FoldScore(estimand, best.pooled[estimand], bootstrap_error(part, data.scorer, rng))
        for estimand, part in joined.items()
    )


def _affordable_calls(predictions: Predictions, scorer: Scorer, seconds: float) -> int:
    """Estimate how often the score can be computed in that time."""
    if np.isinf(seconds):
        return 10**6
    started = time.monotonic()
    scorer.score(predictions)
    return int(seconds / max(time.monotonic() - started, 1e-5))


def _choose_by_estimand(judged: Sequence[TrialResult], scorer: Scorer, size: int) -> list[Predictions]:
    """Predict each split of the last estimand by what does best on the other estimands and its other splits."""
    *others, last = judged[0].pooled
    parts = [result.predictions_of(last) for result in judged]
    if size > 1:
        elsewhere = [Predictions.joined(result.predictions_of(others[0])) for result in judged]
        shares = select(elsewhere, scorer, size)
        return [blended(list(of_split), shares) for of_split in zip(*parts, strict=True)]
    chosen = []
    for split in range(len(parts[0])):
        keys = []
        for result, own in zip(judged, parts, strict=True):
            rest = own[:split] + own[split + 1 :]
            score = _score_or_worst(Predictions.joined(rest), scorer) if rest else 0.0
            known = sum(result.weights[estimand] * result.pooled[estimand] for estimand in others)
            keys.append(known + result.weights[last] * score)
        chosen.append(parts[int(np.argmax(keys))][split])
    return chosen


def _blocks(result: TrialResult, rng: np.random.Generator) -> list[np.ndarray]:
    """Positions within the joined predictions: one block per split, or random tenths of a single one."""
    sizes = [len(part.rows) for part in result.predictions]
    if len(sizes) > 1:
        return np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    return np.array_split(rng.permutation(sizes[0]), min(_BLOCKS, sizes[0]))


def _choose_without(block: np.ndarray, parts: Sequence[Predictions], scorer: Scorer, size: int) -> Predictions:
    """Choose what scores best on the rows outside ``block``; on ties the first, which is best overall."""
    others = np.setdiff1d(np.arange(len(parts[0].rows)), block)
    if len(parts) == 1 or not len(others):
        return parts[0]
    scores = [_score_or_worst(part.at(others), scorer) for part in parts]
    if size == 1 or not np.isfinite(scores).all():
        return parts[int(np.argmax(scores))]
    order = np.argsort(-np.array(scores), kind="stable")
    shares = select([parts[place].at(others) for place in order], scorer, size)
    return blended([parts[place] for place in order], shares)


def _score_or_worst(predictions: Predictions, scorer: Scorer) -> float:
    """Score predictions; minus infinity where the rows lack what the score needs (two classes, two rows)."""
    try:
        score = scorer.score(predictions)
    except ValueError:
        return -np.inf
    return score if np.isfinite(score) else -np.inf


def bootstrap_error(
    kept: Predictions,
    scorer: Scorer,
    rng: np.random.Generator,
    n_samples: int = _BOOTSTRAPS,
    over: Predictions | None = None,
) -> float:
    """Deviation of the score over bootstrap samples of the rows; with ``over``, that of the lead over its score."""
    n, scores = len(kept.rows), []
    for _ in range(n_samples):
        rows = rng.integers(n, size=n)
        scores.append(_score_or_worst(kept.at(rows), scorer))
        if over is not None:
            scores[-1] -= _score_or_worst(over.at(rows), scorer)
    scores = [score for score in scores if np.isfinite(score)]
    return float(np.std(scores, ddof=1)) if len(scores) > 1 else float("nan")
