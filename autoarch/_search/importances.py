"""Importances of the columns of X: the fall of the score where one is permuted among rows that models had not seen.

The models are those that judged the winner on the splits, as far as they are still kept, so nothing is fitted for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.pipeline import Pipeline

from autoarch._data.layout import Layout
from autoarch._search.loop import Search
from autoarch._search.predicted import predict_values
from autoarch._search.scoring import Predictions
from autoarch._search.steps import Candidate

IMPORTANCE_SHARE = 0.02  # of the budget
_MOST_ROWS, _FEWEST_ROWS = 1_000, 60  # that predict, over all splits
_MOST_REPEATS = 5
_UNTIMED_VALUES = 2**22  # that are predicted where no clock runs
_UNTIMED_ROWS, _UNTIMED_REPEATED = 8_000, 4_000  # likewise, and rows up to which columns are permuted again
_BLOCK_VALUES = 2**19  # that are predicted at a time
_AIM = 0.6  # of these seconds, so that they hold beside other processes


def permutation_importances(best: Candidate, search: Search, blocks: Sequence[np.ndarray]) -> np.ndarray | None:
    """Fall of the score where columns of a block change places among left-out rows; None where that cannot be known.

    So it is where no models are kept, the time is too short, a model breaks, or somebody interrupts.

    Parameters
    ----------
    best : Candidate
        Whose models predict.
    search : Search
        Its data, budget and models.
    blocks : sequence of ndarray of int
        Columns that come from one column of X each; none of one that was dropped, which is worth 0.

    Returns
    -------
    ndarray of shape (n_blocks,) or None
        In the units of the score. Where a grid has too many cells, patches of it are permuted, and their fall is shared
        by their cells.
    """
    try:
        return None if search.interrupted else _importances(best, search, blocks)
    except (Exception, KeyboardInterrupt):  # a fit that is all but done does not fail for it
        return None


def _importances(best: Candidate, search: Search, blocks: Sequence[np.ndarray]) -> np.ndarray | None:
    data = search.data
    models = dict(zip(search.models.splits_of(best), search.models.of(best), strict=False))
    known = {split: model for split, model in models.items() if split < len(data.splits)}
    if not known or any(np.intersect1d(*data.splits[split]).size for split in known):
        return None
    seconds = np.inf if search.budget.seconds is None else IMPORTANCE_SHARE * search.budget.seconds
    seconds = min(seconds, search.budget.left)
    began = time.monotonic()
    affordable = min(_UNTIMED_VALUES / data.X.shape[1], _UNTIMED_ROWS)
    if np.isfinite(seconds):
        some = {split: data.splits[split][1][:_FEWEST_ROWS] for split in known}
        for split, model in known.items():
            predict_values(model, data.X[some[split]], data.scorer.classes, data.y.shape[1:])
        once = max(time.monotonic() - began, 1e-6)
        affordable = _AIM * max(seconds, 0.0) / once * sum(map(len, some.values()))
    rng = np.random.default_rng(search.past.seed)
    there = sum(len(data.splits[split][1]) for split in known)
    fewest = min(_FEWEST_ROWS, there)
    asked = _units(blocks, search.problem.layout, int(affordable / fewest) - 1)
    n = min(_MOST_ROWS, there, int(affordable / (len(asked) + 1)))
    if n < fewest or not asked:
        return None
    repeatable = affordable if np.isfinite(seconds) else _UNTIMED_REPEATED
    n_repeats = int(np.clip(repeatable / max(1, n * len(asked)), 1, _MOST_REPEATS))
    rows = {split: _sampled(data.splits[split][1], n // len(known) + 1, rng) for split in known}
    until = began + seconds
    falls = np.zeros(len(blocks))
    columns = [np.concatenate([blocks[place] for place in unit]) for unit in asked for _ in range(n_repeats)]
    scores = _scores([np.empty(0, dtype=int), *columns], known, rows, search, rng)
    usual = next(scores)
    for number, score in enumerate(scores):
        unit = asked[number // n_repeats]
        falls[unit] += (usual - score) / n_repeats / len(unit)
        if time.monotonic() > until:
            return None
    return falls if np.isfinite(falls).all() else None


def _units(blocks: Sequence[np.ndarray], layout: Layout | None, most: int) -> list[list[int]]:
    """Blocks that change places together: each by itself or, where these are too many, patches of a grid."""
    alone = [[place] for place, columns in enumerate(blocks) if len(columns)]
    single = layout is not None and not layout.is_bare_line and all(len(columns) == 1 for columns in blocks)
    if len(alone) <= most or not single or layout is None:
        return alone
    cells = np.asarray(layout.columns).reshape(layout.shape)
    beside = sorted({unit[0] for unit in alone} - set(cells.ravel().tolist()))
    there = np.argwhere(cells >= 0)
    for side in range(2, max(layout.shape[1:]) + 1):
        if len(there) > most * layout.channels * side**2:  # more patches than that, each of so many cells at most
            continue
        down, across = there[:, 1] // side, there[:, 2] // side
        patch_of = down * (1 + across.max(initial=0)) + across
        sizes = np.bincount(patch_of)  # rows that are told apart by sorting took a quarter of a second for each side
        if np.count_nonzero(sizes) + len(beside) <= most:
            order = np.argsort(patch_of, kind="stable")
            places = cells[tuple(there[order].T)]
            groups = np.split(places, np.cumsum(sizes[sizes > 0])[:-1])
            return [*(group.tolist() for group in groups), *([place] for place in beside)]
    return alone


def _sampled(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= n else np.sort(rng.permutation(rows)[:n])


def _scores(
    columns: Sequence[np.ndarray],
    models: dict[int, Pipeline],
    rows: dict[int, np.ndarray],
    search: Search,
    rng: np.random.Generator,
) -> Iterator[float]:
    """Score where some columns change places, for each set of columns; many sets are predicted at a time."""
    data, threshold = search.data, None
    every = np.concatenate(list(rows.values()))
    step = max(1, _BLOCK_VALUES // max(1, len(every) * data.X.shape[1]))
    for first in range(0, len(columns), step):
        some = columns[first : first + step]
        found: list[list[np.ndarray]] = [[] for _ in some]
        for split, model in models.items():
            n = len(rows[split])
            values = np.tile(data.X[rows[split]], (len(some), 1))
            for place, changed in enumerate(some):
                part = values[place * n : (place + 1) * n]
                part[:, changed] = part[np.ix_(rng.permutation(n), changed)]
            predicted = predict_values(model, values, data.scorer.classes, data.y.shape[1:])
            for place in range(len(some)):
                found[place].append(predicted[place * n : (place + 1) * n])
        for parts in found:
            predictions = Predictions(every, np.concatenate(parts))
            threshold = data.scorer.threshold_of(predictions) if threshold is None else threshold
            yield data.scorer.score_or_nan(data.scorer.decided(predictions, threshold))
