"""Dependence along each axis of the grid: does the order along a row, and along a column, matter?

**Statistic.** Correlations between the lines across the axis at distance 1 to 3. **Null.** Whole lines permuted, one
permutation for all samples; adjusted for testing two axes. Where rows and columns are the same things (X = X^T), one
permutation serves both and one test is enough. **Consequences.** The verdict and the shapes of kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from autoarch._report.text import p_text
from autoarch._statistics import correlations, permutation_tests
from autoarch.locality.constants import CONSTANTS
from autoarch.locality.measurements import LINES, Finding

KERNELS = {"2d": ("k x k",), "1d-rows": ("1 x k",), "1d-columns": ("k x 1",), "none": ()}
VERDICTS = {
    "2d": "cells depend on their neighbours along rows and along columns",
    "1d-rows": "cells depend on their neighbours along a row only",
    "1d-columns": "cells depend on their neighbours along a column only",
    "none": "no dependence between neighbouring cells was found",
}


@dataclass(frozen=True)
class AxisEvidence:
    """Evidence that the order of the lines across one axis of the grid matters.

    Parameters
    ----------
    side : int
        Cells along this axis.
    n_orders : int
        Different orders that the lines across it could have; below 360 (fewer than 6 lines that vary) there is no test.
    p_value : float or None
        P-value of "the order along this axis carries nothing", adjusted for two axes by Hochberg's step-up form of
        Holm's method; None where there is no test.
    share_of_orders : float
        Share of the orders compared that look at least as ordered as the one given (unadjusted).
    correlations : tuple of float
        Mean correlation at distance 1, 2, 3 (negative where cells alternate).
    sizes : tuple of float
        Mean size of the correlation at distance 1, 2, 3.
    expected : float
        What ``sizes[0]`` would be if the lines stood in any order.
    within : float
        Mean size of the correlation between cells of one and the same line.
    within_p_value : float
        Holm-adjusted p-value of "it is that of any two cells", single cells permuted: it is small as soon as the cells
        of a line share something, and says nothing about the order of the lines.
    unlike : float
        Where the lines are columns of a plain table in units of their own: typical factor between the scales of two
        neighbours. Their order then decides nothing, even where neighbours correlate. Else 0.
    """

    side: int
    n_orders: int = 1
    p_value: float | None = None
    share_of_orders: float = 1.0
    correlations: tuple[float, ...] = (0.0, 0.0, 0.0)
    sizes: tuple[float, ...] = (0.0, 0.0, 0.0)
    expected: float = 0.0
    within: float = 0.0
    within_p_value: float = 1.0
    unlike: float = 0.0

    @property
    def effect(self) -> float:
        """Excess of neighbours over what any order gives, as a share of what is possible (1: perfectly correlated)."""
        return (self.sizes[0] - self.expected) / max(1.0 - self.expected, 1e-6)

    @property
    def tested(self) -> bool:
        """True where enough lines vary to test their order."""
        return self.p_value is not None

    def depends(self, level: float) -> bool:
        """Decide if the order along this axis matters; never where it is not tested, or lines have unlike units."""
        return self.p_value is not None and self.p_value <= level and not self.unlike

    def belongs(self, level: float, usual: float) -> bool:
        """Decide if cells of a line share more than the ``usual`` two do, though the order of the lines is nothing."""
        together = self.within_p_value <= level and self.within > usual
        return self.tested and together and not self.depends(CONSTANTS["alpha_verdict"])


def measure_axes(
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]],
    sides: Mapping[str, int],
    test: permutation_tests.CellTest,
    rng: np.random.Generator,
    *,
    same_things: bool = False,
) -> dict[str, AxisEvidence]:
    """Test each axis against its own null.

    Parameters
    ----------
    lines : mapping of str to (ndarray, ndarray)
        Signed and unsigned ``line_correlations`` of ``"rows"`` and ``"columns"``.
    sides : mapping of str to int
        Cells along each axis.
    test : CellTest
        What any two cells, and the cells of a line, have in common.
    rng : Generator
        Source of the permutations.
    same_things : bool
        Rows and columns are the same things: they are permuted together, and tested once.
    """
    axes = {name: AxisEvidence(side=side) for name, side in sides.items()}
    if same_things and len(lines["rows"][0]) == len(lines["columns"][0]):
        both = tuple((first + second) / 2 for first, second in zip(*lines.values(), strict=True))
        one = measure_axes({"rows": (both[0], both[1])}, sides, test, rng)["rows"]
        return dict.fromkeys(axes, one)
    for name, (signed, unsigned) in lines.items():
        side = len(signed)  # constant lines are out
        if side > 1:
            share, expected = permutation_tests.line_p(signed, unsigned, rng) if side > 2 else (1.0, test.expected)
            axes[name] = AxisEvidence(
                side=sides[name],
                n_orders=permutation_tests.n_orders(side),
                p_value=share if side >= permutation_tests.FEWEST_ORDERED else None,
                share_of_orders=share,
                correlations=correlations.lag_means(signed),
                sizes=correlations.lag_means(unsigned),
                expected=expected,
                **_within(test, "columns" if name == "rows" else "rows"),
            )
    tested = {name: axis.p_value for name, axis in axes.items() if axis.p_value is not None}
    adjusted = permutation_tests.hochberg(tested)
    return axes | {name: replace(axes[name], p_value=p_value) for name, p_value in adjusted.items()}


def _within(test: permutation_tests.CellTest, lines: str) -> dict[str, float]:
    size, p_value = test.together.get(lines, (0.0, 1.0))
    return {"within": size, "within_p_value": p_value}


def significant_axes(axes: Mapping[str, AxisEvidence]) -> tuple[str, ...]:
    """Axes that pass their own test.

    With very many rows an axis may pass whose effect is next to nothing: it counts only if the effect is a fair share
    of the other axis's.
    """
    effects = {name: axis.effect for name, axis in axes.items() if axis.depends(CONSTANTS["alpha_verdict"])}
    least = CONSTANTS["axis_share"] * max(effects.values(), default=0.0)
    return tuple(name for name, effect in effects.items() if effect >= least) or tuple(effects)


def kernel_shapes(axes: Mapping[str, AxisEvidence], verdict: str) -> tuple[str, ...]:
    """Shapes of kernels worth trying, best first.

    A long one too where one axis is far stronger than the other, a square one too where the other axis has several
    lines but too few to test.
    """
    shapes = KERNELS[verdict]
    if verdict.startswith("1d-"):
        other = axes["columns" if verdict == "1d-rows" else "rows"]
        return (*shapes, "k x k") if other.side > 1 and not other.tested else shapes
    if verdict != "2d":
        return shapes
    rows, columns = (max(axes[name].effect, 1e-6) for name in ("rows", "columns"))
    if rows >= CONSTANTS["one_axis_stronger"] * columns:
        return (*shapes, "1 x k")
    return (*shapes, "k x 1") if columns >= CONSTANTS["one_axis_stronger"] * rows else shapes


def axis_findings(axes: Mapping[str, AxisEvidence], dependent: tuple[str, ...]) -> Iterator[Finding]:
    """One finding per axis of several cells; ``dependent`` names those whose order was shown to matter."""
    for name, axis in axes.items():
        if axis.side > 1:
            line, others = LINES[name]
            yield Finding(
                f"Does the order along a {line} matter?",
                "mean |r| between neighbours",
                axis.sizes[0],
                f"{others} permuted, one permutation for all samples",
                axis.p_value,
                axis.effect,
                _sentence(name, axis, name in dependent),
            )


def _sentence(name: str, axis: AxisEvidence, dependent: bool) -> str:
    line, others = LINES[name]
    start, numbers = f"Order along a {line} ({axis.side} cells)", f"mean |r| between neighbours {axis.sizes[0]:.2f}"
    if axis.p_value is None:
        return f"{start}: too few lines to test ({axis.side if axis.side < 6 else 'fewer than 6'} {others} vary)."
    if axis.correlations[0] < -0.5 * axis.sizes[0] and dependent:
        numbers += f" (mean r {axis.correlations[0]:.2f}: signs alternate)"
    compared = "above" if dependent else "not clearly above"
    faint = ""
    if axis.unlike and axis.p_value <= CONSTANTS["alpha_verdict"]:
        compared, faint = "above", ", as in a table whose columns were written down by subject"
    elif not dependent and axis.depends(CONSTANTS["alpha_verdict"]):
        compared, faint = "hardly above", ", too little beside the other axis to count"
    return (
        f"{start}: {numbers}, {compared} the {axis.expected:.2f} of permuted {others} ({p_text(axis.p_value)}){faint}."
    )
