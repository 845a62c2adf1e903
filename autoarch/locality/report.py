"""``LocalityReport``: the numbers that the probe measured, and everything that follows from them.

A report stores measurements only. Verdict, chances, recommendation and sentences are computed from them, so that
another number gives another sentence. ``grid_statistics`` and ``measurements`` hold the numbers, ``findings`` and
``advice`` the sentences, ``views`` the drawings; none of them knows the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from autoarch.locality import advice, findings, views
from autoarch.locality.axes import kernel_shapes
from autoarch.locality.correlogram import kernel_side
from autoarch.locality.grid_statistics import GridStatistics, Measurements
from autoarch.locality.measurements import Finding

if TYPE_CHECKING:
    import pandas as pd

    from autoarch.geo.autocorrelation import SpatialEvidence


@dataclass(frozen=True)
class LocalityReport(Measurements):
    """Evidence for or against a grid, and what it means for the choice of a model.

    Parameters
    ----------
    layout : Layout or None
        The grid that was tested; None says that there is none.
    grid : GridStatistics
        What its cells show; each of its fields is an attribute of the report, too.
    n_samples_used : int
        Rows behind these statistics.
    scores : LandmarkScores
        What the landmarks reached; each of its fields is an attribute of the report, too.
    skipped : tuple of str
        What was left out, and why.
    readings : tuple of Reading
        Other layouts of the columns that were tried: inferred from their order, or recovered against it.
    recovered : LocalityReport or None
        What holds after rearranging the columns, where the order given shows nothing and another one wins on the
        landmarks. Chances, recommendation and advice then follow from it; the verdict stays that of the order given.
    seconds : float
        Time of the whole probe.
    symmetries : mapping of str to Symmetry
        Answers about what may be permuted, mirrored, shifted or closed: those of ``grid`` and ``scores`` join those
        that are given. What was not asked is missing.
    space : tuple of SpatialEvidence
        For rows with coordinates: spatial autocorrelation of the label and of each attribute.

    Attributes
    ----------
    p_value : float or None
        Smallest p-value of an axis, in [0, 1]: of "the order of the cells carries nothing". 1 where no axis has enough
        lines to test, None without a layout.
    neighbour_size, expected_size : float
        Mean size of the correlation between direct neighbours, and between any two cells.
    axes : mapping of str to AxisEvidence
        Whether the order along a row (``"rows"``) and along a column (``"columns"``) matters.
    directions : mapping of str to DirectionEvidence
        Correlograms along ``"rows"``, ``"columns"`` and ``"diagonals"``.
    lag_r2, lag_r2_p_value : float
        Share of the variation among correlations that displacement alone explains, and its p-value.
    morans_i, gearys_c : float
        Mean over the samples, cells standardised, rook neighbours; Moran's I is blind to alternating patterns.
    marginals : mapping of str to MarginalEvidence
        How far the ``"cells"``, the places along ``"rows"`` and those along ``"columns"`` differ in level and scale.
    patterns : PatternEvidence
        How many patterns a sample holds.
    neighbour_map : tuple of tuple of float
        Mean correlation of each cell with its neighbours, None where nothing varies.
    symmetries : mapping of str to Symmetry
        Answers about the symmetries of the cells, by name; what was not asked is missing.
    landmarks : mapping of str to Landmark
        Cross-validated scores of cheap models; empty without y.
    gains : mapping of str to Gain
        What the ``"layout"``, the ``"place"`` of a pattern and the ``"scaling"`` are worth to convolutions.
    landmark_metric : {"accuracy", "balanced_accuracy", "r2"}
        What the landmark scores are.
    landmark_rows : int
        Rows behind the landmarks.
    landmark_floor : float
        The score of the best constant; 0 for r2, and where there are no landmarks.
    unlike : float
        For flat columns of different units: typical factor between the scales of two neighbouring columns, else 0.

    Examples
    --------
    >>> from autoarch import probe_locality
    >>> from autoarch.datasets import load_digits_grid
    >>> X, y = load_digits_grid()
    >>> report = probe_locality(X, random_state=0)
    >>> report.verdict, next(iter(report.recommended_families))
    ('2d', 'cnn')
    """

    space: tuple[SpatialEvidence, ...] = ()

    p_value = property(attrgetter("grid.p_value"))
    neighbour_size = property(attrgetter("grid.neighbour_size"))
    expected_size = property(attrgetter("grid.expected_size"))
    morans_i = property(attrgetter("grid.morans_i"))
    gearys_c = property(attrgetter("grid.gearys_c"))
    axes = property(attrgetter("grid.axes"))
    directions = property(attrgetter("grid.directions"))
    lag_r2 = property(attrgetter("grid.lag_r2"))
    lag_r2_p_value = property(attrgetter("grid.lag_r2_p_value"))
    marginals = property(attrgetter("grid.marginals"))
    patterns = property(attrgetter("grid.patterns"))
    neighbour_map = property(attrgetter("grid.neighbour_map"))
    unlike = property(attrgetter("grid.unlike"))
    landmarks = property(attrgetter("scores.landmarks"))
    gains = property(attrgetter("scores.gains"))
    landmark_metric = property(attrgetter("scores.landmark_metric"))
    landmark_rows = property(attrgetter("scores.landmark_rows"))
    landmark_floor = property(attrgetter("scores.landmark_floor"))
    verdict = property(attrgetter("grid.verdict"), doc=GridStatistics.verdict.__doc__)
    dependent_axes = property(attrgetter("grid.dependent_axes"), doc=GridStatistics.dependent_axes.__doc__)

    def __post_init__(self) -> None:
        """Gather the answers about symmetries."""
        gathered = {**self.symmetries, **self.grid.symmetries, **self.scores.symmetries}
        object.__setattr__(self, "symmetries", gathered)

    @classmethod
    def of(cls, measured: Measurements) -> LocalityReport:
        """Report on measurements."""
        recovered = None if measured.recovered is None else cls.of(measured.recovered)
        return cls(**vars(measured) | {"recovered": recovered})

    @property
    def family_probabilities(self) -> dict[str, float]:
        """Chance that each family wins, from the landmarks or, without them, from the verdict; sums to 1."""
        return advice.family_probabilities(self)

    @property
    def recommended_families(self) -> dict[str, float]:
        """Families worth searching, best first, each with its chance to win."""
        return advice.recommended_families(self)

    @property
    def kernel_shapes(self) -> tuple[str, ...]:
        """Shapes of kernels worth trying: "k x k", "1 x k", "k x 1"; empty where there is nothing to convolve over."""
        return kernel_shapes(self.used.grid.axes, self.used.grid.verdict)

    @property
    def kernel_side(self) -> int | None:
        """Odd k that covers the reach of the dependence; None where no axis depends."""
        return kernel_side(self.used.grid.directions, self.used.grid.dependent_axes)

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
        on_the_map = map(findings.map_finding, self.space)
        return (*findings.grid_findings(self.grid), *on_the_map, *findings.gain_findings(self))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in words, then other layouts, the landmarks and the chances of the families."""
        found = [*findings.grid_findings(self.grid), *findings.gain_findings(self)]
        return (
            *self.notes,
            *(() if self.grid.axes else ("The columns have no layout, so no cells are neighbours.",)),
            *(finding.sentence for finding in found),
            *findings.map_sentences(self.space),
            *findings.symmetry_sentences(self.symmetries),
            *map(findings.reading_sentence, self.readings),
            *findings.score_sentences(self, self.family_probabilities),
        )

    @property
    def recommendation(self) -> str:
        """Advice: the family to try first, the reason, and what would change it."""
        return advice.advise(self)

    def to_frame(self) -> pd.DataFrame:
        """The findings as a table, one row each."""
        import pandas as pd

        return pd.DataFrame(map(asdict, self.findings), columns=[each.name for each in fields(Finding)])

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, ready for ``json.dumps``."""
        stored = [each.name for each in fields(self) if each.name not in ("grid", "scores", "recovered")]
        computed = [name for name, value in vars(LocalityReport).items() if isinstance(value, property)]
        facts = {name: _plain(getattr(self, name)) for name in (*stored, *computed)}
        facts["recovered"] = None if self.recovered is None else self.recovered.to_dict()
        for name, axis in self.axes.items():
            facts["axes"][name] |= {"effect": axis.effect, "dependent": name in self.dependent_axes}
        for name, direction in self.directions.items():
            facts["directions"][name] |= {"excess": direction.excess, "reach": direction.reach}
        for name, gain in self.gains.items():
            facts["gains"][name] |= {"p_value": gain.p_value}
        return facts

    def plot(self, ax: Any = None) -> views.LocalityDisplay:
        """Draw correlograms, the map of neighbour correlations and the landmarks with their errors.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw the map of neighbours alone; None for a new figure with all of it.

        Returns
        -------
        LocalityDisplay
            With ``figure_`` and ``ax_``; ``figure_.savefig`` writes it.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed (extra ``plot``).
        """
        return views.draw(self, ax)

    def __repr__(self) -> str:
        """Verdict in a line; ``print`` tells the rest."""
        return f"<{type(self).__name__} {views.as_text(self, (), '').splitlines()[0]}>"

    def __str__(self) -> str:
        """Verdict, findings and advice as lines of text."""
        return views.as_text(self, self.sentences, self.recommendation)

    def _repr_html_(self) -> str:
        """Notebook view: one self-contained block of HTML."""
        return views.as_html(self, self.sentences, self.recommendation, self.family_probabilities)


def _plain(value: Any) -> Any:
    """Dictionaries, lists, numbers and strings, all the way down."""
    if is_dataclass(value):
        value = asdict(value)  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value
