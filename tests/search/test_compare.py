"""Comparison of candidates that were judged on different splits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SEEDS

from autoarch._search.compare import (
    SET_ASIDE,
    Comparison,
    Difference,
    additive_scores,
    leader_of,
    row_variance,
    winner_of,
)
from autoarch._search.steps import Candidate, Judgement


def candidate(number, scores, losses=None, ties=None):
    """A candidate with these scores by split, each a mean over twenty rows unless their losses are given."""
    made = Candidate(number, "a", {})
    for split, score in scores.items():
        own = np.where(np.arange(20) < 20 * score, 0.0, 1.0) if losses is None else losses[split]
        made.steps[split] = Judgement(score, 0.0 if ties is None else ties[split], np.asarray(own, dtype=np.float32))
    return made


def equal(n):
    """Weights of equal splits."""
    return (1 / n,) * n


@given(seed=SEEDS, n=st.integers(1, 8), k=st.integers(1, 6))
def test_who_has_seen_the_same_splits_is_compared_by_means(seed, n, k):
    """Of the splits, by their weights."""
    rng = np.random.default_rng(seed)
    scores, weights = rng.normal(size=(n, k)), rng.dirichlet(np.full(k, 5.0))
    candidates = [candidate(i, dict(enumerate(row)), losses=np.zeros((k, 3))) for i, row in enumerate(scores)]

    estimate = additive_scores(candidates, weights)

    np.testing.assert_allclose([estimate[i] for i in range(n)], scores @ weights, atol=1e-8)


@given(seed=SEEDS, n=st.integers(2, 8), k=st.integers(2, 6))
def test_an_additive_table_is_recovered_from_some_of_its_cells(seed, n, k):
    """Hard splits are no one's disadvantage, as long as somebody has seen all of them."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(k, 5.0))
    table = rng.normal(size=(n, 1)) + rng.normal(size=(1, k))
    seen = rng.random((n, k)) < 0.5
    seen[0], seen[np.arange(n), rng.integers(k, size=n)] = True, True
    candidates = [
        candidate(i, {split: table[i, split] for split in np.flatnonzero(seen[i])}, losses=np.zeros((k, 3)))
        for i in range(n)
    ]

    estimate = additive_scores(candidates, weights)

    np.testing.assert_allclose([estimate[i] for i in range(n)], table @ weights, atol=1e-8)


@given(seed=SEEDS, n=st.integers(2, 6), k=st.integers(1, 5))
def test_a_split_that_is_hard_for_all_changes_no_difference(seed, n, k):
    """Adding to all scores of a split moves everybody by the same."""
    rng = np.random.default_rng(seed)
    scores, shift = rng.normal(size=(n, k)), np.zeros(k)
    shift[rng.integers(k)] = 3.0
    first = rng.integers(1, k + 1, size=n)
    first[0] = k
    estimates = [
        additive_scores(
            [candidate(i, dict(enumerate(row[: first[i]])), losses=np.zeros((k, 3))) for i, row in enumerate(table)],
            equal(k),
        )
        for table in (scores, scores + shift)
    ]

    moved = [estimates[1][i] - estimates[0][i] for i in range(n)]
    np.testing.assert_allclose(moved, shift.mean(), atol=1e-8)


def test_nobody_means_no_scores():
    """Neither a leader nor a winner."""
    assert additive_scores([], (1.0,)) == {}
    assert leader_of([], (1.0,)) is None and winner_of([Candidate(0, "a", {})], (1.0,)) is None


def simulated(rng, n_candidates, k, rows, fits):
    """Candidates that are equally good: shared hard rows, and trainings that differ from fold to fold."""
    made = [Candidate(number, "a", {}) for number in range(n_candidates)]
    for split in range(k):
        hard, of_split = rng.random(rows), 0.05 * rng.normal()
        for each in made:
            accuracy = 0.8 + of_split + fits * rng.normal()
            losses = (np.where(rng.random(rows) < 0.6, hard, rng.random(rows)) > accuracy).astype(np.float32)
            each.steps[split] = Judgement(1.0 - float(losses.mean()), 0.0, losses)
    return made


