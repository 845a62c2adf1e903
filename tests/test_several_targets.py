"""Several targets of each row: numbers, and labels as indicators, from fit to files."""

import warnings

import numpy as np
import pandas as pd
import pytest
from quick import QuickMLP, QuickTree
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification, make_regression
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import autoarch
from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._data.row_splits import plan_splits
from autoarch._data.several_targets import in_one
from autoarch._training.time_limited import class_first_order
from autoarch.cli.main import main
from autoarch.exceptions import InputError, ModelFileError, ParameterError
from autoarch.explain import explain
from autoarch.families.linear import Linear
from autoarch.families.objective import Objective
from autoarch.families.several_targets import EachTargetClassifier, OnTargets

pytestmark = pytest.mark.usefixtures("probe_without_labels")

ONE = {"time_budget": None, "n_trials": 1, "families": "linear", "layout": None, "random_state": 0, "verbose": 0}


class PlainRidge(Linear):
    """Ridge with one penalty."""

    def defaults(self, problem):
        """A single candidate."""
        return [{"penalty": 1.0, "scaling": "standard", "sparsity": 0.0}]


@pytest.fixture(scope="module")
def numbers():
    """Three targets in units that are far apart."""
    X, Y = make_regression(150, 6, n_targets=3, noise=5.0, random_state=0)
    return X, Y * [1.0, 1e4, 1e-3]


@pytest.fixture(scope="module")
def labels():
    """Four labels, some rows with none."""
    return make_multilabel_classification(200, 8, n_classes=4, n_labels=2, random_state=0)


@pytest.fixture(scope="module")
def reg(numbers):
    """Fitted on a frame of numbers."""
    X, Y = numbers
    return AutoArchRegressor(**ONE).fit(X, pd.DataFrame(Y, columns=["a", "b", "c"]))


@pytest.fixture(scope="module")
def clf(labels):
    """Fitted on indicators, for a score that asks for thresholds."""
    return AutoArchClassifier(**ONE, scoring="f1_macro").fit(*labels)


def test_numbers_are_predicted_side_by_side(reg, numbers):
    """Predictions, intervals and left-out predictions have a column for each; the score is the mean R2."""
    X, Y = numbers
    assert reg.predict(X).shape == Y.shape
    ends = reg.predict_interval(X)
    assert ends.shape == (150, 2, 3)
    inside = (ends[:, 0] <= Y) & (ends[:, 1] >= Y)
    assert (inside.mean(axis=0) > 0.8).all()
    assert reg.left_out_predictions_.shape == Y.shape
    assert reg.score(X, Y) > 0.95
    assert reg.n_targets_ == 3
    assert "3 numbers" in reg.summary_
    assert reg.report_dict()["data"]["targets"] == ["a", "b", "c"]


def test_labels_are_predicted_as_forests_do(clf, labels):
    """A list of probabilities, indicators that a threshold for each label decides, intervals of classes."""
    X, Y = labels
    proba = clf.predict_proba(X)
    assert [pair.shape for pair in proba] == [(200, 2)] * 4
    assert [classes.tolist() for classes in clf.classes_] == [[0, 1]] * 4
    assert clf.decision_threshold_.shape == (4,)
    having = np.column_stack([pair[:, 1] for pair in proba])
    np.testing.assert_array_equal(clf.predict(X), (having >= clf.decision_threshold_).astype(int))
    assert [chosen.shape for chosen in clf.predict_set(X)] == [(200, 2)] * 4
    assert [pair.shape for pair in clf.predict_log_proba(X)] == [(200, 2)] * 4
    assert clf.left_out_predictions_.shape == Y.shape
    assert len(clf.applicability(X[:5])) == 5
    assert clf.score(X, Y) == pytest.approx((clf.predict(X) == Y).all(axis=1).mean())


