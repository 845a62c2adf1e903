"""Report of ``check_transfer``: scores, and the verdict, margin, sentences and figure that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from autoarch._report import figure as drawing
from autoarch._report.html import BLUE, BOX, GREY, QUIET, TITLE, bars
from autoarch.transfer.comparison import NONE, SURE, VERDICTS, Comparison, named

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from autoarch._report.display import Display
    from autoarch._training.pretrained.measures import InputShift

WAYS_IN_WORDS = {
    "as is": "As it is, the net",
    "frozen": "A new last layer on its frozen features",
    "fine-tuned": "Fine-tuned, the net",
    "from scratch": "Its architecture from scratch",
}
PLAIN = {
    "constant": "a constant",
    "linear": "a linear model of the raw cells",
    "forest": "a forest on the raw cells",
    "boosting": "boosting on the raw cells",
}
_MOST_ROWS = 20  # times those there are; a lead that would need more is next to none


@dataclass(frozen=True)
class TransferReport(Comparison):
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

    @property
    def sentence(self) -> str:
        """The verdict, with the numbers that it stands on."""
        metric, chosen, rival = named(self.metric), self.chosen, self.rival
        score, other = self._every[chosen].score, self.ways[rival].score
        if self.verdict == NONE:
            return (
                f"None of these: nothing beats {PLAIN.get(chosen, chosen)}, {metric} {score:.3f}, by two standard "
                f"errors. The best way, {rival}, reaches {other:.3f}: a difference of {-self.margin:+.3f} ± "
                f"{self.margin_std_error:.3f}.{self._of_few_rows()}"
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

    def _of_few_rows(self) -> str:
        """Number of rows that may change the verdict; empty where the best way is surely no better."""
        if self.sure or not self.margin_std_error > 0:
            return ""
        rows = f"{self.n_samples} rows" if self.n_samples else "These rows"
        if self.enough_rows > _MOST_ROWS * self.n_samples:
            return f" {rows} are too few to tell them apart."
        enough = float(f"{self.enough_rows:.2g}")
        return f" {rows} are too few to tell that from chance; some {enough:.0f} would do if it stays so."

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
        if -lead > SURE * error:
            return ("Search without the net: these rows do not show that it adds to what the raw cells tell.",)
        return ("No plain model surely beats a constant: these rows do not show that the cells tell y.",)

    def _of_way(self, name: str) -> str:
        score = f"{named(self.metric)} {self.ways[name].score:.3f}"
        inputs = f"; inputs {self.ways[name].inputs}" if self.ways[name].inputs else ""
        if self.floor is None:
            return f"{WAYS_IN_WORDS.get(name, name)} reaches {score}{inputs}."
        lead, error = self.over_floor(name)
        beats = "beats" if self.beats_floor(name) else "does not beat"
        more = ""
        if self.leads_by_evidence(name) and not self.leads_by_score(name):
            more = f", and by log-loss it is ahead by {self.ways[name].evidence:.1f} standard errors"
        return f"{WAYS_IN_WORDS.get(name, name)} {beats} the floor: {score}, {lead:+.3f} ± {error:.3f}{more}{inputs}."

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

    def plot(self, *, ax: Axes | None = None) -> Display:
        """Draw the score of each way and reference on each fold, and their means.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw; None for a new figure.

        Returns
        -------
        Display
            With ``ax_`` and ``figure_``; shown by a notebook by itself.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed (extra ``plot``).
        """
        frame = self.to_frame()
        drawn = drawing.scores_by_fold(frame, [self._every[name].scores for name in frame["way"]], ax)
        drawn.ax_.set(xlabel=f"{self.metric} (error: of the distance to the best)", title=f"verdict: {self.verdict}")
        return drawn

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
