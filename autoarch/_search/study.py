"""Optuna's side of the search: one study, one sub-space per family, defaults enqueued before anything is sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoarch._search.job import TrialResult
from autoarch.families.base import Family, Params

if TYPE_CHECKING:
    import optuna

_STARTUP_TRIALS = 12


def new_study(seed: int) -> optuna.Study:
    """Create an in-memory study whose TPE treats the parameters of each family as a group."""
    import optuna

    sampler = optuna.samplers.TPESampler(
        seed=seed, group=True, multivariate=True, constant_liar=True, n_startup_trials=_STARTUP_TRIALS
    )
    return optuna.create_study(direction="maximize", sampler=sampler)


def ask(study: optuna.Study, family: Family, families: list[str], default: Params | None) -> optuna.Trial:
    """Ask for a trial of ``family`` whose suggestions are its default where one is given, else sampled."""
    fixed = {f"{family.name}.{key}": value for key, value in (default or {}).items()}
    study.enqueue_trial({"family": family.name, **fixed})
    trial = study.ask()
    trial.suggest_categorical("family", families)
    return trial


def tell(study: optuna.Study, trial: optuna.Trial, result: TrialResult) -> None:
    """Report a result: the score, or what a stopped candidate had reached, or a failure with its reason."""
    from optuna.trial import TrialState

    trial.set_user_attr("seconds", result.seconds)
    if result.reason:
        trial.set_user_attr("reason", result.reason)
    for step, score in enumerate([*result.rungs.values(), *result.scores]):
        trial.report(score, step)
    if result.status == "ok":
        study.tell(trial, result.score)
    else:
        study.tell(trial, state=TrialState.PRUNED if result.status == "pruned" else TrialState.FAIL)
