"""storage=: a search that is kept, goes on, and is shared."""

import functools
import glob
import logging
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path

import joblib
import numpy as np
import optuna
import pytest
from quick import Bayes, Stump
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._search.claims import Claims
from autoarch.exceptions import AutoArchWarning, ParameterError

pytestmark = pytest.mark.usefixtures("probe_without_labels")

X, Y = load_iris(return_X_y=True)
X, Y = X[20:140:2], Y[20:140:2]
SETTINGS = {"time_budget": None, "layout": None, "cv": 3, "random_state": 0, "verbose": 0, "ensemble_size": 1}
TIMES = ["seconds", "predict_seconds"]


SLOW = pytest.mark.slow


def search(n_trials, **changes):
    """A search of a moment."""
    return AutoArchClassifier(**{"n_trials": n_trials, "families": [Bayes, Stump], **SETTINGS, **changes})


def same(one, other):
    """Whether two fits came to the same candidates, scores and predictions."""
    boards = [model.leaderboard_.drop(columns=TIMES) for model in (one, other)]
    return boards[0].equals(boards[1]) and np.array_equal(one.predict_proba(X), other.predict_proba(X))


class Killed(BaseException):
    """The end of a process, as far as a test in this process can have it."""


class Steps(logging.Handler):
    """Notes the steps that are begun, and ends the process before one of them."""

    def __init__(self, most=10**6, end=None):
        super().__init__(logging.DEBUG)
        self.begun, self.most, self.end = [], most, end
        logger = logging.getLogger("autoarch")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(self)

    def emit(self, record):
        """Look at records of steps."""
        if getattr(record, "event", "") == "step_begins":
            if len(self.begun) == self.most:
                raise Killed
            self.begun.append((record.family, *sorted(record.params.items()), record.split))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        logging.getLogger("autoarch").removeHandler(self)


@pytest.mark.parametrize("most", [*(pytest.param(most, marks=SLOW) for most in (1, 4, 40)), 13])
def test_a_search_that_was_killed_goes_on_as_if_it_never_stopped(most):
    """No finished step is done again, and the same candidates, scores and predictions come out."""
    with Steps() as whole:
        uninterrupted = search(18).fit(X, Y)
    with Steps(most) as first, pytest.raises(Killed):
        search(18, storage="a.journal").fit(X, Y)
    begun = optuna.load_study(study_name=None, storage=journal("a.journal")).get_trials() if most > 3 else []
    with Steps() as second:
        resumed = search(18 - len(begun), storage="a.journal").fit(X, Y)

    assert same(resumed, uninterrupted)
    assert sorted(first.begun[:most] + second.begun) == sorted(whole.begun)


def journal(path):
    """Optuna's storage of a file."""
    from optuna.storages.journal import JournalFileBackend

    return optuna.storages.JournalStorage(JournalFileBackend(str(path)))


def test_two_fits_are_one_and_limits_count_anew():
    """What was done before is found again by another estimator, and does not count for its n_trials."""
    search(3, storage="a.journal").fit(X, Y)
    with Steps() as again:
        second = search(4, storage="a.journal").fit(X, Y)

    assert len(second.study_.trials) == 7
    assert {family for family, *_ in again.begun} == {"bayes", "stump"}
    in_memory = search(3, warm_start=True).fit(X, Y).set_params(n_trials=4).fit(X, Y)
    assert same(second, in_memory)


def test_optuna_reads_the_study():
    """Its trials have parameters, a score for each split, and what was noted of them."""
    model = search(4, storage="a.journal").fit(X, Y)
    study = optuna.load_study(study_name=None, storage=journal("a.journal"))

    trials = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    assert len(trials) == len(study.trials) == 4
    told = [(len(trial.intermediate_values), trial.user_attrs["split 3"]["status"]) for trial in trials]
    assert set(told) == {(3, "ok")}
    assert study.best_value == max(trial.value for trial in model.study_.trials)
    assert {trial.params["family"] for trial in trials} == {"bayes", "stump"}


