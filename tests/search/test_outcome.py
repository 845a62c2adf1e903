"""The leaderboard's order, the winner, and an estimate that selection does not inflate."""

from types import SimpleNamespace

import numpy as np
import pytest

from autoarch._data.row_splits import SplitPlan
from autoarch._search.ensemble import winner_of_search
from autoarch._search.estimate import honest_estimate
from autoarch._search.jobs import TrainingData
from autoarch._search.leaderboard import COLUMNS, leaderboard, never_tried
from autoarch._search.scheduler import Scheduler
from autoarch._search.scoring import Predictions, Scorer
from autoarch._search.steps import Candidate, Judgement, StepResult, Work
from search.oracle import PROBLEM, Invented


def lucky_candidates(n_candidates, n, seed, scoring=None, share=0.5):
    """Candidates that guess, all equally bad: the best of them, which comes first, is luck."""
    rng = np.random.default_rng(seed)
    X, y = np.zeros((n, 1)), (rng.random(n) < share).astype(int)
    folds = np.split(np.arange(n), 5)
    scorer = Scorer(scoring, "classification", X, y, classes=np.array([0, 1]), threshold="auto")
    plan = SplitPlan(tuple((folds[0], fold) for fold in folds), "five splits", "user")
    data = TrainingData(X, y, None, plan, scorer)
    candidates = []
    for number in range(n_candidates):
        second = rng.integers(2, size=n) if scoring is None else rng.random(n)
        proba = np.column_stack([1 - second, second])
        candidate = Candidate(number, "guess", {})
        for split, fold in enumerate(folds):
            part = Predictions(fold, proba[fold])
            decided = scorer.decided(part)
            candidate.steps[split] = Judgement(scorer.score(decided), 0.0, scorer.unit_losses(decided), part)
        candidates.append(candidate)
    return sorted(candidates, key=lambda candidate: -candidate.mean_score), data


def test_the_estimate_is_not_inflated_by_the_choice():
    """Over many searches among guessers the estimate stays near chance while the best score does not."""
    searches = [lucky_candidates(10, 200, seed) for seed in range(40)]
    estimates = [honest_estimate(candidates, data, 0)[0] for candidates, data in searches]
    assert np.mean([candidates[0].mean_score for candidates, _ in searches]) > 0.54
    assert abs(np.mean(estimates) - 0.5) < 0.02


def f1(estimator, X, y):
    """F1 of the second class, or of no class where nothing is of it."""
    found = estimator.predict(X)
    return 2 * float(np.sum((found == 1) & (y == 1))) / max(float(np.sum(found == 1) + np.sum(y == 1)), 1.0)


def test_a_threshold_is_chosen_on_other_rows_than_those_that_the_estimate_is_of():
    """No guess has a better F1 than that of the second class for all rows, whose share is one tenth."""
    best, estimates = [], []
    for seed in range(15):
        candidates, data = lucky_candidates(3, 150, seed, f1, 0.1)
        best.append(candidates[0].mean_score)
        estimates.append(honest_estimate(candidates, data, 0)[0])
    most = 2 * 0.1 / (1 + 0.1)
    assert np.mean(best) > most + 0.08
    assert np.mean(estimates) < most + 0.02


def test_the_standard_error_matches_the_binomial():
    """For accuracy the bootstrap agrees with theory."""
    candidates, data = lucky_candidates(1, 1000, 0)
    _, error = honest_estimate(candidates, data, 0)
    assert 0.6 < error / np.sqrt(0.25 / 1000) < 1.5


@pytest.mark.filterwarnings("ignore")  # scikit-learn's, of rows of one class, which a search silences
@pytest.mark.parametrize("scoring", [None, "roc_auc", "balanced_accuracy", "neg_log_loss"])
@pytest.mark.parametrize("rows", [1, 2, 7, 40])
def test_an_estimate_is_a_number_with_an_error_however_few_the_rows(rows, scoring):
    """Of rows that are all predicted right, too; the fewer the rows, the wider."""
    y = np.arange(50) % 2
    scorer = Scorer(scoring, "classification", np.zeros((50, 1)), y, classes=np.array([0, 1]))
    found = []
    for n in (rows, 50):
        data = TrainingData(np.zeros((50, 1)), y, None, SplitPlan(((np.arange(50), np.arange(n)),), "", "user"), scorer)
        part = Predictions(np.arange(n), np.where(y[:n, None] == [0, 1], 0.9, 0.1))
        candidate = Candidate(0, "a", {}, steps={0: Judgement(1.0, 0.0, scorer.unit_losses(part), part)})
        found.append(honest_estimate([candidate], data, 0))
    assert np.isfinite(found).all()
    assert found[0][1] > 0 and found[0][1] >= found[1][1]


