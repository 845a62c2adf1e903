"""The kernel machine: which kernel comes first, where it is left out, and what it is worth."""

import numpy as np
import pytest
from quick import quick

from autoarch import AutoArchRegressor, Layout
from autoarch._core.clock import Deadline
from autoarch._search.evaluate import fit_steps
from autoarch._search.predicted import predict_values
from autoarch._search.run import promising_families
from autoarch.families import Problem
from autoarch.families.registry import resolve_families
from autoarch.families.svm import SVM
from autoarch.locality import LocalityReport


@pytest.mark.parametrize(
    ("problem", "kernels"),
    [
        pytest.param(Problem("classification", 300, 20, n_classes=2), ["rbf", "linear", "features"], id="small"),
        pytest.param(Problem("regression", 60, 2_000), ["linear", "rbf", "features"], id="wide"),
        pytest.param(Problem("regression", 9_000, 20), ["features", "rbf", "linear"], id="middling"),
        pytest.param(Problem("regression", 90_000, 20), ["features"], id="large"),
        pytest.param(Problem("classification", 900, 20, n_classes=200), ["features"], id="many-classes"),
    ],
)
def test_the_kernel_follows_the_size(problem, kernels):
    """Gaussians on tables, products where there are more columns than rows, features of many rows or classes."""
    assert SVM().kernels(problem) == kernels
    assert SVM().defaults(problem)[0]["kernel"] == kernels[0]
    assert SVM().openings(problem) == (2 if kernels[0] == "linear" else 1)


def test_large_grids_are_left_to_what_reads_cells():
    """Unless the family is named; a table of that size is not."""
    grid = Problem("classification", 5_000, 784, n_classes=10, layout=Layout(28, 28), verdict="2d")
    families, report = resolve_families("auto"), LocalityReport(layout=grid.layout)
    able, left_out = promising_families(families, report, grid, False)
    assert "svm" not in [family.name for family in able]
    assert "families=['svm', ...] includes it" in left_out["svm"]
    named, nothing = promising_families(families, report, grid, True)
    assert len(named) == len(families) and not nothing
    table = Problem("classification", 5_000, 784, n_classes=10)
    assert SVM().unpromising_for(table) is None


@pytest.mark.parametrize("kernel", ["rbf", "features"])
def test_a_circle_is_learned(kernel):
    """Which no linear model tells apart."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = (np.square(X[:, :2]).sum(axis=1) < 1.4).astype(int)
    problem = Problem("classification", 300, 3, n_classes=2, smallest_class=100)
    params = {"kernel": kernel, "cost": 3.0, "scaling": "standard", "gamma": 1.0}
    model = fit_steps(SVM(), params, problem, 0, X[:300], y[:300], None, Deadline())
    found = predict_values(model, X[300:], np.array([0, 1])).argmax(axis=1)
    assert np.mean(found == y[300:]) > 0.9


def test_medians_are_followed():
    """Under the mean absolute error outliers hardly move predictions."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    y = X[:, 0] + np.where(rng.random(120) < 0.1, 50.0, 0.0)
    model = AutoArchRegressor(**quick(families="svm", scoring="neg_mean_absolute_error")).fit(X, y)
    assert model.leaderboard_["params"].iloc[0]["target"] == "loss"
    assert np.median(np.abs(model.predict(X) - X[:, 0])) < 0.6


def test_grids_are_read_flat():
    """Under one scale for all cells."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 36))
    y = np.where(X[:, :12].sum(axis=1) > 0, "high", "low")
    problem = Problem("classification", 120, 36, n_classes=2, smallest_class=50, layout=Layout(6, 6), verdict="2d")
    params = SVM().defaults(problem)[0]
    model = fit_steps(SVM(), params, problem, 0, X, y, None, Deadline())
    assert params["scaling"] == "global" and model[-1].vectors_.shape[1] == 36
    assert np.mean(model.predict(X) == y) > 0.9
