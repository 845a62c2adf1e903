"""Find the grid behind flat columns, from the columns alone and from their names.

``infer_layout`` is the entrance: it reads the columns in their own order and in the order that their names spell
(``names``), ranks the grids that fit (``search``), and lets the best one stand only if both of its axes are significant
(``verdict``).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoarch._core.checks import seed_of
from autoarch._data.layout import Layout
from autoarch.layouts.infer.column_names import NamedCells, read_names
from autoarch.layouts.infer.decision import Verdict, judge
from autoarch.layouts.infer.hypotheses import Hypothesis, positions
from autoarch.layouts.infer.ranking import Found, measure, rank_grids
from autoarch.layouts.infer.results import LEVELS, LayoutCandidate, LayoutInference, explain
from autoarch.layouts.infer.table import Table, read_table

N_CANDIDATES = 5
TIED = 1e-6  # relative difference of scores under which the data cannot tell
CLEAR_LEAD = 0.05  # relative lead over the next layout that makes the choice sure
CONTRADICTED = 0.1  # relative difference of scores above which the data contradict the names


@dataclass(frozen=True)
class _Reading:
    """Columns in one order and the grids found in it."""

    columns: np.ndarray
    origin: str
    ranked: list[Found]

    @property
    def score(self) -> float:
        return self.ranked[0].score if self.ranked else 0.0


def infer_layout(X: Any, feature_names: Sequence[str] | None = None, random_state: Any = None) -> LayoutInference:
    """Say which grid, if any, the columns of a flat matrix were flattened from.

    Parameters
    ----------
    X : array-like of shape (n, p), or DataFrame
        Samples. Missing values are allowed; columns of a DataFrame that hold no numbers belong to no cell.
    feature_names : sequence of str, optional
        Names of the columns; those of a DataFrame are taken if left out.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows read and of the tests.

    Returns
    -------
    LayoutInference
        ``best`` is the layout to use; ``reason`` says why.

    Raises
    ------
    InputError, LayoutError
        If X is no matrix of numbers, or there is not one name per column.

    Notes
    -----
    A grid flattened column by column looks exactly like its transpose flattened row by row; the latter is reported
    unless the names of the columns say more.

    Examples
    --------
    >>> from autoarch.datasets import load_digits_grid
    >>> from autoarch.layouts.infer.infer import infer_layout
    >>> X, _ = load_digits_grid()
    >>> found = infer_layout(X[:200].reshape(200, -1), random_state=0)
    >>> found.kind, str(found.best)
    ('2d', '8 x 8')
    """
    started = time.perf_counter()
    rng = np.random.default_rng(seed_of(random_state))
    table = read_table(X, feature_names, rng)
    given = _Reading(np.arange(len(table.numeric)), "inferred", rank_grids(table.scaled, table.active))
    named = None if table.names is None else read_names([table.names[k] for k in table.numeric])
    spelled = None if named is None else _spelled(table, named, given)
    chosen, remark = _choose(given, spelled, named)
    verdict = judge(table.scaled[:, chosen.columns], chosen.ranked, rng)
    found = verdict.found
    if found is None and chosen.origin == "names" and named is not None and named.is_grid:
        found = chosen.ranked[0]
    candidates = _candidates(table, chosen, verdict)
    best = None if found is None else _layout(table, chosen, found, _confidence(chosen.ranked, found, verdict))
    return LayoutInference(
        best=best,
        candidates=candidates,
        foreign=() if found is None else _foreign(table, chosen, found),
        kind=verdict.kind,
        reason=explain(best, verdict.kind, candidates, len(table), remark),
        seconds=time.perf_counter() - started,
    )


def _spelled(table: Table, named: NamedCells, given: _Reading) -> _Reading:
    """The columns as their names order them, the grid that the names give (if any) in front."""
    columns = np.array(named.columns)
    scaled, active = table.scaled[:, columns], table.active[columns]
    share = int(active.sum()) / max(1, int(table.active.sum()))
    as_given = np.array_equal(columns, given.columns)
    ranked = given.ranked if as_given else [one.weighted(share) for one in rank_grids(scaled, active)]
    if named.is_grid:
        grid = Hypothesis(named.channels or 1, named.height or 1, named.width or 1)
        ranked = [measure(scaled, grid).weighted(share), *(one for one in ranked if one.grid != grid or one.left_out)]
    elif named.channels is not None:
        ranked = sorted(ranked, key=lambda one: one.grid.channels != named.channels or one.grid.channels_last)
    return _Reading(columns, "names", ranked)


def _choose(given: _Reading, spelled: _Reading | None, named: NamedCells | None) -> tuple[_Reading, str]:
    """The reading to use, and what has to be said about the names."""
    if spelled is None or named is None:
        return given, ""
    best = max(given.score, max((one.score for one in spelled.ranked), default=0.0))
    if spelled.score >= best - max(CONTRADICTED * abs(best), 1e-9):
        agrees = spelled.score >= best * (1 - TIED)
        return spelled, "The names of the columns agree." if agrees else "The names of the columns decided."
    by_order = max(spelled.ranked, key=lambda one: one.score)
    words = "give" if named.is_grid or named.channels else "order"
    remark = f"The names of the columns {words} another layout, which predicts the cells less well."
    if by_order.score >= given.score:
        ranked = sorted(spelled.ranked, key=lambda one: -one.score)
        return _Reading(spelled.columns, "inferred", ranked), remark
    return given, remark


def _kept(table: Table, reading: _Reading, found: Found) -> np.ndarray:
    """Columns of X that are cells, in the order of the reading."""
    return table.numeric[np.delete(reading.columns, list(found.left_out))]


def _foreign(table: Table, reading: _Reading, found: Found) -> tuple[int, ...]:
    return tuple(np.setdiff1d(np.arange(table.n_columns), _kept(table, reading, found)).tolist())


def _layout(table: Table, reading: _Reading, found: Found, confidence: float | None = None) -> Layout:
    kept, grid = _kept(table, reading, found), found.grid
    as_they_stand = np.array_equal(kept, np.arange(table.n_columns))
    return Layout(
        height=grid.height,
        width=grid.width,
        channels=grid.channels,
        origin=reading.origin,
        channels_last=grid.channels_last,
        order=None if as_they_stand else tuple(kept[positions(grid)].tolist()),
        n_columns=table.n_columns,
        confidence=confidence,
    )


def _candidates(table: Table, reading: _Reading, verdict: Verdict) -> tuple[LayoutCandidate, ...]:
    """The best few with their evidence; equal scores share a rank."""
    listed: list[LayoutCandidate] = []
    shown = reading.ranked[:N_CANDIDATES]
    if verdict.found is not None and verdict.found not in shown:
        shown.append(verdict.found)
    for place, one in enumerate(shown, start=1):
        tied = bool(listed) and abs(listed[-1].score - one.score) <= TIED * max(abs(one.score), 1e-9)
        p_values = {k: p for k, p in verdict.p_values.items() if (k == "order") == one.grid.is_line}
        listed.append(
            LayoutCandidate(
                layout=_layout(table, reading, one),
                rank=listed[-1].rank if tied else place,
                score=one.score,
                across=one.across,
                down=one.down,
                between=one.everything - one.neighbours,
                p_values=p_values if one in (reading.ranked[0], verdict.found) else {},
            )
        )
    return tuple(listed)


def _confidence(ranked: list[Found], found: Found, verdict: Verdict) -> float:
    """Half from the lead over the next layout (full at 5 %), times one minus the largest p-value that speaks of it."""
    rivals = [one.score for one in ranked if one is not found]
    lead = (found.score - max(rivals)) / max(abs(found.score), 1e-9) if rivals else 1.0
    largest = LEVELS["down"]
    if verdict.kind == "none":
        largest = max(verdict.p_values.values(), default=1.0)
    elif verdict.kind == "1d":
        tests = ("order",) if found.grid.is_line else ("down", "across")
        largest = max(verdict.p_values.get(test, 0.0) for test in tests)
    return float(np.clip(0.5 + 0.5 * lead / CLEAR_LEAD, 0.0, 1.0) * (1.0 - largest))
