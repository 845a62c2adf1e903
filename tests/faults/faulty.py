"""Families that break on purpose, in a module that workers can import."""

import os
import signal
import sys
import time

import numpy as np
from sklearn.linear_model import LogisticRegression

from autoarch.families import Family


def error():
    """Raise one."""
    raise ValueError("injected")


def loop():
    """Hang where Python code runs."""
    while True:
        pass


def sleep():
    """Hang where none runs."""
    time.sleep(1e6)


def die():
    """Leave without a word."""
    os._exit(3)


def killed():
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    """Leave as scripts do."""
    sys.exit(3)


def no_memory():
    """Run out of memory."""
    raise MemoryError


def greedy():
    """Take all memory that there is."""
    held = []
    while True:
        held.append(np.ones(10**6))


class Faulty(Family):
    """A family that does ``fault`` in ``where``, and is good otherwise."""

    name = "faulty"

    def __init__(self, where="", fault=error):
        self.where, self.fault = where, fault

    def _maybe(self, where):
        if where == self.where:
            self.fault()

    def unfit_for(self, problem):
        self._maybe("unfit_for")
        return super().unfit_for(problem)

    def defaults(self, problem):
        self._maybe("defaults")
        return [{"strength": 1.0}, {"strength": 0.5}]

    def suggest(self, trial, problem):
        self._maybe("suggest")
        return {"strength": trial.suggest_float("faulty.strength", 0.1, 10.0)}

    def build(self, params, problem, seed):
        self._maybe("build")
        return [("model", Model(self.fault if self.where == "predict" else None))]

    def fit(self, model, X, y, *, sample_weight, deadline, seed):
        self._maybe("fit")
        if len(X) == 150:
            self._maybe("refit")
        return model.fit(X, y)


class Model(LogisticRegression):
    """Logistic regression whose predictions may break."""

    def __init__(self, fault=None):
        super().__init__()
        self.fault = fault

    def predict_proba(self, X):
        if self.fault is None:
            return super().predict_proba(X)
        return self.fault(super().predict_proba(X)) if self.fault in (nothing, fewer) else self.fault()


def nothing(proba):
    """Predict no numbers."""
    return np.full_like(proba, np.nan)


def fewer(proba):
    """Predict too few rows."""
    return proba[:-1]
