"""Ridge against scikit-learn, and leave-one-out predictions against fits that leave one out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from autoarch._core.clock import Deadline
from autoarch._statistics.ridge import PENALTIES, fit_ridge, ridge_operations


@pytest.mark.parametrize("shape", [(12, 30), (40, 5)], ids=["wide", "tall"])
@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_scikit_learn_row_by_row(shape: tuple[int, int], weighted: bool) -> None:
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=shape) + 3, rng.normal(size=(shape[0], 2))
    targets[:, 0] += features[:, 0]
    weight = rng.uniform(0.5, 2, shape[0]) if weighted else np.ones(shape[0])
    fit = fit_ridge(features, targets, weight if weighted else None)
    weight = weight / weight.mean()
    centred = np.sqrt(weight)[:, None] * (features - np.average(features, axis=0, weights=weight))
    alpha = fit.penalty * (centred**2).sum() / shape[0]
    rival = Ridge(alpha=alpha, solver="cholesky").fit(features, targets, sample_weight=weight)
    np.testing.assert_allclose(fit.predict(features), rival.predict(features), atol=1e-7)
    without = np.arange(shape[0]) != 7
    centre = np.average(features, axis=0, weights=weight)  # of all rows: the penalty's unit is theirs
    rival.fit(features[without] - centre, targets[without], sample_weight=weight[without])
    np.testing.assert_allclose(fit.left_out[7], rival.predict(features[[7]] - centre)[0], atol=1e-6)


def test_chooses_a_strong_penalty_for_noise_and_a_weak_one_for_a_law() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(60, 20))
    law, noise = features @ rng.normal(size=(20, 1)), rng.normal(size=(60, 1))
    assert fit_ridge(features, law).penalty == PENALTIES[0]
    assert fit_ridge(features, noise).penalty >= 1.0


def test_without_time_one_penalty_is_tried_and_the_fit_says_so() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(60, 20))
    law = features @ rng.normal(size=(20, 1))
    late, enough = (fit_ridge(features, law, deadline=Deadline(seconds)) for seconds in (0.0, 1e6))
    assert (late.settled, enough.settled) == (False, True)
    assert late.penalty > enough.penalty == fit_ridge(features, law).penalty
    assert np.corrcoef(late.left_out[:, 0], law[:, 0])[0, 1] > 0.9


SIZES = st.integers(1, 20_000)


@given(n_rows=SIZES, n_features=SIZES, n_targets=st.integers(1, 600))
def test_more_rows_features_and_targets_cost_more(n_rows: int, n_features: int, n_targets: int) -> None:
    operations = ridge_operations(n_rows, n_features, n_targets)
    assert 0 < operations < ridge_operations(2 * n_rows, n_features, n_targets)
    assert operations < ridge_operations(n_rows, 2 * n_features, n_targets)
    assert operations < ridge_operations(n_rows, n_features, 2 * n_targets)
    assert ridge_operations(n_rows, n_features, n_targets, n_penalties=1) < operations


def test_many_rows_are_solved_in_parts(monkeypatch):
    """The slopes, the penalty and the left-out errors are those of all rows at once."""
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(300, 7)).astype(np.float32), rng.normal(size=(300, 2))
    whole = fit_ridge(features, targets, np.linspace(1, 2, 300))
    monkeypatch.setattr("autoarch._statistics.ridge._BLOCK_VALUES", 500)
    parts = fit_ridge(features, targets, np.linspace(1, 2, 300))
    assert parts.penalty == whole.penalty
    np.testing.assert_allclose(parts.coef, whole.coef, rtol=1e-8)
    np.testing.assert_allclose(parts.left_out, whole.left_out, rtol=1e-8)