@pytest.mark.slow
def test_thresholds_of_labels_help_the_score(clf, labels):
    """F1 of left-out predictions is no worse than with one half."""
    _, Y = labels
    having = clf.left_out_predictions_
    tuned = f1_score(Y, having >= clf.decision_threshold_, average="macro")
    assert tuned >= f1_score(Y, having > 0.5, average="macro")
    assert not (clf.decision_threshold_ == 0.5).all()


def test_tags_say_that_several_targets_are_taken():
    """As scikit-learn's forests set them, so that its checks of such targets run."""
    for estimator in (AutoArchClassifier(), AutoArchRegressor()):
        assert get_tags(estimator).target_tags.multi_output
    assert get_tags(AutoArchClassifier()).classifier_tags.multi_label


@pytest.mark.parametrize("family", [PlainRidge, QuickMLP, QuickTree], ids=lambda family: family.name)
def test_equal_targets_get_equal_predictions(family, numbers):
    """Columns that are the same are predicted alike, whether a model shares them or not; scaled ones in their unit."""
    X, Y = numbers
    same = np.column_stack([Y[:, 0], Y[:, 0], 1024 * Y[:, 0]])  # a power of two, which rounds nothing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = AutoArchRegressor(**{**ONE, "families": family}).fit(X, same).predict(X)
    spread = found[:, 0].std()
    tolerance = 1e-6 if family is not QuickMLP else 0.3  # the outputs of a net begin with other weights
    np.testing.assert_allclose(found[:, 1], found[:, 0], atol=tolerance * spread)
    np.testing.assert_allclose(found[:, 2] / 1024, found[:, 0], atol=tolerance * spread)


def test_ridge_agrees_with_one_ridge_for_each_target(numbers):
    """Sharing changes nothing where the model treats targets apart."""
    X, Y = numbers
    reg = AutoArchRegressor(**{**ONE, "families": PlainRidge}, cv=KFold(3)).fit(X, Y)
    scaler = StandardScaler().fit(X)
    each = MultiOutputRegressor(Ridge(1.0)).fit(scaler.transform(X), Y).predict(scaler.transform(X))
    np.testing.assert_allclose(reg.predict(X) / Y.std(axis=0), each / Y.std(axis=0), atol=1e-4)
    assert isinstance(reg.best_estimator_[-1], OnTargets)


def test_a_label_that_a_fold_lacks_takes_no_model(labels):
    """A label that a single row has, and one that no row has, are predicted all the same."""
    X, Y = labels
    rare = np.column_stack([Y[:, 0], np.arange(len(Y)) == 0, np.zeros(len(Y))]).astype(int)
    clf = AutoArchClassifier(**ONE).fit(X, rare)
    assert clf.predict(X).shape == rare.shape
    assert clf.predict_proba(X)[2][:, 1].max() < 0.1
    assert isinstance(clf.best_estimator_[-1], EachTargetClassifier) or len(clf.ensemble_) >= 1


@pytest.mark.parametrize("dtype", [bool, np.int32, float])
def test_indicators_keep_their_type(dtype, labels):
    """Booleans come back as booleans, numbers as numbers of their type."""
    X, Y = labels
    clf = AutoArchClassifier(**ONE).fit(X, Y.astype(dtype))
    assert clf.predict(X[:3]).dtype == np.dtype(dtype)
    assert clf.classes_[0].dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    ("estimator", "change", "message"),
    [
        pytest.param(AutoArchClassifier, lambda Y: Y + np.arange(4), "MultiLabelBinarizer", id="integers"),
        pytest.param(AutoArchClassifier, lambda Y: Y.astype(str), "indicators", id="words"),
        pytest.param(AutoArchClassifier, lambda Y: np.zeros_like(Y), "one class", id="no-label-varies"),
        pytest.param(AutoArchClassifier, lambda Y: Y[:-1], "inconsistent", id="length"),
        pytest.param(AutoArchRegressor, lambda Y: np.where(Y, np.nan, 1.0), "NaN", id="missing"),
        pytest.param(AutoArchRegressor, lambda Y: np.where(Y, np.inf, 1.0), "infinity", id="infinite"),
        pytest.param(AutoArchRegressor, lambda Y: np.full(Y.shape, "a"), "string|numbers", id="text"),
        pytest.param(AutoArchRegressor, lambda Y: Y[:, :0], "shape", id="none"),
    ],
)
def test_targets_that_cannot_be_learned_are_refused(estimator, change, message, labels):
    """Before any work, with what to do."""
    X, Y = labels
    with pytest.raises(InputError, match=message):
        estimator(**ONE).fit(X, change(Y))