@SLOW
def test_each_problem_has_a_study_of_its_own():
    """Clones with other rows or parameters share a storage; the same rows and parameters share a study."""
    model = search(1, storage="a.journal")
    cross_val_score(model, X, Y, cv=2)
    GridSearchCV(model, {"scoring": ["accuracy", "neg_log_loss"]}, cv=2, refit=False).fit(X, Y)
    names = optuna.get_all_study_names(journal("a.journal"))
    assert len(set(names)) == len(names) == 6  # None and "accuracy" are two parameters

    clone(model).set_params(n_trials=2, n_jobs=1, verbose=1, ensemble_size=2).fit(X[Y < 2], Y[Y < 2])
    clone(model).set_params(n_trials=1).fit(X[Y < 2], Y[Y < 2])
    names = optuna.get_all_study_names(journal("a.journal"))
    assert len(names) == 7


def test_a_pinned_study_belongs_to_one_problem():
    """Another problem is an error that names what changed."""
    search(1, storage=("a.journal", "mine")).fit(X, Y)
    search(1, storage=("a.journal", "mine"), ensemble_size=2).fit(X, Y)
    for change, what in [({"scoring": "neg_log_loss"}, "scoring"), ({"random_state": 1}, "random_state"), ({}, "X, y")]:
        with pytest.raises(ParameterError, match=f"'mine'.* belongs to another problem: {what} changed"):
            search(1, storage=["a.journal", "mine"], **change).fit(X[2 * (not change) :], Y[2 * (not change) :])
    assert optuna.get_all_study_names(journal("a.journal")) == ["mine"]


@SLOW
def test_without_a_seed_the_study_is_found_again():
    """random_state=None draws no new seed where there is a storage."""
    first = search(2, storage="a.journal", random_state=None).fit(X, Y)
    second = search(2, storage="a.journal", random_state=None).fit(X, Y)
    assert len(first.study_.trials) == 2 and len(second.study_.trials) == 4


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: "sqlite:///a.db", id="sqlite", marks=SLOW),
        pytest.param(lambda: journal("b.journal"), id="object", marks=SLOW),
        pytest.param(lambda: Path("deep") / "er" / "a.journal", id="path"),
        pytest.param(optuna.storages.InMemoryStorage, id="memory", marks=SLOW),
    ],
)
def test_other_storages(make):
    """URLs, objects and paths are taken alike, and the estimator can be pickled and predicts without its storage."""
    storage = make()
    search(2, storage=storage).fit(X, Y)
    with Steps() as again:
        model = search(1, storage=storage).fit(X, Y)
    assert len(model.study_.trials) == 3 and all(("smoothing", 1e-09) not in step for step in again.begun)
    assert b"a.db" not in pickle.dumps(model.set_params(storage=None))


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        pytest.param(3, "storage=3 was given; expected the path", id="number"),
        pytest.param("", "storage='' was given", id="empty"),
        pytest.param("a\0b", "was given", id="null byte"),
        pytest.param(("a.journal", ""), "a tuple of 2", id="empty name"),
        pytest.param(("a.journal", 1), "a tuple of 2", id="name that is none"),
        pytest.param(("a.journal",), "a tuple of 1", id="no pair"),
        pytest.param("folder", "is a folder", id="folder"),
        pytest.param("data.csv", "no journal of Optuna", id="another file"),
        pytest.param("old.db", "sqlite:///", id="sqlite file"),
        pytest.param("nosuch://secret@host/db", "cannot be opened", id="unknown database"),
        pytest.param(object(), "storage=object was given", id="object"),
    ],
)
def test_a_wrong_storage_is_refused(storage, message):
    """Before anything is searched, in our own words, without passwords, and no file is touched."""
    Path("folder").mkdir()
    Path("data.csv").write_text("a,b\n1,2")
    Path("old.db").write_bytes(b"SQLite format 3\0" + bytes(100))
    with pytest.raises(ParameterError, match=message) as error:
        search(1, storage=storage).fit(X, Y)
    assert "secret" not in str(error.value)
    assert Path("data.csv").read_text() == "a,b\n1,2"


