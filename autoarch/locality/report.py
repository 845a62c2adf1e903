"""What the probe found: numbers, and everything that follows from them.

A ``LocalityReport`` stores measurements only. Verdict, chances, recommendation and sentences are computed from them, so
that another number gives another sentence. ``wording`` holds the sentences, ``html`` the notebook view.

Imports: ``beliefs``, ``wording``, ``html``, ``autoarch._data.layout``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from autoarch._data.layout import Layout
from autoarch.locality import beliefs
from autoarch.locality.beliefs import CONSTANTS


@dataclass(frozen=True)
class AxisEvidence:
    """Dependence between neighbours along one axis of the grid.

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
    excess : float
        ``sizes[0]`` against all pairs of cells of the grid, as a share of what is possible.
    """

    side: int
    n_orders: int = 1
    p_value: float | None = None
    share_of_orders: float = 1.0
    correlations: tuple[float, ...] = (0.0, 0.0, 0.0)
    sizes: tuple[float, ...] = (0.0, 0.0, 0.0)
    expected: float = 0.0
    excess: float = 0.0

    @property
    def effect(self) -> float:
        """How far neighbours exceed what any order gives, as a share of what is possible (1: perfectly correlated)."""
        return (self.sizes[0] - self.expected) / max(1.0 - self.expected, 1e-6)

    def depends(self, level: float) -> bool:
        """Whether the order along this axis matters; a side too short to test is judged by its effect alone."""
        if self.side < 2:
            return False
        if self.p_value is not None:
            return self.p_value <= level
        strongest = self.share_of_orders * self.n_orders < 1.5
        return strongest and self.effect >= CONSTANTS["visible_effect"]


@dataclass(frozen=True)
class Landmark:
    """Cross-validated score of one cheap stand-in for a family.

    Parameters
    ----------
    score : float
        Accuracy or R2.
    std_error : float
        Standard error of ``score`` over rows.
    seconds : float
        Time it took.
    """

    score: float
    std_error: float
    seconds: float = 0.0


@dataclass(frozen=True)
class LocalityReport:
    """Evidence for or against a grid, and what it means for the choice of a model.

    Parameters
    ----------
    layout : Layout or None
        The grid that was tested; None says that there is none.
    p_value : float or None
        P-value of "the order of the cells carries nothing", in [0, 1]: 1 where too little varies to test it,
        None without a layout.
    axes : mapping of str to AxisEvidence
        ``"rows"``: along a row; ``"columns"``: along a column.
    lag_r2 : float
        Share of the variation among correlations that displacement alone explains: near 1 where a pattern means the
        same wherever it stands.
    morans_i : float
        Moran's I of the samples, cells standardised; blind to alternating patterns.
    landmarks : mapping of str to Landmark
        ``"cnn"`` (random convolutions), ``"cnn_shuffled"``, ``"mlp"``, ``"tree"``, ``"linear"``; empty without y.
    landmark_metric : {"accuracy", "r2"}
        What the landmark scores are.
    n_samples_used, landmark_rows : int
        Rows behind the statistics and behind the landmarks.
    seconds : float
        Time of the whole probe.
    skipped : tuple of str
        What was left out, and why.

    Examples
    --------
    >>> from autoarch import probe_locality
    >>> from autoarch.datasets import load_digits_grid
    >>> X, y = load_digits_grid()
    >>> report = probe_locality(X, random_state=0)
    >>> report.verdict, report.recommended_families[0]
    ('2d', 'cnn')
    """

    layout: Layout | None = None
    p_value: float | None = None
    axes: Mapping[str, AxisEvidence] = field(default_factory=dict)
    lag_r2: float = 0.0
    morans_i: float = 0.0
    landmarks: Mapping[str, Landmark] = field(default_factory=dict)
    landmark_metric: str = "accuracy"
    n_samples_used: int = 0
    landmark_rows: int = 0
    seconds: float = 0.0
    skipped: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One of "2d", "1d-rows" (cells depend along a row), "1d-columns" (along a column) and "none"."""
        alive = self.dependent_axes
        return "2d" if len(alive) == 2 else f"1d-{alive[0]}" if alive else "none"

    @property
    def dependent_axes(self) -> tuple[str, ...]:
        """Axes along which neighbours depend on each other; empty unless the test of the whole layout rejects.

        An axis test has less power than the test of the whole. Where no axis reaches the level of the whole, a weaker
        one is enough, and where none reaches that either, the larger effects decide (``axes_are_a_guess``).
        """
        if self.p_value is None or self.p_value > CONSTANTS["alpha"]:
            return ()
        return self._axes_shown or self._axes_by_effect

    @property
    def axes_are_a_guess(self) -> bool:
        """Whether the layout as a whole matters but no axis by itself could be shown to."""
        return bool(self.dependent_axes) and not self._axes_shown

    @property
    def _axes_shown(self) -> tuple[str, ...]:
        """Axes that pass their own test, at the stricter level if any does."""
        for level in (CONSTANTS["alpha"], CONSTANTS["alpha_axis"]):
            shown = tuple(name for name, axis in self.axes.items() if axis.depends(level))
            if shown:
                return shown
        return ()

    @property
    def _axes_by_effect(self) -> tuple[str, ...]:
        """The axis with the largest effect, and the other one if it has at least half of that."""
        effects = {name: axis.effect for name, axis in self.axes.items() if axis.side > 1}
        largest = max(effects.values(), default=0.0)
        return tuple(name for name, effect in effects.items() if effect > 0 and effect >= largest / 2)

    @property
    def family_probabilities(self) -> dict[str, float]:
        """Chance that each family wins, from the landmarks or, without them, from the verdict; sums to 1."""
        return beliefs.win_probabilities(self.landmarks, self.verdict, self.layout is not None)

    @property
    def recommended_families(self) -> tuple[str, ...]:
        """Families worth searching, best first."""
        return beliefs.worth_searching(self.landmarks, self.family_probabilities, self.landmark_rows)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in words, each built from its numbers."""
        from autoarch.locality.wording import findings

        return findings(self)

    @property
    def recommendation(self) -> str:
        """What to try first, why, and what would change it."""
        from autoarch.locality.wording import advice

        return advice(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, ready for ``json.dumps``."""
        axes = {
            name: {**asdict(axis), "effect": axis.effect, "dependent": name in self.dependent_axes}
            for name, axis in self.axes.items()
        }
        facts = {
            "verdict": self.verdict,
            "layout": None if self.layout is None else asdict(self.layout),
            "p_value": self.p_value,
            "axes": axes,
            "lag_r2": self.lag_r2,
            "morans_i": self.morans_i,
            "landmarks": {name: asdict(landmark) for name, landmark in self.landmarks.items()},
            "landmark_metric": self.landmark_metric,
            "family_probabilities": self.family_probabilities,
            "recommended_families": self.recommended_families,
            "recommendation": self.recommendation,
            "sentences": self.sentences,
            "n_samples_used": self.n_samples_used,
            "landmark_rows": self.landmark_rows,
            "seconds": self.seconds,
            "skipped": self.skipped,
        }
        return {name: _plain(value) for name, value in facts.items()}

    def __str__(self) -> str:
        """Verdict, findings and advice as lines of text."""
        from autoarch.locality.wording import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        """Notebook view: one self-contained block of HTML."""
        from autoarch.locality.html import as_html

        return as_html(self)


def _plain(value: Any) -> Any:
    """Tuples as lists, all the way down."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value
