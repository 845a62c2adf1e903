"""Report of ``check_transfer``: scores, and the verdict, margin, sentences and figure that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from autoarch._report import figure as drawing
from autoarch._report.html import BLUE, BOX, GREY, QUIET, TITLE, bars
from autoarch.transfer.fine_tune_report import PLAIN, WAYS_IN_WORDS, Way, named

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from autoarch._training.pretrained.measures import InputShift

VERDICTS = {"as is": "reuse", "frozen": "reuse", "fine-tuned": "fine-tune", "from scratch": "train from scratch"}
NONE = "none of these"
_TIE = 1.0  # standard errors that the net as it is may lie behind; not more ways, for trainings gain by the full rows
_SURE = 2.0  # standard errors by which a margin is more than chance


@dataclass(frozen=True)
class TransferReport:
    """Scores of the four ways to use a pretrained net on other data and of the floor, and the verdict that follows.

    Parameters
    ----------
    ways : mapping of str to Way
        ``"as is"`` (where the net knows all labels), ``"frozen"``, ``"fine-tuned"``, ``"from scratch"``.
    references : mapping of str to Way
        ``"constant"``, ``"linear"``, ``"forest"``, ``"boosting"``: what was learned from the raw cells alone. The best
        is the floor. Without any, the ways are compared with each other only.
    metric : str
        Name of the score.
    n_samples : int
        Rows of X.
    test_share : float
        Held-out rows for each training row, mean over the folds.
    shift : InputShift or None
        Distance of the inputs from those that the net was trained on.
    features : tuple of float
        LogME of the net's features and of those of the same architecture with random weights: ``logme`` and
        ``logme_random``.
    changes : tuple of str
        What was changed to fit the net to these data.
    doubts : tuple of str
        What was assumed, and what was left out and why.
    budget : str
        Of each training, in words.
    net : str
        The net, in short.
    seconds : float
        The whole check.

    Examples
    --------
    >>> from autoarch.transfer import TransferReport, Way
    >>> ways = {"frozen": Way((0.7, 0.72)), "fine-tuned": Way((0.9, 0.91)), "from scratch": Way((0.8, 0.8))}
    >>> report = TransferReport(ways)
    >>> report.verdict, round(report.margin, 3), report.sure
    ('fine-tune', 0.105, True)
    >>> report = TransferReport({**ways, "fine-tuned": Way((0.9, 0.91), 0.0, 0.03)}, {"forest": Way((0.88, 0.87))})
    >>> report.verdict, report.floor, report.beats_floor("fine-tuned")
    ('none of these', 'forest', False)
    """

    ways: Mapping[str, Way]
    references: Mapping[str, Way] = field(default_factory=dict)
    metric: str = "accuracy"
    n_samples: int = 0
    test_share: float = 0.25
    shift: InputShift | None = None
    features: tuple[float, float] = (float("nan"), float("nan"))
    changes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    budget: str = ""
    net: str = ""
    seconds: float = 0.0

    @property
    def logme(self) -> float:
        """LogME of the net's features."""
        return self.features[0]

    @property
    def logme_random(self) -> float:
        """LogME of the features of the same architecture with random weights."""
        return self.features[1]

    @cached_property
    def floor(self) -> str | None:
        """The best of the references, which a way has to beat; None without any."""
        return max(self.references, key=lambda name: self.references[name].score, default=None)

    def over_floor(self, name: str) -> tuple[float, float]:
        """Score of a way less that of the floor, and the standard error of this difference, paired over the rows."""
        if self.floor is None:
            return float("nan"), float("nan")
        return self._every[name].score - self.references[self.floor].score, self._every[name].floor_error

    def beats_floor(self, name: str) -> bool:
        """Tell whether a way is better than the floor by more than two standard errors, or nothing is there to beat."""
        lead, error = self.over_floor(name)
        return self.floor is None or lead > _SURE * error

    @cached_property
    def chosen(self) -> str:
        """The best way that beats the floor; the floor where none does.

        The net as it is is preferred where it lies behind by a standard error at most, for it needs no training.
        """
        over = [name for name in self.ways if self.beats_floor(name)]
        if not over:
            return str(self.floor)
        best = self._best(over)
        if "as is" not in over:
            return best
        behind, error = self.difference(best, "as is")
        return "as is" if behind <= _TIE * error else best

    @property
    def verdict(self) -> str:
        """One of "reuse", "fine-tune", "train from scratch" and "none of these"."""
        return VERDICTS.get(self.chosen, NONE)

    @property
    def rival(self) -> str:
        """The best way with another verdict, of those that beat the floor, where there are any."""
        others = [name for name in self.ways if VERDICTS[name] != self.verdict]
        return self._best([name for name in others if self.beats_floor(name)] or others)

    @property
    def margin(self) -> float:
        """Score of the chosen way, or of the floor where none is chosen, less that of the rival."""
        return self._margin[0]

    @property
    def margin_std_error(self) -> float:
        """Its standard error: from its spread over the folds, which share training rows, or over rows for the floor."""
        return self._margin[1]

    @property
    def _margin(self) -> tuple[float, float]:
        if self.verdict != NONE:
            return self.difference(self.chosen, self.rival)
        lead, error = self.over_floor(self.rival)
        return -lead, error

    @property
    def sure(self) -> bool:
        """True if the margin is more than two standard errors."""
        return self.margin > _SURE * self.margin_std_error

    def difference(self, one: str, other: str) -> tuple[float, float]:
        """Mean difference of two ways or references over the folds, and its standard error."""
        by_fold = np.subtract(self._every[one].scores, self._every[other].scores)
        return float(by_fold.mean()), self._std_error(by_fold)

    @property
    def _every(self) -> dict[str, Way]:
        return {**self.ways, **self.references}

    def _best(self, names: Sequence[str]) -> str:
        return max(names, key=lambda name: self._every[name].score)

    def _std_error(self, by_fold: Sequence[float] | np.ndarray) -> float:
        if len(by_fold) < 2:
            return float("nan")
        return float(np.sqrt(np.var(by_fold, ddof=1) * (1 / len(by_fold) + self.test_share)))

    @property
    def sentence(self) -> str:
        """The verdict, with the numbers that it stands on."""
        metric, chosen, rival = named(self.metric), self.chosen, self.rival
        score, other = self._every[chosen].score, self.ways[rival].score
        if self.verdict == NONE:
            return (
                f"None of these: nothing beats {PLAIN.get(chosen, chosen)}, {metric} {score:.3f}, by two standard "
                f"errors. The best way, {rival}, reaches {other:.3f}: a difference of {-self.margin:+.3f} ± "
                f"{self.margin_std_error:.3f}."
            )
        compared = (
            f"{chosen} it reaches {metric} {score:.3f}, {rival} {other:.3f}: a difference of {self.margin:+.3f} ± "
            f"{self.margin_std_error:.3f}"
        )
        if self.sure:
            return f"{_ADVICE[chosen]}: {compared}."
        beaten = "may do as well"
        if self.margin < 0:
            close = self.beats_floor(rival)
            beaten = "did better by less than chance explains" if close else "did better, but not surely than the floor"
        return f"{_ADVICE[chosen]}, though {rival} {beaten}: {compared}."

    @property
    def sentences(self) -> tuple[str, ...]:
        """Verdict, what each way reaches, shift, features, inputs, changes and doubts."""
        return (
            self.sentence,
            *self._of_floor(),
            *(self._of_way(name) for name in self.ways),
            *([] if self.shift is None else [self.shift.sentence]),
            *self._of_features(),
            *(f"Changed: {change}." for change in self.changes),
            *(f"Note: {doubt}." for doubt in self.doubts),
        )

    def _of_floor(self) -> tuple[str, ...]:
        if self.floor is None:
            return ()
        if self.verdict != NONE:
            score = f"{named(self.metric)} {self.references[self.floor].score:.3f}"
            return (f"The floor is {PLAIN.get(self.floor, self.floor)}: {score}.",)
        lead, error = self.over_floor("constant") if "constant" in self.references else (float("-inf"), 0.0)
        if -lead > _SURE * error:
            return ("Search without the net: these rows do not show that it adds to what the raw cells tell.",)
        return ("No plain model surely beats a constant: these rows do not show that the cells tell y.",)

    def _of_way(self, name: str) -> str:
        score = f"{named(self.metric)} {self.ways[name].score:.3f}"
        inputs = f"; inputs {self.ways[name].inputs}" if self.ways[name].inputs else ""
        if self.floor is None:
            return f"{WAYS_IN_WORDS.get(name, name)} reaches {score}{inputs}."
        lead, error = self.over_floor(name)
        beats = "beats" if self.beats_floor(name) else "does not beat"
        return f"{WAYS_IN_WORDS.get(name, name)} {beats} the floor: {score}, {lead:+.3f} ± {error:.3f}{inputs}."

    def _of_features(self) -> tuple[str, ...]:
        if not np.isfinite(self.logme - self.logme_random):
            return ()
        more = "more" if self.logme > self.logme_random else "no more"
        compared = f"LogME {self.logme:.3f}, random {self.logme_random:.3f}"
        return (f"Its features carry {more} information about y than those of a net with random weights ({compared}).",)

    def to_frame(self) -> pd.DataFrame:
        """One row per way and reference: mean score, its distance to the best and to the floor, inputs, the verdict."""
        import pandas as pd

        best = self._best(list(self._every))
        columns = ["way", "score", "behind", "std_error", "over_floor", "floor_error", "seconds", "inputs", "verdict"]
        rows = [
            (name, way.score, *self.difference(best, name), *self.over_floor(name), way.seconds, way.inputs)
            for name, way in self._every.items()
        ]
        frame = pd.DataFrame([(*row, VERDICTS.get(row[0], NONE)) for row in rows], columns=columns)
        return frame.assign(chosen=frame["way"] == self.chosen)

    def plot(self) -> Figure:
        """Draw the score of each way and reference on each fold, and their means.

        Returns
        -------
        matplotlib.figure.Figure
            Shown by a notebook by itself; ``savefig`` writes it.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed (extra ``plot``).
        """
        frame = self.to_frame()
        figure = drawing.scores_by_fold(frame, [self._every[name].scores for name in frame["way"]])
        figure.axes[0].set(xlabel=f"{self.metric} (error: of the distance to the best)")
        figure.suptitle(f"verdict: {self.verdict}", fontweight="bold")
        return figure

    def __str__(self) -> str:
        """Verdict, scores and what else is known, as lines of text."""
        width = max(map(len, self._every))
        scores = [f"  {name:<{width}}  {way.score:.3f}  {way.seconds:6.1f} s" for name, way in self._every.items()]
        head = f"{self.net or 'net'} on {self.n_samples} rows: {self.verdict}"
        return "\n".join([head, *scores, *self.sentences, *([f"Budget: {self.budget}."] if self.budget else [])])

    def _repr_html_(self) -> str:
        """Notebook view: one self-contained block of HTML."""
        rows = [
            (name, way.score, np.nan_to_num(self._std_error(way.scores)), BLUE if name == self.chosen else GREY)
            for name, way in self._every.items()
        ]
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.sentences[1:])
        return (
            f'<div style="{BOX}"><div style="{TITLE}">{escape(self.net)}: {escape(self.verdict)}</div>'
            f"<p><b>{escape(self.sentence)}</b></p>{bars(named(self.metric), rows)}"
            f'<ul style="margin:8px 0 0 18px;padding:0">{items}</ul>'
            f'<div style="{QUIET}">{self.n_samples} rows, {escape(self.budget)}, {self.seconds:.1f} s</div></div>'
        )


_ADVICE = {
    "as is": "Use the net as it is",
    "frozen": "Train a new last layer on its frozen features",
    "fine-tuned": "Fine-tune it",
    "from scratch": "Train from scratch",
}
