"""check_transfer: verdicts on cases with a known answer, and what the report says."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import nn

from autoarch import AutoArchClassifier
from autoarch._search.scoring import Predictions, Scorer
from autoarch._training.pretrained.measures import InputShift
from autoarch.exceptions import InputError, LayoutError, ParameterError
from autoarch.transfer import TransferFeatures, TransferReport, Way, check_transfer
from autoarch.transfer.check import _paired_error
from autoarch.transfer.comparison import VERDICTS

QUICK = {"cv": 2, "steps": 40, "random_state": 0}


@pytest.fixture(scope="module")
def same(digit_net, digits):
    """The net on rows that it was trained on."""
    return check_transfer(digit_net, digits[0][:150], digits[1][:150], **QUICK)


def test_the_same_task_says_reuse(same):
    """Nothing can be better than what knows the answers."""
    assert same.verdict == "reuse"
    assert same.ways["as is"].score > 0.9
    assert same.beats_floor("as is") and same.over_floor("as is")[0] > 0
    assert same.shift.word == "alike"
    assert same.logme > same.logme_random
    assert not [change for change in same.changes if "channels" in change]


def test_a_shuffled_target_does_not(digit_net, digits):
    """Where cells have no neighbours any more, features of neighbours are worth nothing."""
    X, y = digits[0][900:1100].reshape(200, 64), digits[1][900:1100]
    X = X[:, np.random.default_rng(0).permutation(64)]

    report = check_transfer(digit_net, X, y, layout=(8, 8), cv=2, steps=150, random_state=0)

    assert report.verdict != "reuse"
    assert report.ways["as is"].score < 0.3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_labels_dealt_at_random_say_none(seed, digit_net, digits):
    """No way beats the best of constant and plain models, and the sentence says so."""
    y = np.random.default_rng(seed).permutation(digits[1][:120])
    report = check_transfer(digit_net, digits[0][:120], y, cv=3, steps=20, random_state=seed)
    assert report.verdict == "none of these"
    assert report.sentence.startswith("None of these: nothing beats")
    assert not any(map(report.beats_floor, report.ways))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_table_that_a_plain_model_reads_better_says_none(task, noise_net):
    """Cells in no order: what tells y is which cell, and a model of the raw cells learns that from few rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 8, 8))
    y = X[:, 1, 2] - X[:, 6, 6]
    y = y + 0.1 * rng.normal(size=240) if task == "regression" else y > 0

    report = check_transfer(noise_net, X, y, cv=3, steps=40, random_state=0)

    assert report.verdict == "none of these" and report.floor in ("linear", "boosting")
    assert report.sure and "raw cells" in report.sentence
    assert report.references["linear"].score > 0.8 > max(way.score for way in report.ways.values())


def test_few_cells_among_many_are_found_by_the_floor(noise_net):
    """Boosting on the columns that differ most between the labels."""
    X = np.random.default_rng(0).normal(size=(200, 32, 32))
    y = X[:, 3, 7] - X[:, 20, 31] + X[:, 30, 12] > 0
    report = check_transfer(noise_net, X, y, cv=2, steps=5, random_state=0)
    assert report.verdict == "none of these" and report.floor == "boosting"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda X, rng: X, None, id="as-they-were"),
        pytest.param(lambda X, rng: 300.0 * X - 50.0, "these data|each sample", id="another-unit"),
        pytest.param(
            lambda X, rng: X * rng.lognormal(0, 1.5, (len(X), 1, 1)) + 40 * rng.normal(size=(len(X), 1, 1)),
            "each sample",
            id="gains-and-levels-of-each-sample",
        ),
    ],
)
def test_the_net_as_it_is_gets_the_scale_that_serves_it(change, words, digit_net, digits):
    """Measured on the training rows: its own, that of these data, or that of each sample."""
    X = change(digits[0][900:1020].astype(np.float64), np.random.default_rng(0))
    report = check_transfer(digit_net, X, digits[1][900:1020], cv=2, steps=5, random_state=0)
    way = report.ways["as is"]
    assert way.score > 0.85
    assert words is None or re.search(words, way.inputs)


def test_levels_that_tell_the_label_are_not_scaled_away(digit_net, digits):
    """A scale of each sample's own is measured, too, and found wanting."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=100)
    report = check_transfer(digit_net, rng.normal(size=(100, 8, 8)) + y[:, None, None], y, cv=2, steps=5)
    assert all("each sample" not in report.ways[name].inputs for name in ("frozen", "fine-tuned", "from scratch"))


def test_a_group_of_rows_counts_once():
    """Copies of rows that form groups do not make the error smaller."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=40)
    guesses = [rng.dirichlet([1, 1], size=40) for _ in range(2)]
    once, twice = np.arange(40), np.tile(np.arange(40), 2)

    def error(rows, units):
        scorer = Scorer(None, "classification", np.zeros((len(rows), 1)), y[rows], None, np.arange(2))
        parts = [[Predictions(np.arange(len(rows)), guess[rows])] for guess in guesses]
        return _paired_error(scorer, *parts, units)

    assert error(twice, twice) == pytest.approx(error(once, once))
    assert error(twice, np.arange(80)) < error(once, once)


