"""Dependence along each axis of the grid: does the order along a row, and along a column, matter?

**Statistic.** Correlations between the lines across the axis at distance 1 to 3. **Null.** Whole lines permuted, one
permutation for all samples; Holm-adjusted over the two axes. **Consequences.** The verdict and the shapes of kernels.
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
        Different orders that the lines across it could have; below 360 (a side under 6) there is no test.
    p_value : float or None
        Holm-adjusted p-value of "the order along this axis carries nothing"; None where there is no test.
    share_of_orders : float
        Share of the orders compared that look at least as ordered as the one given (unadjusted).
    correlations : tuple of float
        Mean correlation at distance 1, 2, 3 (negative where cells alternate).
    sizes : tuple of float
        Mean size of the correlation at distance 1, 2, 3.
    expected : float
        What ``sizes[0]`` would be if the lines stood in any order.
    """

    side: int
    n_orders: int = 1
    p_value: float | None = None
    share_of_orders: float = 1.0
    correlations: tuple[float, ...] = (0.0, 0.0, 0.0)
    sizes: tuple[float, ...] = (0.0, 0.0, 0.0)
    expected: float = 0.0

    @property
    def effect(self) -> float:
        """Excess of neighbours over what any order gives, as a share of what is possible (1: perfectly correlated)."""
        return (self.sizes[0] - self.expected) / max(1.0 - self.expected, 1e-6)

    def depends(self, level: float) -> bool:
        """Decide if the order along this axis matters; a side too short to test is judged by its effect alone."""
        if self.side < 2:
            return False
        if self.p_value is not None:
            return self.p_value <= level
        strongest = self.share_of_orders * self.n_orders < 1.5
        return strongest and self.effect >= CONSTANTS["visible_effect"]


def measure_axes(
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]], sides: Mapping[str, int], usual: float, rng: np.random.Generator
) -> dict[str, AxisEvidence]:
    """Test each axis against its own null.

    Parameters
    ----------
    lines : mapping of str to (ndarray, ndarray)
        Signed and unsigned ``line_correlations`` of ``"rows"`` and ``"columns"``.
    sides : mapping of str to int
        Cells along each axis.
    usual : float
        Mean size of the correlation between any two cells.
    rng : Generator
        Source of the permutations.
    """
    axes = {name: AxisEvidence(side=side) for name, side in sides.items()}
    for name, (signed, unsigned) in lines.items():
        side = len(signed)  # constant lines are out
        if side > 1:
            share, expected = permutation_tests.line_p(signed, unsigned, rng) if side > 2 else (1.0, usual)
            axes[name] = AxisEvidence(
                side=sides[name],
                n_orders=permutation_tests.n_orders(side),
                p_value=share if side >= permutation_tests.FEWEST_ORDERED else None,
                share_of_orders=share,
                correlations=correlations.lag_means(signed),
                sizes=correlations.lag_means(unsigned),
                expected=expected,
            )
    adjusted = permutation_tests.holm({name: axis.p_value for name, axis in axes.items() if axis.p_value is not None})
    return axes | {name: replace(axes[name], p_value=p_value) for name, p_value in adjusted.items()}


def significant_axes(axes: Mapping[str, AxisEvidence]) -> tuple[str, ...]:
    """Axes that pass their own test, at the stricter level if any does.

    With very many rows an axis may pass whose effect is next to nothing: it counts only if the effect is a fair share
    of the other axis's.
    """
    for level in (CONSTANTS["alpha"], CONSTANTS["alpha_axis"]):
        effects = {name: axis.effect for name, axis in axes.items() if axis.depends(level)}
        if effects:
            least = CONSTANTS["axis_share"] * max(effects.values())
            return tuple(name for name, effect in effects.items() if effect >= least) or tuple(effects)
    return ()


def larger_axes(axes: Mapping[str, AxisEvidence]) -> tuple[str, ...]:
    """The axis with the largest effect, and the other one if it has at least half of that."""
    effects = {name: axis.effect for name, axis in axes.items() if axis.side > 1}
    largest = max(effects.values(), default=0.0)
    return tuple(name for name, effect in effects.items() if effect > 0 and effect >= largest / 2)


def kernel_shapes(axes: Mapping[str, AxisEvidence], verdict: str) -> tuple[str, ...]:
    """Shapes of kernels worth trying, best first; a long one too where one axis is far stronger than the other."""
    shapes = KERNELS[verdict]
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
    if axis.correlations[0] < -0.5 * axis.sizes[0] and dependent:
        numbers += f" (mean r {axis.correlations[0]:.2f}: signs alternate)"
    if axis.p_value is not None:
        compared = "above" if dependent else "not clearly above"
        return f"{start}: {numbers}, {compared} the {axis.expected:.2f} of permuted {others} ({p_text(axis.p_value)})."
    orders = "one order" if axis.n_orders == 1 else f"{axis.n_orders} orders"
    against = f"{axis.expected:.2f} {'over all orders' if axis.n_orders > 1 else 'between any two cells'}"
    counts = "counts as dependence" if dependent else "does not count as dependence"
    return f"{start}: {orders}, no test; {numbers}, against {against}, which by effect size alone {counts}."
