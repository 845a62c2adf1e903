"""A scikit-learn citizen: its own checks, and its meta-estimators around ours."""

import numpy as np
import pytest
import sklearn
from quick import QuickCNN, QuickTree
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from autoarch import AutoArchClassifier, AutoArchRegressor

ONE = {"time_budget": None, "n_trials": 1, "random_state": 0, "verbose": 0}

EXPECTED = dict.fromkeys(
    ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data"),
    "rows are assigned to folds, batches and bootstrap samples: repeating a row is not weighting it",
)


def both(**parameters):
    return [estimator(**ONE, **parameters) for estimator in (AutoArchClassifier, AutoArchRegressor)]


@pytest.mark.usefixtures("probe_without_labels")
@parametrize_with_checks(both(families="linear"), expected_failed_checks=lambda estimator: EXPECTED)
def test_scikit_learns_checks(estimator, check):
    """All of scikit-learn's checks but the two on weights, with the quickest family; landmarks run in the next test."""
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    both(cv=2),  # for the regressor a constant wins, to which repeating a row and weighting it are the same
    expected_failed_checks=lambda estimator: {} if is_regressor(estimator) else EXPECTED,
)
def test_scikit_learns_checks_with_all_families(estimator, check):
    """The same with everything switched on."""
    check(estimator)


@pytest.mark.slow
@pytest.mark.usefixtures("probe_without_labels")
@parametrize_with_checks(
    [
        AutoArchClassifier(**ONE, families=QuickTree, cv=2),
        AutoArchRegressor(**ONE, families="mlp", cv=2),
        *both(families=QuickCNN, cv=2),
    ],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_scikit_learns_checks_with_each_family(estimator, check):
    """The same with each family alone, behind a probe of the cells; that each serves both tasks is in its contract."""
    check(estimator)


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return X[:200], y[:200]


@pytest.fixture
def clf():
    return AutoArchClassifier(**ONE, families="linear")


def test_tags_say_what_it_is_and_takes(clf):
    """Seen as a classifier or regressor, three dimensions and NaN allowed, nothing excused."""
    assert is_classifier(clf)
    assert is_regressor(AutoArchRegressor())
    tags = get_tags(clf)
    assert tags.input_tags.three_d_array
    assert tags.input_tags.two_d_array
    assert tags.input_tags.allow_nan
    assert not (tags.non_deterministic or tags.no_validation or tags._skip_test)


@pytest.mark.slow
def test_a_grid_search_over_our_own_parameters(clf, cancer):
    """Families, layouts and trials are searched under a pipeline's prefix."""
    X, y = cancer
    pipeline = make_pipeline(StandardScaler(), clf)
    name = "autoarchclassifier"
    grid = [
        {f"{name}__families": ["linear", QuickTree], f"{name}__layout": [(5, 6), None]},
        {f"{name}__families": ["linear"], f"{name}__n_trials": [1, 2]},
    ]
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 6
    assert search.best_score_ > 0.85


@pytest.mark.slow
def test_cross_validation_by_area_under_the_curve(clf, cancer):
    """Probabilities serve scorers that rank."""
    assert cross_val_score(clf, *cancer, scoring="roc_auc", cv=3).min() > 0.9
    assert set(cross_validate(clf, *cancer, cv=2, scoring=["accuracy", "f1"])) >= {"test_accuracy", "test_f1"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda clf: CalibratedClassifierCV(clf, cv=2), id="calibrated"),
        pytest.param(lambda clf: VotingClassifier([("a", clf), ("b", LogisticRegression())], voting="soft"), id="vote"),
        pytest.param(lambda clf: StackingClassifier([("a", clf), ("b", clone(clf))], cv=2), id="stack"),
    ],
)
def test_meta_estimators(wrap, clf, cancer):
    """Calibration, voting and stacking take it as a part."""
    X, y = cancer
    X = StandardScaler().fit_transform(X)
    assert wrap(clf).fit(X, y).score(X, y) > 0.9


@pytest.mark.slow
def test_three_dimensions_pass_splitters_and_searches(clf, cancer):
    """Matrices survive cross-validation and a grid search."""
    X, y = cancer
    X = X.reshape(-1, 5, 6)
    assert cross_val_score(clf, X, y, cv=2).min() > 0.8
    assert GridSearchCV(clf, {"n_trials": [1]}, cv=2).fit(X, y).best_estimator_.layout_.shape == (1, 5, 6)


def test_a_target_may_be_transformed():
    """TransformedTargetRegressor works around the regressor."""
    X, y = load_diabetes(return_X_y=True)
    reg = TransformedTargetRegressor(AutoArchRegressor(**ONE, families="linear"), func=np.log, inverse_func=np.exp)
    assert reg.fit(X, y).score(X, y) > 0.3


def test_metadata_are_routed(clf, cancer):
    """Weights and groups reach fit through a cross-validation."""
    X, y = cancer
    with sklearn.config_context(enable_metadata_routing=True):
        clf = clf.set_fit_request(sample_weight=True, groups=True).set_score_request(sample_weight=False)
        clf.set_params(cv=2)
        scores = cross_val_score(
            clf, X, y, cv=2, params={"sample_weight": np.ones(len(y)), "groups": np.arange(len(y)) % 10}
        )
    assert scores.min() > 0.8
