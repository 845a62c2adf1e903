"""Steps per second on one worker and on more, by joblib's engines, with one thread each.

    python clusters.py                                # loky, dask and ray, 1 and 2 workers, 20 s each
    python clusters.py --engines dask --workers 1 2 4 8 --seconds 60
    python clusters.py --decisions                    # seconds that choosing a step takes, by what is known already

A step is one candidate on one split. The search has no other work than to choose it, so what is missing to the number
of workers is what choosing, sending and waiting cost. Workers are started before the clock. Choosing is done by one
process: a step's seconds divided by those of choosing it say how many workers it can keep at work.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import statistics
import time
from collections.abc import Iterator
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import joblib
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.naive_bayes import GaussianNB

from autoarch import AutoArchClassifier
from autoarch.families import Family


class Steps(logging.Handler):
    """Notes when steps end."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.ends: list[float] = []
        self.chosen: list[float] = []  # seconds from the end of a step to the beginning of the next one

    def emit(self, record: logging.LogRecord) -> None:
        """Note one."""
        if getattr(record, "event", "") == "step_ends":
            self.ends.append(time.monotonic())
        elif getattr(record, "event", "") == "step_begins" and self.ends:
            self.chosen.append(time.monotonic() - self.ends[-1])


@contextlib.contextmanager
def engine(name: str, workers: int) -> Iterator[None]:
    """Start workers, and let joblib use them."""
    with contextlib.ExitStack() as stack:
        if name == "dask":
            from distributed import Client, LocalCluster

            settings: dict[str, Any] = {"processes": True, "dashboard_address": None, "host": "127.0.0.1"}
            cluster = stack.enter_context(LocalCluster(n_workers=workers, threads_per_worker=1, **settings))
            stack.enter_context(Client(cluster))
        elif name == "ray":
            import ray
            from ray.util.joblib import register_ray

            ray.init(num_cpus=workers, _node_ip_address="127.0.0.1", include_dashboard=False, log_to_driver=False)
            stack.callback(ray.shutdown)
            register_ray()
        with joblib.parallel_config(backend=name, n_jobs=workers):
            joblib.Parallel()(joblib.delayed(time.sleep)(0.1) for _ in range(4 * workers))
            yield


class Steady(Family):
    """Boosting of always as many trees, so that one step is like another."""

    name = "steady"

    def suggest(self, trial: Any, problem: Any) -> dict[str, Any]:
        """Sample a parameter that hardly changes the time."""
        return {"rate": trial.suggest_float("steady.rate", 0.05, 0.2)}

    def build(self, params: dict[str, Any], problem: Any, seed: int) -> list[tuple[str, Any]]:
        """Return the model."""
        return [("model", GradientBoostingClassifier(n_estimators=30, learning_rate=params["rate"], random_state=seed))]


class Moment(Family):
    """A model that takes no time."""

    name = "moment"

    def suggest(self, trial: Any, problem: Any) -> dict[str, Any]:
        """Sample one parameter."""
        return {"smoothing": trial.suggest_float("moment.smoothing", 1e-9, 1.0, log=True)}

    def build(self, params: dict[str, Any], problem: Any, seed: int) -> list[tuple[str, Any]]:
        """Return naive Bayes."""
        return [("model", GaussianNB(var_smoothing=params["smoothing"]))]


def rate(name: str, workers: int, seconds: float, rows: int) -> tuple[float, int]:
    """Steps per second after the first ones, and their number."""
    X, y = make_classification(rows, 30, n_informative=10, random_state=0)
    steps, logger = Steps(), logging.getLogger("autoarch")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(steps)
    settings: dict[str, Any] = {"families": Steady, "layout": None, "cv": 5, "ensemble_size": 1, "verbose": 0}
    try:
        with engine(name, workers):
            AutoArchClassifier(time_budget=seconds, n_jobs=workers, random_state=0, **settings).fit(X, y)
    finally:
        logger.removeHandler(steps)
    ends = steps.ends[2 + workers :]  # simple models, and what was begun while workers loaded their packages
    return (len(ends) - 1) / (ends[-1] - ends[0]), len(steps.ends)


def decisions(seconds: float) -> None:
    """Print what choosing a step takes, by the number of steps that are known."""
    X, y = make_classification(500, 10, random_state=0)
    steps, logger = Steps(), logging.getLogger("autoarch")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(steps)
    AutoArchClassifier(time_budget=seconds, families=Moment, layout=None, random_state=0, verbose=0).fit(X, y)
    print("| steps known | milliseconds of a decision, median |\n| --- | --- |")
    for first in (0, 100, 300, 1_000, 3_000):
        part = steps.chosen[first : first + 100]
        if len(part) == 100:
            print(f"| {first} to {first + 100} | {1000 * statistics.median(part):.1f} |")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", default=["loky", "dask", "ray"], choices=["loky", "dask", "ray"])
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--decisions", action="store_true", help="time the decisions instead")
    arguments = parser.parse_args()
    if arguments.decisions:
        decisions(arguments.seconds)
        return
    print("| engine | workers | steps | steps per second | times one worker |\n| --- | --- | --- | --- | --- |")
    for name in arguments.engines:
        first = 0.0
        for workers in arguments.workers:
            speed, number = rate(name, workers, arguments.seconds, arguments.rows)
            first = first or speed
            print(f"| {name} | {workers} | {number} | {speed:.2f} | {speed / first:.2f} |", flush=True)


if __name__ == "__main__":
    main()
