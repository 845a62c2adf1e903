"""Optuna's side of the search: one study, one sub-space per family, defaults enqueued before anything is sampled.

A candidate is a trial with one intermediate value for each split. Those that were judged on every split are complete;
the others end as pruned, so that the sampler learns from comparable scores alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoarch._search.steps import Candidate, StepResult, TrainingData
from autoarch.families.base import Family, Params

if TYPE_CHECKING:
    import optuna

_STARTUP_TRIALS = 12


def new_study(seed: int) -> optuna.Study:
    """Create an in-memory study whose TPE treats the parameters of each family as a group."""
    import optuna

    sampler = optuna.samplers.TPESampler(seed=seed, group=True, multivariate=True, n_startup_trials=_STARTUP_TRIALS)
    return optuna.create_study(direction="maximize", sampler=sampler)


def ask(study: optuna.Study, family: Family, families: list[str], default: Params | None) -> optuna.Trial:
    """Ask for a trial of ``family`` whose suggestions are its default where one is given, else sampled."""
    fixed = {f"{family.name}.{key}": value for key, value in (default or {}).items()}
    study.enqueue_trial({"family": family.name, **fixed})
    trial = study.ask()
    trial.suggest_categorical("family", families)
    return trial


def report(trial: optuna.Trial, candidate: Candidate, result: StepResult) -> None:
    """Report the score of a step as the intermediate value of its split."""
    if result.judgement is not None:
        trial.report(result.judgement.score, result.split)
    trial.set_user_attr("seconds", candidate.seconds)


def tell(study: optuna.Study, trial: optuna.Trial, candidate: Candidate, data: TrainingData, n_splits: int) -> None:
    """End a trial: with its score where it was judged on ``n_splits`` splits."""
    from optuna.trial import TrialState

    if candidate.reason:
        trial.set_user_attr("reason", candidate.reason)
    if candidate.status == "failed":
        study.tell(trial, state=TrialState.FAIL)
    elif len(candidate.steps) >= n_splits:
        study.tell(trial, data.score(candidate))
    else:
        study.tell(trial, state=TrialState.PRUNED)
