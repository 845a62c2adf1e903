"""``RowReport``: how the rows of a table hang together, in numbers and in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from autoarch._report.html import BOX, QUIET, TITLE, items
from autoarch._report.text import listed, p_text, wrapped

QUESTIONS = ("copies", "windows", "groups", "time", "space")


@dataclass(frozen=True)
class RowEvidence:
    """Answer to one question about the rows.

    Parameters
    ----------
    question : {"copies", "windows", "groups", "time", "space"}
        What was asked.
    name : str
        Column, or what else shows the structure; empty where nothing does.
    certain : bool
        Whether the structure is there: its null is rejected, and its effect is large enough to matter.
    effect : float
        Copies and windows: share of the rows. Groups and time: how much better labels of the nearest rows agree than
        those of the nearest rows of another group or time, in units of accuracy or R2. Space: Moran's I.
    p_value : float or None
        Of the null that the rows are independent in this respect; None where there is no test.
    sentence : str
        The answer in words.
    consequence : str
        What it means for the folds; empty where nothing follows.
    """

    question: str
    name: str
    certain: bool
    effect: float
    p_value: float | None
    sentence: str
    consequence: str = ""


@dataclass(frozen=True)
class QuestionScore:
    """Score of a search's winner on one question about the rows that it will predict.

    Parameters
    ----------
    question : str
        Such as "new rows", "new groups", "later rows", "new places".
    score, std_error : float
        As the search scores, and its standard error; NaN where there was no time.
    n_units : int
        Independent units behind the score: rows, groups, blocks of the map, stretches of time.
    how : str
        How it was obtained.
    """

    question: str
    score: float
    std_error: float
    n_units: int
    how: str


@dataclass(frozen=True, eq=False)
class RowReport:
    """Structure of the rows: evidence, groups, order in time, and sentences.

    Parameters
    ----------
    n_rows : int
        Rows of X.
    evidence : tuple of RowEvidence
        One answer for each question that was asked.
    groups : ndarray of shape (n,) or None
        Codes of rows that belong together: copies, windows of one record, rows of one group. None where all rows are
        their own.
    order : ndarray of shape (n,) or None
        Ranks of the rows in time, from 0 to 1, where time matters.
    drifts : bool
        Whether what comes later differs from what lies in between.
    skipped : tuple of str
        What was not asked, and why.
    scores : tuple of QuestionScore
        What a search's winner scores on each question, the one that was searched for first.

    Attributes
    ----------
    found : tuple of str
        Structure that is certain, out of ``"copies"``, ``"windows"``, ``"groups"``, ``"time"``, ``"space"``.
    sentences : tuple of str
        What was found, in words, with what follows from it.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import probe_rows
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(300, 5)), rng.integers(0, 2, 300)
    >>> probe_rows(X, y, random_state=0).found
    ()
    >>> probe_rows(np.r_[X, X[:200]], np.r_[y, y[:200]], random_state=0).found
    ('copies',)
    """

    n_rows: int
    evidence: tuple[RowEvidence, ...] = ()
    groups: np.ndarray | None = None
    order: np.ndarray | None = None
    drifts: bool = False
    skipped: tuple[str, ...] = ()
    scores: tuple[QuestionScore, ...] = ()

    @property
    def found(self) -> tuple[str, ...]:
        """Structure that is certain."""
        return tuple(name for name in QUESTIONS if any(e.question == name and e.certain for e in self.evidence))

    @property
    def sentences(self) -> tuple[str, ...]:
        """Sentences on what was found; a single one that nothing was where that is so."""
        told = [f"{e.sentence} {e.consequence}".strip() for e in self.evidence if e.certain]
        hints = [e.sentence for e in self.evidence if not e.certain and e.name]
        if not told:
            asked = [name for name in QUESTIONS if any(e.question == name for e in self.evidence)]
            what = f" (asked: {listed(asked)})" if asked else ""
            told = [f"Nothing says that the {self.n_rows:,} rows are not independent{what}."]
        return (*told, *hints, *_of_scores(self), *(f"Not asked: {each}." for each in self.skipped))

    @property
    def in_short(self) -> str:
        """One sentence: what the rows are, and what the winner of a search will score on others like them."""
        return next(iter(_of_scores(self)), self.sentences[0])

    def of(self, question: str) -> RowEvidence | None:
        """Return the answer to a question, None where it was not asked.

        Parameters
        ----------
        question : str
            One of ``found``'s words.
        """
        return next((each for each in self.evidence if each.question == question), None)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per question: question, name, certain, effect, p_value, sentence, consequence."""
        columns = ["question", "name", "certain", "effect", "p_value", "sentence", "consequence"]
        return pd.DataFrame([[getattr(each, name) for name in columns] for each in self.evidence], columns=columns)

    def __str__(self) -> str:
        return "\n".join(wrapped(line) for line in self.sentences)

    def _repr_html_(self) -> str:
        title = f"Rows: {listed(self.found)}" if self.found else "Rows: independent, as far as can be told"
        asked = _tested(self.evidence)
        return (
            f'<div style="{BOX}"><div style="{TITLE}">{escape(title)}</div><ul>{items(self.sentences)}</ul>'
            f'<div style="{QUIET}">{escape(asked)}</div></div>'
        )


