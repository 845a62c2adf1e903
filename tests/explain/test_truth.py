"""On grids whose cause is known, the true cause gets the top value, whatever the family and the method."""

from functools import cache

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline

from autoarch import AutoArchClassifier, Layout
from autoarch._training.order_free import OrderFreeSummaries
from autoarch.datasets import load_digits_grid, make_planted
from autoarch.explain import explain

CAUSES = ("cell", "pair", "row", "texture")
FAMILIES = ("linear", "tree", "mlp", "cnn", "kernels")
TAKEN = {
    "cell": {"by": "cell"},
    "pair": {"by": "cell"},
    "row": {"by": "row"},
    "texture": {"patch": 5},
}
N_EXPLAINED = 50


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    """Keeps the probe of each cause, which all families share."""
    return str(tmp_path_factory.mktemp("memory"))


def learned(cause, family, memory):
    """A model, rows to explain and where their causes are; None where the family has not learned the rule."""
    X, y, truth = make_planted(1400, (12, 12), cause=cause, random_state=0)
    settings = {"time_budget": None, "n_trials": 1, "cv": ShuffleSplit(1, random_state=0), "memory": memory}
    model = AutoArchClassifier(families=family, random_state=0, verbose=0, **settings).fit(X[:1000], y[:1000])
    if model.score(X[1000:], y[1000:]) < 0.95:
        return None
    return model, X[1000 : 1000 + N_EXPLAINED], truth[1000 : 1000 + N_EXPLAINED]


def hit_rate(values, truth, cause):
    """Share of rows whose true cells stand above all others, or whose top cell is one of them."""
    values = values[:, 0]
    if cause == "texture":
        return np.mean([at.max() > 0 and where[at == at.max()].any() for at, where in zip(values, truth, strict=True)])
    if cause == "row":
        values, truth = values.sum(axis=2), truth.any(axis=2)
    sizes = np.abs(values)
    return np.mean([at[where].min() > at[~where].max() for at, where in zip(sizes, truth, strict=True)])


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("cause", CAUSES)
def test_the_true_cause_comes_first(cause, family, memory):
    """In 95 of 100 rows, for families that have learned the rule; a texture within its square."""
    found = learned(cause, family, memory)
    if found is None:
        pytest.skip("the family has not learned this rule")
    model, X, truth = found

    explanation = explain(model, X, random_state=0, verbose=0, **TAKEN[cause])

    assert hit_rate(explanation.values, truth, cause) >= 0.95


def test_boosting_shows_the_pair_that_it_uses():
    """A pair of cells, of which neither alone determines the label."""
    X, y, truth = make_planted(1200, (4, 4), cause="pair", random_state=1)
    flat = X.reshape(1200, 16)
    model = HistGradientBoostingClassifier(max_iter=40).fit(flat[:1000], y[:1000])

    found = explain(model, flat[1000:], layout=(4, 4), by="cell", random_state=0, verbose=0)

    assert model.score(flat[1000:], y[1000:]) > 0.95
    assert found.grid.shape == (200, 1, 4, 4)
    assert hit_rate(found.grid, truth[1000:], "pair") >= 0.95


def test_permutation_finds_the_row_of_the_data_set():
    """The score falls where the rows of the pattern are permuted, and nowhere else."""
    X, y, truth = make_planted(400, (6, 6), cause="row", random_state=2)
    model = LogisticRegression().fit(X.reshape(400, 36), y)

    found = explain(model, X.reshape(400, 36), y, method="permutation", layout=(6, 6), by="row", random_state=0)

    falls = found.by_row()[0]
    true = truth[0].any(axis=1)
    assert falls[true].min() > 0.2 > 0.05 > np.abs(falls[~true]).max()
    assert found.of_data_set and found.target is None
    assert (found.std_error >= 0).all()


def test_a_randomised_model_gives_another_map():
    """Labels without a rule leave nothing of the map: it shows the model, not the rows [1]_.

    References
    ----------
    .. [1] J. Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018.
    """
    X, y, truth = make_planted(400, (6, 6), cause="cell", random_state=0)
    flat, shuffled = X.reshape(400, 36), np.random.default_rng(0).permutation(y)
    maps = [
        explain(LogisticRegression().fit(flat, labels), flat[:100], layout=(6, 6), random_state=0, verbose=0).global_
        for labels in (y, shuffled)
    ]

    correlation = np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1]

    assert maps[0].ravel()[truth[0].ravel()] > 5 * np.median(maps[0])
    assert abs(correlation) < 0.5


@cache
def digits():
    X, y = load_digits_grid()
    model = LogisticRegression(C=0.1, max_iter=500).fit(X[:1200].reshape(-1, 64) / 16, y[:1200])
    rows = X[1200:1260].reshape(-1, 64) / 16
    return model, rows, model.predict(rows), (X[:1200].reshape(-1, 64) / 16).mean(axis=0)


def deletion(order):
    """Area under the probability of the predicted digit while cells are removed in this order."""
    model, rows, said, mean = digits()
    places = np.searchsorted(model.classes_, said)
    curve, changed = [], rows.copy()
    for step in range(0, 64, 4):
        np.put_along_axis(changed, order[:, step : step + 4], mean[order[:, step : step + 4]], axis=1)
        curve.append(model.predict_proba(changed)[np.arange(len(rows)), places].mean())
    return np.mean(curve)


def test_removing_the_most_important_cells_removes_the_digit():
    """Deletion falls far faster than at random, and insertion (the reverse order) far slower."""
    model, rows, _, mean = digits()
    found = explain(model, rows, layout=(8, 8), by="cell", baseline=mean[None], random_state=0, verbose=0)
    order = np.argsort(-found.by_name, axis=1)
    random = np.argsort(np.random.default_rng(0).uniform(size=order.shape), axis=1)

    assert deletion(order) < deletion(random) - 0.2
    assert deletion(order[:, ::-1]) > deletion(random) + 0.2


def test_summaries_without_an_order_are_credited_to_the_cells_behind_them():
    """By removing cells: the greatest value of a column decides, in whichever of the lines it stands."""
    rng = np.random.default_rng(0)
    X, y, n = rng.normal(size=(700, 5, 3)), np.arange(700) % 2, 600
    X[:, :, 0] = np.minimum(X[:, :, 0], 1)
    line = rng.integers(5, size=700)
    X[np.arange(700), line, 0] += 6 * y
    summaries = OrderFreeSummaries(Layout(5, 3), ("exchangeable_rows",))
    model = make_pipeline(summaries, ExtraTreesClassifier(50, random_state=0)).fit(X[:n].reshape(n, -1), y[:n])

    found = explain(model, X[n:].reshape(100, -1), layout=(5, 3), random_state=0, verbose=0)

    with_cause = y[n:] == 1
    top = found.grid[with_cause].reshape(with_cause.sum(), -1).argmax(axis=1)
    assert found.method == "occlusion"
    assert np.mean(top == 3 * line[n:][with_cause]) > 0.95
