"""The methods, each from a question that is read to an explanation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autoarch._core.progress import Progress
from autoarch._search.scoring import Judge
from autoarch.exceptions import MissingExtraError
from autoarch.explain.background import Donors, find_donors
from autoarch.explain.explanation import Explanation, agreement
from autoarch.explain.gradients import gradcam, integrated
from autoarch.explain.model import Scale, Subject, narrowed
from autoarch.explain.occlusion import occlude
from autoarch.explain.permutation import permute
from autoarch.explain.pullback import Attribution, UntraceableError
from autoarch.explain.treeshap import shapley
from autoarch.explain.units import Cut, spread

# Values in all rows to predict, up to which draws are the default: seconds for most models. Patches also are cut in as
# many ways as the second number allows: 256 kernels that read all rows anew take 1.5 s for a million such values, and
# most families much less.
_AFFORDABLE, _AFFORDABLE_IN_PATCHES = 30_000_000, 6_000_000
_FEWEST_DRAWS = 4  # of each of several cuts; a cell is drawn as often as there are cuts times that
_MOST_ASKED = 12_000_000  # such values for all models of an ensemble; with more, fewer of them are asked


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked, once it is read."""

    subject: Subject
    cut: Cut
    said: np.ndarray
    codes: np.ndarray
    judge: Judge | None
    scale: Scale
    baseline: Any
    background: Any
    n_repeats: int
    rng: np.random.Generator
    progress: Progress

    def donors(self, *, affordable: bool) -> Donors:
        return find_donors(self.subject, self.baseline, self.background, affordable)

    def repeats(self, donors: Donors) -> int:
        """Once is enough where the same row stands in every time."""
        return self.n_repeats if donors.drawn else 1


def best_for(question: Question, *, takes_away: bool) -> Explanation:
    """Shapley values for trees; occlusion for all else, and where units, a baseline or a scale is asked for."""
    if takes_away:
        return found_by("occlusion", question, "as parts to take away were asked for")
    try:
        return found_by("shap", question, "chosen for trees")
    except UntraceableError:
        return found_by("occlusion", question, "chosen as it works for any model")
    except MissingExtraError:
        return found_by("occlusion", question, "chosen as shap, for trees, is not installed")


def found_by(method: str, question: Question, reason: str = "") -> Explanation:
    return {
        "occlusion": _by_occlusion,
        "permutation": _by_permutation,
        "gradients": _by_gradients,
        "gradcam": _by_gradcam,
        "shap": _by_shap,
    }[method](question, reason)


def _by_occlusion(question: Question, reason: str) -> Explanation:
    subject, n_columns = question.subject, question.subject.pool.n_columns
    limit = _AFFORDABLE_IN_PATCHES if question.cut.in_patches else _AFFORDABLE
    affordable = limit // (len(subject.pool) * n_columns)
    donors = question.donors(affordable=len(question.cut.units()[1]) * question.n_repeats <= affordable)
    n_repeats = question.repeats(donors)
    by, units = question.cut.units(affordable // min(n_repeats, _FEWEST_DRAWS))
    if units[0].share < 1:
        n_repeats = min(n_repeats, max(_FEWEST_DRAWS, affordable // len(units)))
    values = len(subject.pool) * len(units) * n_columns
    few = narrowed(subject, max(1, _MOST_ASKED // (values * n_repeats)))
    said = question.said if few is subject else few.answers(few.pool.given())
    changes = occlude(
        few, units, donors, question.codes, said, question.scale, n_repeats, question.rng, question.progress
    )
    parts = spread(changes, units, len(subject.columns))
    return _explanation(
        question,
        "occlusion",
        reason,
        parts,
        baseline=donors.words,
        units=f"fall of the {question.scale.words}",
        by=by,
        models=few.models,
    )


def _by_permutation(question: Question, reason: str) -> Explanation:
    subject, judge = question.subject, question.judge
    assert judge is not None  # made before any work
    by, units = question.cut.units()
    falls = permute(subject, units, judge, question.said, question.n_repeats, question.rng, question.progress)
    parts = spread(falls, units, len(subject.columns))[:, None]
    return _explanation(
        question,
        "permutation",
        reason,
        parts,
        baseline="the same cells of other rows",
        units=f"fall of {judge.name}",
        by=by,
    )


def _by_gradients(question: Question, reason: str) -> Explanation:
    donors = question.donors(affordable=False)
    found = integrated(
        question.subject, donors, question.codes, question.repeats(donors), question.rng, question.progress
    )
    return _explanation(question, "gradients", reason, found.parts, found, donors.words)


def _by_gradcam(question: Question, reason: str) -> Explanation:
    found = gradcam(question.subject, question.codes, question.progress)
    return _explanation(question, "gradcam", reason, found.parts, found)


def _by_shap(question: Question, reason: str) -> Explanation:
    found = shapley(question.subject, question.codes, question.progress)
    return _explanation(question, "shap", reason, found.parts, found, "what the paths of the trees expect")


def _explanation(
    question: Question,
    method: str,
    reason: str,
    parts: np.ndarray,
    found: Attribution | None = None,
    baseline: str = "",
    *,
    units: str = "",
    by: str = "",
    models: str = "",
) -> Explanation:
    """Put the maps (repeats, n, p) together."""
    subject = question.subject
    n = len(subject.pool)
    weights = np.full(len(parts), 1.0 / len(parts)) if found is None else found.weights
    values, errors, stability = agreement(parts, weights)
    of_rows = method != "permutation"
    target = subject.classes[question.codes] if of_rows and subject.classes is not None else None
    said = question.scale.of(question.said, question.codes)
    return Explanation(
        method=method,
        reason=reason,
        by=by or ("name" if subject.columns.cells is None else "cell"),
        units=units if found is None else found.units,
        baseline=baseline,
        target=target,
        by_name=values,
        std_error_by_name=errors,
        stability=stability,
        n_repeats=len(parts),
        models=models,
        outputs=said if found is None else found.outputs,
        base_outputs=np.full(n, np.nan) if found is None else found.base_outputs,
        columns=subject.columns,
        sample=subject.sample,
    )
