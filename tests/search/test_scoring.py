"""Scores from stored predictions agree with scikit-learn's on the model itself."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import get_scorer, make_scorer

from autoarch._search.scoring import Predictions, Scorer, resolve_scorer
from autoarch.exceptions import ParameterError

X, codes = load_breast_cancer(return_X_y=True)
labels = np.array(["no", "yes"])[codes]


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc", "neg_log_loss", "balanced_accuracy", "f1_macro"])
def test_a_stored_classifier_scores_like_the_model(scoring):
    """Probabilities are enough for every scorer, text labels included."""
    model = LogisticRegression(max_iter=5000).fit(X[:400], labels[:400])
    rows = np.arange(400, len(X))
    scorer = Scorer(scoring, "classification", X, labels, classes=model.classes_)
    stored = scorer.score(Predictions(rows, model.predict_proba(X[rows])))
    assert stored == pytest.approx(get_scorer(scoring)(model, X[rows], labels[rows]))


def test_weights_reach_scorers_that_take_them():
    """A row of weight 0 cannot change the score."""
    weight = np.ones(len(X))
    weight[0] = 0.0
    scorer = Scorer(None, "classification", X, labels, sample_weight=weight, classes=np.array(["no", "yes"]))
    proba = np.eye(2)[codes]
    wrong = proba.copy()
    wrong[0] = wrong[0, ::-1]
    rows = np.arange(len(X))
    assert scorer.score(Predictions(rows, wrong)) == scorer.score(Predictions(rows, proba)) == 1.0


def test_regression_and_callables():
    """A callable gets an estimator that predicts; R2 is the default."""
    X, y = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(X, y)
    rows = np.arange(50)
    stored = Predictions(rows, model.predict(X[:50]))
    assert Scorer(None, "regression", X, y).score(stored) == pytest.approx(model.score(X[:50], y[:50]))
    worst = make_scorer(lambda truth, guess: -np.abs(truth - guess).max())
    assert Scorer(worst, "regression", X, y).score(stored) == pytest.approx(worst(model, X[:50], y[:50]))
    assert Scorer(lambda est, X, y: float(len(est.predict(X))), "regression", X, y).score(stored) == 50.0


def test_an_unknown_score_is_refused_with_a_guess():
    """The message offers the nearest name."""
    with pytest.raises(ParameterError, match="Did you mean 'roc_auc'"):
        resolve_scorer("roc_acu", "classification")


def test_a_fold_that_lacks_a_class_is_scored_on_those_it_has():
    """A rare class that only trains does not break scores that count the labels."""
    classes = np.array(["a", "b", "c"])
    y = np.array(["a", "b", "a", "b", "c"])
    proba = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    scorer = Scorer("neg_log_loss", "classification", np.zeros((5, 1)), y, classes=classes)
    assert scorer.score(Predictions(np.arange(4), proba[:4])) == pytest.approx(np.log(8 / 9), abs=1e-6)


@pytest.mark.parametrize(
    ("scoring", "labels", "message"),
    [
        pytest.param("f1", np.array(["no", "yes"] * 5), "scoring=f1", id="string-labels"),
        pytest.param("roc_auc", np.arange(10) % 3, "scoring=roc_auc", id="many-classes"),
    ],
)
def test_a_score_that_cannot_work_is_found_out_at_once(scoring, labels, message):
    """Scorers that fit neither labels nor number of classes are refused before any work."""
    scorer = Scorer(scoring, "classification", np.zeros((10, 1)), labels, classes=np.unique(labels))
    with pytest.raises(ParameterError, match=message):
        scorer.check(np.arange(10))
