"""Decision between a grid, a series and nothing, and the result that ``infer_layout`` reports it in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autoarch._data.layout import Layout
from autoarch.layouts.alignment_tests import line_p, ordered_p, shifted_p
from autoarch.layouts.ranking import ScoredGrid

TESTS = {"down": shifted_p, "across": shifted_p, "rows": ordered_p, "columns": ordered_p}
# Aligned lines in no order are channels; four lines have too few orders to tell.
LEVELS = {"down": 0.01, "across": 0.01, "rows": 0.05, "columns": 0.05, "order": 0.01}
FEWEST_ROWS = 3  # with two rows every correlation is 1 or -1
FEWEST_ORDERED = 5  # four lines have twelve orders
CLEAR_LEAD = 1.1  # factor by which an aligned grid whose lines may stand in no order must beat the best line,
GREAT_LEAD = 1.2  # and one whose axes have not both been shown to be aligned: true series reach 1.03
NEARLY = {"down": 0.1, "across": 0.06}  # p-values of an axis that few rows or short sides may keep from the level
PValues = dict[str, float]
Decision = tuple[str, ScoredGrid | None, PValues]


def decide(scaled: np.ndarray, ranked: list[ScoredGrid], rng: np.random.Generator) -> Decision:
    """Test the best of ``ranked``; where one of its axes fails, test whether the columns form a series.

    Tests of a grid come in this order: the first one that fails is the last one run.

    Returns
    -------
    kind : {"2d", "1d", "none"}
        What is significant.
    found : ScoredGrid or None
        The best grid where both axes are significant; else the best line, where the order of the columns is. A grid
        that falls short of a test is preferred to the line only with a clear lead, or where it falls just short.
    p_values : dict of str to float
        Of the tests that were run; see ``LayoutCandidate``.
    """
    if not ranked or len(scaled) < FEWEST_ROWS:
        return "none", None, {}
    best = ranked[0]
    scaled = scaled[:, np.setdiff1d(np.arange(scaled.shape[1]), best.left_out)]
    p_values: PValues = {}
    if not best.grid.is_line:
        for name, test in TESTS.items():
            p_values[name] = test(scaled, best.grid, name, rng)
            if p_values[name] > LEVELS[name]:
                break
        else:
            return "2d", best, p_values
    p_values["order"] = line_p(scaled, rng)
    line = next((one for one in ranked if one.grid.is_line), None)
    if p_values["order"] > LEVELS["order"] or line is None:
        return "none", None, p_values
    return "1d", best if _is_more_than_a_line(best, line, p_values) else line, p_values


def _is_more_than_a_line(best: ScoredGrid, line: ScoredGrid, p_values: PValues) -> bool:
    """Return whether a grid that failed a test still explains the columns better than a line."""
    if min(best.grid.height, best.grid.width) < FEWEST_ORDERED:
        return False
    lead = best.score / max(line.score, 1e-9)
    if "rows" in p_values:  # both axes are aligned; their lines may stand in no order, and be channels
        return lead >= CLEAR_LEAD
    nearly_across = p_values.get("across", 1.0) <= NEARLY["across"]
    return p_values["down"] <= NEARLY["down"] and (lead >= GREAT_LEAD or nearly_across)


@dataclass(frozen=True)
class LayoutCandidate:
    """One layout that was compared.

    Parameters
    ----------
    layout : Layout
        Sides and order.
    rank : int
        1 for the best; layouts that the data cannot tell apart share a rank.
    score : float
        Mean over all columns of how well a cell is predicted from its neighbours, with and without the other channels
        of its place: minus the log of the share of variance that is left.
    across, down, between : float
        What is added to that by the neighbours in the row, by those below and above, and by the other channels.
    p_values : dict of str to float
        For layouts that were tested: ``"down"`` and ``"across"`` of "the cells along this axis are not aligned",
        ``"rows"`` and ``"columns"`` of "these lines stand in no order", ``"order"`` of "no column stands in an order".
        Tests after the first one that fails are not run.
    """

    layout: Layout
    rank: int
    score: float
    across: float
    down: float
    between: float
    p_values: dict[str, float]


@dataclass(frozen=True)
class LayoutInference:
    """The grid behind flat columns, if any, with the evidence.

    Parameters
    ----------
    best : Layout or None
        The grid or series; None where there is none. Its ``origin`` is "names" where the names of the columns give it,
        else "inferred".
    candidates : tuple of LayoutCandidate
        The best few, best first.
    foreign : tuple of int
        Columns that belong to no cell.
    kind : {"2d", "1d", "none"}
        "2d" only where both axes of the grid are significant; "1d" where the order of the columns is.
    reason : str
        The numbers in a sentence.
    seconds : float
        Time taken.
    """

    best: Layout | None
    candidates: tuple[LayoutCandidate, ...]
    foreign: tuple[int, ...]
    kind: str
    reason: str
    seconds: float


def describe(layout: Layout) -> str:
    """Sides and order of a layout in words.

    Examples
    --------
    >>> from autoarch import Layout
    >>> from autoarch.layouts.decision import describe
    >>> describe(Layout(height=8, width=9, channels=3, channels_last=True))
    '8 x 9 cells with 3 channels, channels last'
    >>> describe(Layout(height=1, width=50))
    'a line of 50 cells'
    """
    cells = f"a line of {layout.width} cells" if layout.height == 1 else f"{layout.height} x {layout.width} cells"
    if layout.channels == 1:
        return cells
    return f"{cells} with {layout.channels} channels, channels {'last' if layout.channels_last else 'first'}"


def write_reason(best: Layout | None, kind: str, candidates: list[LayoutCandidate], n_rows: int, remark: str) -> str:
    """Put the numbers into one sentence, followed by a remark on the names of the columns.

    Parameters
    ----------
    best : Layout or None
        The layout chosen.
    kind : {"2d", "1d", "none"}
        What is significant.
    candidates : list of LayoutCandidate
        Best first.
    n_rows : int
        Rows read.
    remark : str
        A sentence about the names.
    """
    if not candidates:
        return f"No grid: the {n_rows} rows read have too few numeric columns. {remark}".strip()
    first = candidates[0]
    name, tests = describe(first.layout), _p_text(first.p_values)
    evidence = f"({tests}; {n_rows} rows)."
    if kind == "2d":
        text = f"{name}: cells are aligned along both axes {evidence}"
    elif kind == "1d" and best is not None and best.height > 1:
        failed = "in order" if "rows" in first.p_values else "aligned"
        text = f"{name}: fits better than any line, but not both axes are significantly {failed} {evidence}"
    elif kind == "1d":
        used = next(one for one in candidates if one.layout.height == 1 and "order" in one.p_values)
        text = f"{describe(used.layout)}: the order of the columns matters ({_p_text(used.p_values)}; {n_rows} rows)"
        text += "." if used is first else f", but {name} are not significant ({tests})."
    elif tests:
        text = f"No grid: the best candidate, {name}, is not significant {evidence}"
    else:
        text = f"{n_rows} rows are too few to tell {name} from columns in any order."
    if kind == "none" and best is not None:
        text += f" {describe(best).capitalize()} are kept because the names of the columns give them."
    return f"{text[0].upper()}{text[1:]} {remark}".strip()


def _p_text(p_values: PValues) -> str:
    return ", ".join(f"{axis} p = {p:.2g}" for axis, p in p_values.items())
