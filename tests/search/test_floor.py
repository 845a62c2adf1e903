"""A constant is handed over where nothing is shown to be better, whatever the score."""

import numpy as np
import pytest
from quick import QuickTree
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import get_scorer, get_scorer_names

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._search import eligible, ensemble
from autoarch.families.linear import Linear

SETTINGS = {"time_budget": None, "n_trials": 2, "cv": 2, "random_state": 0, "verbose": 0}


@pytest.fixture
def linear_and_trees(monkeypatch, probe_without_labels):
    """No families are named, and none is slow."""
    monkeypatch.setattr(eligible, "resolve_families", lambda asked: [Linear(), QuickTree()])


def data(task, signal, seed=0, n=240):
    """Half of the rows to learn from."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    score = signal * (X[:, 0] + X[:, 1])
    if task == "numbers":
        return X, np.exp(score / 2 + rng.normal(size=n) / 2)
    noisy = score + rng.logistic(size=n)
    return X, np.digitize(noisy, [0.7] if task == "two classes" else [-1.0, 1.0])


def constants(task):
    """Every constant worth a trial."""
    if task == "numbers":
        return [DummyRegressor(), DummyRegressor(strategy="median")]
    labels = [DummyClassifier(strategy="constant", constant=label) for label in range(2 + (task != "two classes"))]
    return [DummyClassifier(strategy="prior"), *labels]


@pytest.mark.usefixtures("linear_and_trees")
@pytest.mark.parametrize(("task", "scoring"), [("numbers", "neg_max_error")])
def test_noise_gives_a_constant_and_signal_a_model(task, scoring):
    """The constant is the winner of the leaderboard, too."""
    kind = AutoArchRegressor if task == "numbers" else AutoArchClassifier
    X, y = data(task, 0)
    model = kind(**SETTINGS, scoring=scoring).fit(X, y)
    assert model.best_family_ == "baseline" and model.leaderboard_["family"].iloc[0] == "baseline"
    assert len(np.unique(model.predict(X))) == 1
    X, y = data(task, 2)
    assert kind(**SETTINGS, scoring=scoring).fit(X, y).best_family_ != "baseline"


@pytest.mark.usefixtures("linear_and_trees")
def test_a_lead_that_is_owed_to_the_choice_gives_a_constant(monkeypatch):
    """Where choosing is expected to score less than a constant does, whoever leads."""
    monkeypatch.setattr(ensemble, "honest_estimate", lambda judged, *_: (0.1, 0.1))
    model = AutoArchClassifier(**SETTINGS).fit(*data("two classes", 2))
    by_family = model.leaderboard_.set_index("family")["score"]
    assert by_family["linear"].max() > by_family["baseline"].iloc[0]
    assert model.best_family_ == "baseline" and len(model.ensemble_) == 1


def names_for(task):
    """Scorers that have a finite value on predictions of the task."""
    X, y = data(task, 2)
    found = []
    for name in sorted(get_scorer_names()):
        try:
            value = get_scorer(name)(constants(task)[0].fit(X, y), X, y)
        except (ValueError, TypeError, AttributeError):
            continue
        if np.isfinite(value):
            found.append(name)
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("linear_and_trees")
@pytest.mark.parametrize("task", ["numbers"])
@pytest.mark.filterwarnings("ignore")
def test_no_scorer_is_left_without_a_model_or_below_a_constant(task):
    """On rows that the search has not seen."""
    kind = AutoArchRegressor if task == "numbers" else AutoArchClassifier
    names = names_for(task)
    assert len(names) > 10
    X, y = data(task, 2, n=480)
    below = {}
    for name in names:
        model, scorer = kind(**SETTINGS, scoring=name).fit(X[:240], y[:240]), get_scorer(name)
        floor = max(scorer(constant.fit(X[:240], y[:240]), X[240:], y[240:]) for constant in constants(task))
        reached = scorer(model, X[240:], y[240:])
        if not reached >= floor - 1e-12:
            below[name] = (reached, floor)
    assert not below
