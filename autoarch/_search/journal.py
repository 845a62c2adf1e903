"""The journal of a search: what was begun and what came of it, in a storage that outlives the process.

Optuna's storage holds the trials, with the score of each split; predictions, models and the report of the probe lie
beside it in files of joblib. ``Journal`` writes and reads; ``resume`` brings what was read into a search. Whatever
goes wrong with the storage is told once, and the search goes on without it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import joblib

from autoarch._core.quiet import quiet
from autoarch._search.claims import Claims
from autoarch._search.steps import Candidate, StepResult
from autoarch._search.storage import StorageChoice, study_id
from autoarch.exceptions import ParameterError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

_STEP = "split "  # begins the names of attributes that tell of steps, counted from 1 for people
_DECISION, _MOMENT = "decision", 0.01  # what one process at a time has, and seconds until the next one looks for it
_LONGEST_DECISION = 5.0  # seconds
_PATIENCE = 20  # tenths of a second in which a report is written
_ORDER = "order"  # of events, so that they can be gone through again


@dataclass(frozen=True, eq=False)
class Begun:
    """A trial that was asked for, here or by another process."""

    order: int
    trial: Any


@dataclass(frozen=True, eq=False)
class Done:
    """A step that was done: its result without the model, what the fits had learned by then, and the model's place."""

    order: int
    result: StepResult
    learned: Mapping[str, Any]
    size: int
    model: StoredModel


@dataclass(frozen=True)
class StoredModel:
    """A fitted model in a file."""

    path: Path

    def load(self) -> Any:
        """Read the model, None where it was not worth keeping."""
        try:
            return joblib.load(self.path)
        except Exception:  # gone, unfinished, or of another version
            return None