@pytest.mark.parametrize(
    ("estimator", "scoring"),
    [
        pytest.param(AutoArchClassifier, "neg_log_loss", id="classes-that-exclude-each-other"),
        pytest.param(AutoArchClassifier, "balanced_accuracy", id="one-label"),
        pytest.param(AutoArchRegressor, "neg_mean_poisson_deviance", id="one-number"),
    ],
)
def test_scores_of_a_single_target_are_refused(estimator, scoring, labels):
    """By name, before the search."""
    X, Y = labels
    with pytest.raises(ParameterError, match=scoring):
        estimator(**ONE, scoring=scoring).fit(X, Y)


def test_a_column_of_numbers_is_ravelled_with_a_warning(numbers):
    """As of labels."""
    X, Y = numbers
    with pytest.warns(DataConversionWarning):
        assert AutoArchRegressor(**ONE).fit(X, Y[:, :1]).predict(X).shape == (150,)


@pytest.mark.slow
def test_class_weights_of_several_labels(labels):
    """Balanced or a dict for each; a single dict would not say which label it is for."""
    X, Y = labels
    heavy = AutoArchClassifier(**ONE, class_weight=[{0: 1, 1: 9}] * 4).fit(X, Y)
    plain = AutoArchClassifier(**ONE).fit(X, Y)
    assert np.mean([pair[:, 1].mean() for pair in heavy.predict_proba(X)]) > np.mean(
        [pair[:, 1].mean() for pair in plain.predict_proba(X)]
    )
    with pytest.raises(ParameterError, match="a dict for each label"):
        AutoArchClassifier(**ONE, class_weight={0: 1, 1: 9}).fit(X, Y)


def test_grid_search_and_clone(reg, numbers):
    """It is searched over like any other estimator, and a clone of the winner learns the same."""
    X, Y = numbers
    search = GridSearchCV(AutoArchRegressor(**ONE), {"cv": [2, 3]}, cv=2).fit(X, Y)
    assert search.best_score_ > 0.9
    again = clone(reg.best_estimator_).fit(X, Y)
    np.testing.assert_allclose(again.predict(X) / Y.std(axis=0), reg.predict(X) / Y.std(axis=0), atol=1e-6)


@pytest.mark.slow
def test_warm_start_goes_on_with_the_same_targets_alone(labels):
    """Other targets begin anew, with a warning."""
    X, Y = labels
    clf = AutoArchClassifier(**ONE, warm_start=True).fit(X, Y)
    before = len(clf.leaderboard_)
    assert len(clf.fit(X, Y).leaderboard_) >= before
    with pytest.warns(UserWarning, match="changed since the last fit"):
        clf.fit(X, Y[:, :2])
    assert clf.predict(X).shape == (200, 2)


@pytest.mark.slow
def test_files_predict_the_same_and_graphs_are_refused(reg, clf, numbers, labels, tmp_path):
    """Numbers and labels survive a file; ONNX says why not."""
    pytest.importorskip("skops", reason="needs the extra files")
    pytest.importorskip("safetensors", reason="needs the extra files")
    for model, X in ((reg, numbers[0]), (clf, labels[0])):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.save(tmp_path / "model.autoarch")
        loaded = autoarch.load(tmp_path / "model.autoarch")
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
        assert loaded.n_targets_ == model.n_targets_
    np.testing.assert_allclose(loaded.predict_proba(X), clf.predict_proba(X))


def test_graphs_are_refused_with_the_reason(reg, tmp_path):
    """The message names several targets."""
    pytest.importorskip("onnx", reason="needs the extra onnx")
    with pytest.raises(ModelFileError, match="several targets"):
        reg.to_onnx(tmp_path / "model.onnx")


