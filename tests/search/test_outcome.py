"""The leaderboard's order, and an estimate that selection does not inflate."""

from types import SimpleNamespace

import numpy as np
import pytest

from autoarch._data.row_splits import SplitPlan
from autoarch._search.estimate import COLUMNS, honest_estimate, leaderboard
from autoarch._search.job import TrainingData, TrialResult
from autoarch._search.loop import History
from autoarch._search.run import _winner
from autoarch._search.scoring import Predictions, Scorer


def lucky_trials(n_trials, n, seed):
    """Candidates that guess, all equally bad: the best of them is luck."""
    rng = np.random.default_rng(seed)
    X, y = np.zeros((n, 1)), rng.integers(2, size=n)
    folds = np.split(np.arange(n), 5)
    scorer = Scorer(None, "classification", X, y, classes=np.array([0, 1]))
    plan = SplitPlan(tuple((folds[0], fold) for fold in folds), "five splits", "user")
    data = TrainingData(X, y, None, plan, scorer)
    results = []
    for number in range(n_trials):
        proba = np.eye(2)[rng.integers(2, size=n)]
        parts = [Predictions(fold, proba[fold]) for fold in folds]
        scores = [scorer.score(part) for part in parts]
        results.append(TrialResult(number, "guess", {}, scores=scores, ties=scores, predictions=parts))
    return results, data


def test_the_estimate_is_not_inflated_by_the_choice():
    """Over many searches among guessers the estimate stays near chance while the best score does not."""
    searches = [lucky_trials(10, 200, seed) for seed in range(40)]
    estimates = [honest_estimate(results, data, 0)[0] for results, data in searches]
    best = [max(r.score for r in results) for results, _ in searches]
    assert np.mean(best) > 0.54
    assert abs(np.mean(estimates) - 0.5) < 0.02


def test_the_standard_error_matches_the_binomial():
    """For accuracy the bootstrap agrees with theory."""
    results, data = lucky_trials(1, 1000, 0)
    _, error = honest_estimate(results, data, 0)
    assert 0.6 < error / np.sqrt(0.25 / 1000) < 1.5


def test_the_leaderboard_orders_by_status_score_and_tie():
    """Best first; what was stopped, broken or left out follows with its reason."""
    results = [
        TrialResult(0, "a", {}, scores=[0.8], ties=[-0.5]),
        TrialResult(1, "b", {}, scores=[0.8], ties=[-0.2]),
        TrialResult(2, "c", {}, status="failed", reason="broke"),
        TrialResult(3, "d", {}, scores=[0.9], status="pruned", reason="late"),
    ]
    table = leaderboard(results, {"e": "not able"})
    assert tuple(table.columns) == COLUMNS
    assert list(table["family"]) == ["b", "a", "d", "c", "e"]
    assert list(table["rank"]) == [1, 2, 3, 4, 5]
    assert list(table["reason"])[2:] == ["late", "broke", "not able"]


def test_the_baseline_leads_only_when_it_was_chosen():
    """It was judged on one split, so its score is no rank among the others'."""
    results = [TrialResult(-1, "baseline", {}, scores=[0.9]), TrialResult(0, "a", {}, scores=[0.8])]
    assert list(leaderboard(results, {})["family"]) == ["a", "baseline"]
    assert list(leaderboard(results, {}, baseline_won=True)["family"]) == ["baseline", "a"]


@pytest.mark.parametrize(
    ("floor", "cut", "winner"),
    [
        pytest.param(0.985, True, "mlp", id="luck-on-one-split"),
        pytest.param(0.999, False, "mlp", id="trained-to-the-end"),
        pytest.param(0.999, True, "baseline", id="hardly-trained"),
    ],
)
def test_the_baseline_wins_only_over_a_trial_that_was_hardly_trained(floor, cut, winner):
    """It has seen one split: what it scores there beats a cut trial only by more than splits differ."""
    baseline = TrialResult(number=-1, family="baseline", params={}, scores=[floor])
    best = TrialResult(number=0, family="mlp", params={}, scores=[0.98, 0.985, 0.975], cut=cut)

    assert _winner(SimpleNamespace(best=best, results=[best]), baseline).family == winner


def test_what_ran_out_of_time_wins_where_nobody_was_judged_in_full():
    """The better of two on the first split, if it beats the baseline there; once one is judged in full, that one."""
    history, baseline = History(), TrialResult(-1, "baseline", {}, scores=[0.5])
    for number, scores in enumerate(([0.7], [0.8, 0.2], [0.6, 0.9])):
        history.add(TrialResult(number, "net", {}, scores=scores, status="pruned", reason="out of time", cut=True))
    assert _winner(history, baseline).number == 1
    assert _winner(history, TrialResult(-1, "baseline", {}, scores=[1.5])).number == -1

    history.add(TrialResult(3, "tree", {}, scores=[0.6, 0.6]))
    assert _winner(history, baseline).number == 3
