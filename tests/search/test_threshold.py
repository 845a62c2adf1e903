"""A score of labels gets the threshold that suits it, and the estimate knows that it was chosen."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, fbeta_score, hamming_loss, make_scorer
from sklearn.model_selection import FixedThresholdClassifier

from autoarch import AutoArchClassifier
from autoarch._search.scoring import Predictions, Scorer
from autoarch._search.threshold import at_temperature, moved, threshold_counts
from autoarch.exceptions import ParameterError

pytestmark = pytest.mark.usefixtures("probe_without_labels")

LINEAR = {"time_budget": None, "n_trials": 1, "families": "linear", "random_state": 0, "verbose": 0}


def rare(n, seed, share=0.05):
    """A class that one row in twenty has."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    signal = X[:, 0] + X[:, 1] + rng.normal(size=n)
    return X, np.where(signal > np.quantile(signal, 1 - share), "yes", "no")


def cost(y, predicted):
    """Missing a "yes" costs ten times as much as a false one."""
    return -np.mean(np.where(y == "yes", 10 * (predicted == "no"), predicted == "yes"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "scoring", [pytest.param("balanced_accuracy", id="named"), pytest.param(make_scorer(cost), id="cost")]
)
def test_a_threshold_for_the_score_does_better_on_new_rows_and_the_estimate_knows(scoring):
    """Labels follow it, the estimate is near the truth, and the pipeline ends in scikit-learn's own class."""
    (X, y), (Z, z) = rare(1500, 0), rare(6000, 1)
    score = balanced_accuracy_score if isinstance(scoring, str) else cost
    plain = AutoArchClassifier(**LINEAR, scoring=scoring, threshold="default").fit(X, y)
    tuned = AutoArchClassifier(**LINEAR, scoring=scoring).fit(X, y)
    assert plain.decision_threshold_ == 0.5
    assert tuned.decision_threshold_ < 0.3
    assert isinstance(tuned.best_estimator_[-1], FixedThresholdClassifier)
    above = tuned.predict_proba(Z)[:, 1] >= tuned.decision_threshold_
    np.testing.assert_array_equal(tuned.predict(Z), np.where(above, "yes", "no"))
    assert score(z, tuned.predict(Z)) > score(z, plain.predict(Z)) + 0.05
    assert abs(tuned.estimated_score_ - score(z, tuned.predict(Z))) < 3 * tuned.estimated_score_std_error_
    again = clone(tuned.best_estimator_).fit(X, y)
    assert score(z, again.predict(Z)) > score(z, plain.predict(Z)) + 0.05


@pytest.mark.parametrize(
    "scoring", [None, "accuracy", "roc_auc", "neg_log_loss", "neg_brier_score", "average_precision"]
)
def test_scores_that_ask_for_no_threshold_get_none(scoring):
    """Those of probabilities, and accuracy, which one half suits best."""
    X, y = rare(200, 2)
    assert not Scorer(scoring, "classification", X, y, classes=np.unique(y), threshold="auto").tunes


@pytest.mark.parametrize("scoring", ["balanced_accuracy", "f1_macro", "matthews_corrcoef"])
def test_scores_of_labels_ask_for_one(scoring):
    """And so does a callable of the user's own."""
    X, y = rare(200, 3)
    assert Scorer(scoring, "classification", X, y, classes=np.unique(y), threshold="auto").tunes
    own = Scorer(lambda e, X, y: np.mean(e.predict(X) == y) ** 2, "classification", X, y, None, np.unique(y), "auto")
    assert own.tunes


@pytest.mark.parametrize(
    "scoring",
    [
        *(f"{name}{kind}" for name in ("f1", "precision", "recall", "jaccard") for kind in ("", "_macro", "_weighted")),
        *("f1_micro", "balanced_accuracy", "matthews_corrcoef", make_scorer(cohen_kappa_score)),
        *(make_scorer(fbeta_score, beta=2.0, pos_label=0), make_scorer(hamming_loss, greater_is_better=False)),
    ],
    ids=str,
)
def test_counts_give_the_threshold_that_the_scorer_gives(scoring):
    """With weights and without, where probabilities repeat and reach one half, too."""
    rng = np.random.default_rng(7)
    y, weight = rng.integers(0, 2, 300), rng.uniform(0.5, 2.0, 300)
    second = np.round(np.clip(0.3 * y + rng.normal(0.3, 0.2, 300), 0, 1), 1)
    part = Predictions(np.arange(300), np.column_stack([1 - second, second]))
    for weights in (None, weight):
        fast = Scorer(scoring, "classification", np.zeros((300, 1)), y, weights, np.unique(y), "auto")
        known = fast._by_counts
        assert (known is None) == ("hamming" in str(scoring))
        found, tried = fast.threshold_of(part), np.unique(second)
        scores = [fast.score(fast.decided(part, each)) for each in tried]
        if known is not None:
            np.testing.assert_allclose(known(threshold_counts(second, y == 1, weights, tried)), scores, atol=1e-12)
        fast._by_counts = None
        np.testing.assert_allclose([fast.score(fast.decided(part, each)) for each in tried], scores, atol=1e-12)
        assert fast.threshold_of(part) == found


def test_a_threshold_of_the_users_own_holds_for_predict_proba():
    """Whatever the temperature."""
    X, y = rare(600, 4, share=0.3)
    model = AutoArchClassifier(**LINEAR, threshold=0.2).fit(X, y)
    assert model.decision_threshold_ == 0.2
    np.testing.assert_array_equal(model.predict(X) == "yes", model.predict_proba(X)[:, 1] >= 0.2)


@pytest.mark.parametrize("threshold", ["best", 1.5, True, 0.0])
def test_what_is_no_threshold_is_refused(threshold):
    """It must be a probability, or one of two words."""
    with pytest.raises(ParameterError, match="threshold="):
        AutoArchClassifier(**LINEAR, threshold=threshold).fit(*rare(60, 5))


def test_a_threshold_needs_two_classes():
    """With more, the likeliest class is predicted."""
    X, y = np.arange(60.0).reshape(30, 2), np.arange(30) % 3
    with pytest.raises(ParameterError, match="3 classes"):
        AutoArchClassifier(**LINEAR, threshold=0.3).fit(X, y)
    assert not hasattr(AutoArchClassifier(**LINEAR, scoring="f1_macro").fit(X, y), "decision_threshold_")


def test_moving_probabilities_decides_as_the_threshold_does():
    """At its very value, too; a temperature moves the threshold with them."""
    second = np.r_[0.0, 0.1, 0.2, 0.2 - 1e-9, 0.7, 1.0]
    proba = np.column_stack([1 - second, second])
    np.testing.assert_array_equal(moved(proba, 0.2).argmax(axis=1), second >= 0.2)
    assert at_temperature(at_temperature(0.2, 3.0), 1 / 3.0) == pytest.approx(0.2)


def test_a_single_lucky_threshold_is_not_taken():
    """Predictions that know nothing keep one half, or lose next to nothing."""
    rng = np.random.default_rng(6)
    y = np.where(rng.uniform(size=400) < 0.5, "yes", "no")
    scorer = Scorer(
        "balanced_accuracy", "classification", np.zeros((400, 1)), y, classes=np.unique(y), threshold="auto"
    )
    second = rng.uniform(size=400)
    part = Predictions(np.arange(400), np.column_stack([1 - second, second]))
    assert 0.05 < scorer.threshold_of(part) < 0.95


@pytest.mark.filterwarnings("ignore:.*ill-defined")
def test_a_threshold_leaves_rows_on_either_side():
    """Of the few surest rows, which make the best ratio of likelihoods, there may be none among new ones."""
    rng = np.random.default_rng(8)
    y = np.arange(200) % 2
    second = np.clip(0.5 + 0.25 * (2 * y - 1) + 0.2 * rng.normal(size=200), 0.01, 0.99)
    scorer = Scorer("positive_likelihood_ratio", "classification", np.zeros((200, 1)), y, None, np.unique(y), "auto")
    threshold = scorer.threshold_of(Predictions(np.arange(200), np.column_stack([1 - second, second])))
    assert threshold > 0.5
    assert (second >= threshold).sum() >= 5