def _or_without(otherwise: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a method answer ``otherwise`` where there is no storage, or none any more."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def guarded(self: Journal, *args: Any, **kwargs: Any) -> Any:
            if not self.on:
                return otherwise
            try:
                return method(self, *args, **kwargs)
            except Exception as error:
                self.give_up(error)
                return otherwise

        return guarded

    return decorate


class Journal:
    """Events of a search, kept in a storage; one that is off keeps nothing."""

    choice: StorageChoice
    name: str
    _storage: BaseStorage
    _study: int
    _files: Path
    _claims: Claims

    def __init__(self) -> None:
        self.on = False
        self.trouble = ""  # what the user has to be told
        self._seen: set[tuple[int, int, int]] = set()  # candidate, split and order of steps
        self._trials: dict[int, int] = {}  # identities in the storage, by number
        self._finished: set[int] = set()  # trials that Optuna lets nobody change any more
        self._order = 0

    @classmethod
    def opened(cls, choice: StorageChoice | None, key: Mapping[str, str], memory: joblib.Memory | None) -> Journal:
        """Open the storage, and in it the study of this key; one that cannot be read or written is told of, no more.

        Raises
        ------
        ParameterError
            If the storage is none, or its pinned study belongs to another problem.
        """
        journal = cls()
        if choice is None:
            return journal
        journal.choice, journal.name = choice, choice.name or f"autoarch-{joblib.hash(sorted(key.items()))}"
        try:
            with quiet("optuna"):
                journal._storage = choice.open()
                journal._study = study_id(journal._storage, choice, journal.name, key)
            folder = choice.folder(None if memory is None else memory.location)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # pickles: nobody else is to write or read them
            journal._files = folder / str(joblib.hash(journal.name))
            journal._files.mkdir(mode=0o700, exist_ok=True)
            journal._claims = Claims(journal._files / "claims")
            journal.on = True
        except ParameterError:
            raise
        except Exception as error:
            journal.give_up(error)
        return journal

    def give_up(self, error: Exception) -> None:
        """Go on without the storage; others need not wait for what was claimed."""
        self.on = False
        self.close()
        reason = str(error).strip().partition("\n")[0]
        self.trouble = (
            f"storage={str(self.choice)!r} cannot be used ({type(error).__name__}: {reason}). The search went on "
            "without it, and what it found from then on is not kept: free some space, or allow writing there."
        )

    # Events

    @_or_without(())
    def news(self) -> list[Begun | Done]:
        """Return what was begun and done since the last call, in that order, by this or another process."""
        found: list[Begun | Done] = list(self._steps(self._storage.get_study_user_attrs(self._study), None))
        for trial in self._storage.get_all_trials(self._study, deepcopy=False):
            if trial.number in self._finished:
                continue
            if trial.number not in self._trials:
                self._trials[trial.number] = trial._trial_id
                found.append(Begun(trial.user_attrs.get(_ORDER, 0), trial))
            found += self._steps(trial.user_attrs, trial.number)
            if trial.state.is_finished():
                self._finished.add(trial.number)
        found.sort(key=lambda event: event.order)
        self._order = max([self._order, *(event.order for event in found)])
        return found

    def _steps(self, attributes: Mapping[str, Any], number: int | None) -> Iterator[Done]:
        for name, told in attributes.items():
            if not isinstance(told, dict) or _STEP not in name:
                continue
            step = (told.get("candidate", 0) if number is None else number, int(name.rpartition(_STEP)[2]) - 1)
            if (*step, told[_ORDER]) in self._seen:
                continue
            self._seen.add((*step, told[_ORDER]))
            with suppress(Exception):  # lost or unreadable: the step is computed again
                result, learned, size = joblib.load(self._file("step", *step))
                yield Done(told[_ORDER], result, learned, size, StoredModel(self._file("model", *step)))

    def _file(self, kind: str, number: int, split: int) -> Path:
        return self._files / f"{_name(kind, number, split)}.joblib"

    @_or_without(None)
    def add(self, trial: Any) -> int | None:
        """Write a trial as it is begun; return the number that it got there."""
        self._order += 1
        trial.user_attrs[_ORDER] = self._order
        identity = self._storage.create_new_trial(self._study, template_trial=trial)
        number = self._storage.get_trial_number_from_id(identity)
        self._trials[number] = identity
        return number

    @_or_without(None)
    def write(self, candidate: Candidate, result: StepResult, size: int) -> None:
        """Write a finished step: first what it predicted, then that it is done."""
        step = (result.number, result.split)
        self._dump(self._file("step", *step), (replace(result, model=None), dict(candidate.learned), size))
        self._order += 1
        told = {_ORDER: self._order, "status": result.status, "seconds": round(result.work.seconds, 3)}
        told |= {"reason": result.reason} if result.reason else {}
        name = f"{_STEP}{result.split + 1}"
        if result.number < 0:  # a simple model, which is no trial
            attribute = f"baseline {-result.number}, {name}"
            self._storage.set_study_user_attr(self._study, attribute, told | {"candidate": result.number})
        elif result.number not in self._finished:  # else predictions were lost, and the trial tells of the step
            identity = self._trials[result.number]
            if result.judgement is not None:
                self._storage.set_trial_intermediate_value(identity, result.split, result.judgement.score)
            self._storage.set_trial_user_attr(identity, name, told)
        self._seen.add((*step, self._order))
        self._claims.release(_name("step", *step))

    def _dump(self, path: Path, item: Any) -> None:
        unfinished = path.with_suffix(f".{uuid4().hex}")  # nobody reads half of a file
        try:
            joblib.dump(item, unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    @_or_without(None)
    def end(self, candidate: Candidate, score: float | None) -> None:
        """Write that a candidate will not go on: judged on every split, or failed."""
        from optuna.trial import TrialState

        if candidate.number in self._finished:
            return
        self._finished.add(candidate.number)
        identity = self._trials[candidate.number]
        self._storage.set_trial_user_attr(identity, "seconds", round(candidate.seconds, 3))
        if candidate.reason:
            self._storage.set_trial_user_attr(identity, "reason", candidate.reason)
        if score is None:
            self._storage.set_trial_state_values(identity, TrialState.FAIL)
        else:
            self._storage.set_trial_state_values(identity, TrialState.COMPLETE, [score])

    # Work that is shared

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Let one process at a time decide what it does next, on what is known then; one that sleeps is passed by."""
        until = time.monotonic() + _LONGEST_DECISION
        while self.on and not self._claim(_DECISION) and time.monotonic() < until:
            time.sleep(_MOMENT)
        try:
            yield
        finally:
            self._release(_DECISION)

    @_or_without(True)
    def _claim(self, what: str) -> bool:
        return self._claims.take(what)

    @_or_without(None)
    def _release(self, what: str) -> None:
        self._claims.release(what)

    def claim(self, number: int, split: int) -> bool:
        """Take a step for this process; False where another one has it."""
        return self._claim(_name("step", number, split))

    def give_back(self, number: int, split: int) -> None:
        """Let a step that was claimed be taken again, here or elsewhere."""
        self._release(_name("step", number, split))

    @_or_without(False)
    def is_claimed(self, number: int, split: int) -> bool:
        """Return whether a process that lives works on a step."""
        return self._claims.is_taken(_name("step", number, split))

    def release(self, number: int, split: int) -> None:
        """Give back a step that was not done."""
        self._release(_name("step", number, split))

    # Models and the probe

    @_or_without(None)
    def write_model(self, number: int, split: int, model: Any) -> None:
        """Keep a model; one that does not pickle is fitted again where it is wanted."""
        try:
            self._dump(self._file("model", number, split), model)
        except OSError:
            raise
        except Exception:  # of a plug-in
            return

    @_or_without(None)
    def drop_models(self, number: int, n_splits: int) -> None:
        """Forget the models of a candidate."""
        for split in range(n_splits):
            self._file("model", number, split).unlink(missing_ok=True)

    @_or_without(None)
    def report(self) -> Any:
        """Read the report of the probe, None where there is none yet."""
        try:
            return joblib.load(self._files / "probe.joblib")
        except Exception:
            return None

    def agreed_report(self, report: Any) -> Any:
        """Write the report of the probe, unless another process was quicker, whose report is returned then."""
        return self._agreed(report) or report

    @_or_without(None)
    def _agreed(self, report: Any) -> Any:
        if self._claims.take("probe"):  # which is never given back while the process lives
            if (known := self.report()) is not None:
                return known
            self._dump(self._files / "probe.joblib", report)
        for _ in range(_PATIENCE):  # another process has claimed it, hence is about to write it
            if (known := self.report()) is not None:
                return known
            time.sleep(0.1)
        return None

    def close(self) -> None:
        """Give back what was claimed."""
        if hasattr(self, "_claims"):
            with suppress(OSError):
                self._claims.close()


def _name(kind: str, number: int, split: int) -> str:
    return f"{kind}-{number}-{split}"
