"""pretrained= and warm_start= in the estimators."""

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
from quick import quick
from sklearn.base import clone

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._data.layout import Layout
from autoarch.exceptions import AutoArchWarning, InputError, ParameterError
from autoarch.families import MapColumns, Problem
from autoarch.families.fine_tuned import FineTuned
from autoarch.testing import check_family
from autoarch.transfer import save_pretrained

SETTINGS = quick(n_trials=2)


def scores(clf):
    """Score of the first candidate of each family."""
    return dict(zip(clf.leaderboard_["family"], clf.leaderboard_["score"], strict=True))


@pytest.mark.slow
def test_a_net_that_knows_the_task_wins_with_few_rows(digit_net, digits):
    """Sixty digits do not make a net; a trained one needs no more."""
    X, y = digits[0][900:960], digits[1][900:960]

    clf = AutoArchClassifier(pretrained=digit_net, device="cpu", **SETTINGS).fit(X, y)

    assert clf.best_family_ == clf.leaderboard_.loc[0, "family"] == "fine_tuned"
    assert scores(clf)["fine_tuned"] > scores(clf)["cnn"]
    assert clf.score(digits[0][1000:], digits[1][1000:]) > 0.9


@pytest.mark.slow
def test_a_net_that_learned_noise_loses(noise_net, digits):
    """It is one candidate among others, and a worse one."""
    X, y = digits[0][900:1050], digits[1][900:1050]

    clf = AutoArchClassifier(pretrained=noise_net, **SETTINGS).fit(X, y)

    assert set(scores(clf)) >= {"fine_tuned", "cnn"}
    assert clf.best_family_ == "cnn"


@pytest.mark.slow
def test_it_clones_pickles_and_loads_from_a_file(digit_net, digits, tmp_path):
    """A module as a parameter keeps its weights in a clone; a path is read at fit."""
    X, y = digits[0][900:960], digits[1][900:960]
    by_module = clone(AutoArchClassifier(pretrained=digit_net.module, **SETTINGS)).fit(X, y)
    by_path = AutoArchClassifier(pretrained=save_pretrained(digit_net, tmp_path / "net.pt"), **SETTINGS).fit(X, y)

    np.testing.assert_array_equal(pickle.loads(pickle.dumps(by_path)).predict(X), by_path.predict(X))
    assert by_module.best_family_ == by_path.best_family_ == "fine_tuned"
    refitted = clone(by_path.best_estimator_).set_params(**by_path.best_params_).fit(X, y)
    assert (refitted.predict(X) == by_path.predict(X)).mean() > 0.9


@pytest.mark.slow
def test_a_regressor_fine_tunes_too(digit_net, digits):
    """With a new head for one number; the family object may also stand among the families."""
    reg = AutoArchRegressor(**{**SETTINGS, "n_trials": 1, "families": FineTuned(digit_net)})
    reg.fit(digits[0][900:960], digits[1][900:960] + 0.5)
    assert reg.best_params_["model__module__source"].input_shape == (1, 8, 8)


@pytest.mark.slow
def test_the_family_keeps_the_contract(digit_net):
    """As any other, on every grid that the net can take."""
    check_family(FineTuned(digit_net))


def test_a_net_that_does_not_fit_says_so(digit_net):
    """A table has no grid, places on a map are none, and the net's pooling needs more than two cells."""
    family = FineTuned(digit_net)
    grid = Problem("classification", 100, 64, n_classes=3, smallest_class=30, layout=Layout(8, 8))
    assert family.unfit_for(grid) is None
    assert "no layout" in family.unfit_for(replace(grid, layout=None))
    assert "no layout" in family.unfit_for(replace(grid, layout=None, coordinates=MapColumns(0, 1, on_lattice=True)))


@pytest.mark.slow
def test_any_families_may_be_searched_beside_a_net(digit_net, digits):
    """It needs no cnn in the list, and has its turn in the first round."""
    clf = AutoArchClassifier(pretrained=digit_net, **{**SETTINGS, "families": "linear"})
    clf.fit(digits[0][900:960], digits[1][900:960])
    assert {"linear", "fine_tuned"} <= set(scores(clf))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
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


@pytest.mark.slow
def test_memory_distinguishes_nets(digit_net, noise_net, digits, tmp_path):
    """A cached trial is not taken for that of another net, and a copy of the net is the same one."""
    X, y = digits[0][900:960], digits[1][900:960]
    settings = {**SETTINGS, "memory": str(tmp_path)}
    nets = digit_net, noise_net, pickle.loads(pickle.dumps(digit_net))
    boards = [AutoArchClassifier(pretrained=net, **settings).fit(X, y).leaderboard_.set_index("family") for net in nets]
    first, other, again = (board.loc["fine_tuned"] for board in boards)

    assert first["score"] != other["score"]
    assert again["seconds"] == first["seconds"]


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


@pytest.mark.usefixtures("probe_without_labels")
def test_a_search_that_goes_on_is_one_that_never_stopped(digits):
    """Two and two trials are those of four, and what came before counts."""
    X, y = few(digits)
    warm = AutoArchClassifier(n_trials=2, warm_start=True, **WARM).fit(X, y)
    first = warm.best_score_
    warm = pickle.loads(pickle.dumps(warm)).fit(X, y)
    whole = AutoArchClassifier(n_trials=4, **WARM).fit(X, y)

    drop = ["seconds", "predict_seconds"]
    assert len(warm.study_.trials) == 4 and warm.best_score_ >= first
    assert warm.leaderboard_.drop(columns=drop).equals(whole.leaderboard_.drop(columns=drop))
    assert warm.stopped_by_ == "n_trials"


@pytest.mark.usefixtures("probe_without_labels")
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


@pytest.mark.usefixtures("probe_without_labels")
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
