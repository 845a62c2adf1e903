"""Predictions of a fixed seed on six small sets, as they were when the rooms were moved.

Rounded, and compared only with the pinned versions on a processor of the kind that they were computed on: other
versions draw other numbers. ``python tests/test_frozen.py`` writes them anew.
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from quick import QuickCNN, QuickMLP

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch.datasets import load_digits_grid, make_alternating_texture, make_stripes

STORED = Path(__file__).with_suffix(".json")
QUICK = {"time_budget": None, "random_state": 0, "verbose": 0, "n_jobs": 1}
PINNED = ("numpy", "optuna", "scikit-learn", "scipy", "skorch", "torch", "lightgbm")


def _digits():
    X, y = load_digits_grid()
    return AutoArchClassifier(n_trials=3, families=[QuickCNN, QuickMLP], cv=3, **QUICK), X[:300], y[:300]


def _textures():
    X, y = make_alternating_texture(n_samples=120, random_state=0)
    return AutoArchClassifier(n_trials=2, families=["kernels", QuickMLP], ensemble_size=2, **QUICK), X, y


def _flat_stripes():
    X, y = make_stripes(n_samples=150, shape=(8, 8), random_state=0)
    return AutoArchClassifier(n_trials=3, families=["kernels", "linear", QuickMLP], **QUICK), X, y


def _mixed_table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"size": rng.normal(size=240), "age": rng.integers(1, 90, 240).astype(float)})
    X["kind"] = rng.choice(["flat", "house", "hut"], 240)
    X["sold"] = pd.date_range("2020-01-01", periods=240, freq="D")
    y = X["size"] ** 2 + X["age"] / 40 + (X["kind"] == "hut") + 0.1 * rng.normal(size=240)
    X.loc[::7, "size"] = np.nan
    return AutoArchRegressor(n_trials=4, families=["tree", "linear", QuickMLP], ensemble_size=3, **QUICK), X, y


def _places():
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"lon": rng.uniform(5, 9, 250), "lat": rng.uniform(45, 48, 250), "rooms": rng.normal(size=250)})
    y = np.sin(5 * X["lon"]) + np.cos(6 * X["lat"]) + 0.2 * X["rooms"] + 0.1 * rng.normal(size=250)
    families = ["tree", "neighbors", "linear"]
    return AutoArchRegressor(n_trials=3, families=families, coordinates=("lon", "lat"), **QUICK), X, y


def _windows():
    rng = np.random.default_rng(2)
    records = np.cumsum(rng.normal(size=(8, 136)), axis=1) + np.sin(np.arange(136) / 3) * (np.arange(8) % 2)[:, None]
    X = np.concatenate([np.lib.stride_tricks.sliding_window_view(record, 32)[::8] for record in records])
    return AutoArchClassifier(n_trials=2, families=["kernels", "tree"], **QUICK), X, np.repeat(np.arange(8) % 2, 14)


CASES = {case.__name__[1:]: case for case in (_digits, _textures, _flat_stripes, _mixed_table, _places, _windows)}


def _machine():
    return {"processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"} | {
        name: version(name) for name in PINNED
    }


def _predicted(name):
    estimator, X, y = CASES[name]()
    estimator.fit(X, y)
    rows = slice(0, None, 6)
    values = estimator.predict_proba(X[rows]) if hasattr(estimator, "predict_proba") else estimator.predict(X[rows])
    return [estimator.best_family_, round(float(estimator.estimated_score_), 3), np.round(values, 3).tolist()]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CASES))
def test_moving_code_moves_no_prediction(name):
    """The same data, seed and number of trials give the same winner, estimate and predictions as before."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    if stored["machine"] != _machine():
        pytest.skip("other versions or another processor than the predictions were computed with")
    family, estimate, values = stored[name]
    now = _predicted(name)
    assert now[0] == family
    assert now[1] == pytest.approx(estimate, abs=2e-3)
    np.testing.assert_allclose(now[2], values, atol=2e-3)


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = {"machine": _machine()} | {name: _predicted(name) for name in sorted(CASES)}
    STORED.write_text(json.dumps(found) + "\n", encoding="utf-8")