def test_equal_seeds_give_equal_reports_without_a_clock(same, digit_net, digits):
    """Steps end the trainings."""
    again = check_transfer(digit_net, digits[0][:150], digits[1][:150], **QUICK)
    assert {name: way.scores for name, way in again.ways.items()} == {
        name: way.scores for name, way in same.ways.items()
    }
    assert again.budget == "40 steps for each training"


def test_a_time_budget_is_shared_out(digit_net, digits):
    """Half of it to each kind of training, evenly over the folds."""
    report = check_transfer(digit_net, digits[0][900:1000], digits[1][900:1000], cv=2, time_budget=0.4)
    assert report.budget == "0.1 s for each training"


def test_other_labels_leave_out_the_net_as_it_is(digit_net, digits):
    """And the report says why."""
    y = np.array(["even", "odd"])[digits[1][900:1000] % 2]
    report = check_transfer(digit_net, digits[0][900:1000], y, cv=2, steps=5)
    assert "as is" not in report.ways
    assert "does not know 2 of the labels" in " ".join(report.sentences)


def test_labels_of_a_module_are_taken_as_given(digit_net, digits):
    """In whatever order its outputs stand."""
    X, y = digits[0][900:1000].astype(np.float32), digits[1][900:1000]
    X = (X - digit_net.mean[0, 0, 0]) / digit_net.scale[0, 0, 0]
    names = np.array(list("zyxwvutsrq"))

    named = check_transfer(digit_net.module, X, names[y], classes=names, cv=2, steps=2)
    guessed = check_transfer(digit_net.module, X, names[y], cv=2, steps=2)

    assert named.ways["as is"].score > 0.9 > 0.3 > guessed.ways["as is"].score
    assert "taken for those of y, sorted" in " ".join(guessed.sentences)


def test_a_single_logit_stands_for_two_labels(digits):
    """For the second one, as binary cross-entropy has it."""
    X, y = digits[0][:60].astype(np.float32), np.where(digits[0][:60].mean(axis=(1, 2)) > 5, "more", "less")
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 1), nn.Sigmoid())
    with torch.no_grad():
        for weight, value in zip(net.parameters(), (1.0, 0.0, 1.0, -5.0), strict=True):
            weight.fill_(value)

    report = check_transfer(net, X, y, cv=2, steps=2, inputs="source")

    assert report.ways["as is"].score == 1.0
    assert "a new last layer: 1 outputs became 2" in report.changes  # for fine-tuning


def test_outputs_in_another_order_get_a_new_last_layer(digit_net, digits):
    """Training would begin with the labels mixed up."""
    X, y = digits[0][900:960].astype(np.float32), digits[1][900:960]
    names = np.array(list("zyxwvutsrq"))
    named = check_transfer(digit_net.module, X, names[y], classes=names, cv=2, steps=2)
    assert any("new last layer" in change for change in named.changes)


