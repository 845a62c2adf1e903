"""Members that vote, and the temperature of probabilities."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from autoarch._search import members as fitting
from autoarch._search.averages import voting
from autoarch._search.calibration import fitted_temperature, tempered
from autoarch._search.scoring import Predictions, Scorer
from autoarch._search.selection import blended, helps, select
from autoarch._search.steps import Candidate


def experts(n=300, seed=0):
    """Three candidates: two that each know half of the rows, and one that knows nothing."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    truth, blank = np.eye(2)[y] * 0.8 + 0.1, np.full((n, 2), 0.5)
    first_half = (np.arange(n) < n // 2)[:, None]
    values = [np.where(first_half, truth, blank), np.where(first_half, blank, truth), np.eye(2)[1 - y] * 0.1 + 0.45]
    scorer = Scorer(None, "classification", np.zeros((n, 1)), y, classes=np.array([0, 1]))
    return [Predictions(np.arange(n), value) for value in values], scorer


def test_those_are_chosen_who_know_what_the_others_do_not():
    """The two halves together are always right; the third, who is always wrong, has no vote."""
    parts, scorer = experts()
    shares = select(parts, scorer, 3)
    assert set(shares) == {0, 1}
    assert sum(shares.values()) == pytest.approx(1)
    assert scorer.score(blended(parts, shares)) == 1.0
    assert set(select(parts, scorer, 1)) == {0}


def test_probabilities_choose_members_unless_labels_are_lost_by_it():
    """Who is as often right and surer of it helps; not who takes a hundred labels with it."""
    y, rows = np.tile([0, 1], 200), np.arange(400)
    scorer = Scorer(None, "classification", np.zeros((400, 1)), y, classes=np.array([0, 1]))
    wrong = rows >= 360
    unsure, sure = (np.where(wrong, 1 - p, p) for p in (0.6, 0.9))
    bold = np.where(rows < 100, 0.35, np.where(wrong, 0.45, 0.99))
    parts = [Predictions(rows, np.eye(2)[y] * (2 * p - 1)[:, None] + (1 - p)[:, None]) for p in (unsure, sure, bold)]

    assert select(parts[:2], scorer, 2)[1] > 0.5
    shares = select([parts[0], parts[2]], scorer, 2)
    assert scorer.score(blended([parts[0], parts[2]], shares)) >= scorer.score(parts[0])


def test_the_luckiest_of_many_does_not_forbid_a_mean():
    """Of 300 candidates that guess on 200 rows alike, the one that guessed best is not better on other rows."""
    rng = np.random.default_rng(0)
    y, rows = rng.integers(2, size=600), np.arange(600)
    scorer = Scorer(None, "classification", np.zeros((600, 1)), y, classes=np.array([0, 1]))
    unknown = rows >= 400

    def predicted(sure):
        guess = 0.5 + 0.02 * rng.choice([-1, 1], size=600)
        p = np.where(unknown, guess, np.where(y == 1, sure, 1 - sure))
        return Predictions(rows, np.column_stack([1 - p, p]))

    alike = sorted((predicted(0.8) for _ in range(300)), key=scorer.score, reverse=True)
    assert helps([*alike[:6], predicted(0.95)], scorer, 5, lambda: False)
    assert not helps(alike[:1] * 2, scorer, 5, lambda: False)


@given(seed=st.integers(0, 10_000), size=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_an_ensemble_never_scores_below_its_best_member(seed, size):
    """On the rows that it was chosen on; and it has no more members than allowed."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=60)
    scorer = Scorer(None, "regression", np.zeros((60, 1)), y)
    parts = [Predictions(np.arange(60), y + rng.normal(size=60)) for _ in range(5)]
    parts.sort(key=scorer.score, reverse=True)
    shares = select(parts, scorer, size)
    assert len(shares) <= size
    assert scorer.score(blended(parts, shares)) >= scorer.score(parts[0])


def test_a_vote_of_fitted_pipelines_is_their_mean_and_can_be_fitted_again():
    """Labels and all; for numbers, too."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = np.array(["a", "b", "c"])[rng.integers(3, size=80)]
    members = [
        make_pipeline(DecisionTreeClassifier(max_depth=2)).fit(X, y),
        make_pipeline(LogisticRegression()).fit(X, y),
    ]
    vote = voting(members, np.unique(y), [0.75, 0.25])
    expected = 0.75 * members[0].predict_proba(X) + 0.25 * members[1].predict_proba(X)
    np.testing.assert_allclose(vote.predict_proba(X), expected)
    np.testing.assert_array_equal(vote.predict(X), np.unique(y)[expected.argmax(axis=1)])
    assert clone(vote).fit(X, y).predict(X).shape == (80,)
    numbers = [make_pipeline(DecisionTreeRegressor(max_depth=depth)).fit(X, X[:, 0]) for depth in (1, 2)]
    mean = (numbers[0].predict(X) + numbers[1].predict(X)) / 2
    np.testing.assert_allclose(voting(numbers, None, [0.5, 0.5]).predict(X), mean)


def overconfident(factor, n=2_000, seed=0):
    """Probabilities whose logarithms are ``factor`` times what they should be, and labels drawn from the true ones."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 3))
    y = np.array([rng.choice(3, p=p) for p in softmax(logits, axis=1)])
    return Predictions(np.arange(n), softmax(factor * logits, axis=1)), np.array(["u", "v", "w"])[y]


def test_the_temperature_undoes_too_much_confidence():
    """It comes out as the factor by which the logarithms were too large, and lowers the log-loss."""
    predictions, y = overconfident(3.0)
    temperature = fitted_temperature(predictions, y, np.unique(y), None)
    assert temperature == pytest.approx(3.0, rel=0.15)
    cooled = tempered(predictions.values, temperature)
    assert log_loss(y, cooled) < log_loss(y, predictions.values)
    np.testing.assert_array_equal(cooled.argmax(axis=1), predictions.values.argmax(axis=1))
    np.testing.assert_allclose(cooled.sum(axis=1), 1.0)


def test_honest_probabilities_are_left_nearly_alone():
    """Nothing to gain, nothing changed by much; with too few rows nothing at all."""
    predictions, y = overconfident(1.0)
    assert fitted_temperature(predictions, y, np.unique(y), None) == pytest.approx(1.0, abs=0.1)
    few = Predictions(np.arange(10), predictions.values[:10])
    assert fitted_temperature(few, y, np.unique(y), None) == 1.0
    assert tempered(predictions.values, 1.0) is predictions.values


def test_a_perfect_record_makes_nobody_infallible():
    """Where all left-out rows are right the probabilities may grow, but not to 0 and 1."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=400)
    sure = np.where(y[:, None] == [0, 1], 0.9, 0.1)
    temperature = fitted_temperature(Predictions(np.arange(400), sure), y, np.array([0, 1]), None)
    cooled = tempered(sure, temperature)
    assert 0.95 < cooled.max() < 1 - 1 / 4_000


def test_weights_are_heard():
    """Rows without weight have no say in the temperature."""
    predictions, y = overconfident(3.0)
    values = np.concatenate([predictions.values, np.full((2_000, 3), 1 / 3)])
    values[2_000:, 0] += 1e-3
    both = Predictions(np.arange(4_000), values)
    weight = np.r_[np.ones(2_000), np.zeros(2_000)]
    labels = np.concatenate([y, y])
    expected = fitted_temperature(predictions, y, np.unique(y), None)
    assert fitted_temperature(both, labels, np.unique(y), weight) == pytest.approx(expected, rel=0.01)
    assert np.isfinite(log_softmax(np.log(both.values), axis=1)).all()


class Spent:
    """A search with so many seconds left, in which every prediction of 1,000 rows takes a hundredth of one."""

    def __init__(self, left, *, averages=True, max_predict_seconds=None):
        self.budget = SimpleNamespace(seconds=100.0, left=left, unlimited=False)
        self.data = SimpleNamespace(plan=SimpleNamespace(extra={}), n_folds=0)
        self.scheduler = SimpleNamespace(costs=SimpleNamespace(pace=1.0))
        self.models = SimpleNamespace(of=lambda candidate: [])
        self.max_predict_seconds, self._averages, self.interrupted = max_predict_seconds, averages, False

    def family(self, name):
        return SimpleNamespace(averages_seeds=False, averages_folds=self._averages)

    def predict_seconds(self, candidate):
        return 0.01


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (Spent(20.0), [4, 2]),
        (Spent(200.0), [5, 5]),
        (Spent(2.0), [1, 1]),
        (Spent(200.0, averages=False), [1, 1]),
        (Spent(200.0, max_predict_seconds=0.04), [3, 1]),
    ],
)
def test_time_that_is_left_goes_to_more_seeds_of_the_heaviest_members(monkeypatch, search, expected):
    """At three seconds each: as many as there is time for, of what is random, and as predictions may take."""

    model = (DecisionTreeClassifier().fit([[0], [1]], [0, 1]),)

    def another_seed(candidate, search, left, number):
        search.budget.left -= 3.0
        return model

    monkeypatch.setattr(fitting, "another_seed", another_seed)
    members = [
        fitting._Fitted(Candidate(number, "tree", {}), [model], "all rows", weight, number, 3.0)
        for number, weight in enumerate((0.7, 0.3))
    ]
    fitting._fit_more_seeds(members, search)

    assert [len(member.models) for member in members] == expected


def test_models_of_splits_get_no_further_seeds(monkeypatch):
    """A refit was too long, or was worse than they are."""
    monkeypatch.setattr(fitting, "another_seed", lambda *args: pytest.fail("it was fitted again"))
    model, search = (DecisionTreeClassifier().fit([[0], [1]], [0, 1]),), Spent(200.0)
    search.models = SimpleNamespace(of=lambda candidate: [model])
    fitting._fit_more_seeds([fitting._Fitted(Candidate(0, "tree", {}), [model], "a split", 1.0, 0, 1e-3)], search)