def test_one_target_is_explained(reg, clf, numbers, labels):
    """By name or place; without one the message names them."""
    X, Y = numbers
    of_b = explain(reg, X[:40], target="b", method="occlusion", random_state=0, verbose=0)
    of_c = explain(reg, X[:40], target=2, method="occlusion", random_state=0, verbose=0)
    np.testing.assert_allclose(of_b.outputs, reg.predict(X[:40])[:, 1])
    assert not np.allclose(of_b.global_ / 1e4, of_c.global_ / 1e-3)
    falls = explain(reg, X, Y, target="a", method="permutation", random_state=0, verbose=0)
    assert falls.global_.max() > 0.1
    of_label = explain(clf, labels[0][:40], target=0, method="occlusion", random_state=0, verbose=0)
    assert of_label.global_.shape == (8,)
    with pytest.raises(ParameterError, match=r"\['a', 'b', 'c'\]"):
        explain(reg, X[:5], verbose=0)


@pytest.mark.slow
def test_the_command_line_learns_several_columns(tmp_path, numbers, capsys):
    """Columns are named with commas between, and predicted under their names."""
    X, Y = numbers
    table = pd.DataFrame(X, columns=list("uvwxyz")).assign(first=Y[:, 0], second=Y[:, 1])
    table.to_csv(tmp_path / "rows.csv", index=False)
    model, out = tmp_path / "model.joblib", tmp_path / "out.csv"
    limits = ["--families", "linear", "--trials", "1", "--budget", "60", "--layout", "none"]
    rows = str(tmp_path / "rows.csv")
    assert main(["fit", rows, "--target", "first,second", "--out", str(model), *limits]) == 0
    asked = ["predict", str(model), rows, "--target", "first,second", "--trust", "--out", str(out)]
    assert main(asked) == 0
    assert list(pd.read_csv(out)) == ["prediction(first)", "prediction(second)"]
    assert "score 0.9" in capsys.readouterr().err


def test_folds_share_rare_labels_out():
    """Every fold has rows with each label, the rare one too."""
    rng = np.random.default_rng(0)
    Y = (rng.random((200, 3)) < [0.5, 0.3, 0.06]).astype(int)
    plan = plan_splits(in_one(Y, labels=True), task="classification", random_state=0)
    held_out = np.array([Y[valid].sum(axis=0) for _, valid in plan.splits])
    assert held_out.min() >= 1
    assert np.ptp(held_out[:, 2]) <= 2


def test_what_stands_for_equal_numbers_is_each_of_them():
    """Up to its unit and origin, and with the same sign; constant columns do not matter."""
    y = np.random.default_rng(0).normal(size=50)
    one = in_one(np.column_stack([y, 3 * y + 1, np.ones(50)]), labels=False)
    assert np.corrcoef(one, y)[0, 1] == pytest.approx(1.0)


def test_few_rows_begin_with_each_label():
    """Two rows with each label, and two without, come first."""
    Y = np.zeros((100, 3), dtype=int)
    Y[40:45, 0] = Y[70:, 1] = Y[[3, 90], 2] = 1
    first = Y[class_first_order(Y, 0)[:12]]
    assert (first.sum(axis=0) >= 2).all()
    assert ((1 - first).sum(axis=0) >= 2).all()


def test_logarithms_and_ranks_are_taken_of_each_target(numbers):
    """A shared model of transformed targets predicts in the units of each."""
    X, Y = numbers
    positive = np.exp(Y / Y.std(axis=0)) * [1.0, 1e6, 1e-6]
    for way in ("log", "ranks", "plain"):
        goals = [Objective("absolute", positive="yes")] * 3
        found = OnTargets(Ridge(), way, goals).fit(X, positive).predict(X)
        assert found.shape == positive.shape
        assert all(np.corrcoef(one, true)[0, 1] > 0.5 for one, true in zip(found.T, positive.T, strict=True))
