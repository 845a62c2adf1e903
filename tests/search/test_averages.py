"""The mean of the models of all folds."""

import numpy as np
import pytest
from quick import QuickTree
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._search import members
from autoarch._search.averages import FoldEnsembleClassifier, FoldEnsembleRegressor, fold_ensemble, voting
from autoarch._search.whole import more_seeds

pytestmark = pytest.mark.usefixtures("probe_without_labels")


def test_models_of_folds_speak_as_one_and_can_be_fitted_again():
    """The mean of their probabilities, under the user's labels; a clone fits as many models anew."""
    X, y = load_iris(return_X_y=True)
    y = np.array(["setosa", "versicolor", "virginica"])[y]
    parts = [np.delete(np.arange(150), np.arange(150)[k::3]) for k in range(3)]
    stump = make_pipeline(DecisionTreeClassifier(max_depth=2, random_state=0))
    models = [clone(stump).fit(X[rows], y[rows]) for rows in parts]
    whole = fold_ensemble(models, np.unique(y))
    np.testing.assert_allclose(whole.predict_proba(X), np.mean([model.predict_proba(X) for model in models], axis=0))
    again = clone(whole).fit(X, y)
    assert len(again[-1].models_) == 3
    assert again.score(X, y) > 0.9


def test_a_class_that_a_fold_has_not_seen_has_no_probability_there():
    """The others' probabilities for it are shared out among all."""
    X, y = np.arange(9.0)[:, None], np.array([0, 0, 0, 0, 0, 1, 1, 1, 2])
    ensemble = FoldEnsembleClassifier(DecisionTreeClassifier())
    ensemble.classes_ = np.unique(y)
    ensemble.models_ = [DecisionTreeClassifier().fit(X, y), DecisionTreeClassifier().fit(X[:8], y[:8])]
    np.testing.assert_allclose(ensemble.predict_proba(X[8:]), [[0.0, 0.5, 0.5]])


def test_an_average_of_trees_beats_a_tree():
    """As many trees on nine tenths of the rows each, against one on all rows."""
    X, y = load_diabetes(return_X_y=True)
    train, test = np.arange(300), np.arange(300, 442)
    tree = DecisionTreeRegressor(random_state=0)
    ensemble = FoldEnsembleRegressor(tree, n_folds=10).fit(X[train], y[train])
    assert ensemble.score(X[test], y[test]) > clone(tree).fit(X[train], y[train]).score(X[test], y[test]) + 0.1


def test_a_search_averages_the_folds_of_trees_and_says_so():
    """With two folds, or for a linear model, the winner is fitted on all rows instead."""
    X, y = load_iris(return_X_y=True)
    settings = {"time_budget": None, "n_trials": 1, "random_state": 0, "verbose": 0, "ensemble_size": 1}
    trees = AutoArchClassifier(families=QuickTree, **settings).fit(X, y)
    assert trees.fitted_on_ == "5 folds, averaged (120 rows each)"
    assert "model__estimator__model__random_state" in trees.best_params_
    assert AutoArchClassifier(families=QuickTree, cv=2, **settings).fit(X, y).fitted_on_ == "all 150 rows"
    timed = AutoArchClassifier(families=QuickTree, **{**settings, "time_budget": 600}).fit(X, y)
    assert timed.fitted_on_ == trees.fitted_on_
    assert AutoArchRegressor(families="linear", **settings).fit(X, y).fitted_on_ == "all 150 rows"


def test_seeds_speak_as_one_and_can_be_fitted_again():
    """A clone fits the same models from the same seeds."""
    X, y = load_diabetes(return_X_y=True)
    tree = make_pipeline(DecisionTreeRegressor(max_features=3))
    models = [clone(tree).set_params(decisiontreeregressor__random_state=7 + k).fit(X, y) for k in range(3)]
    whole = voting(models, None)
    np.testing.assert_allclose(whole.predict(X), np.mean([model.predict(X) for model in models], axis=0))
    np.testing.assert_allclose(clone(whole).fit(X, y).predict(X), whole.predict(X))


