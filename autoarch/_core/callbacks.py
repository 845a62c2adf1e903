"""Let scikit-learn's callbacks take part in ``fit``, where the installed scikit-learn has them (1.9 and later)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

try:
    from sklearn import callback as _module
except ImportError:
    _module = None

_Method = TypeVar("_Method", bound=Callable[..., Any])


class _NoCallbacks:
    """Base of the estimators where scikit-learn has no callbacks."""


CallbackSupport: Any = _NoCallbacks if _module is None else _module.CallbackSupportMixin


def with_callbacks(fit: _Method) -> _Method:
    """Decorate ``fit`` so that the callbacks are torn down at its end, also after an error."""
    return fit if _module is None else cast(_Method, _module.with_callbacks(fit))


class FitTasks:
    """Tasks of one ``fit`` as callbacks see them: the fit, and in it one task per step of the search.

    To be made at the beginning of a ``fit`` that is decorated by ``with_callbacks``.

    A callback that raises an error is not called again and ends the search; the error is raised by ``close``, when
    the model is there. So an error in a display does not cost the model, and no handler of broken workers takes it for
    one of theirs.
    """

    def __init__(self, estimator: Any, X: Any, y: Any):
        self.estimator = estimator
        self.stop_requested = False
        self._data = {"X": X, "y": y}
        self._error: Exception | None = None
        self._open: list[tuple[str, Mapping[str, Any], int, Any]] = []
        self._n_begun = 0
        self._root = None
        if hasattr(estimator, "_init_callback_context"):
            self._root = estimator._init_callback_context(max_subtasks=None, sequential_subtasks=False)
            self._root.call_on_fit_task_begin(estimator=estimator, **self._data)

    def begin(self, family: str, params: Mapping[str, Any], split: int, n_splits: int) -> None:
        """Begin a step."""
        if self._root is None:
            return
        task = self._root.subcontext(task_name=f"{family}, split {split} of {n_splits}", task_id=self._n_begun)
        self._n_begun += 1
        self._open.append((family, params, split, task))
        self._call(task.call_on_fit_task_begin)

    def end(self, family: str, params: Mapping[str, Any], split: int | None = None) -> None:
        """End a step; without a split, all of the candidate that are open."""
        ended = [step for step in self._open if step[:2] == (family, params) and split in (None, step[2])]
        for step in ended:
            self._open.remove(step)
            self._call(step[3].call_on_fit_task_end)

    def close(self) -> None:
        """End the fit, whose estimator can predict by now."""
        if self._root is None:
            return
        for *_, task in self._open:
            self._call(task.call_on_fit_task_end)
        self._open.clear()
        self._call(self._root.call_on_fit_task_end, **self._data, reconstruction_attributes={})
        if self._error is not None:
            raise self._error

    def _call(self, hook: Callable[..., Any], **given: Any) -> None:
        if self._error is not None:
            return
        try:
            answer = hook(estimator=self.estimator, **given)
            self.stop_requested = self.stop_requested or answer is True
        except Exception as error:
            self._error, self.stop_requested = error, True
