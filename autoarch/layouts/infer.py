"""Grid behind flat columns that stand in order, from the columns alone and from their names.

``infer_layout`` ranks the grids that fit the columns in their own order and in the order of the numbers in their names,
and accepts the best one only if both of its axes are significant.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from autoarch._core.checks import check_sequence, own_errors, seed_of
from autoarch._core.quiet import filters_kept
from autoarch._data.layout import Layout
from autoarch.layouts.decision import LEVELS, LayoutCandidate, LayoutInference, PValues, decide, write_reason
from autoarch.layouts.pseudo_likelihood import Grid, LagProducts
from autoarch.layouts.ranking import ScoredGrid, rank_grids, score_grid
from autoarch.layouts.table import NamedCells, Table, read_names, read_table

N_CANDIDATES = 5
TIED = 1e-6  # relative difference of scores under which the data cannot tell
CLEAR_LEAD = 0.05  # relative lead over the next layout that makes the choice sure
CONTRADICTED = 0.1  # relative difference of scores above which the data contradict the names


class _Ordering(NamedTuple):
    """Columns in one order and the grids ranked in it."""

    columns: np.ndarray
    origin: str
    ranked: list[ScoredGrid]

    @property
    def score(self) -> float:
        return self.ranked[0].score if self.ranked else 0.0


@filters_kept
def infer_layout(X: Any, feature_names: Sequence[str] | None = None, random_state: Any = None) -> LayoutInference:
    """Infer which grid, if any, the columns of a flat matrix were flattened from.

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
    >>> from autoarch.layouts.infer import infer_layout
    >>> X, _ = load_digits_grid()
    >>> found = infer_layout(X[:200].reshape(200, -1), random_state=0)
    >>> found.kind, str(found.best)
    ('2d', '8 x 8')
    """
    started = perf_counter()
    rng = np.random.default_rng(seed_of(random_state))
    if feature_names is not None:
        feature_names = check_sequence("feature_names", feature_names, "a list of one name per column, or None")
    with own_errors(reading="X"):
        table = read_table(X, feature_names, rng)
    given = _Ordering(np.arange(len(table.numeric)), "inferred", rank_grids(table.scaled, table.active))
    named = None if table.names is None else read_names(table.names)
    chosen, remark = (given, "") if named is None else _choose(given, _by_name(table, named, given), named)
    kind, found, p_values = decide(table.scaled[:, chosen.columns], chosen.ranked, rng)
    if found is None and chosen.origin == "names" and named is not None and named.height:
        found = chosen.ranked[0]
    candidates = _candidates(table, chosen, found, p_values)
    best = None if found is None else _layout(table, chosen, found, _confidence(chosen.ranked, found, kind, p_values))
    foreign = () if best is None else tuple(best.foreign.tolist())
    reason = write_reason(best, kind, candidates, len(table.scaled), remark)
    return LayoutInference(best, tuple(candidates), foreign, kind, reason, perf_counter() - started)


def _by_name(table: Table, named: NamedCells, given: _Ordering) -> _Ordering:
    """The columns in the order of their names; the grid that the names give, if any, is ranked first."""
    columns = np.array(named.columns)
    scaled, active = table.scaled[:, columns], table.active[columns]
    share = int(active.sum()) / max(1, int(table.active.sum()))
    ranked = given.ranked
    if not np.array_equal(columns, given.columns):
        ranked = [one._replace(score=share * one.score) for one in rank_grids(scaled, active)]
    if named.height:
        grid = Grid(named.height, named.width or 1, named.channels or 1)
        others = [one for one in ranked if one.grid != grid or one.left_out]
        ranked = [score_grid(LagProducts(scaled), grid, share=share), *others]
    elif named.channels is not None:
        ranked = sorted(ranked, key=lambda one: one.grid.channels != named.channels or one.grid.channels_last)
    return _Ordering(columns, "names", ranked)


def _choose(given: _Ordering, by_name: _Ordering, named: NamedCells) -> tuple[_Ordering, str]:
    """The ordering to use, and a remark on the names."""
    best_by_name = max((one.score for one in by_name.ranked), default=0.0)
    best = max(given.score, best_by_name)
    if by_name.score >= best - max(CONTRADICTED * abs(best), 1e-9):
        agree = by_name.score >= best * (1 - TIED)
        return by_name, "The names of the columns agree." if agree else "The names of the columns decided."
    verb = "give" if named.height or named.channels else "order"
    remark = f"The names of the columns {verb} another layout, which predicts the cells less well."
    if best_by_name >= given.score:
        return by_name._replace(origin="inferred", ranked=sorted(by_name.ranked, key=lambda one: -one.score)), remark
    return given, remark


def _layout(table: Table, ordering: _Ordering, found: ScoredGrid, confidence: float | None = None) -> Layout:
    kept = table.numeric[np.delete(ordering.columns, list(found.left_out))]
    height, width, channels, last = found.grid.height, found.grid.width, found.grid.channels, found.grid.channels_last
    return Layout(height, width, channels, ordering.origin, last, confidence=confidence).within(kept, table.n_columns)


def _candidates(table: Table, chosen: _Ordering, found: ScoredGrid | None, p_values: PValues) -> list[LayoutCandidate]:
    """The best few with their evidence; equal scores share a rank."""
    listed: list[LayoutCandidate] = []
    shown = chosen.ranked[:N_CANDIDATES]
    if found is not None and found not in shown:
        shown.append(found)
    for place, one in enumerate(shown, start=1):
        tied = bool(listed) and abs(listed[-1].score - one.score) <= TIED * max(abs(one.score), 1e-9)
        rank, layout = listed[-1].rank if tied else place, _layout(table, chosen, one)
        tested = one in (chosen.ranked[0], found)
        own = {k: p for k, p in p_values.items() if tested and (k == "order") == one.grid.is_line}
        between = one.everything - one.neighbours
        listed.append(LayoutCandidate(layout, rank, one.score, one.across, one.down, between, own))
    return listed


def _confidence(ranked: list[ScoredGrid], found: ScoredGrid, kind: str, p_values: PValues) -> float:
    """Half from the lead over the next layout (full at 5 %), times one minus the largest p-value that concerns it."""
    rivals = [one.score for one in ranked if one is not found]
    lead = (found.score - max(rivals)) / max(abs(found.score), 1e-9) if rivals else 1.0
    largest = LEVELS["down"]
    if kind == "none":
        largest = max(p_values.values(), default=1.0)
    elif kind == "1d":
        largest = max(p_values.get(test, 0.0) for test in (("order",) if found.grid.is_line else ("down", "across")))
    return float(np.clip(0.5 + 0.5 * lead / CLEAR_LEAD, 0.0, 1.0) * (1.0 - largest))
