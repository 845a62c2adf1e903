"""What ``infer_layout`` returns, and the sentence that explains it."""

from __future__ import annotations

from dataclasses import dataclass

from autoarch._data.layout import Layout

# Aligned lines in no order are channels; four lines have too few orders to tell.
LEVELS = {"down": 0.01, "across": 0.01, "rows": 0.05, "columns": 0.05, "order": 0.01}


@dataclass(frozen=True)
class LayoutCandidate:
    """One layout that was looked at.

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
    """Which grid stands behind flat columns, with the evidence.

    Parameters
    ----------
    best : Layout or None
        The grid or series; None where there is none. Its ``origin`` is "names" where the names of the columns spell it,
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
    >>> from autoarch.layouts.infer.results import describe
    >>> describe(Layout(height=8, width=9, channels=3, channels_last=True))
    '8 x 9 cells with 3 channels, channels last'
    >>> describe(Layout(height=1, width=50))
    'a line of 50 cells'
    """
    cells = f"a line of {layout.width} cells" if layout.height == 1 else f"{layout.height} x {layout.width} cells"
    if layout.channels == 1:
        return cells
    return f"{cells} with {layout.channels} channels, channels {'last' if layout.channels_last else 'first'}"


def explain(
    best: Layout | None, kind: str, candidates: tuple[LayoutCandidate, ...], n_rows: int, remark: str = ""
) -> str:
    """One sentence from the numbers, and what there is to say about the names of the columns.

    Parameters
    ----------
    best : Layout or None
        The layout chosen.
    kind : {"2d", "1d", "none"}
        What is significant.
    candidates : tuple of LayoutCandidate
        Best first.
    n_rows : int
        Rows read.
    remark : str
        A sentence about the names.
    """
    if not candidates:
        said = f"No grid: the {n_rows} rows read have too few columns that hold numbers."
    else:
        first = candidates[0]
        name, tests = describe(first.layout), _tests(first.p_values)
        if kind == "2d":
            said = f"{name[0].upper()}{name[1:]}: cells are aligned along both axes ({tests}; {n_rows} rows)."
        elif kind == "1d" and best is not None and best.height > 1:
            short = "cells are aligned, but not both axes are proved to be in order"
            if "rows" not in first.p_values:
                short = "no line explains the columns as well, but not both axes are proved to be aligned"
            said = f"{name[0].upper()}{name[1:]}: {short} ({tests}; {n_rows} rows)."
        elif kind == "1d":
            used = next(one for one in candidates if one.layout.height == 1 and "order" in one.p_values)
            said = f"{describe(used.layout).capitalize()}: the order of the columns matters ({_tests(used.p_values)}"
            said += f"; {n_rows} rows)" + ("." if used is first else f", but {name} do not stand the test ({tests}).")
        elif not tests:
            said = f"{n_rows} rows are too few to tell {name} from columns in any order."
        else:
            said = (
                f"No grid: of {n_rows} rows the best reading would be {name}, which does not stand the test ({tests})."
            )
    if kind == "none" and best is not None:
        said += f" {describe(best).capitalize()} are what the names of the columns spell, so they are kept."
    return f"{said} {remark}".strip()


def _tests(p_values: dict[str, float]) -> str:
    return ", ".join(f"{axis} p = {p:.2g}" for axis, p in p_values.items())
