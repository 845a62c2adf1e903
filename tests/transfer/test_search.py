"""pretrained= and warm_start= in the estimators."""

import pickle
import warnings

import numpy as np
import pytest
from quick import quick
from sklearn.base import clone

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._data.layout import Layout
from autoarch.exceptions import AutoArchWarning, InputError, ParameterError
from autoarch.families import Problem
from autoarch.families.cnn import CNN
from autoarch.testing import _check_space
from autoarch.transfer import save_pretrained

SETTINGS = quick(n_trials=2)


def starts(clf):
    """Score of the first net with pretrained weights, and of the first with random ones."""
    board = clf.leaderboard_[clf.leaderboard_["family"] == "cnn"]
    return {params["start"]: score for params, score in zip(board["params"], board["score"], strict=True)}


def test_a_net_that_knows_the_task_wins_with_few_rows(digit_net, digits):
    """Sixty digits do not make a net; a trained one needs no more."""
    X, y = digits[0][900:960], digits[1][900:960]

    clf = AutoArchClassifier(pretrained=digit_net, device="cpu", **SETTINGS).fit(X, y)

    assert clf.leaderboard_.loc[0, "params"]["start"] == "pretrained"
    assert starts(clf)["pretrained"] > starts(clf)["random"]
    assert clf.score(digits[0][1000:], digits[1][1000:]) > 0.9


def test_a_net_that_learned_noise_loses(noise_net, digits):
    """It is one candidate among others, and a worse one."""
    X, y = digits[0][900:1050], digits[1][900:1050]

    clf = AutoArchClassifier(pretrained=noise_net, **SETTINGS).fit(X, y)

    assert set(starts(clf)) == {"pretrained", "random"}
    assert clf.leaderboard_.loc[0, "params"]["start"] == "random"


def test_it_clones_pickles_and_loads_from_a_file(digit_net, digits, tmp_path):
    """A module as a parameter keeps its weights in a clone; a path is read at fit."""
    X, y = digits[0][900:960], digits[1][900:960]
    settings = {**SETTINGS, "n_trials": 1}
    by_module = clone(AutoArchClassifier(pretrained=digit_net.module, **settings)).fit(X, y)
    by_path = AutoArchClassifier(pretrained=save_pretrained(digit_net, tmp_path / "net.pt"), **settings).fit(X, y)

    np.testing.assert_array_equal(pickle.loads(pickle.dumps(by_path)).predict(X), by_path.predict(X))
    assert by_module.leaderboard_.loc[0, "params"]["start"] == "pretrained"
    refitted = clone(by_path.best_estimator_).set_params(**by_path.best_params_).fit(X, y)
    assert (refitted.predict(X) == by_path.predict(X)).mean() > 0.9


def test_a_regressor_fine_tunes_too(digit_net, digits):
    """With a new head for one number."""
    reg = AutoArchRegressor(pretrained=digit_net, **{**SETTINGS, "n_trials": 1})
    reg.fit(digits[0][900:960], digits[1][900:960] + 0.5)
    assert reg.best_params_["model__module__source"].input_shape == (1, 8, 8)


def test_the_space_has_a_start_only_where_a_net_is_given(digit_net):
    """Defaults lie in the space, with and without."""
    problem = Problem("classification", 100, 64, n_classes=3, smallest_class=30, layout=Layout(8, 8))
    _check_space(CNN(), problem)
    assert all("start" not in params for params in CNN().defaults(problem))
    given = Problem(
        "classification", 100, 64, n_classes=3, smallest_class=30, layout=Layout(8, 8), pretrained=digit_net
    )
    _check_space(CNN(), given)
    assert [params["start"] for params in CNN().defaults(given)][:2] == ["pretrained", "random"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param({"families": "linear"}, ParameterError, "lacks 'cnn'", id="no-cnn"),
        pytest.param({"layout": None}, ParameterError, "no layout", id="no-grid"),
        pytest.param({"pretrained": AutoArchClassifier()}, ParameterError, "Pretrained.of", id="estimator"),
        pytest.param({"pretrained": "nowhere.pt"}, InputError, "no file", id="no-file"),
    ],
)
def test_a_net_that_cannot_be_used_is_refused(change, error, message, digit_net, digits):
    """Before any work."""
    X = digits[0][:60].reshape(60, 64) if change.get("layout", 0) is None else digits[0][:60]
    with pytest.raises(error, match=message):
        AutoArchClassifier(**{**SETTINGS, "pretrained": digit_net, **change}).fit(X, digits[1][:60])


def test_memory_distinguishes_nets(digit_net, noise_net, digits, tmp_path):
    """A cached trial is not taken for that of another net, and a copy of the net is the same one."""
    X, y = digits[0][900:960], digits[1][900:960]
    settings = {**SETTINGS, "n_trials": 1, "memory": str(tmp_path)}
    first = AutoArchClassifier(pretrained=digit_net, **settings).fit(X, y)
    other = AutoArchClassifier(pretrained=noise_net, **settings).fit(X, y)
    again = AutoArchClassifier(pretrained=pickle.loads(pickle.dumps(digit_net)), **settings).fit(X, y)

    assert first.best_score_ != other.best_score_
    assert again.leaderboard_["seconds"].tolist()[0] == first.leaderboard_["seconds"].tolist()[0]


def few(digits):
    """Rows of two classes and few columns, for trials that take no time."""
    return digits[0][:40, 2:4].reshape(40, 16), digits[1][:40] > 4


WARM = {
    "time_budget": None,
    "families": ["linear", "kernels"],
    "layout": (2, 8),
    "cv": 2,
    "random_state": 0,
    "verbose": 0,
}


def test_a_search_that_goes_on_is_one_that_never_stopped(digits):
    """Two and two trials are those of four, and what came before counts."""
    X, y = few(digits)
    warm = AutoArchClassifier(n_trials=2, warm_start=True, **WARM).fit(X, y)
    first = warm.best_score_
    warm = pickle.loads(pickle.dumps(warm)).fit(X, y)
    whole = AutoArchClassifier(n_trials=4, **WARM).fit(X, y)

    drop = ["seconds"]
    assert len(warm.study_.trials) == 4 and warm.best_score_ >= first
    assert warm.leaderboard_.drop(columns=drop).equals(whole.leaderboard_.drop(columns=drop))
    assert warm.stopped_by_ == "n_trials"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param({"scoring": "balanced_accuracy"}, "scoring changed", id="scoring"),
        pytest.param({"families": ["linear"]}, "families changed", id="families"),
        pytest.param({"random_state": 1}, "random_state changed", id="seed"),
        pytest.param({}, "X, y changed", id="data"),
    ],
)
def test_another_problem_begins_anew_with_a_message(change, what, digits):
    """The message names what changed."""
    X, y = few(digits)
    clf = AutoArchClassifier(n_trials=1, warm_start=True, **WARM).fit(X, y)
    n = 40 if change else 36

    with pytest.warns(AutoArchWarning, match=what):
        clf.set_params(**change).fit(X[:n], y[:n])
    assert len(clf.study_.trials) == 1


def test_how_long_to_search_may_change(digits):
    """Budget, patience and silence are no part of the problem, and neither is a seed that nobody named."""
    X, y = few(digits)
    clf = AutoArchClassifier(n_trials=1, warm_start=True, **{**WARM, "random_state": None}).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", AutoArchWarning)
        clf.set_params(n_trials=2, patience=5).fit(X, y)
    assert len(clf.study_.trials) == 3
    clf.set_params(warm_start=False, n_trials=1).fit(X, y)
    assert len(clf.study_.trials) == 1 and not hasattr(clf, "_past")