def _of_scores(report: RowReport) -> list[str]:
    """Say in one sentence what the rows are, what the winner will score on others, and whether that differs."""
    known = [each for each in report.scores if np.isfinite(each.score)]
    if not known:
        return []
    hardest, *others = known
    start, words = _what_rows_are(report, hardest.question)
    easier = [f"{words.get(each.question, each.question)} {_about(each)}" for each in others]
    first = f"{hardest.question} will score about {_about(hardest)}"
    apart = [o for o in others if abs(o.score - hardest.score) > 2 * np.hypot(o.std_error, hardest.std_error)]
    end = "" if apart or not others else " (the difference is not significant)"
    told = ", ".join([first, *easier])
    return [f"{start}; {told}{end}."]


def _about(score: QuestionScore) -> str:
    """A score and its error with as many digits as the error has."""
    if abs(score.score) >= 100:
        return f"{score.score:.3g} ± {score.std_error:.2g}"
    digits = 2 if not score.std_error < 0.01 else 3
    return f"{score.score:.{digits}f} ± {score.std_error:.{digits}f}"


def _what_rows_are(report: RowReport, question: str) -> tuple[str, dict[str, str]]:
    """Begin the sentence on scores, and name the easier questions as seen from the hardest one."""
    rows = f"The {report.n_rows:,} rows"
    answers = {name: each for name in report.found if (each := report.of(name)) is not None}
    n_groups = 0 if report.groups is None else len(np.unique(report.groups))
    if question == "new groups":
        if "groups" in answers:
            name = answers["groups"].name
            said = "named by" if "," in name or name.startswith("the ") else "one for each"
            kind = f"{n_groups:,} groups, {said} {name}"
        else:
            kind = f"windows of {n_groups:,} records" if "windows" in answers else f"{n_groups:,} groups"
        return f"{rows} are {kind}", {"new rows": "new rows of known groups"}
    if question in ("later rows", "new stretches of time"):
        by = f" by {answers['time'].name}" if "time" in answers else ""
        return f"{rows} follow each other in time{by}", {"new rows": "rows from the same times"}
    if question in ("new places", "new regions", "new places in between") or "space" in answers:
        words = {"new rows": "new places in between", "same places": "new rows at the same places"}
        return f"{rows} are places on a map", words
    if "copies" in answers:
        return f"{rows} are {n_groups:,} different ones and their copies", {}
    return f"{rows} are independent, as far as can be told", {}


def _tested(evidence: Sequence[RowEvidence]) -> str:
    """Numbers behind the answers, in one line."""
    return "; ".join(f"{each.question}: effect {each.effect:.2f}, {p_text(each.p_value)}" for each in evidence)
