"""A row is predicted the same alone, in any batch and in any order, by every family, for every task and kind of input.

To a millionth of the prediction: which rows stand beside it changes neither what is scaled nor how sums are rounded.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quick import QuickCNN, QuickMLP, QuickTree
from scipy import sparse

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch.exceptions import ParameterError
from autoarch.families.registry import BUILT_IN

N, N_NEW = 48, 61  # rows of fit; to predict, more than any kind's padding would hide
RTOL = 1e-6
FAMILIES = {family.name: family for family in BUILT_IN} | {"mlp": QuickMLP, "cnn": QuickCNN, "tree": QuickTree}
NETS = ("mlp", "cnn")
TASKS = ("classification", "regression")


def _flat(rng, n):
    return rng.normal(size=(n, 16)).astype(np.float32)


def _with_gaps(rng, n):
    return np.where(rng.random((n, 9)) < 0.1, np.nan, rng.normal(size=(n, 9)) * 10.0 ** np.arange(-4, 5))


def _grids(rng, n):
    return np.cumsum(rng.normal(size=(n, 2, 6, 6)), axis=-1).astype(np.float32)


def _frame(rng, n):
    table = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    table["word"] = rng.choice(["x", "y", "z"], n)
    table["day"] = pd.Timestamp(2024, 1, 1) + pd.to_timedelta(rng.integers(0, 900, n), unit="D")
    table.loc[rng.random(n) < 0.1, "b"] = np.nan
    return table


def _points(rng, n):
    return pd.DataFrame({"x": rng.uniform(size=n), "y": rng.uniform(size=n), "a": rng.normal(size=n)})


def _letters(rng, n):
    return rng.choice(list("ACGT"), (n, 12))


def _sparse(rng, n):
    return sparse.csr_matrix(np.where(rng.uniform(size=(n, 30)) < 0.2, rng.uniform(size=(n, 30)), 0.0))


KINDS = {
    "flat": (_flat, {"layout": (4, 4)}),
    "gaps and units": (_with_gaps, {}),
    "grids": (_grids, {}),
    "frame": (_frame, {}),
    "points": (_points, {"coordinates": ("x", "y")}),
    "letters": (_letters, {}),
    "sparse": (_sparse, {"layout": None}),
}


def _taken(X, rows):
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


def _predicted(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


def check_rows(model, X, seed):
    """Compare the predictions of all rows with those of each alone, of batches of any size, and of any order."""
    rng = np.random.default_rng(seed)
    n = X.shape[0]
    together = _predicted(model, X)
    scale = np.abs(together).max()
    order = rng.permutation(n)
    batches = np.split(order, np.sort(rng.choice(np.arange(1, n), 5, replace=False)))
    alone = rng.choice(n, 4, replace=False)
    twice = rng.integers(0, n, 2 * n)
    for words, rows in [
        ("another order", [order]),
        ("batches", batches),
        ("alone", alone[:, None]),
        ("twice", [twice]),
    ]:
        found = np.concatenate([_predicted(model, _taken(X, some)) for some in rows])
        wanted = together[np.concatenate(rows)]
        np.testing.assert_allclose(found, wanted, rtol=RTOL, atol=1e-9 * scale, err_msg=words)


def fitted(name, task, kind, seed, **changes):
    """A quick winner of one family, or None where it cannot serve; and rows to predict."""
    make, parameters = KINDS[kind]
    rng = np.random.default_rng(seed)
    X = make(rng, N)
    y = rng.permutation(np.arange(N) % 3) if task == "classification" else rng.normal(size=N)
    estimator = AutoArchClassifier if task == "classification" else AutoArchRegressor
    settings = {"time_budget": None, "n_trials": 1, "cv": 2, "random_state": seed, "verbose": 0, "ensemble_size": 1}
    try:
        return estimator(**{**settings, "families": FAMILIES[name], **parameters, **changes}).fit(X, y), make(
            rng, N_NEW
        )
    except ParameterError as error:
        if "can serve this problem" not in str(error):
            raise
        return None, None


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in NETS])
@settings(max_examples=3, suppress_health_check=[HealthCheck.too_slow])
@given(task=st.sampled_from(TASKS), kind=st.sampled_from(sorted(KINDS)), seed=st.integers(0, 99))
def test_a_row_is_predicted_the_same_in_any_company(name, task, kind, seed):
    """Whatever the family learned, a row's prediction is a function of the row."""
    model, X = fitted(name, task, kind, seed)
    if model is not None:
        check_rows(model, X, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_predicts_a_row_the_same_in_any_company(name, task, kind):
    """The same for all of them, nets as well, with several candidates each."""
    model, X = fitted(name, task, kind, 1, n_trials=3)
    if model is not None:
        check_rows(model, X, 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flat", "frame"])
@pytest.mark.parametrize("task", TASKS)
def test_members_that_vote_predict_a_row_the_same_in_any_company(task, kind):
    """An ensemble of several families is a function of the row, too."""
    names = [FAMILIES[name] for name in ("linear", "tree", "neighbors")]
    model, X = fitted("linear", task, kind, 2, families=names, n_trials=6, ensemble_size=3)
    check_rows(model, X, 2)
