"""Answers for rows in which little was taken away, where a model need not read all of the rest again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autoarch._search.evaluate import aligned
from autoarch._training.scalers import GridScaler
from autoarch.explain.model import Subject, tempered
from autoarch.explain.pullback import Member, members_of
from autoarch.explain.rows import Numbers, Pool, Swap
from autoarch.families.random_convolutions import RandomConvolutions
from autoarch.families.rereading import outputs_after


def answers_after(subject: Subject, rows: Pool, swaps: Sequence[Swap]) -> np.ndarray:
    """Answers for all ``rows`` once for each swap, one below the other."""
    changed = rows.swapped(swaps)
    members = members_of(subject) if subject.own else []
    if not isinstance(rows, Numbers) or not any(_rereads(member) for member in members):
        return subject.answers(changed)
    said = sum(member.weight * _said(member, subject.classes, rows, changed) for member in members)
    return np.asarray(said if subject.classes is None else tempered(np.asarray(said), subject.temperature))


def _rereads(member: Member) -> bool:
    """Whether cells of X are cells of its grid; pictures of places, which may be too many to keep, are made anew."""
    cells = all(isinstance(step, GridScaler) for step in member.steps)
    return cells and isinstance(member.model, RandomConvolutions)


def _said(member: Member, classes: np.ndarray | None, rows: Numbers, changed: np.ndarray) -> np.ndarray:
    """Probabilities, or values (n, 1), of one model."""
    model, parts = member.model, np.split(changed, len(changed) // len(rows))
    if _rereads(member):
        outputs = outputs_after(model, member.sees(rows.given()), [member.sees(part) for part in parts])
        said = model.said(outputs.reshape(len(changed), -1))
    elif classes is None:
        said = np.asarray(model.predict(member.sees(changed))).reshape(len(changed), 1)
    else:
        said = model.predict_proba(member.sees(changed))
    return said if classes is None else aligned(said, model.classes_, classes)
