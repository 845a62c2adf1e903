"""Tasks that scikit-learn's callbacks see of a fit, and what becomes of them where there are no callbacks."""

import importlib.util
import sys

import pytest
from sklearn.base import BaseEstimator

from autoarch._core import callbacks
from autoarch._core.callbacks import CallbackSupport, FitTasks, with_callbacks
from autoarch._core.clock import Budget
from autoarch._core.progress import Progress

STEPS = [("linear", {"penalty": 1.0}, 1), ("linear", {"penalty": 1.0}, 2), ("tree", {}, 1)]


class Search(CallbackSupport, BaseEstimator):
    """An estimator that tells some steps while it is fitted."""

    @with_callbacks
    def fit(self, X, y):
        """Take one step after the other until a callback has enough."""
        tasks = FitTasks(self, X, y)
        progress = Progress(0, Budget(), tasks)
        self.n_steps_ = 0
        for family, params, split in STEPS:
            if progress.stop_requested:
                break
            self.n_steps_ += 1
            progress.begin_step(family, params, split, 2)
            progress.end_step(family, params, split, 2, 0.9, 0.1)
        progress.close()
        tasks.close()
        return self


class Listener:
    """A callback that notes what it is told."""

    def __init__(self, answers=()):
        self.heard = []
        self.answers = iter(answers)

    def setup(self, estimator, context):
        self.heard.append("setup")

    def teardown(self, estimator, context):
        self.heard.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.heard.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.heard.append(f"end {context.task_name}")
        self.fitted, self.X = fitted_estimator, X
        return next(self.answers, False)


class Broken(Listener):
    """A callback that raises an error at the end of each task."""

    def on_fit_task_end(self, estimator, context):
        self.heard.append("broken")
        raise RuntimeError("the display is gone")


needs_callbacks = pytest.mark.skipif(callbacks._module is None, reason="scikit-learn has no callbacks before 1.9")


@needs_callbacks
def test_each_step_is_a_task_of_the_fit():
    """They come in order between setup and teardown, and at the end there is a model."""
    listener = Listener()
    search = Search().set_callbacks(listener).fit([[1.0]], [0])
    inside = [
        word + name
        for name in ("linear, split 1 of 2", "linear, split 2 of 2", "tree, split 1 of 2")
        for word in ("begin ", "end ")
    ]
    assert listener.heard == ["setup", "begin fit", *inside, "end fit", "teardown"]
    assert listener.fitted.n_steps_ == search.n_steps_ == 3 and listener.X == [[1.0]]


@needs_callbacks
def test_a_callback_can_end_the_search():
    """Two of three steps are done when it asks for the end."""
    listener = Listener([False, True])
    assert Search().set_callbacks(listener).fit([[1.0]], [0]).n_steps_ == 2
    assert listener.heard[-2:] == ["end fit", "teardown"]


@needs_callbacks
def test_an_error_of_a_callback_ends_the_search_and_is_raised_at_the_end():
    """It is called no more, the steps done are kept, and the error names the callback's fault."""
    broken = Broken()
    search = Search().set_callbacks(broken)
    with pytest.raises(RuntimeError, match="the display is gone"):
        search.fit([[1.0]], [0])
    assert search.n_steps_ == 1 and broken.heard.count("broken") == 1 and broken.heard[-1] == "teardown"


@needs_callbacks
@pytest.mark.parametrize("leave", ["pause", "fail", "close"])
def test_a_step_without_a_score_ends_too(leave):
    """A task that never ends would leave a display hanging."""
    listener = Listener()
    search = Search().set_callbacks(listener)
    tasks = FitTasks(search, [[1.0]], [0])
    progress = Progress(0, Budget(), tasks)
    progress.begin_step("linear", {"penalty": 1.0}, 1, 2)
    progress.begin_step("linear", {"penalty": 2.0}, 1, 2)
    if leave != "close":
        getattr(progress, leave)("linear", {"penalty": 2.0}, "no time")
        assert listener.heard[-1] == "end linear, split 1 of 2" and len(tasks._open) == 1
    tasks.close()
    assert [word.split()[0] for word in listener.heard[1:]].count("end") == 3
    assert listener.heard[-1] == "end fit"


def test_without_callbacks_a_fit_is_as_before(monkeypatch):
    """An older scikit-learn has no such module: nothing to set, nothing called."""
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    monkeypatch.delattr("sklearn.callback", raising=False)
    spec = importlib.util.spec_from_file_location("older", callbacks.__file__)
    older = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(older)

    class Plain(older.CallbackSupport, BaseEstimator):
        @older.with_callbacks
        def fit(self):
            tasks = older.FitTasks(self, [[1.0]], [0])
            tasks.begin("linear", {}, 1, 2)
            tasks.end("linear", {}, 1)
            tasks.close()
            return tasks.stop_requested

    assert Plain().fit() is False and not hasattr(Plain, "set_callbacks")
