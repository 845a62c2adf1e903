"""The map of a model that has learned a known spot is highest on it, for every family and every way that is offered."""

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.pipeline import Pipeline

from autoarch._data.canonical import Canonicaliser
from autoarch.exceptions import ParameterError
from autoarch.explain import explain
from autoarch.families.base import Problem
from autoarch.families.registry import resolve_families

SIDE, SPOT, NEAR = 16, 4, 1  # cells; one beside the spot counts
CHANCE = ((SPOT + 2 * NEAR) / SIDE) ** 2
MODELS = {
    "linear": ("linear", {}),
    "boosting": ("tree", {"kind": "boosting", "view": "cells", "rate": 0.2, "amount": 4.0}),
    "forest": ("tree", {"kind": "forest", "view": "cells"}),
    "boosting on both": ("tree", {"kind": "boosting", "view": "both", "rate": 0.2, "amount": 4.0}),
    "forest on summaries": ("tree", {"kind": "forest", "view": "summaries"}),
    "mlp": ("mlp", {"effort": 0.3, "units": 32, "members": 2}),
    "cnn": ("cnn", {"effort": 0.5, "filters": 8, "stages": 2}),
    "kernels": ("kernels", {"kernels": 48}),
}


def make_field(place, smooth, n, seed, signs=(0.0, 3.0)):
    """Noise in which a square is raised by one of two amounts, always at one place or anywhere; and these places."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, SIDE, SIDE)), rng.integers(0, len(signs), n)
    if smooth:
        X = gaussian_filter(X, (0, 1, 1))
        X /= X.std()
    at = np.full((n, 2), (9, 4)) if place == "fixed" else rng.integers(0, SIDE - SPOT + 1, size=(n, 2))
    for row, (top, left) in enumerate(at):
        X[row, top : top + SPOT, left : left + SPOT] += signs[y[row]]
    return X.astype(np.float32), y, at


def fit(name, X, y):
    """A model of the family as a search would hand it out, with little training."""
    first = Canonicaliser().fit(X)
    family, changed = resolve_families([MODELS[name][0]])[0], MODELS[name][1]
    n_classes = len(np.unique(y))
    problem = Problem("classification", len(X), X[0].size, n_classes, len(X) // 3, layout=first.layout_, verdict="2d")
    params = next(one for one in family.defaults(problem) if one.get("kind") == changed.get("kind"))
    return Pipeline([("canonical", first), *family.build({**params, **changed}, problem, 0)]).fit(X, y)


@cache
def learned(name, place):
    """A model, rows with a spot that it predicts rightly, and where the spots are."""
    X, y, _ = make_field(place, True, 300, 0)
    new, labels, at = make_field(place, True, 100, 100)
    model = fit(name, X, y)
    right = np.flatnonzero((model.predict(new) == labels) & (labels == 1))[:10]
    assert (model.predict(new) == labels).mean() > 0.8
    return model, new[right], at[right]


def hit_rate(found, at):
    """Share of maps whose highest cell lies on the spot or beside it."""
    maps = found.grid.sum(axis=1)
    highest = np.column_stack(np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:]))
    return float((np.maximum(at - highest, highest - at - SPOT + 1) <= NEAR).all(axis=1).mean())


CASES = [
    *((name, "fixed") for name in MODELS),
    *((name, "anywhere") for name in ("forest on summaries", "cnn", "kernels")),
]


@pytest.mark.parametrize(("name", "place"), CASES)
def test_the_default_points_at_the_spot(name, place):
    """On smooth noise, in nine of ten rows, although every row that is explained has a spot."""
    model, X, at = learned(name, place)

    found = explain(model, X, random_state=0, verbose=0)

    assert hit_rate(found, at) >= 0.9
    assert found.method != "gradcam"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["occlusion", "gradients", "gradcam", "shap"])
@pytest.mark.parametrize(("name", "place"), CASES)
def test_every_method_beats_chance(name, place, method):
    """Where it can explain the model at all; what does not is not offered."""
    model, X, at = learned(name, place)
    try:
        found = explain(model, X, method=method, random_state=0, verbose=0)
    except ParameterError:
        pytest.skip("this method does not fit this family")

    assert hit_rate(found, at) >= 3 * CHANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear", "kernels"])
def test_one_of_several_classes_is_explained(name):
    """The predicted class, or the same one by name, whose probability is all but 1."""
    X, y, _ = make_field("fixed", True, 300, 0, signs=(-3.0, 0.0, 3.0))
    new, labels, at = make_field("fixed", True, 60, 1, signs=(-3.0, 0.0, 3.0))
    model = fit(name, X, y)
    right = np.flatnonzero((model.predict(new) == labels) & (labels == 2))

    found = explain(model, new[right], random_state=0, verbose=0)
    named = explain(model, new[right], target=2, random_state=0, verbose=0)

    assert hit_rate(found, at[right]) >= 0.9
    np.testing.assert_array_equal(found.values, named.values)


def test_votes_are_explained_by_their_share():
    """All trees agree on some rows; in log-odds the first that changes its vote would outweigh all others."""
    X, y, _ = make_field("fixed", False, 100, 0)
    model = fit("forest", X + 9 * y[:, None, None].astype(np.float32), y)

    found = explain(model, X[:5], method="occlusion", verbose=0)

    assert found.units == "fall of the probability of the target"