def test_numbers_are_compared_by_r2(digit_net, digits):
    """Regression has the same ways, without the classifier as it is."""
    y = digits[1][900:1000] + 0.5
    report = check_transfer(digit_net, digits[0][900:1000], y, cv=2, steps=5)
    assert report.metric == "r2" and set(report.ways) == {"frozen", "fine-tuned", "from scratch"}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        pytest.param({"X": np.zeros((20, 64))}, LayoutError, "layout=\\(height, width\\)", id="flat"),
        pytest.param({"cv": [(np.arange(10), np.arange(10, 20))]}, ParameterError, "two or more", id="one-split"),
        pytest.param({"inputs": "mine"}, ParameterError, "inputs='mine'", id="inputs"),
        pytest.param({"classes": ["a"]}, ParameterError, "2 outputs", id="classes"),
        pytest.param({"steps": 0}, ParameterError, "steps=0", id="steps"),
        pytest.param({"sizing": "pad"}, InputError, "possible are 'native'", id="sizing"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, error, message):
    """Before any training."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    call = {"X": np.random.default_rng(0).normal(size=(20, 8, 8)), "y": np.arange(20) % 2, **arguments}
    with pytest.raises(error, match=message):
        check_transfer(net, call.pop("X"), call.pop("y"), **call)


def report(frozen, tuned, scratch, **more):
    """A report from scores on folds."""
    return TransferReport(
        {"frozen": Way(tuple(frozen)), "fine-tuned": Way(tuple(tuned)), "from scratch": Way(tuple(scratch))}, **more
    )


@pytest.mark.parametrize(
    ("scores", "verdict", "sure"),
    [
        pytest.param(([0.9, 0.9], [0.8, 0.8], [0.7, 0.7]), "reuse", True, id="frozen-best"),
        pytest.param(([0.7, 0.7], [0.9, 0.9], [0.8, 0.8]), "fine-tune", True, id="tuned-best"),
        pytest.param(([0.7, 0.7], [0.8, 0.8], [0.9, 0.9]), "train from scratch", True, id="scratch-best"),
        pytest.param(([0.9, 0.89], [0.88, 0.92], [0.7, 0.7]), "fine-tune", False, id="by-little"),
        pytest.param(([0.5, 0.5], [0.88, 0.92], [0.9, 0.91]), "train from scratch", False, id="no-credit-to-dearer"),
    ],
)
def test_the_verdict_follows_from_the_scores(scores, verdict, sure):
    """Flip a number and the verdict flips."""
    found = report(*scores)
    assert (found.verdict, found.sure) == (verdict, sure)
    assert ("may do as well" in found.sentence) is not sure


SCORES = st.lists(st.tuples(*[st.integers(0, 100)] * 3), min_size=2, max_size=6)


@given(scores=SCORES, shift=st.integers(-100, 100))
def test_only_differences_of_scores_count(scores, shift):
    """Adding the same number to every score changes neither verdict nor margin nor its error."""
    found, moved = report(*zip(*scores, strict=True)), report(*(np.array(scores) + shift).T)
    assert moved.verdict == found.verdict
    assert (moved.margin, moved.margin_std_error) == pytest.approx((found.margin, found.margin_std_error))


def test_a_way_that_did_better_is_not_passed_over_in_silence():
    """The net as it is may lie behind by a standard error; the sentence says that it does."""
    ways = {"as is": Way((0.9, 0.6)), "fine-tuned": Way((0.7, 0.9)), "from scratch": Way((0.5, 0.5))}
    found = TransferReport(ways)
    assert found.verdict == "reuse" and found.margin < 0
    assert "fine-tuned did better by less than chance explains" in found.sentence


WAYS = ("as is", "frozen", "fine-tuned", "from scratch")
PLAIN = ("constant", "linear", "forest", "boosting")


@st.composite
def measured_reports(draw):
    """Reports with a floor and any scores and errors."""
    n_folds = draw(st.integers(2, 5))
    folds = st.tuples(*[st.integers(0, 20).map(lambda score: score / 20)] * n_folds)
    errors = st.sampled_from([0.0, 0.01, 0.05, 0.2, float("nan")])
    names = [name for name in WAYS if name != "as is" or draw(st.booleans())]
    evidence = st.sampled_from([float("nan"), -1.0, 1.9, 3.0])
    ways = {name: Way(draw(folds), 0.0, draw(errors), "", draw(evidence)) for name in names}
    return TransferReport(
        ways, {name: Way(draw(folds), 0.0, draw(errors)) for name in PLAIN}, draw(st.sampled_from(["accuracy", "r2"]))
    )


@settings(max_examples=50)
@given(found=measured_reports())
def test_verdict_and_sentences_agree_with_the_numbers(found):
    """Whatever the scores: one verdict, one sentence for it, and numbers that are those of the report."""
    floor = max(way.score for way in found.references.values())
    over = [
        name
        for name, way in found.ways.items()
        if way.score - floor > 2 * way.floor_error or (way.score > floor and way.evidence > 2)
    ]
    frame, words = found.to_frame(), "".join(found.sentences[1:])

    assert (found.verdict == "none of these") == (not over)
    assert found.chosen in (over or found.references)
    assert frame["chosen"].sum() == 1 and (frame.loc[frame["chosen"], "verdict"] == found.verdict).all()
    assert found.sentence.startswith("None of these") == (not over)
    for start, way in zip(STARTS, WAYS, strict=True):
        assert found.sentence.startswith(start) == (found.chosen == way)
    assert f"{found._every[found.chosen].score:.3f}" in found.sentence
    assert f"{found.ways[found.rival].score:.3f}" in found.sentence
    assert f"{abs(found.margin):.3f} ± {found.margin_std_error:.3f}" in found.sentence
    assert words.count(" beats the floor") == len(over)
    assert words.count("does not beat the floor") == len(found.ways) - len(over)
    constant = found.references["constant"]
    assert ("Search without the net" in words) == (not over and floor - constant.score > 2 * constant.floor_error)
    assert ("better" in found.sentence) == (found.margin < 0 and bool(over))
    assert found.verdict in str(found) and found.verdict in found._repr_html_()
    assert set(VERDICTS.values()) | {"none of these"} >= {found.verdict}


@pytest.mark.parametrize(
    ("best", "error", "words"),
    [
        pytest.param(0.82, 0.02, "100 rows are too few to tell that from chance; some 400 would do", id="ahead"),
        pytest.param(0.801, 0.02, "100 rows are too few to tell them apart", id="ahead-by-nothing"),
        pytest.param(0.79, 0.02, "100 rows are too few to tell them apart", id="behind-by-little"),
        pytest.param(0.7, 0.02, None, id="surely-behind"),
        pytest.param(0.8, 0.0, None, id="the-same"),
    ],
)
def test_too_few_rows_are_told_from_a_floor_that_is_better(best, error, words):
    """The verdict is the same, and the sentence tells which of the two it is."""
    ways = {"frozen": Way((best, best), 0.0, error), "from scratch": Way((0.5, 0.5), 0.0, 0.1)}
    found = TransferReport(ways, {"forest": Way((0.8, 0.8), 0.0, 0.0)}, n_samples=100)
    assert found.verdict == "none of these"
    assert ("too few" in found.sentence) == (words is not None) and (words or "") in found.sentence


STARTS = ("Use the net as it is", "Train a new last layer on its frozen", "Fine-tune it", "Train from scratch")


@pytest.mark.parametrize(("as_is", "verdict"), [((0.9, 0.91), "reuse"), ((0.9, 0.8), "fine-tune")])
def test_the_net_as_it_is_stands_where_it_is_nearly_as_good(as_is, verdict):
    """Within a standard error, as it costs no training."""
    found = report([0.5, 0.5], [0.93, 0.91], [0.7, 0.7])
    assert replace(found, ways={"as is": Way(as_is), **found.ways}).verdict == verdict


def test_the_standard_error_counts_that_folds_share_rows():
    """Spread over the folds, widened by test rows over training rows (Nadeau and Bengio)."""
    found = report([0.5, 0.5, 0.5, 0.5], [0.8, 0.7, 0.9, 0.8], [0.6, 0.6, 0.6, 0.6], test_share=1 / 3)
    by_fold = np.array([0.2, 0.1, 0.3, 0.2])
    assert found.margin == pytest.approx(0.2)
    assert found.margin_std_error == pytest.approx(np.sqrt(by_fold.var(ddof=1) * (1 / 4 + 1 / 3)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"shift": InputShift(0.1, 0.5)}, "look like those", id="alike"),
        pytest.param({"shift": InputShift(2.0, 0.0)}, "foreign", id="foreign"),
        pytest.param({"shift": InputShift()}, "cannot be tested", id="unknown"),
        pytest.param({"features": (1.0, 0.0)}, "carry more information about y", id="informative"),
        pytest.param({"features": (0.0, 1.0)}, "carry no more information", id="not-informative"),
        pytest.param({"changes": ("this",)}, "Changed: this.", id="change"),
    ],
)
def test_a_sentence_follows_its_number(change, words):
    """Each of them."""
    assert words in " ".join(report([0.5, 0.6], [0.7, 0.8], [0.6, 0.6], **change).sentences)


def test_a_report_shows_itself(same):
    """Text, HTML without script, a table, a figure."""
    assert "reuse" in str(same) and "from scratch" in str(same)
    assert same._repr_html_().startswith("<div") and "<script" not in same._repr_html_()
    frame = same.to_frame()
    assert frame["chosen"].sum() == 1 and frame["behind"].min() == 0
    pytest.importorskip("matplotlib", reason="the picture needs the extra 'plot'")
    assert len(same.plot().ax_.patches) == len(frame)


def test_frozen_features_are_a_step_of_a_pipeline(digit_net, digits):
    """They clone with their weights, and a linear model behind them is good with few rows."""
    X, y = digits
    model = clone(make_pipeline(TransferFeatures(digit_net), LogisticRegression(max_iter=500))).fit(
        X[900:1000], y[900:1000]
    )
    assert model.score(X[1000:], y[1000:]) > 0.9
    assert len(model[0].get_feature_names_out()) == model[0].transform(X[:2]).shape[1]


def test_a_fitted_estimator_is_checked_as_it_stands(seven, digits):
    """Its layout, its scale and its labels come along; flat rows are read as it read them."""
    X, y = digits
    rows = np.flatnonzero((y < 7) & (np.arange(len(y)) >= 900))[:120]
    found = check_transfer(seven, X[rows], y[rows], cv=2, steps=20)
    assert found.ways["as is"].score > 0.9
    assert isinstance(seven, AutoArchClassifier)
