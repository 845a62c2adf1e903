"""Fitted models that are worth keeping: those of the leader, of likely members, and of a few that wait."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from sklearn.pipeline import Pipeline

from autoarch._data.containers import free_bytes
from autoarch._search.companions import few_alike
from autoarch._search.compare import Standings
from autoarch._search.journal import StoredModel
from autoarch._search.steps import Candidate, Judgement

_WAITING = 5  # candidates beside the leader and the members whose models are kept
_SHARE, _MOST_BYTES = 0.2, 2**28  # of the free memory that models may take, and at most
_CONTENDERS, _FEWEST_CONTENDERS = 50, 5  # candidates whose left-out predictions are kept in any case,
_MOST_PREDICTIONS = 2**28  # bytes of these
_MANY = 0.4  # others in units of those, after which theirs are looked through
_FREE_WHERE_UNKNOWN = 4e9  # bytes


class KeptModels:
    """Models of candidates by split, as many as memory allows.

    Parameters
    ----------
    n_members : int
        Candidates that the final model may consist of.
    """

    def __init__(self, n_members: int = 1):
        self.n_kept = n_members + _WAITING
        self._models: dict[int, dict[int, Pipeline]] = {}
        self._sizes: dict[int, int] = {}
        self._most = min(_MOST_BYTES, _SHARE * free_memory())

    def add(self, number: int, split: int, model: Pipeline | StoredModel, size: int | None = None) -> None:
        """Keep a model for now; one of so many bytes that lies in a store is read when it is asked for."""
        self._models.setdefault(number, {})[split] = model
        if number not in self._sizes:
            self._sizes[number] = size_of(model) if size is None else size

    def count(self, candidate: Candidate, splits: Sequence[int]) -> int:
        """Return how many models of a candidate on these splits are kept."""
        return len(self._models.get(candidate.number, {}).keys() & set(splits))

    def of(self, candidate: Candidate, splits: Sequence[int] | None = None) -> list[Pipeline]:
        """Models of a candidate on some splits, all by default, as far as they were kept."""
        kept = self._models.get(candidate.number, {})
        for split, model in list(kept.items()):
            if isinstance(model, StoredModel):
                if (loaded := model.load()) is None:
                    del kept[split]
                else:
                    kept[split] = loaded
        return [kept[split] for split in (sorted(kept) if splits is None else splits) if split in kept]

    def splits_of(self, candidate: Candidate) -> list[int]:
        """Splits of which models of a candidate are kept, in the order in which ``of`` returns these."""
        return sorted(self._models.get(candidate.number, {}))

    def tidy(self, standings: Standings, busy: Iterable[int]) -> set[int]:
        """Drop the models of candidates further down, and of those for which there is no memory; return whose."""
        ranked = standings.ranking()
        wanted, room = set(), self._most
        for place, candidate in enumerate(ranked[: self.n_kept]):
            kept = self._models.get(candidate.number, {})
            needed = self._sizes.get(candidate.number, 0) * len(kept)
            if place and needed > room:
                continue
            room -= needed
            wanted.add(candidate.number)
        _drop_predictions(ranked, standings)
        dropped = set(self._models) - wanted - set(busy)
        for number in dropped:
            del self._models[number]
        return dropped


def _drop_predictions(ranked: Sequence[Candidate], standings: Standings) -> None:
    """Forget the predictions of candidates that are set aside far down; they do not go on any more."""
    size = max((sum(map(_bytes, c.steps.values())) for c in ranked[:_FEWEST_CONTENDERS]), default=0)
    kept = int(np.clip(_MOST_PREDICTIONS / max(size, 1), _FEWEST_CONTENDERS, _CONTENDERS))
    spared = {c.number for c in few_alike(ranked)} if kept == _CONTENDERS else set()  # they may have a place in a mean
    done = [c for c in ranked[kept:] if c.number not in spared and standings.is_settled(c)]
    held = [c for c in done if any(step.predictions is not None for step in c.steps.values())]
    if len(held) < _MANY * kept:
        return
    behind = standings.behind()
    for candidate in held:
        if lag := behind.get(candidate.number):
            candidate.status, candidate.reason = "paused", f"{-lag.mean:.3g} behind the winner on the same rows"
            for split, step in candidate.steps.items():
                candidate.steps[split] = replace(step, predictions=None)


def _bytes(step: Judgement) -> int:
    return 0 if step.predictions is None else step.predictions.values.nbytes


def size_of(model: Pipeline) -> int:
    """Estimate the bytes of a model; arrays are counted, not copied."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        head = len(pickle.dumps(model, protocol=5, buffer_callback=buffers.append))
    except Exception:  # of a plug-in; a search in processes would have said so
        return 0
    return head + sum(buffer.raw().nbytes for buffer in buffers)


def free_memory() -> float:
    """Bytes of memory that programs may still take."""
    return free_bytes() or _FREE_WHERE_UNKNOWN
