"""What ``check_transfer`` found: numbers, and the verdict, margin and sentences that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from autoarch._report.html import BLUE, BOX, GREY, QUIET, TITLE, bars
from autoarch._report.text import p_text
from autoarch.transfer.fine_tune_report import named

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from autoarch._training.pretrained.input_shift import InputShift

VERDICTS = {
    "as is": "reuse",
    "frozen": "reuse",
    "fine-tuned": "fine-tune",
    "from scratch": "train from scratch",
}
_TIE = 1.0  # standard errors that the net as it is may lie behind; not more ways, for trainings gain by the full rows
_SURE = 2.0  # standard errors by which a margin is more than chance


@dataclass(frozen=True)
class Way:
    """How one way of using a net did.

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
    """Whether a net that was trained on other data is worth using, and how.

    Parameters
    ----------
    ways : mapping of str to Way
        ``"as is"`` (where the net knows all labels), ``"frozen"``, ``"fine-tuned"``, ``"from scratch"``.
    metric : str
        What the scores are.
    n_samples : int
        Rows of X.
    test_share : float
        Held-out rows for each training row, mean over the folds.
    shift : InputShift or None
        How far the inputs lie from those that the net saw.
    logme, logme_random : float
        LogME of the net's features and of those of the same architecture with random weights.
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
    logme: float = float("nan")
    logme_random: float = float("nan")
    inputs: str = ""
    changes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    budget: str = ""
    net: str = ""
    seconds: float = 0.0

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
        """Of the margin, from its spread over the folds, which share training rows [1]_.

        References
        ----------
        .. [1] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52, 239-281, 2003.
        """
        return self.difference(self.chosen, self.rival)[1]

    @property
    def sure(self) -> bool:
        """Whether the margin is more than two standard errors."""
        return self.margin > _SURE * self.margin_std_error

    def difference(self, one: str, other: str) -> tuple[float, float]:
        """Mean difference of two ways over the folds, and its standard error."""
        by_fold = np.subtract(self.ways[one].scores, self.ways[other].scores)
        variance = float(by_fold.var(ddof=1)) if len(by_fold) > 1 else float("nan")
        return float(by_fold.mean()), float(np.sqrt(variance * (1 / len(by_fold) + self.test_share)))

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
        words = {
            "alike": "The inputs look like those that it saw",
            "shifted": "The inputs are shifted against those that it saw",
            "foreign": "The inputs are foreign to it",
        }
        return (f"{words[self.shift.word]}: {self.shift.size:.2f} of their deviations apart{p_value}.",)

    def _of_features(self) -> tuple[str, ...]:
        if not np.isfinite(self.logme - self.logme_random):
            return ()
        more = "more" if self.logme > self.logme_random else "no more"
        compared = f"LogME {self.logme:.3f}, random {self.logme_random:.3f}"
        return (f"Its features tell {more} about y than those of a net with random weights ({compared}).",)

    def to_frame(self) -> pd.DataFrame:
        """One row per way: mean score, its difference to the best with the standard error, seconds, the verdict."""
        import pandas as pd

        best = max(self.ways, key=lambda name: self.ways[name].score)
        rows = []
        for name, way in self.ways.items():
            behind, error = self.difference(best, name)
            rows.append(
                {
                    "way": name,
                    "score": way.score,
                    "behind": behind,
                    "std_error": error,
                    "seconds": way.seconds,
                    "verdict": VERDICTS[name],
                    "chosen": name == self.chosen,
                }
            )
        return pd.DataFrame(rows)

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
        from autoarch.transfer.plot import draw

        return draw(self)

    def __str__(self) -> str:
        """Verdict, scores and what else is known, as lines of text."""
        width = max(map(len, self.ways))
        scores = [f"  {name:<{width}}  {way.score:.3f}  {way.seconds:6.1f} s" for name, way in self.ways.items()]
        head = f"{self.net or 'net'} on {self.n_samples} rows: {self.verdict}"
        return "\n".join([head, *scores, *self.sentences, *([f"Budget: {self.budget}."] if self.budget else [])])

    def _repr_html_(self) -> str:
        """Notebook view: one self-contained block of HTML."""
        rows = [
            (name, way.score, self._error_of(way), BLUE if name == self.chosen else GREY)
            for name, way in self.ways.items()
        ]
        said = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.sentences[1:])
        return (
            f'<div style="{BOX}"><div style="{TITLE}">{escape(self.net)}: {escape(self.verdict)}</div>'
            f"<p><b>{escape(self.sentence)}</b></p>{bars(named(self.metric), rows)}"
            f'<ul style="margin:8px 0 0 18px;padding:0">{said}</ul>'
            f'<div style="{QUIET}">{self.n_samples} rows, {escape(self.budget)}, {self.seconds:.1f} s</div></div>'
        )

    def _error_of(self, way: Way) -> float:
        """Standard error of a single way's mean."""
        variance = float(np.var(way.scores, ddof=1)) if len(way.scores) > 1 else 0.0
        return float(np.sqrt(variance * (1 / len(way.scores) + self.test_share)))


_ADVICE = {
    "reuse": "Reuse its weights as they are",
    "fine-tune": "Fine-tune it",
    "train from scratch": "Train from scratch",
}
