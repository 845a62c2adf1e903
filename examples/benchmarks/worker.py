"""One run in a process of its own: load, fit under the clock, predict, score, write one JSON object.

``run.py`` starts it with the job and the path of the answer. A job may ask for more: ``imports`` names modules to
import before the clock starts, ``rows`` keeps as many training rows, after ``limit`` seconds of ``fit`` the process is
ended, and with ``losses`` the answer has the loss of each test row.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Fit and score one system on one data set; whatever goes wrong is part of the answer."""
    cores = _pin(job["cores"])
    warnings.filterwarnings("ignore")
    began = time.monotonic()
    from peers import MODULES
    from systems import SYSTEMS, NotApplicableError
    from tasks import fewer, load

    task = load(job["data"], [Path(folder) for folder in job["folders"]])
    task = fewer(task, job["rows"]) if job.get("rows") else task
    facts = {"kind": task.kind, "task": "classification" if task.classification else "regression"}
    facts |= {"shape": list(task.shape), "n_train": len(task.y), "n_test": len(task.y_test)}
    for module in [*job.get("imports", []), *filter(None, [MODULES.get(job["system"])])]:
        importlib.import_module(module)
    facts |= {"import_seconds": round(time.monotonic() - began, 2)}
    try:
        began = time.monotonic()
        with ended_after(job.get("limit")):
            predict, note = SYSTEMS[job["system"]](task, job["budget"], job["seed"], cores)
        facts |= {"fit_seconds": round(time.monotonic() - began, 2), "model": note[:500], **told(predict)}
        began = time.monotonic()
        predicted = predict(task.X_test)
        facts |= {"predict_seconds": round(time.monotonic() - began, 3)}
        facts |= score(task.y_test, predicted, task.classification)
        if job.get("losses"):
            facts |= {"losses": losses(task.y_test, predicted, task.classification)}
        return {"status": "ok", **facts}
    except NotApplicableError as reason:
        return {"status": "skipped", **facts, "reason": str(reason)}
    except Exception as error:
        traceback.print_exc()
        return {"status": "failed", **facts, "reason": f"{type(error).__name__}: {error}"[:500]}


def score(y: Any, predicted: Any, classification: bool) -> dict[str, Any]:
    """Accuracy or R2, and an error that is never 0, so that ratios of errors can be taken."""
    import numpy as np

    predicted = np.asarray(predicted).ravel()
    if len(predicted) != len(y) or not np.isfinite(predicted.astype(float)).all():
        raise ValueError(f"{len(predicted)} predictions for {len(y)} rows, or some are not finite")
    if classification:
        errors = int((predicted != y).sum())
        return {"metric": "accuracy", "score": 1 - errors / len(y), "error": (errors + 0.5) / (len(y) + 1)}
    unexplained = float(((y - predicted) ** 2).mean() / y.var())
    return {"metric": "R2", "score": 1 - unexplained, "error": max(unexplained, 1e-9)}


def losses(y: Any, predicted: Any, classification: bool) -> list[float]:
    """Loss of each row: 0 or 1, or the squared error over the variance of ``y``."""
    wrong = predicted.ravel() != y if classification else (predicted.ravel() - y) ** 2 / y.var()
    return [round(float(loss), 6) for loss in wrong] if not classification else wrong.astype(int).tolist()


def told(predict: Any) -> dict[str, Any]:
    """Return what an estimator with a leaderboard says of its search, where ``predict`` is its method."""
    model = getattr(predict, "__self__", None)
    if not hasattr(model, "leaderboard_"):
        return {}
    names = ("best_family_", "fitted_on_", "splits_", "stopped_by_")
    counts = model.leaderboard_["status"].value_counts()
    return {name: getattr(model, name) for name in names} | {"trials": {k: int(n) for k, n in counts.items()}}


@contextmanager
def ended_after(seconds: float | None) -> Iterator[None]:
    """Have the system end this process when the block takes longer, whatever runs in it at that moment."""
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)  # nobody handles the signal, so it ends the process
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _pin(cores: int) -> int:
    """Keep this process to the first ``cores`` of its cores, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    return cores


if __name__ == "__main__":
    answer = main(json.loads(sys.argv[1]))
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")
