"""Properties of scores from stored predictions, of temperatures and of ensembles, for any labels and weights."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics
from strategies import SEEDS, probabilities

from autoarch._search.calibration import fitted_temperature, tempered
from autoarch._search.ensemble import blended, select
from autoarch._search.scoring import Predictions, Scorer


def scorer_of(scoring, y, classes=None, weight=None):
    """Scores predictions of the rows of y."""
    task = "regression" if classes is None else "classification"
    return Scorer(scoring, task, np.zeros((len(y), 1)), y, weight, classes)


@settings(max_examples=50)
@given(drawn=probabilities(), seed=SEEDS, weighted=st.booleans())
def test_scores_of_stored_probabilities_are_those_of_scikit_learn(drawn, seed, weighted):
    """Accuracy, balanced accuracy and log-loss, on rows in any order, with weights and without."""
    y, classes, proba = drawn
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(y))
    weight = rng.uniform(0.5, 2.0, size=len(y)) if weighted else None
    of_rows = {"sample_weight": None if weight is None else weight[rows]}
    stored, said = Predictions(rows, proba[rows]), classes[proba[rows].argmax(axis=1)]

    score = {
        name: scorer_of(name, y, classes, weight).score(stored) for name in (None, "balanced_accuracy", "neg_log_loss")
    }

    assert score[None] == pytest.approx(metrics.accuracy_score(y[rows], said, **of_rows))
    balanced = metrics.balanced_accuracy_score(y[rows], said, **of_rows)
    assert score["balanced_accuracy"] == pytest.approx(balanced)
    loss = metrics.log_loss(y[rows], proba[rows], labels=classes, **of_rows)
    assert -score["neg_log_loss"] == pytest.approx(loss)
    assert -scorer_of(None, y, classes, weight).tie_break(stored) == pytest.approx(loss)


@given(seed=SEEDS, n=st.integers(3, 40), scale=st.sampled_from([1e-3, 1.0, 1e4]))
def test_scores_of_stored_numbers_are_those_of_scikit_learn(seed, n, scale):
    """R2, and errors with their sign turned, so that greater is better."""
    rng = np.random.default_rng(seed)
    y, said = scale * rng.normal(size=(2, n))
    stored = Predictions(np.arange(n), said)

    assert scorer_of(None, y).score(stored) == pytest.approx(metrics.r2_score(y, said))
    error = scorer_of("neg_mean_absolute_error", y).score(stored)
    assert -error == pytest.approx(metrics.mean_absolute_error(y, said))
    assert -scorer_of(None, y).tie_break(stored) == pytest.approx(metrics.mean_squared_error(y, said))


@given(drawn=probabilities(min_rows=12), seed=SEEDS)
def test_a_class_that_is_missing_among_the_rows_does_not_break_a_score(drawn, seed):
    """The score is that over the classes which are there."""
    y, classes, proba = drawn
    rows = np.flatnonzero(y != classes[0])
    others = scorer_of("roc_auc_ovr", y, classes)
    assume(len(set(y[rows].tolist())) > 1)
    there = proba[rows][:, 1:] + 1e-12
    there /= there.sum(axis=1, keepdims=True)
    wanted = (
        metrics.roc_auc_score(y[rows], there[:, 1])
        if len(classes) == 3
        else metrics.roc_auc_score(y[rows], there, multi_class="ovr", labels=classes[1:])
    )

    assert others.score(Predictions(rows, proba[rows])) == pytest.approx(wanted)


@given(drawn=probabilities(), temperature=st.floats(0.1, 10))
def test_a_temperature_keeps_the_order_of_the_classes(drawn, temperature):
    """Probabilities still sum to 1; those of a higher temperature are less sure."""
    _, _, proba = drawn
    proba = np.maximum(proba, 1e-5) / np.maximum(proba, 1e-5).sum(axis=1, keepdims=True)

    cooled = tempered(proba, temperature)

    np.testing.assert_allclose(cooled.sum(axis=1), 1.0)
    np.testing.assert_array_equal(np.argsort(cooled, kind="stable"), np.argsort(proba, kind="stable"))
    surer, less_sure = (proba, cooled) if temperature >= 1 else (cooled, proba)
    assert (surer.max(axis=1) >= less_sure.max(axis=1) - 1e-9).all()


@settings(max_examples=30)
@given(drawn=probabilities(min_rows=40, max_rows=120), seed=SEEDS)
def test_a_fitted_temperature_is_positive_and_undoes_too_much_confidence(drawn, seed):
    """It never makes the log-loss worse by much, and squares of probabilities ask for a higher one than these."""
    _, classes, proba = drawn
    rng = np.random.default_rng(seed)
    proba = np.maximum(proba, 1e-3)
    proba /= proba.sum(axis=1, keepdims=True)
    y = classes[(proba.cumsum(axis=1) < rng.random((len(proba), 1))).sum(axis=1).clip(max=len(classes) - 1)]
    rows, sure = np.arange(len(y)), proba**4 / (proba**4).sum(axis=1, keepdims=True)

    usual, higher = (fitted_temperature(Predictions(rows, p), y, classes, None) for p in (proba, sure))

    assert usual > 0 and higher > 1
    losses = [metrics.log_loss(y, p, labels=classes) for p in (tempered(sure, higher), sure)]
    assert losses[0] <= losses[1]


@settings(max_examples=30)
@given(drawn=probabilities(min_rows=20), seed=SEEDS, size=st.integers(1, 4))
def test_shares_of_an_ensemble_sum_to_one_and_never_lose_on_their_rows(drawn, seed, size):
    """No more members than allowed, the best one among them, and probabilities that are probabilities."""
    y, classes, proba = drawn
    rng = np.random.default_rng(seed)
    scorer, rows = scorer_of("neg_log_loss", y, classes), np.arange(len(y))
    values = [0.9 * rng.dirichlet(np.ones(len(classes)), size=len(y)) + 0.1 * proba for _ in range(5)]
    parts = sorted((Predictions(rows, value) for value in values), key=scorer.score, reverse=True)

    shares = select(parts, scorer, size)
    together = blended(parts, shares)

    assert sum(shares.values()) == pytest.approx(1) and min(shares.values()) > 0
    assert 0 in shares and len(shares) <= size
    np.testing.assert_allclose(together.values.sum(axis=1), 1.0)
    assert scorer.score(together) >= scorer.score(parts[0])