def test_a_search_with_a_holdout_averages_seeds_and_says_so():
    """Not where a family's fits do not vary, nor for several members."""
    X, y = load_iris(return_X_y=True)
    holdout = [(np.arange(0, 150, 2), np.arange(1, 150, 2))]
    settings = {"time_budget": 600, "n_trials": 1, "random_state": 0, "verbose": 0, "cv": holdout, "ensemble_size": 1}
    trees = AutoArchClassifier(families=QuickTree, **settings).fit(X, y)
    assert trees.fitted_on_ == "all 150 rows, 5 seeds, averaged"
    assert (
        AutoArchClassifier(families=QuickTree, **{**settings, "time_budget": None}).fit(X, y).fitted_on_
        == "all 150 rows"
    )
    assert any(name.endswith("__model__random_state") for name in trees.best_params_)
    assert AutoArchClassifier(families="linear", **settings).fit(X, y).fitted_on_ == "all 150 rows"


def test_several_members_are_fitted_once_each():
    """On all rows, without further seeds; two kinds of models together are better than either."""
    X, y = load_diabetes(return_X_y=True)
    holdout = [(np.arange(0, 442, 2), np.arange(1, 442, 2))]
    settings = {"time_budget": None, "n_trials": 2, "random_state": 0, "verbose": 0, "cv": holdout}
    two = AutoArchRegressor(families=["linear", "svm"], ensemble_size=2, **settings).fit(X, y)
    assert len(two.ensemble_) == 2
    assert two.fitted_on_ == "all 442 rows"
    assert two.best_score_ > two.ensemble_["score"].max()


def test_a_member_that_cannot_be_fitted_again_is_not_spoken_of(monkeypatch):
    """Scores and left-out predictions are those of what is handed over."""
    X, y = load_diabetes(return_X_y=True)
    holdout = [(np.arange(0, 442, 2), np.arange(1, 442, 2))]
    settings = {"time_budget": None, "n_trials": 2, "random_state": 0, "verbose": 0, "cv": holdout, "ensemble_size": 2}
    real = members.refit

    def refit(candidate, *args, **more):
        if candidate.family == "svm":
            raise MemoryError
        return real(candidate, *args, **more)

    monkeypatch.setattr(members, "refit", refit)
    left = AutoArchRegressor(families=["linear", "svm"], **settings).fit(X, y)
    assert left.best_family_ == "linear" and left.ensemble_["family"].tolist() == ["linear"]
    assert left.ensemble_["weight"].tolist() == [1.0]
    assert left.best_score_ == left.ensemble_["score"][0]
    known = ~np.isnan(left.left_out_predictions_)
    assert r2_score(y[known], left.left_out_predictions_[known]) == pytest.approx(left.best_score_)


def apart(numbers, until):
    """Fit nothing at once."""
    return []


class Clock:
    """Seconds that pass only where something is fitted."""

    def __init__(self, left):
        self.left = left

    def share(self, fraction):
        """A part of what is left."""
        return Clock(self.left * fraction)


@pytest.mark.parametrize(
    ("left", "shortens", "seconds"),
    [
        (9.0, True, [9.0]),  # a little shorter than the first
        (17.0, True, [8.5, 8.5]),
        (7.0, True, []),
        (100.0, True, [10.0] * 4),
        (12.0, False, []),  # what cannot be shortened needs some leeway
        (22.0, False, [10.0]),
    ],
)
def test_further_seeds_share_the_time_that_is_left(left, shortens, seconds):
    """The first fit took ten seconds."""
    clock, took = Clock(left), []

    def fitted(number, until):
        took.append(min(10.0, until.left))
        clock.left -= took[-1]
        return make_pipeline(DecisionTreeRegressor())

    assert len(more_seeds(fitted, apart, clock, 10.0, shortens=shortens)) == len(seconds)
    assert took == seconds


def test_a_net_that_was_hardly_trained_has_no_vote():
    """Something else kept the machine busy."""
    shares = iter([0.9, 0.1, 0.9])

    def fitted(number, until):
        tree = DecisionTreeRegressor()
        tree.share_done_ = next(shares)
        return make_pipeline(tree)

    assert [model[-1].share_done_ for model in more_seeds(fitted, apart, Clock(100.0), 10.0, shortens=True)] == [0.9]
