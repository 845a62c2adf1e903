"""What families of others may do: hang, die, raise anything. The search goes on, and says so once."""

import os
import pickle
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

from autoarch import AutoArchClassifier
from autoarch._core.clock import Deadline
from autoarch._data.row_splits import SplitPlan
from autoarch._search.evaluate import evaluate
from autoarch._search.jobs import Job, TrainingData
from autoarch._search.scoring import Scorer
from autoarch._search.worker import NoWorkerError
from autoarch._search.workers import Elsewhere, Workers
from autoarch.exceptions import AutoArchWarning
from autoarch.families import Family, Problem
from faults.faulty import Faulty, die, error, fewer, greedy, killed, leave, loop, no_memory, nothing, sleep

X, y = load_iris(return_X_y=True)
pytestmark = pytest.mark.slow


def fitted(*families, groups=None, **changes):
    """An estimator, the warnings of its fit, and the processes and threads that are left."""
    settings = {"time_budget": None, "n_trials": 3, "random_state": 0, "verbose": 0, "cv": 2, "layout": None}
    threads = threading.active_count()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        clf = AutoArchClassifier(families=list(families), **{**settings, **changes}).fit(X, y, groups=groups)
    assert not children()
    assert threading.active_count() == threads
    return clf, [str(warning.message) for warning in told if issubclass(warning.category, AutoArchWarning)]


def children():
    """Workers that this process has started."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [process for process in found if "worker_process" in Path(f"/proc/{process}/cmdline").read_text()]


def reasons(clf, name="faulty"):
    """Statuses and reasons of a family in the leaderboard."""
    rows = clf.leaderboard_[clf.leaderboard_["family"] == name]
    return set(rows["status"]), " ".join(rows["reason"])


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize(
    ("where", "fault", "reason"),
    [
        ("fit", die, "its process ended with exit code 3"),
        ("fit", killed, "its process was killed by signal 9"),
        ("predict", die, "its process ended with exit code 3"),
        ("fit", leave, "SystemExit: 3"),
        ("build", error, "ValueError: injected"),
        ("fit", no_memory, "out of memory"),
        ("predict", nothing, "no finite probabilities"),
        ("predict", fewer, "its predictions have the shape (74, 3)"),
    ],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_a_family_that_breaks_is_a_failure_of_its_own(where, fault, reason, n_jobs):
    """Whatever it does in fit or predict: the others win, and the reason is told once."""
    clf, told = fitted(Faulty(where, fault), "linear", n_jobs=n_jobs, n_trials=4)

    assert clf.best_family_ == "linear"
    assert clf.score(X, y) > 0.9
    status, why = reasons(clf)
    assert status == {"failed"} and reason in why
    assert sum(reason in message for message in told) == 1


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize(("where", "fault"), [("fit", loop), ("fit", sleep), ("predict", loop)])
def test_a_step_that_hangs_is_ended_after_its_timeout(where, fault, n_jobs):
    """Its process is ended and replaced; no thread of it stays."""
    clf, told = fitted(Faulty(where, fault), "linear", n_jobs=n_jobs, trial_timeout=0.3, n_trials=4)

    assert clf.best_family_ == "linear"
    assert "it did not stop at its deadline" in reasons(clf)[1]
    assert len(told) == 1


@pytest.mark.parametrize("where", ["unfit_for", "defaults", "suggest"])
@pytest.mark.parametrize(("fault", "reason"), [(error, "ValueError: injected"), (leave, "SystemExit: 3")])
def test_a_family_that_cannot_answer_is_left_out(where, fault, reason):
    """With the reason in the leaderboard and in a warning."""
    clf, told = fitted(Faulty(where, fault), "linear")

    assert clf.best_family_ == "linear"
    assert f"its {where} raised {reason}" in reasons(clf)[1]
    assert sum(reason in message for message in told) == 1


@pytest.mark.parametrize("where", ["defaults", "suggest"])
def test_a_family_that_hangs_when_asked_is_left_out(where):
    """Python code of this process is ended as well, where a clock runs."""
    clf, _ = fitted(Faulty(where, loop), "linear", time_budget=8, n_trials=4)

    assert clf.best_family_ == "linear"
    assert f"its {where} was ended" in reasons(clf)[1]


@pytest.mark.parametrize("fault", [error, die, leave])
def test_a_refit_that_breaks_gives_way_to_the_models_of_the_folds(fault):
    """What killed a worker is not tried in this process."""
    clf, _ = fitted(Faulty("refit", fault), cv=3)

    assert clf.best_family_ == "faulty"
    assert "the refit broke" in clf.fitted_on_
    assert clf.score(X, y) > 0.9


def test_a_family_that_takes_too_much_memory_is_ended():
    """Its process is, and the search goes on with the memory that is there."""
    clf, _ = fitted(Faulty("fit", greedy), "linear", memory_limit=4e8)

    assert clf.best_family_ == "linear"
    assert "more memory than" in reasons(clf)[1]


def test_a_family_alone_that_fails_leaves_the_baseline():
    """A usable estimator all the same."""
    clf, told = fitted(Faulty("fit", die))

    assert clf.best_family_ == "baseline"
    assert len(told) == 1 and "its process ended with exit code 3" in told[0]


def test_a_family_that_is_defined_where_it_is_used_runs_in_a_worker():
    """Its class is sent along; the fitted model comes back with the same class."""

    class Local(Faulty):
        name = "local"

        def fit(self, model, X, y, *, sample_weight, deadline, seed):
            model.process_ = os.getpid()
            return model.fit(X, y)

    assert issubclass(Local, Family)
    clf, _ = fitted(Local())

    assert clf.best_family_ == "local"
    assert clf.best_estimator_[-1].process_ != os.getpid()


def data_and_problem():
    """Flowers in another order, on one split."""
    plan = SplitPlan(((np.arange(100), np.arange(100, 150)),), "holdout", "holdout")
    order = np.random.default_rng(0).permutation(150)
    rows, labels = X[order], y[order]
    data = TrainingData(rows, labels, None, plan, Scorer(None, "classification", rows, labels, classes=np.unique(y)))
    return data, Problem("classification", 150, 4, n_classes=3, smallest_class=50)


def test_a_family_of_others_answers_the_easier_questions_too():
    """The winner is fitted once more, for new rows of known groups, while its processes are there."""
    clf, _ = fitted(Faulty("", nothing), cv="auto", groups=np.arange(150) % 30)

    assert clf.best_family_ == "faulty" and len(clf.scores_) == 2
    assert np.isfinite(clf.scores_["score"]).all()


def test_nobody_waits_for_a_process_of_a_search_that_has_ended():
    """It raises an error instead."""
    data, problem = data_and_problem()
    workers = Workers(data)
    workers.close()

    with pytest.raises(NoWorkerError, match="has ended"):
        workers.call(evaluate, Job(0, 0, Faulty("", None), {"strength": 1.0}, problem, 0, Deadline()))


def test_a_worker_of_another_backend_starts_a_process_of_its_own():
    """What hangs or dies there is a failure there; the process ends with the search."""
    data, problem = data_and_problem()
    workers = pickle.loads(pickle.dumps(Workers(data)))
    try:
        for fault, status in ((die, "failed"), (loop, "failed"), (None, "ok")):
            family = Faulty("fit" if fault else "", fault)
            result = workers(data, Job(0, 0, family, {"strength": 1.0}, problem, 0, Deadline(1.0)))
            assert (result.status, result.killed) == (status, status == "failed")
    finally:
        Elsewhere._here.close()
    assert not children()
