"""Seconds that a step is expected to take: nominal costs of the families, calibrated by the steps done, and the pace.

Without a time limit nothing is calibrated: then nominal costs are the only ones, so that no decision depends on the
clock.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import joblib
import numpy as np

from autoarch._core.pace import Work, share_of_core, threads_by_size, threads_that_pay
from autoarch._core.threads import usable_cores
from autoarch._search.steps import Candidate, StepResult
from autoarch.families.base import Family, Params, Problem
from autoarch.families.objective import own_params
from autoarch.families.several_targets import n_fits

_EVERY = 3.0  # seconds between two measurements, each of which takes a tenth of a second
_BATCH = 128  # rows of nets
BASELINE = "baseline"  # family of the simple models, which have nothing in common, nor with others
_PER_ROW = 1_000  # multiplications for each value of a linear solve
_LEAST = 1e-3  # seconds that any step takes
# Seconds on an idle core until packages are ready to work
_IMPORTS = {"torch": 1.5, "skorch": 1.5, "tabpfn": 4.0, "tabicl": 4.0}


class Costs:
    """Expected seconds of steps, at the pace that the machine has now.

    Parameters
    ----------
    timed : bool
        Whether the seconds of steps are looked at.
    """

    def __init__(self, *, timed: bool):
        self.timed, self.pace = timed, 1.0
        self._families: dict[str, tuple[Family, Problem]] = {}
        self._ratios: dict[str, dict[str, list[float]]] = {}  # by family and kind of model
        self._n_fits: dict[tuple[str, str], int] = {}

    def enter(self, families: Sequence[Family], problem: Problem) -> None:
        """Take note of families and the problem that their nominal costs depend on."""
        self._families |= {family.name: (family, problem) for family in families}

    def nominal(self, family: str, params: Params) -> float:
        """Nominal seconds of one fit on an idle core."""
        try:
            known, problem = self._families[family]
            seconds = float(known.nominal_seconds(own_params(params), problem)) * self._fits(known, params, problem)
        except Exception:  # of a plug-in; its fits will be timed
            seconds = 1.0
        return seconds if np.isfinite(seconds) and seconds > _LEAST else _LEAST

    def _fits(self, family: Family, params: Params, problem: Problem) -> int:
        """Number of fits that several targets take; known from the steps, which are built once for each candidate."""
        if problem.n_targets == 1:
            return 1
        key = family.name, repr(params)
        if key not in self._n_fits:
            self._n_fits[key] = n_fits(family.build(own_params(params), problem, 0), params, problem)
        return self._n_fits[key]

    def loading(self, family: str) -> float:
        """Seconds of the imports that a family still needs in this process; 0 where seconds are not looked at."""
        if not self.timed:
            return 0.0
        known, _ = self._families[family]
        needed = [name for name in _IMPORTS if name in known.needs.packages and name not in sys.modules]
        return sum(_IMPORTS[name] for name in needed) / self.pace

    def learn(self, candidate: Candidate, result: StepResult) -> None:
        """Calibrate a family by the seconds that a step took, or was found to need."""
        told = result.status != "failed" and candidate.family in self._families
        if not self.timed or not told or candidate.family == BASELINE:
            return
        whole = result.work.seconds * result.work.pace / max(result.work.share_done, 0.05)
        ratio = max(whole, _LEAST) / self.nominal(candidate.family, candidate.params)
        kinds = self._ratios.setdefault(candidate.family, {})
        kinds.setdefault(_kind(candidate.params), []).append(ratio)

    def of_first_step(self, family: str, params: Params) -> float:
        """Seconds of a whole training of a candidate that has done nothing yet."""
        return self.nominal(family, params) * self._scale(family, params) / self.pace + self.loading(family)

    def _scale(self, family: str, params: Params) -> float:
        """Seconds of steps over their nominal costs, of this kind of model; where it is untimed, halfway to others.

        To other kinds of its family or, where none of them is timed, to other families.
        """
        kinds = self._ratios.get(family, {})
        if (own := kinds.get(_kind(params))) is not None:
            return float(np.median(own))
        others = [_typical(known) for known in ([kinds] if kinds else self._ratios.values())]
        return 1.0 if family == BASELINE else float(np.exp(np.mean(np.log([1.0, *others]))))

    def of_next_step(self, candidate: Candidate) -> float:
        """Seconds of another step of a candidate: as the others took, shortened if these were."""
        if not candidate.steps or not self.timed:
            return self.of_first_step(candidate.family, candidate.params)
        return max(candidate.mean_idle_seconds("seconds"), _LEAST) / self.pace

    def known(self, family: str, params: Params | None = None) -> bool:
        """Return whether a step of the family has been timed, or one of the kind of model that ``params`` tell."""
        kinds = self._ratios.get(family, {})
        return bool(kinds) if params is None else _kind(params) in kinds


def _kind(params: Params) -> str:
    return str(params.get("kind", ""))


def _typical(kinds: dict[str, list[float]]) -> float:
    return float(np.median([ratio for ratios in kinds.values() for ratio in ratios]))


class Machine:
    """Share of a core that a thread gets, and threads for each step.

    Parameters
    ----------
    timed : bool
        Whether a clock runs. Without one nothing is measured: the pace is 1, and threads follow from sizes alone.
    n_jobs : int or None
        Steps at a time, which share the cores.
    """

    def __init__(self, *, timed: bool, n_jobs: int | None = None):
        self.timed = timed
        self.n_jobs = joblib.effective_n_jobs(n_jobs)
        self._pace = 1.0
        self._measured = -float("inf")

    @property
    def pace(self) -> float:
        """Share of an idle core that one thread has now."""
        if self.timed and time.monotonic() - self._measured > _EVERY:
            self._pace = share_of_core()
            self._measured = time.monotonic()
        return self._pace

    def threads(self, family: Family, problem: Problem) -> int:
        """Threads that pay for one fit of a family now."""
        work, values = _work_of(family, problem)
        most = max(1, usable_cores() // self.n_jobs)
        if most == 1:
            return 1
        return min(most, threads_that_pay(work, values, self.pace) if self.timed else threads_by_size(work, values))


def _work_of(family: Family, problem: Problem) -> tuple[Work, int]:
    """Kind and size of the work of a fit."""
    n, p = problem.n_samples, problem.n_features
    if "skorch" in family.needs.packages:
        batch = min(n, _BATCH) * p
        return ("convolutions", batch) if family.needs.grid else ("dense net", batch)
    return ("algebra", n * p * _PER_ROW) if family.needs.grid else ("boosting", n * p)
