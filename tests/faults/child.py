"""A process in which a fit is interrupted or killed, or forks: run by the tests, as its arguments say."""

import json
import os
import signal
import sys
import threading
import warnings

import numpy as np
from sklearn.datasets import load_iris

X, y = load_iris(return_X_y=True)


def settings(**changes):
    """Of a search that does not end by itself in the time of a test."""
    fixed = {"time_budget": 60.0, "random_state": 0, "verbose": 0, "layout": None, "families": ["linear", "tree"]}
    return {**fixed, **changes}


def tell(facts):
    """Hand facts to the test."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def interrupted(where, times, n_jobs):
    """Press Ctrl-C at the first call of a function, once or twice in a row, and tell what came of it."""
    from unittest.mock import patch

    from autoarch import AutoArchClassifier
    from faults.faulty import Faulty

    module, _, name = where.rpartition(".")
    real, pressed = getattr(__import__(module, fromlist=[name]), name), []

    def pressing(*args, **kwargs):
        if len(pressed) < times:
            pressed.append(name)
            signal.raise_signal(signal.SIGINT)
        return real(*args, **kwargs)

    before = [str(item) for item in warnings.filters], dict(os.environ), str(signal.getsignal(signal.SIGINT))
    clf = AutoArchClassifier(**settings(families=[Faulty(), "linear"], n_jobs=n_jobs, n_trials=3))
    with patch(where, pressing):
        try:
            clf.fit(X, y)
            outcome = {"stopped_by": clf.stopped_by_, "right": float(clf.score(X, y)), "how": clf.fitted_on_}
        except KeyboardInterrupt:
            outcome = {"stopped_by": "raised"}
    after = [str(item) for item in warnings.filters], dict(os.environ), str(signal.getsignal(signal.SIGINT))
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    changed = [was for was, now in zip(before, after, strict=True) if was != now]
    tell(outcome | {"changed": changed, "threads": threads, "pressed": len(pressed)})


def searching(n_jobs):
    """Search until killed, with a family of others at work."""
    from autoarch import AutoArchClassifier
    from faults.faulty import Faulty, sleep

    tell({"begins": True})
    AutoArchClassifier(**settings(families=[Faulty("fit", sleep), "linear"], n_jobs=n_jobs)).fit(X, y)


def forked(family):
    """Predict in a forked child, with the pools of threads that the parent has used."""
    from autoarch import AutoArchClassifier

    layout = (8, 8) if family in ("cnn", "kernels") else None
    coordinates = (0, 1) if family == "neighbors" else None
    rng = np.random.default_rng(0)
    many = rng.normal(size=(3000, 64)).astype(np.float32)
    labels = (many[:, 0] > 0).astype(int)
    search = settings(families=[family], layout=layout, coordinates=coordinates, time_budget=8.0, n_trials=1, cv=2)
    clf = AutoArchClassifier(**search).fit(many[:500], labels[:500])
    expected = clf.predict_proba(many)
    clf.best_estimator_.predict(many)
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        found = clf.predict_proba(many), clf.best_estimator_[1:].predict_proba(clf.best_estimator_[0].transform(many))
        os._exit(0 if np.allclose(found[0], expected, atol=1e-6) and np.isfinite(found[1]).all() else 1)
    tell({"status": os.waitpid(child, 0)[1]})


def searched():
    """The family that wins a short search, in which a worker is at work."""
    from autoarch import AutoArchClassifier
    from faults.faulty import Faulty

    search = settings(families=[Faulty()], time_budget=None, n_trials=1, cv=2)
    clf = AutoArchClassifier(**search).fit(X, y)
    return clf.best_family_ if clf.score(X, y) > 0.9 else "a useless model"


def placed(where):
    """Search where others are at work, too, and tell who has won."""
    if where == "threads":
        found = []
        threads = [threading.Thread(target=lambda: found.append(searched())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    elif where in ("threading", "loky"):
        import joblib

        found = joblib.Parallel(n_jobs=2, backend=where)(joblib.delayed(searched)() for _ in range(2))
    elif where in ("fork", "spawn"):
        import multiprocessing

        first = searched()  # a forked child inherits what a fit leaves in its process
        with multiprocessing.get_context(where).Pool(1) as pool:
            found = [first, pool.apply(searched)]
    elif where == "loop":
        import asyncio

        async def searching_in_loop():
            return searched()

        found = [asyncio.run(searching_in_loop())]
    else:
        found = [searched()]
    tell({"found": found})


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells turn off in the background
    what, *arguments = [json.loads(argument) for argument in sys.argv[1:]]
    globals()[what](*arguments)
