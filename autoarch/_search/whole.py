"""Fit a candidate on all rows, once or with several seeds, in this process or in a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.pipeline import Pipeline

from autoarch._core.clock import Deadline
from autoarch._search.evaluate import fit_seeds, fit_whole
from autoarch._search.jobs import Job, TrainingData
from autoarch._search.loop import Search
from autoarch._search.steps import Candidate
from autoarch._training.time_limited import is_complete, share_done
from autoarch.families.base import Family

MOST_SEEDS = 5
_LEEWAY = 1.3  # times the seconds of the first fit that must be left for another, where it cannot be shortened
_SHORT = 0.75  # of the first fit's seconds, in which a net with the next seed is trained nearly as well
_ROWS_MORE = 2.0  # times the seconds of a step at most, that a fit on all rows may take


def averages_seeds(family: Family, data: TrainingData) -> bool:
    """Return whether the winner is fitted with several seeds: its family asks for it, or no folds cover all rows."""
    return family.averages_seeds or (family.averages_folds and not data.n_folds)


def averages_seeds_beside(candidate: Candidate, search: Search) -> bool:
    """Return whether more seeds of a member of a mean are worth their time: what is random in it is worth averaging."""
    family = search.family(candidate.family)
    return family.averages_seeds or family.averages_folds


def job_on_all_rows(search: Search, candidate: Candidate, deadline: Deadline, number: int = 0) -> Job:
    """A fit of the candidate on all rows."""
    family = search.family(candidate.family)
    if search.trial_timeout is not None:
        deadline = Deadline(min(deadline.left, _ROWS_MORE * search.trial_timeout))
    return Job(
        candidate.number,
        -1,
        family,
        candidate.params,
        search.problem,
        search.past.seed + number,
        deadline,
        search.budget.deadline(),
        search.machine.threads(family, search.problem),
    )


def in_its_place(search: Search, candidate: Candidate, function: Callable[..., Any], job: Job, *args: Any) -> Any:
    """Call ``function(data, job, *args)`` in this process, or in a worker where one is due or the family killed one."""
    killed = any(other.killed for other in search.scheduler.candidates if other.family == candidate.family)
    if killed or search.workers.isolates(job.family):
        return search.workers.call(function, job, *args)
    with search.workers.step(job):
        return function(search.data, job, *args)


def fitted_whole(candidate: Candidate, search: Search, deadline: Deadline, number: int) -> Pipeline:
    """Fit a candidate on all rows with the seed of that number."""
    job = job_on_all_rows(search, candidate, deadline, number)
    model: Pipeline = in_its_place(search, candidate, fit_whole, job, candidate.learned)
    return model


def another_seed(candidate: Candidate, search: Search, left: float, number: int) -> Pipeline | None:
    """Fit a candidate on all rows with another seed, in the seconds that are left; None where that comes to nothing."""
    try:
        model = fitted_whole(candidate, search, Deadline(left), number)
    except KeyboardInterrupt:
        search.interrupted = True  # then nothing long is begun; there is a model
        return None
    except Exception:
        return None
    return model if is_complete(model[-1]) else None


def seeds_at_once(candidate: Candidate, search: Search, deadline: Deadline, numbers: range) -> list[Pipeline]:
    """Fit a net on all rows with the seeds of those numbers at once; none where that is not quicker."""
    job = job_on_all_rows(search, candidate, deadline)
    seeds = [search.past.seed + number for number in numbers]
    models: list[Pipeline] = in_its_place(search, candidate, fit_seeds, job, candidate.learned, seeds)
    return models


def more_seeds(
    fitted: Callable[[int, Deadline], Pipeline],
    at_once: Callable[[range, Deadline], list[Pipeline]],
    deadline: Deadline,
    seconds: float,
    *,
    shortens: bool,
    most: int = MOST_SEEDS,
) -> list[Pipeline]:
    """Fit as many further seeds as the time allows; errors and interrupts end this quietly.

    Nets, whose training ``shortens`` to what time there is, share the rest of it, or are fitted ``at_once``.
    """
    models: list[Pipeline] = []
    try:
        for number in range(1, most):
            still = min(int(deadline.left / ((_SHORT if shortens else _LEEWAY) * seconds)), most - number)
            if still < 1:
                break
            if shortens and number == 1 and still > 1:
                together = at_once(range(1, still + 1), deadline)
                if together:
                    return [model for model in together if _is_trained(model)]
            model = fitted(number, deadline.share(1 / still) if shortens else deadline)
            if not (_is_trained(model) if shortens else is_complete(model[-1])):
                break
            models.append(model)
    except (Exception, KeyboardInterrupt):
        return models
    return models


def _is_trained(model: Pipeline) -> bool:
    """Return whether a net went through enough of its training; a busy machine may leave next to nothing."""
    return share_done(model[-1]) >= _SHORT / 2