def search_of(*candidates, n_splits=3, families=()):
    """Only as much of a search as its outcome needs: candidates given as (number, family, scores, other fields)."""
    scheduler = Scheduler((1 / n_splits,) * n_splits, timed=True)
    scheduler.enter([Invented(name) for name in families], PROBLEM, {})
    for number, family, scores, fields in candidates:
        cut, candidate = fields.pop("cut", False), Candidate(number, family, {}, **fields)
        for split, score in enumerate(scores):
            losses = np.where(np.arange(200) < 200 * score, 0.0, 1.0).astype(np.float32)
            work = Work(rows=80, rounds=7, share_done=0.5 if cut else 1.0, seconds=0.5)
            candidate.steps[split], candidate.work[split] = Judgement(score, score, losses), work
        scheduler.candidates.append(candidate)
    data = SimpleNamespace(splits=(None,) * n_splits, score=lambda candidate: candidate.mean_score)
    return SimpleNamespace(
        scheduler=scheduler,
        interrupted=False,
        data=data,
        families=[Invented(name) for name in families],
        predict_seconds=lambda candidate: 0.25,
    )


def test_the_leaderboard_is_ordered_by_status_and_score():
    """The winner first; what waits, is excluded, broken or left out follows with its reason."""
    search = search_of(
        (-1, "baseline", [0.9], {"status": "excluded", "reason": "not asked for"}),
        (0, "a", [0.8] * 3, {}),
        (1, "b", [0.85] * 3, {}),
        (2, "c", [], {"status": "failed", "reason": "broke"}),
        (3, "d", [0.82], {"reason": "too slow"}),
        (4, "e", [0.4], {}),
    )
    table = leaderboard(search, search.scheduler.candidates[2], {"f": "not able"})
    assert tuple(table.columns) == COLUMNS
    assert list(table["family"]) == ["b", "a", "d", "e", "baseline", "c", "f"]
    assert list(table["status"]) == ["ok", "ok", "paused", "paused", "excluded", "failed", "skipped"]
    assert list(table["rank"]) == [1, 2, 3, 4, 5, 6, 7]
    reasons = dict(zip(table["family"], table["reason"], strict=True))
    assert reasons["d"] == "paused at 1 of 3 splits: too slow"
    assert "set aside after 1 of 3 splits: 0.45 behind" in reasons["e"]
    assert (reasons["baseline"], reasons["c"], reasons["f"]) == ("not asked for", "broke", "not able")


def test_the_leaderboard_tells_what_was_done_for_each():
    """Splits, rows and rounds, seconds, and whether the clock cut a training."""
    search = search_of((0, "a", [0.8] * 3, {}), (1, "b", [0.7, 0.9], {"cut": True}))
    first, second = leaderboard(search, search.scheduler.candidates[0], {}).to_dict("records")
    told = {"splits": 3, "rows": 80, "rounds": 7, "seconds": 1.5, "predict_seconds": 0.25, "cut": False}
    assert {name: first[name] for name in told} == told
    assert (second["splits"], second["cut"], second["score_std"]) == (2, True, pytest.approx(0.1))


@pytest.mark.parametrize(
    ("score", "cut", "winner"),
    [
        pytest.param(0.985, True, "mlp", id="luck-on-one-split"),
        pytest.param(0.999, False, "mlp", id="trained-to-the-end"),
        pytest.param(0.999, True, "baseline", id="hardly-trained"),
    ],
)
def test_an_excluded_baseline_wins_only_over_a_candidate_that_was_hardly_trained(score, cut, winner):
    """It has seen one split: what it scores there must be far better than what a cut candidate does."""
    usual = [0.5 if score > 0.99 else 0.98] * 3
    search = search_of((-1, "baseline", [score], {"status": "excluded"}), (0, "mlp", usual, {"cut": cut}))

    assert winner_of_search(search).family == winner


def test_the_baseline_wins_where_nothing_else_was_judged():
    """There is always a model."""
    failed = {"status": "failed", "reason": "broke"}
    search = search_of((-1, "baseline", [0.5], {"status": "excluded"}), (0, "a", [], failed))
    assert winner_of_search(search).family == "baseline"


def test_a_family_without_a_turn_is_told_the_reason():
    """The clock is named where it was the clock, and nothing else is."""
    search = search_of(families=["a", "b"])
    search.scheduler.learn(Candidate(0, "a", {}), StepResult(0, 0, "failed", "broke"))
    assert "were not left" in never_tried(search)["b"]
    search.scheduler.timed = False
    assert never_tried(search)["b"] == "the search ended before it was tried"