def breaking(method):
    """A storage whose disk is full when a method is called the second time."""

    class Full(optuna.storages.InMemoryStorage):
        calls = 0

    def broken(self, *args, **kwargs):
        Full.calls += 1
        if Full.calls > 1:
            raise OSError(28, "No space left on device")
        return getattr(optuna.storages.InMemoryStorage, method)(self, *args, **kwargs)

    setattr(Full, method, broken)
    return Full()


@pytest.mark.parametrize(
    "method",
    [
        "create_new_trial",
        *(
            pytest.param(name, marks=SLOW)
            for name in ("set_trial_user_attr", "set_trial_state_values", "get_all_trials")
        ),
    ],
)
def test_a_storage_that_breaks_is_a_warning(method):
    """The search goes on without it and comes to the same end."""
    with pytest.warns(AutoArchWarning, match="No space left on device.*went on without") as told:
        model = search(5, storage=breaking(method)).fit(X, Y)
    assert same(model, search(5).fit(X, Y)) and len(told) == 1


def test_a_folder_that_cannot_be_made_is_a_warning():
    """So is whatever else keeps the journal from being opened."""
    Path("file").write_text("")
    with pytest.warns(AutoArchWarning, match="went on without"):
        model = search(1, storage="file/a.journal").fit(X, Y)
    assert len(model.study_.trials) == 1


@SLOW
def test_predictions_that_are_lost_are_computed_again():
    """Without what lies beside the journal the search begins anew; half of a line at its end is cut off."""
    first = search(3, storage="a.journal").fit(X, Y)
    shutil.rmtree("a.journal.results")
    with Path("a.journal").open("ab") as file:
        file.write(b'{"op_code":8,"wor')
    second = search(1, storage="a.journal").fit(X, Y)
    rows = ["family", "params", "score", "splits"]
    both = [model.leaderboard_[rows].astype(str).values.tolist() for model in (first, second)]
    assert all(row in both[1] for row in both[0])


def test_any_number_of_workers_tries_the_same_candidates():
    """Without a clock, in whatever order results come."""
    serial = search(8).fit(X, Y)
    with joblib.parallel_config(backend="threading"):
        assert same(search(8, n_jobs=3).fit(X, Y), serial)


