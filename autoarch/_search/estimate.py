"""Estimate the score to expect, without the bias of choosing the best."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from autoarch._search.compare import row_variance
from autoarch._search.jobs import TrainingData
from autoarch._search.scoring import Predictions, Scorer
from autoarch._search.selection import ROUNDS, blended, select
from autoarch._search.steps import Candidate
from autoarch.geo.autocorrelation import FoldScore

_BLOCKS = 10  # into which a single holdout is cut
_CONTENDERS = 10  # candidates further down are never chosen by a block's vote
_BOOTSTRAPS = 30


def honest_estimate(
    judged: Sequence[Candidate], data: TrainingData, seed: int, seconds: float = np.inf, size: int = 1
) -> tuple[float, float]:
    """Score of "search, then take the best ``size``", each row predicted by a choice in which it had no say.

    ``judged`` are candidates that were judged on every split of the first one, which leads. The validation rows are cut
    into blocks (the splits, or tenths of a single holdout). For each block the candidate that is best on all other
    blocks is chosen and its predictions on the block are kept; the kept predictions are scored together. The standard
    error is the deviation over bootstrap samples of them, or what one more wrong row would make if that is more. With a
    slow score and few ``seconds``, fewer candidates and samples are looked at. Where splits have several estimands, the
    estimate is of the last one: over a map, the score to expect where nothing is known nearby.

    Returns
    -------
    score, standard_error : float
        NaN where there is nothing to go by.
    """
    judged = judged[:_CONTENDERS]
    rng = np.random.default_rng(seed)
    if not judged:
        return float("nan"), float("nan")
    splits = judged[0].splits
    parts = [candidate.predictions_on(splits) for candidate in judged]
    calls = _affordable_calls(parts[0], data.scorer, seconds)
    if len({data.plan.estimands[split] for split in splits}) > 1:
        chosen = _choose_by_estimand(judged, data, size)
    else:
        blocks = _blocks([len(data.splits[split][1]) for split in splits], rng)
        parts = parts[: max(1, calls // (2 * len(blocks) * (1 if size == 1 else ROUNDS * size)))]
        chosen = [_choose_without(block, parts, data.scorer, size).at(block) for block in blocks]
    kept = Predictions.joined(chosen)
    score = data.scorer.score_or_nan(kept)
    error = bootstrap_error(kept, data.scorer, rng, min(_BOOTSTRAPS, max(2, calls // 2)))
    if not np.isfinite(score):
        score = data.score(judged[0])
    losses = data.scorer.unit_losses(kept)
    bounded = data.scorer.classes is not None and data.scorer.name != "neg_log_loss"
    scale = len(losses) / len(kept.rows) if bounded else 0.0  # by which a row more that is wrong moves its unit
    least = float(np.sqrt(row_variance(losses, scale if np.isfinite(error) else max(scale, abs(score)))))
    return score, max(least, float(np.nan_to_num(error)))


def fold_scores(best: Candidate, data: TrainingData, seed: int) -> tuple[FoldScore, ...]:
    """Score the winner on each estimand; return nothing where there is a single one, or none was judged."""
    rng = np.random.default_rng(seed)
    estimands = dict.fromkeys(data.plan.estimands[split] for split in best.splits)
    if len(estimands) < 2:
        return ()
    joined = {estimand: best.predictions_on(data.splits_of(best, estimand)) for estimand in estimands}
    return tuple(
        FoldScore(estimand, data.scorer.score(part), bootstrap_error(part, data.scorer, rng))
        for estimand, part in joined.items()
    )


def _affordable_calls(predictions: Predictions, scorer: Scorer, seconds: float) -> int:
    """Estimate how often the score can be computed in that time."""
    if np.isinf(seconds):
        return 10**6
    started = time.monotonic()
    scorer.score(predictions)
    return int(seconds / max(time.monotonic() - started, 1e-5))


def _choose_by_estimand(judged: Sequence[Candidate], data: TrainingData, size: int) -> list[Predictions]:
    """Predict each split of the last estimand by what does best on the other estimands and its other splits."""
    scorer, splits, weights = data.scorer, judged[0].splits, data.plan.weight_of
    *others, last = dict.fromkeys(data.plan.estimands[split] for split in splits)
    of = {name: [split for split in splits if data.plan.estimands[split] == name] for name in (*others, last)}
    parts = [[candidate.predictions_on((split,)) for split in of[last]] for candidate in judged]
    elsewhere = [candidate.predictions_on(tuple(of[others[0]])) for candidate in judged]
    if size > 1:
        shares = select(elsewhere, scorer, size)
        return [blended(list(of_split), shares) for of_split in zip(*parts, strict=True)]
    chosen = []
    for split in range(len(parts[0])):
        keys = []
        for candidate, own in zip(judged, parts, strict=True):
            rest = own[:split] + own[split + 1 :]
            score = _score_or_worst(Predictions.joined(rest), scorer) if rest else 0.0
            known = sum(weights[name] * scorer.score(candidate.predictions_on(tuple(of[name]))) for name in others)
            keys.append(known + weights[last] * score)
        chosen.append(parts[int(np.argmax(keys))][split])
    return chosen


def _blocks(sizes: Sequence[int], rng: np.random.Generator) -> list[np.ndarray]:
    """Positions within the joined predictions: one block per split, or random tenths of a single one."""
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
    score = scorer.score_or_nan(predictions)
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
