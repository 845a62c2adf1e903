"""Optuna's side of the search: trials that are asked for, and the study that tells of them.

A candidate is a trial with one intermediate value for each split. Candidate ``i`` is sampled by a sampler of its own
seed from those before it that were judged on every split, so that what is sampled depends on their scores alone and
neither on the process nor on the number of workers: a search that was killed and goes on is one that never stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from autoarch._search.steps import Candidate
from autoarch.families.base import Family, Params, Problem
from autoarch.families.objective import suggest_target

if TYPE_CHECKING:
    import optuna

_STARTUP_TRIALS = 12


def new_sampler(seed: int) -> optuna.samplers.BaseSampler:
    """Create a TPE that treats the parameters of each family as a group."""
    import optuna

    return optuna.samplers.TPESampler(seed=seed, group=True, multivariate=True, n_startup_trials=_STARTUP_TRIALS)


def new_study(seed: int) -> optuna.Study:
    """Create an in-memory study with such a sampler."""
    import optuna

    return optuna.create_study(direction="maximize", sampler=new_sampler(seed))


def ask(study: optuna.Study, family: Family, families: Sequence[str], default: Params | None) -> optuna.Trial:
    """Ask for a trial of ``family`` whose suggestions are its default where one is given, else sampled."""
    fixed = {f"{family.name}.{key}": value for key, value in (default or {}).items()}
    study.enqueue_trial({"family": family.name, **fixed})
    trial = study.ask()
    trial.suggest_categorical("family", list(families))
    return trial


class Trials:
    """Trials that were asked for, by number, and the scores that the sampler may learn from.

    Parameters
    ----------
    seed : int
        What everything random follows from.

    Attributes
    ----------
    asked : dict of int to FrozenTrial
        Parameters as Optuna knows them; those of refused trials too, which became no candidates.
    scores : dict of int to float
        Of candidates that were judged on every split.
    """

    def __init__(self, seed: int):
        self.seed = seed
        self.asked: dict[int, Any] = {}
        self.scores: dict[int, float] = {}
        self._history: Any = None
        self._told: set[int] = set()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_history": None, "_told": set()}

    @property
    def next_number(self) -> int:
        """Number of the trial that is asked for next."""
        return max(self.asked, default=-1) + 1

    @staticmethod
    def refuse(trial: Any, reason: str, *, failed: bool) -> None:
        """End a trial that becomes no candidate."""
        from optuna.trial import TrialState

        trial.state = TrialState.FAIL if failed else TrialState.PRUNED
        trial.datetime_complete = datetime.now()
        trial.user_attrs["reason"] = reason

    def seed_of(self, number: int) -> int:
        """Seed of the fits of a candidate."""
        return int(np.random.SeedSequence([self.seed, number + 1]).generate_state(1)[0] % (2**31 - 1))

    def sample(
        self, family: Family, families: Sequence[str], default: Params | None, problem: Problem, seen: int | None
    ) -> tuple[Any, Params | Exception]:
        """Ask for the next trial.

        Parameters
        ----------
        family, families, default
            Whose turn it is, the names of all, and the parameters that it is to have, None to sample them.
        problem : Problem
            What the family is told of the data.
        seen : int or None
            Last trial whose score the sampler may know; None for all.

        Returns
        -------
        trial : FrozenTrial
            Without a number.
        params : dict or Exception
            As the family names them, or what its ``suggest`` raised.
        """
        from optuna.trial import TrialState

        history = self._up_to(self.next_number, seen)
        trial = ask(history, family, families, default)
        try:
            params: Params | Exception = suggest_target(trial, family, family.suggest(trial, problem), problem)
        except Exception as error:  # of a plug-in
            params = error
        frozen = _frozen(TrialState.RUNNING, trial.params, trial.distributions)
        history.tell(trial, state=TrialState.FAIL)  # which the sampler does not look at
        return frozen, params

    def _up_to(self, number: int, seen: int | None) -> optuna.Study:
        from optuna.trial import TrialState

        known = {n: score for n, score in self.scores.items() if seen is None or n <= seen}
        if self._history is None or not self._told <= known.keys():
            self._history, self._told = new_study(0), set()
        for n in sorted(known.keys() - self._told):
            asked = self.asked[n]
            _add(self._history, _frozen(TrialState.COMPLETE, asked.params, asked.distributions, value=known[n]))
            self._told.add(n)
        seed = int(np.random.SeedSequence([self.seed, number, 1]).generate_state(1)[0])
        self._history.sampler = new_sampler(seed)
        return self._history

    def study(self, candidates: Mapping[int, Candidate]) -> optuna.Study:
        """Return all trials as an in-memory study: complete, pruned or failed."""
        study = new_study(self.seed)
        for number in sorted(self.asked):
            _add(study, self._ended(number, candidates.get(number)))
        return study

    def _ended(self, number: int, candidate: Candidate | None) -> Any:
        from optuna.trial import TrialState

        asked, score = self.asked[number], self.scores.get(number)
        failed = candidate is not None and candidate.status == "failed"
        state = TrialState.FAIL if failed else TrialState.PRUNED if score is None else TrialState.COMPLETE
        attributes = dict(asked.user_attrs)
        steps = {}
        if candidate is not None:
            attributes["seconds"] = candidate.seconds
            attributes |= {"reason": candidate.reason} if candidate.reason else {}
            steps = {split: step.score for split, step in candidate.steps.items()}
        value = score if state == TrialState.COMPLETE else None
        trial = _frozen(state, asked.params, asked.distributions, value=value)
        trial.user_attrs, trial.intermediate_values = attributes, steps
        trial.datetime_start = asked.datetime_start
        trial.datetime_complete = asked.datetime_complete or asked.datetime_start
        return trial

    def note_end(self, number: int) -> None:
        """Note the time of day at which the last step of a candidate ended."""
        self.asked[number].datetime_complete = datetime.now()


def _frozen(state: Any, params: Params, distributions: Mapping[str, Any], *, value: float | None = None) -> Any:
    """Return a trial as it is; Optuna's own functions refuse defaults that lie outside of what a family samples."""
    from optuna.trial import FrozenTrial

    now = datetime.now()
    return FrozenTrial(
        number=-1,
        state=state,
        value=value,
        datetime_start=now,
        datetime_complete=now if state.is_finished() else None,
        params=dict(params),
        distributions=dict(distributions),
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=-1,
    )


def _add(study: optuna.Study, trial: Any) -> None:
    study._storage.create_new_trial(study._study_id, template_trial=trial)