def test_two_searches_at_once_share_the_work():
    """No candidate is tried twice, and each knows what the other has found."""
    models, begun = [], []

    def fit():
        models.append(search(8, storage="a.journal").fit(X, Y))

    with Steps() as steps:
        threads = [threading.Thread(target=fit) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        begun = [step for step in steps.begun if step[0] != "baseline"]

    assert len(begun) == len(set(begun))
    study = optuna.load_study(study_name=None, storage=journal("a.journal"))
    tried = [str(trial.params) for trial in study.trials if "reason" not in trial.user_attrs]
    assert len(tried) == len(set(tried)) == 16


def test_claims_of_a_process_that_is_no_more_are_taken_over(tmp_path):
    """A claim holds while its process lives, in whichever way it ends."""
    code = (
        "import os, sys, signal; from pathlib import Path; from autoarch._search.claims import Claims\n"
        "claims = Claims(Path(sys.argv[1])); claims.take('step-1-0'); print('taken', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"taken\n"
        ours = Claims(tmp_path)
        assert not ours.take("step-1-0") and ours.is_taken("step-1-0") and ours.take("step-1-1")
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert not ours.is_taken("step-1-0") and ours.take("step-1-0") and not Claims(tmp_path).take("step-1-0")
    ours.close()
    assert Claims(tmp_path).take("step-1-0")


@SLOW
def test_a_process_that_is_killed_loses_nothing_that_was_done():
    """kill -9 in the middle of a timed search: called again it goes on, with what was done."""
    code = (
        "import logging, os, sys; import test_storage as t\n"
        "class Kill(logging.Handler):\n"
        "    def emit(self, record):\n"
        "        ends.append(record) if getattr(record, 'event', '') == 'step_ends' else None\n"
        "        os.kill(os.getpid(), 9) if len(ends) == 25 else None\n"
        "ends = []\n"
        "logging.getLogger('autoarch').addHandler(Kill()); logging.getLogger('autoarch').setLevel('INFO')\n"
        "t.search(None, time_budget=60, storage='a.journal').fit(t.X, t.Y)\n"
    )
    path = os.pathsep.join(
        [str(Path(__file__).parent), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    )
    ended = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, check=False)
    assert ended.returncode == -signal.SIGKILL

    study = optuna.load_study(study_name=None, storage=journal("a.journal"))
    trials, done = study.trials, set()
    for trial in trials:
        params = dict(trial.params)
        family = params.pop("family")
        step = (family, *sorted((name.partition(".")[2], value) for name, value in params.items()))
        done |= {(*step, split) for split in range(1, 4) if f"split {split}" in trial.user_attrs}
    with Steps() as again, warnings.catch_warnings():
        warnings.simplefilter("error", AutoArchWarning)
        model = search(3, time_budget=60, storage="a.journal").fit(X, Y)
    assert len(done) >= 20 and not done & set(again.begun)
    assert len(model.study_.trials) == len(trials) + 3


@pytest.fixture
def postgresql():
    """The URL of a server that runs for this test."""
    pytest.importorskip("psycopg2")
    folders = [Path(place) for place in ("/usr/local/bin", "/usr/bin", *glob.glob("/usr/lib/postgresql/*/bin"))]
    programs = {name: next((f / name for f in folders if (f / name).exists()), None) for name in ("initdb", "pg_ctl")}
    if None in programs.values():
        pytest.skip("PostgreSQL is not installed")
    as_user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}  # it refuses to run as root
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.mkdtemp()
    if as_user:
        shutil.chown(folder, **as_user)
    run = functools.partial(subprocess.run, check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_user)
    run([programs["initdb"], "-D", f"{folder}/data", "-A", "trust", "-U", "postgres"])
    options = f"-p {port} -k {folder} -h 127.0.0.1"
    run([programs["pg_ctl"], "-D", f"{folder}/data", "-o", options, "-l", f"{folder}/log", "-w", "start"])
    yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
    run([programs["pg_ctl"], "-D", f"{folder}/data", "-m", "immediate", "-w", "stop"])
    shutil.rmtree(folder)


@SLOW
def test_a_database_server_keeps_the_study(postgresql):
    """A search that was killed goes on as with a file; two at once share the work."""
    uninterrupted = search(6).fit(X, Y)
    with Steps(11) as first, pytest.raises(Killed):
        search(6, storage=postgresql).fit(X, Y)
    n_begun = len(optuna.load_study(study_name=None, storage=postgresql).trials)
    with Steps() as second:
        resumed = search(6 - n_begun, storage=postgresql).fit(X, Y)
    assert same(resumed, uninterrupted)
    assert not set(first.begun[:10]) & set(second.begun) and Path("autoarch-results").is_dir()


@SLOW
def test_a_regression_is_kept_too():
    """The other estimator has the parameter, too."""
    settings = {"time_budget": None, "families": "linear", "cv": 2, "random_state": 0, "verbose": 0, "layout": None}
    AutoArchRegressor(n_trials=1, storage="a.journal", **settings).fit(X, X[:, 0])
    again = AutoArchRegressor(n_trials=1, storage="a.journal", **settings).fit(X, X[:, 0])
    assert len(again.study_.trials) == 2
