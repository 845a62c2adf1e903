"""Report of ``check_transfer``: scores, and the verdict, margin, sentences and figure that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from autoarch._core.imports import require
from autoarch._report import figure as drawing
from autoarch._report.html import BLUE, BOX, GREY, QUIET, TITLE, bars
from autoarch._report.text import p_text
from autoarch.transfer.fine_tune_report import named

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from autoarch._training.pretrained.measures import InputShift

VERDICTS = {"as is": "reuse", "frozen": "reuse", "fine-tuned": "fine-tune", "from scratch": "train from scratch"}
_TIE = 1.0  # standard errors that the net as it is may lie behind; not more ways, for trainings gain by the full rows
_SURE = 2.0  # standard errors by which a margin is more than chance


@dataclass(frozen=True)
class Way:
    """Scores of one way of using a net.

    Parameters
    ----------
    scores : tuple of float
        On each fold; greater is better.
    seconds : float
        Fitting and predicting, all folds together.
    """

    scores: tuple[float, ...]
    seconds: float = 0.0

    @property
    def score(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.scores))


@dataclass(frozen=True)
class TransferReport:
    """Scores of the four ways to use a pretrained net on other data, and the verdict that follows.

    Parameters
    ----------
    ways : mapping of str to Way
        ``"as is"`` (where the net knows all labels), ``"frozen"``, ``"fine-tuned"``, ``"from scratch"``.
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
    inputs : str
        Scale of the inputs, in words.
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
    """

    ways: Mapping[str, Way]
    metric: str = "accuracy"
    n_samples: int = 0
    test_share: float = 0.25
    shift: InputShift | None = None
    features: tuple[float, float] = (float("nan"), float("nan"))
    inputs: str = ""
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
    def chosen(self) -> str:
        """The best way; the net as it is where it lies behind by a standard error at most, for it needs no training."""
        best = max(self.ways, key=lambda name: self.ways[name].score)
        if "as is" not in self.ways:
            return best
        behind, error = self.difference(best, "as is")
        return "as is" if behind <= _TIE * error else best

    @property
    def verdict(self) -> str:
        """One of "reuse", "fine-tune" and "train from scratch"."""
        return VERDICTS[self.chosen]

    @property
    def rival(self) -> str:
        """The best way with another verdict."""
        others = [name for name in self.ways if VERDICTS[name] != self.verdict]
        return max(others, key=lambda name: self.ways[name].score)

    @property
    def margin(self) -> float:
        """Score of the chosen way less that of the rival."""
        return self.difference(self.chosen, self.rival)[0]

    @property
    def margin_std_error(self) -> float:
        """Standard error of the margin, from its spread over the folds, which share training rows [1]_.

        References
        ----------
        .. [1] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52, 239-281, 2003.
        """
        return self.difference(self.chosen, self.rival)[1]

    @property
    def sure(self) -> bool:
        """True if the margin is more than two standard errors."""
        return self.margin > _SURE * self.margin_std_error

    def difference(self, one: str, other: str) -> tuple[float, float]:
        """Mean difference of two ways over the folds, and its standard error."""
        by_fold = np.subtract(self.ways[one].scores, self.ways[other].scores)
        return float(by_fold.mean()), self._std_error(by_fold)

    def _std_error(self, by_fold: Sequence[float] | np.ndarray) -> float:
        if len(by_fold) < 2:
            return float("nan")
        return float(np.sqrt(np.var(by_fold, ddof=1) * (1 / len(by_fold) + self.test_share)))

    @property
    def sentence(self) -> str:
        """The verdict, with the numbers that it stands on."""
        metric = named(self.metric)
        score, rival = self.ways[self.chosen].score, self.ways[self.rival].score
        compared = (
            f"{self.chosen} it reaches {metric} {score:.3f}, {self.rival} {rival:.3f}: a difference of "
            f"{self.margin:+.3f} ± {self.margin_std_error:.3f}"
        )
        if self.sure:
            return f"{_ADVICE[self.verdict]}: {compared}."
        beaten = "did better by less than chance explains" if self.margin < 0 else "may do as well"
        return f"{_ADVICE[self.verdict]}, though {self.rival} {beaten}: {compared}."

    @property
    def sentences(self) -> tuple[str, ...]:
        """Verdict, shift, features, changes and doubts."""
        return (
            self.sentence,
            *self._of_shift(),
            *self._of_features(),
            *([f"Inputs are {self.inputs}."] if self.inputs else []),
            *(f"Changed: {change}." for change in self.changes),
            *(f"Note: {doubt}." for doubt in self.doubts),
        )

    def _of_shift(self) -> tuple[str, ...]:
        if self.shift is None or self.shift.size is None:
            return ("The net holds no statistics of its inputs, so a shift cannot be tested.",)
        p_value = "" if self.shift.p_value is None else f", {p_text(self.shift.p_value)}"
        return (f"{_SHIFTS[self.shift.word]}: {self.shift.size:.2f} standard deviations apart{p_value}.",)

    def _of_features(self) -> tuple[str, ...]:
        if not np.isfinite(self.logme - self.logme_random):
            return ()
        more = "more" if self.logme > self.logme_random else "no more"
        compared = f"LogME {self.logme:.3f}, random {self.logme_random:.3f}"
        return (f"Its features carry {more} information about y than those of a net with random weights ({compared}).",)

    def to_frame(self) -> pd.DataFrame:
        """One row per way: mean score, its difference to the best with the standard error, seconds, the verdict."""
        import pandas as pd

        best = max(self.ways, key=lambda name: self.ways[name].score)
        rows = [
            (name, way.score, *self.difference(best, name), way.seconds, VERDICTS[name], name == self.chosen)
            for name, way in self.ways.items()
        ]
        return pd.DataFrame(rows, columns=["way", "score", "behind", "std_error", "seconds", "verdict", "chosen"])

    def plot(self) -> Figure:
        """Draw the score of each way on each fold, and their means.

        Returns
        -------
        matplotlib.figure.Figure
            Shown by a notebook by itself; ``savefig`` writes it.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed (extra ``plot``).
        """
        require("matplotlib", extra="plot", purpose="Drawing a report")
        from matplotlib.figure import Figure

        frame = self.to_frame()[::-1]
        figure = Figure(figsize=(6.4, 0.9 + 0.55 * len(frame)), layout="constrained")
        axes = figure.add_subplot()
        colours = [drawing.BLUE if chosen else drawing.LIGHT for chosen in frame["chosen"]]
        axes.barh(frame["way"], frame["score"], xerr=frame["std_error"], color=colours, capsize=3)
        for place, name in enumerate(frame["way"]):
            scores = self.ways[name].scores
            axes.plot(scores, [place] * len(scores), "o", ms=3, color=drawing.ORANGE)
        every = [score for way in self.ways.values() for score in way.scores]
        margin = 0.15 * max(max(every) - min(every), 0.05)
        axes.set(xlim=(min(every) - margin, max(every) + margin))
        axes.set(xlabel=f"{self.metric} (error: of the distance to the best)")
        figure.suptitle(f"verdict: {self.verdict}", fontweight="bold")
        return figure

    def __str__(self) -> str:
        """Verdict, scores and what else is known, as lines of text."""
        width = max(map(len, self.ways))
        scores = [f"  {name:<{width}}  {way.score:.3f}  {way.seconds:6.1f} s" for name, way in self.ways.items()]
        head = f"{self.net or 'net'} on {self.n_samples} rows: {self.verdict}"
        return "\n".join([head, *scores, *self.sentences, *([f"Budget: {self.budget}."] if self.budget else [])])

    def _repr_html_(self) -> str:
        """Notebook view: one self-contained block of HTML."""
        rows = [
            (name, way.score, np.nan_to_num(self._std_error(way.scores)), BLUE if name == self.chosen else GREY)
            for name, way in self.ways.items()
        ]
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.sentences[1:])
        return (
            f'<div style="{BOX}"><div style="{TITLE}">{escape(self.net)}: {escape(self.verdict)}</div>'
            f"<p><b>{escape(self.sentence)}</b></p>{bars(named(self.metric), rows)}"
            f'<ul style="margin:8px 0 0 18px;padding:0">{items}</ul>'
            f'<div style="{QUIET}">{self.n_samples} rows, {escape(self.budget)}, {self.seconds:.1f} s</div></div>'
        )


_SHIFTS = {
    "alike": "The inputs look like those that it was trained on",
    "shifted": "The inputs are shifted against those that it was trained on",
    "foreign": "The inputs are foreign to it",
}
_ADVICE = {
    "reuse": "Reuse its weights as they are",
    "fine-tune": "Fine-tune it",
    "train from scratch": "Train from scratch",
}
