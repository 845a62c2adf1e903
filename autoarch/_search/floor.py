"""Hand over a constant where no candidate is shown to be better than one."""

from __future__ import annotations

import numpy as np

from autoarch._search.baseline import Baseline
from autoarch._search.compare import SET_ASIDE, Comparison, row_variance
from autoarch._search.evaluate import evaluate_on
from autoarch._search.jobs import TrainingData
from autoarch._search.loop import Search
from autoarch._search.refit import in_its_place, job_on_all_rows
from autoarch._search.scoring import Predictions
from autoarch._search.steps import Candidate

_LEAD = 2.0  # standard errors, of the score and of the tie-break together: the best of many is ahead by luck
_LEAST = 1e-6  # probability


def is_constant(candidate: Candidate) -> bool:
    """Return whether a candidate looks at no column."""
    return candidate.family == Baseline.name and candidate.params.get("kind") == "constant"


def constant_instead(winner: Candidate, search: Search) -> Candidate | None:
    """Return the best constant where the winner is behind it, or ahead by less than luck may be.

    Constants take part where the user named no families. They are judged on all splits of the winner first, unless it
    is far ahead on those that they have seen.
    """
    constants = [c for c in search.scheduler.candidates if is_constant(c) and c.steps and c.status == "open"]
    weights = search.scheduler.weights
    if not constants or is_constant(winner) or all(_lead(winner, c, weights) >= SET_ASIDE for c in constants):
        return None
    for constant in constants:
        _judge_where(constant, winner, search)
    able = [c for c in constants if set(winner.steps) <= set(c.steps)]
    if not able or any(winner.steps[split].predictions is None for split in winner.splits):
        return None
    best = max(able, key=lambda c: (np.average(_scores(c, winner), weights=_shares(winner, weights)), c.tie))
    lead = _lead(winner, best, weights)
    return best if lead < 0 or lead + _lead_of_tie(winner, search.data) < _LEAD else None


def _judge_where(constant: Candidate, winner: Candidate, search: Search) -> None:
    """Judge a constant on the splits of the winner that it has not seen."""
    for split in sorted(set(winner.steps) - set(constant.steps)):
        job = job_on_all_rows(search, constant, search.budget.deadline())
        result = in_its_place(search, constant, evaluate_on, job, search.data.splits[split])
        if result.judgement is None:
            return
        constant.steps[split], constant.work[split] = result.judgement, result.work
        search.scheduler.changed()


def _scores(constant: Candidate, winner: Candidate) -> list[float]:
    return [constant.steps[split].score for split in winner.splits]


def _shares(winner: Candidate, weights: tuple[float, ...]) -> list[float]:
    return [weights[split] for split in winner.splits]


def _lead(winner: Candidate, constant: Candidate, weights: tuple[float, ...]) -> float:
    """Standard errors by which the winner is ahead of a constant, on the splits that both have seen."""
    lead = Comparison([winner], constant, weights).of(winner)
    return 0.0 if lead is None else lead.standardised


def _lead_of_tie(winner: Candidate, data: TrainingData) -> float:
    """Standard errors of its lead in log-loss or squared error over means of the training rows, row by row."""
    leads = []
    for split in winner.splits:
        found, train = winner.predictions_on((split,)), data.splits[split][0]
        if data.scorer.classes is None:
            constant: np.ndarray | float = float(np.mean(data.y[train]))
        else:
            counts = np.bincount(np.searchsorted(data.scorer.classes, data.y[train]), minlength=found.values.shape[1])
            constant = counts / counts.sum()
        means = Predictions(found.rows, np.broadcast_to(constant, found.values.shape))
        leads.append(_losses(means, data) - _losses(found, data))
    lead = np.concatenate(leads)
    return float(lead.mean()) / max(float(np.sqrt(row_variance(lead, 0.0))), 1e-300)


def _losses(predictions: Predictions, data: TrainingData) -> np.ndarray:
    y, classes = data.y[predictions.rows], data.scorer.classes
    if classes is None:
        return np.asarray((predictions.values - y) ** 2, dtype=np.float64)
    own = predictions.values[np.arange(len(y)), np.searchsorted(classes, y)]
    return np.asarray(-np.log(np.maximum(own, _LEAST)), dtype=np.float64)