@pytest.mark.parametrize("fits", [0.0, 0.03])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_differences_of_equals_are_about_a_standard_error(k, fits):
    """Their variance is about one where trainings do not differ, not far above where they do, and few are set aside."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(150):
        first, *others = simulated(rng, 4, k, 100, fits)
        compared = Comparison([first, *others], first, equal(k))
        found += [compared.of(other) for other in others]

    standardised = np.array([each.standardised for each in found])

    assert 0.3 < np.mean(standardised**2) < 1.3
    assert np.mean([each.behind for each in found]) < 0.01
    assert np.mean([each.mean for each in found]) == pytest.approx(0, abs=0.01)


def test_more_rows_make_a_difference_surer():
    """A difference of a tenth says nothing on twenty rows, and sets aside on two thousand."""
    lags = []
    for rows in (20, 2_000):
        wrong = [np.arange(rows) % 10 < bad for bad in (3, 2)]
        worse, better = (candidate(i, {0: 1 - w.mean()}, [w]) for i, w in enumerate(wrong))
        lags.append(Comparison([worse, better], better, (1.0,)).of(worse))
    assert [lag.mean for lag in lags] == pytest.approx([-0.1, -0.1])
    assert [lag.behind for lag in lags] == [False, True]


def test_common_splits_alone_are_compared():
    """And there is no difference without any."""
    one, other = candidate(0, {0: 0.9, 1: 0.2}), candidate(1, {0: 0.7, 2: 1.0})
    compared = Comparison([one, other, candidate(2, {3: 0.5})], other, equal(4))
    assert (compared.of(one).n_splits, compared.of(one).mean) == (1, pytest.approx(0.2))
    assert Comparison([candidate(2, {3: 0.5}), other], other, equal(4)).of(candidate(2, {3: 0.5})) is None


@given(mean=st.floats(-1, 1), error=st.floats(1e-3, 1))
def test_the_expected_gain_is_that_of_a_normal(mean, error):
    """Positive, at least the mean, more where less is known; nothing to hope for far behind."""
    lag = Difference(mean, error, 1)
    assert lag.expected_gain >= max(mean, 0.0) - 1e-12
    assert Difference(mean, 2 * error, 1).expected_gain >= lag.expected_gain - 1e-12
    assert lag.behind == (mean <= -SET_ASIDE * error)
    drawn = mean + error * np.random.default_rng(0).normal(size=20_000)
    assert lag.expected_gain == pytest.approx(np.maximum(drawn, 0).mean(), abs=0.05 * error)


@given(seed=SEEDS, n=st.integers(2, 50))
def test_losses_that_do_not_vary_are_not_taken_as_exact(seed, n):
    """One more row is counted at the largest deviation; undefined blocks are left out."""
    losses = np.random.default_rng(seed).normal(size=n)
    usual = row_variance(losses, 0.0)
    assert usual >= losses.var(ddof=1) / n
    assert row_variance(np.r_[losses, np.nan], 0.0) == pytest.approx(usual)
    assert row_variance(np.zeros(n), 0.1) > 0
    assert row_variance(np.array([np.nan]), 0.5) == 0.25


def test_the_leader_is_the_best_by_what_it_has_seen():
    """One split that was easy for all makes no leader; ties are broken by the tie-break."""
    full = candidate(0, {0: 0.9, 1: 0.6, 2: 0.6})
    lucky = candidate(1, {0: 0.85})
    assert leader_of([full, lucky], equal(3)) is full
    first, second = (candidate(i, {0: 0.5}, ties={0: tie}) for i, tie in enumerate((-0.4, -0.2)))
    assert leader_of([first, second], (1.0,)) is second


def test_who_has_seen_few_splits_must_be_clearly_ahead():
    """The fewer of those that another one has seen, the more so; half of them are enough."""
    full = candidate(0, dict.fromkeys(range(5), 0.80))
    slightly = dict.fromkeys(range(5), 0.85)
    hardly, well = candidate(1, {0: 0.85}), candidate(2, dict(list(slightly.items())[:3]))
    clearly = candidate(3, {0: 1.0})
    assert winner_of([full, hardly], equal(5)) is full
    assert winner_of([full, well], equal(5)) is well
    assert winner_of([full, clearly], equal(5)) is clearly


@settings(max_examples=100)
@given(seed=SEEDS, n=st.integers(1, 8), k=st.integers(1, 5))
def test_nobody_with_all_of_the_winners_splits_and_a_better_mean_is_passed_over(seed, n, k):
    """Whatever the scores, and whoever has seen what."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(k, 5.0))
    candidates = []
    for number in range(n):
        order = rng.permutation(k)[: rng.integers(1, k + 1)]
        candidates.append(candidate(number, {int(split): rng.integers(0, 21) / 20 for split in order}))
    for best in (winner_of(candidates, weights), leader_of(candidates, weights)):
        splits = best.splits
        share = [weights[split] for split in splits]
        means = [
            np.average([rival.steps[split].score for split in splits], weights=share)
            for rival in candidates
            if set(splits) <= set(rival.steps)
        ]
        assert max(means) <= np.average(best.scores, weights=share) + 1e-12
