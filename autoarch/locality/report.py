"""What the probe found: numbers, and everything that follows from them.

A ``LocalityReport`` stores measurements only. Verdict, chances, recommendation and sentences are computed from them, so
that another number gives another sentence. ``evidence`` holds the measurements, ``findings`` and ``advice`` the
sentences, ``html`` and ``plot`` the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from autoarch._data.layout import Layout
from autoarch.locality import advice, family_odds, findings
from autoarch.locality.constants import CONSTANTS
from autoarch.locality.measurements import (
    AxisEvidence,
    DirectionEvidence,
    Finding,
    Gain,
    Landmark,
    MarginalEvidence,
    PatternEvidence,
    Picture,
    Reading,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from autoarch.geo.autocorrelation import FoldScore, SpatialEvidence


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
    neighbour_size, expected_size : float
        Mean size of the correlation between direct neighbours, and between any two cells.
    axes : mapping of str to AxisEvidence
        Whether the order along a row (``"rows"``) and along a column (``"columns"``) matters.
    directions : mapping of str to DirectionEvidence
        Correlograms along ``"rows"``, ``"columns"`` and ``"diagonals"``.
    lag_r2 : float
        Share of the variation among correlations that displacement alone explains: near 1 where cells depend on each
        other alike wherever they stand.
    lag_r2_p_value : float
        P-value of "correlation does not depend on displacement".
    morans_i, gearys_c : float
        Mean over the samples, cells standardised, rook neighbours; Moran's I is blind to alternating patterns.
    marginals : mapping of str to MarginalEvidence
        How far the ``"cells"``, the places along ``"rows"`` and those along ``"columns"`` differ in level and scale.
    patterns : PatternEvidence
        How many patterns a sample holds.
    neighbour_map : tuple of tuple of float
        Mean correlation of each cell with its neighbours, shape (H, W), None where nothing varies; sides above 48
        cells are averaged in blocks.
    landmarks : mapping of str to Landmark
        ``"cnn"`` (random convolutions), ``"cnn_shuffled"``, ``"mlp"``, ``"tree"``, ``"linear"``; empty without y.
    gains : mapping of str to Gain
        ``"layout"`` (convolutions against shuffled cells), ``"place"`` (knowing against not knowing where a pattern
        stands), ``"scaling"`` (each cell by itself against all by one scale).
    landmark_metric : {"accuracy", "balanced_accuracy", "r2"}
        What the landmark scores are.
    n_samples_used, landmark_rows : int
        Rows behind the statistics and behind the landmarks.
    seconds : float
        Time of the whole probe.
    skipped : tuple of str
        What was left out, and why.
    readings : tuple of Reading
        Other layouts of the columns that were tried: inferred from their order, or recovered against it.
    recovered : LocalityReport or None
        What holds after rearranging the columns, where the order given shows nothing and another one wins on the
        landmarks. Chances, recommendation and advice then follow from it; the verdict stays that of the order given.
    space : tuple of SpatialEvidence
        For rows with coordinates: how far the label and each attribute resemble their neighbours on the map.
    fold_scores : tuple of FoldScore
        Score of a search's winner on blocks of the map and on random rows, where folds were blocks.

    Examples
    --------
    >>> from autoarch import probe_locality
    >>> from autoarch.datasets import load_digits_grid
    >>> X, y = load_digits_grid()
    >>> report = probe_locality(X, random_state=0)
    >>> report.verdict, next(iter(report.recommended_families))
    ('2d', 'cnn')
    """

    layout: Layout | None = None
    p_value: float | None = None
    neighbour_size: float = 0.0
    expected_size: float = 0.0
    axes: Mapping[str, AxisEvidence] = field(default_factory=dict)
    directions: Mapping[str, DirectionEvidence] = field(default_factory=dict)
    lag_r2: float = 0.0
    lag_r2_p_value: float = 1.0
    morans_i: float = 0.0
    gearys_c: float = 1.0
    marginals: Mapping[str, MarginalEvidence] = field(default_factory=dict)
    patterns: PatternEvidence = field(default_factory=PatternEvidence)
    neighbour_map: Picture = ()
    landmarks: Mapping[str, Landmark] = field(default_factory=dict)
    gains: Mapping[str, Gain] = field(default_factory=dict)
    landmark_metric: str = "accuracy"
    n_samples_used: int = 0
    landmark_rows: int = 0
    seconds: float = 0.0
    skipped: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    recovered: LocalityReport | None = None
    space: tuple[SpatialEvidence, ...] = ()
    fold_scores: tuple[FoldScore, ...] = ()

    @property
    def used(self) -> LocalityReport:
        """What a search goes by: the report on the recovered order where there is one, else this one."""
        return self if self.recovered is None else self.recovered

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
        """Axes that pass their own test, at the stricter level if any does.

        With very many rows an axis may pass whose effect is next to nothing: it counts only if the effect is a fair
        share of the other axis's.
        """
        for level in (CONSTANTS["alpha"], CONSTANTS["alpha_axis"]):
            shown = [name for name, axis in self.axes.items() if axis.depends(level)]
            largest = max((self.axes[name].effect for name in shown), default=0.0)
            kept = tuple(name for name in shown if self.axes[name].effect >= CONSTANTS["axis_share"] * largest)
            if shown:
                return kept or tuple(shown)
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
        used = self.used
        return family_odds.win_probabilities(used.landmarks, used.verdict, used.layout is not None)

    @property
    def recommended_families(self) -> dict[str, float]:
        """Families worth searching, best first, each with its chance to win."""
        used, chances = self.used, self.family_probabilities
        worth = family_odds.worth_searching(used.landmarks, used.verdict, used.layout is not None)
        return {name: chances[name] for name in worth}

    @property
    def kernel_shapes(self) -> tuple[str, ...]:
        """Shapes of kernels worth trying: "k x k", "1 x k", "k x 1"; empty where there is nothing to convolve over."""
        return advice.kernel_shapes(self.used)

    @property
    def kernel_side(self) -> int | None:
        """Odd k that covers the reach of the dependence; None where no axis depends."""
        return advice.kernel_side(self.used)

    @property
    def scaling(self) -> tuple[str, ...]:
        """Scalings worth trying, best first: "global", "per cell"."""
        return advice.scaling(self.used)

    @property
    def augmentations(self) -> tuple[str, ...]:
        """Changes of a sample that should leave its label alone: "shift", "cutout", "noise"."""
        return advice.augmentations(self.used)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One record per question: statistic, null, p-value, effect size, sentence."""
        return findings.find(self)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in words, each built from its numbers."""
        return findings.sentences(self)

    @property
    def recommendation(self) -> str:
        """What to try first, why, and what would change it."""
        return advice.advise(self)

    def to_frame(self) -> pd.DataFrame:
        """The findings as a table, one row each."""
        import pandas as pd

        names = [each.name for each in fields(Finding)]
        return pd.DataFrame([asdict(finding) for finding in self.findings], columns=names)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, ready for ``json.dumps``."""
        measured = {each.name: _plain(getattr(self, each.name)) for each in fields(self) if each.name != "recovered"}
        measured["recovered"] = None if self.recovered is None else self.recovered.to_dict()
        for name, axis in self.axes.items():
            measured["axes"][name] |= {"effect": axis.effect, "dependent": name in self.dependent_axes}
        for name, direction in self.directions.items():
            measured["directions"][name] |= {"excess": direction.excess, "reach": direction.reach}
        for name, gain in self.gains.items():
            measured["gains"][name] |= {"p_value": gain.p_value}
        follows = (
            "verdict",
            "family_probabilities",
            "recommended_families",
            "recommendation",
            "kernel_shapes",
            "kernel_side",
            "scaling",
            "augmentations",
            "findings",
            "sentences",
        )
        return {**measured, **{name: _plain(getattr(self, name)) for name in follows}}

    def plot(self) -> Figure:
        """Draw correlograms, the map of neighbour correlations and the landmarks with their errors.

        Returns
        -------
        matplotlib.figure.Figure
            Shown by a notebook by itself; ``savefig`` writes it.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed (extra ``plot``).
        """
        from autoarch.locality.views import draw

        return draw(self)

    def __str__(self) -> str:
        """Verdict, findings and advice as lines of text."""
        from autoarch.locality.wording import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        """Notebook view: one self-contained block of HTML."""
        from autoarch.locality.html import as_html

        return as_html(self)


def _plain(value: Any) -> Any:
    """Dictionaries, lists, numbers and strings, all the way down."""
    if is_dataclass(value):
        value = asdict(value)  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value
