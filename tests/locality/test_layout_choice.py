"""Other layouts of the columns: inferred, recovered, and dropped again where they lose."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from quick import QuickCNN
from sklearn.datasets import load_breast_cancer, load_digits

from autoarch import AutoArchClassifier, Layout, probe_locality
from autoarch._data import overlaps
from autoarch._data.overlaps import find_windows
from autoarch.datasets import make_textures
from autoarch.locality import Gain, LayoutSearch, LocalityReport, Reading, infer_layout, layout_choice, probe_values

EVERYTHING = LayoutSearch(infer=True, recover=True)
LINE = Layout(1, 64, origin="shape")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:500].astype(np.float32), y[:500]


@pytest.fixture(scope="module")
def scrambled(digits):
    X, y = digits
    return X[:, np.random.default_rng(0).permutation(64)], y


@pytest.fixture(scope="module")
def rearranged(scrambled):
    X, y = scrambled
    return probe_values(X, LINE, y=y, task="classification", random_state=0, search=EVERYTHING)


def test_flat_columns_are_read_as_the_grid_that_they_show(digits):
    """The report is about the grid, and says what it is worth against one line of columns."""
    X, y = digits
    report = probe_locality(X, y, random_state=0)

    assert (report.layout.shape, report.layout.origin, report.verdict) == ((1, 8, 8), "inferred", "2d")
    (reading,) = report.readings
    assert reading.kept and reading.layout == report.layout and reading.gain.difference > -0.01
    assert any("Inferred layout: 8 x 8 cells" in sentence for sentence in report.sentences)


def test_a_declared_layout_is_not_questioned(digits):
    """Neither is the absence of one."""
    X, _ = digits
    assert probe_locality(X, layout=(4, 16), random_state=0).layout == Layout(4, 16)
    assert probe_locality(X, layout=None, random_state=0).layout is None


def test_columns_beside_the_grid_are_set_aside(digits):
    """An id in front and a category behind are no cells; the names of the others are no help but their numbers."""
    X, y = digits
    frame = pd.DataFrame(X, columns=[f"pixel{i}" for i in range(64)])
    frame.insert(0, "id", np.arange(len(frame)))
    frame["site"] = pd.Categorical(np.where(y % 2, "north", "south"))

    report = probe_locality(frame, random_state=0)

    assert report.layout.shape == (1, 8, 8)
    assert report.layout.foreign.tolist() == [0, 65]
    assert "2 columns set aside" in str(report).replace("\n  ", " ")


def test_a_scrambled_order_is_recovered_and_used(rearranged):
    """The verdict is that of the order given; chances and advice follow from the order found."""
    assert rearranged.verdict == "none" and rearranged.layout == LINE
    assert rearranged.used is rearranged.recovered and rearranged.used.verdict == "2d"
    assert rearranged.used.layout.origin == "recovered" and rearranged.used.layout.confidence > 0.5
    (reading,) = rearranged.readings
    assert reading.kept and reading.gain.difference > 0
    assert rearranged.family_probabilities == rearranged.recovered.family_probabilities
    assert rearranged.recommendation.startswith(
        "The given order of the columns shows no structure; rearranged into 8 x 8"
    )


def test_pictures_show_the_mean_sample_before_and_after(rearranged, digits):
    """Rearranged, it is that of the digits, up to turning and mirroring."""
    X, _ = digits
    (reading,) = rearranged.readings
    before, after, truth = np.array(reading.before), np.array(reading.after), X.mean(axis=0).reshape(8, 8)
    assert before.shape == after.shape == (8, 8)
    turned = [np.rot90(mirrored, k) for mirrored in (truth, truth.T) for k in range(4)]
    closest = max(np.corrcoef(after.ravel(), one.ravel())[0, 1] for one in turned)
    assert closest > 0.8 > max(np.corrcoef(before.ravel(), one.ravel())[0, 1] for one in turned)


def test_a_rearranged_report_can_be_shown_and_stored(rearranged):
    """Text, a box with both pictures, a figure, and JSON all show it."""
    pytest.importorskip("matplotlib", reason="the extra 'plot' is optional")
    assert "columns rearranged" in str(rearranged).replace("\n  ", " ")
    assert rearranged._repr_html_().count("<figure") == 2
    titles = [axes.get_title() for axes in rearranged.plot().figure_.axes]
    assert "mean sample, as given" in titles and "mean sample on 8 x 8 cells" in titles
    stored = json.loads(json.dumps(rearranged.to_dict()))
    assert stored["recovered"]["layout"]["height"] == 8 and stored["readings"][0]["kept"]


def test_no_order_is_recovered_without_a_target(scrambled):
    """It would have to win on landmarks, and there are none."""
    X, _ = scrambled
    report = probe_values(X, LINE, random_state=0, search=EVERYTHING)
    assert report.recovered is None and report.readings == ()


def test_a_table_keeps_its_order():
    """Columns that are no cells of anything are not rearranged."""
    X, y = load_breast_cancer(return_X_y=True)
    X = np.hstack([X, np.random.default_rng(0).normal(size=(len(X), 30))])  # enough columns to try
    line = Layout(1, 60, origin="shape")
    assert probe_values(X, line, y=y, task="classification", random_state=0, search=EVERYTHING).recovered is None


def test_a_layout_that_loses_on_the_landmarks_is_dropped(monkeypatch):
    """The columns are left as given, and the report says why."""
    X, y = make_textures(n_samples=200, shape=(10, 10), random_state=0)
    X, given = X.reshape(200, 100), Layout(10, 10)
    wrong = replace(given, order=tuple(np.random.default_rng(1).permutation(100).tolist()), origin="inferred")
    monkeypatch.setattr(layout_choice, "_inferred", lambda *_: (Reading(wrong, reason="a test says so"), ""))

    report = probe_values(X, given, y=y, task="classification", random_state=0, search=LayoutSearch(infer=True))

    assert report.layout == given and not report.readings[0].kept
    assert report.landmarks["cnn"].score > report.landmarks["cnn_shuffled"].score + 0.1
    assert "the columns are left as given" in str(report).replace("\n  ", " ")


@pytest.mark.slow
def test_a_recovery_that_time_does_not_allow_is_named():
    """With the seconds that it would have taken."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2_500)).astype(np.float32), np.arange(60) % 2
    report = probe_values(X, Layout(50, 50), y=y, task="classification", seconds=4.0, random_state=0, search=EVERYTHING)
    assert any("recovery of a scrambled order" in reason for reason in report.skipped)


@pytest.mark.parametrize(
    ("gain", "kept", "sentence"),
    [
        pytest.param(Gain(0.05, 0.01), True, "score +0.050 (± 0.010) on it, this layout is used", id="won"),
        pytest.param(
            Gain(-0.05, 0.01), False, "score -0.050 (± 0.010) on it, the columns are left as given", id="lost"
        ),
        pytest.param(None, True, "convolutions were not compared, this layout is used", id="untried"),
    ],
)
def test_the_sentence_follows_the_gain(gain, kept, sentence):
    """Another number gives another sentence."""
    report = LocalityReport(readings=(Reading(Layout(8, 8, origin="inferred"), kept=kept, gain=gain, reason="p"),))
    assert sentence in " ".join(report.sentences)


@pytest.mark.slow
def test_an_estimator_learns_on_the_grid_that_it_found(digits):
    """Flat columns, an inferred grid, and predictions that do not hang on the order of a DataFrame's columns."""
    X, y = digits[0][:200], digits[1][:200]
    frame = pd.DataFrame(X, columns=[f"p{i}" for i in range(64)])
    clf = AutoArchClassifier(time_budget=None, n_trials=1, families=[QuickCNN], cv=2, random_state=0, verbose=0)
    clf.fit(frame, y)
    assert (clf.layout_.shape, clf.layout_.origin, clf.best_family_) == ((1, 8, 8), "names", "cnn")
    np.testing.assert_array_equal(clf.predict(frame[frame.columns[::-1]]), clf.predict(frame))


@pytest.mark.slow
def test_an_estimator_uses_the_order_that_it_recovered(scrambled):
    """Of matrices, too, whose cells stand in no order; and not when the layout was declared."""
    X, y = scrambled
    clf = AutoArchClassifier(time_budget=None, n_trials=1, families=["linear"], cv=2, random_state=0, verbose=0)
    clf.fit(X.reshape(-1, 8, 8), y)
    assert (clf.layout_.origin, clf.layout_.shape) == ("recovered", (1, 8, 8))
    assert clf.predict_proba(X[:3].reshape(-1, 8, 8)).shape == (3, 10)
    clf.set_params(layout=(8, 8)).fit(X, y)
    assert clf.layout_ == Layout(8, 8)


def test_constant_columns_make_no_grid_of_noise():
    """That the columns which vary stand together is no order among them."""
    for seed, n_varying in ((0, 12), (1, 20), (2, 40)):
        X = np.zeros((300, 64), np.float32)
        X[:, :n_varying] = np.random.default_rng(seed).normal(size=(300, n_varying))
        assert infer_layout(X, random_state=seed).kind == "none"


def test_a_value_beyond_float32_does_not_end_the_probe(scrambled):
    """Nor does it hide the order of the columns."""
    X, y = scrambled
    X = X.astype(np.float64)
    X[3, 7] = 1e39
    report = probe_values(X, LINE, y=y, task="classification", random_state=0, search=EVERYTHING)
    assert report.readings and report.readings[0].layout.origin == "recovered"


def test_a_table_of_categories_has_nothing_to_lay_out(recwarn):
    """No line of no columns, and no warnings."""
    X = np.random.default_rng(0).integers(0, 3, size=(60, 5)).astype(np.float32)
    arguments = {"y": X[:, 0].astype(int), "task": "classification", "categorical": (0, 1, 2, 3, 4)}
    assert probe_values(X, None, random_state=0, search=EVERYTHING, **arguments).layout is None
    assert not [str(w.message) for w in recwarn if issubclass(w.category, RuntimeWarning)]


@pytest.mark.slow
def test_very_many_columns_are_not_rearranged(monkeypatch, scrambled):
    """A limit on their number holds with and without a time limit."""
    X, y = scrambled
    monkeypatch.setattr(layout_choice, "MOST_TO_RECOVER", 60)
    report = probe_values(X, LINE, y=y, task="classification", random_state=0, search=LayoutSearch(recover=True))
    assert report.readings == ()


@pytest.mark.slow
def test_nets_can_be_asked_for_where_the_probe_may_find_their_grid(digits):
    """A table of mixed kinds has no layout until the probe has looked."""
    X, y = digits[0][:200], digits[1][:200]
    frame = pd.DataFrame(X, columns=[f"p{i}" for i in range(64)]).assign(site=np.where(y % 2, "north", "south"))
    clf = AutoArchClassifier(time_budget=None, n_trials=1, families=[QuickCNN], cv=2, random_state=0, verbose=0)
    assert clf.fit(frame, y).layout_.shape == (1, 8, 8)


@pytest.mark.parametrize("scaled", [False, True], ids=["raw", "standardised"])
@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
def test_windows_of_noise_are_tested_on_those_that_do_not_overlap(scaled, shuffled):
    """400 windows of 429 values are 14 draws: the report says so, and finds nothing in them."""
    rng = np.random.default_rng(1)
    X = np.lib.stride_tricks.sliding_window_view(rng.normal(size=429), 30)
    X = X[rng.permutation(400)] if shuffled else X
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True) if scaled else X

    report = probe_locality(X, random_state=0)

    assert report.verdict == "none"
    assert report.n_samples_used == 14
    assert "100% of the rows are overlapping windows of one longer record" in report.sentences[0]
    assert "14 rows" in report.sentences[0]


@pytest.mark.parametrize(("windows", "n_rows"), [("found", 14), (None, 400)], ids=["some", "none"])
def test_overlaps_that_are_known_are_not_looked_for_again(monkeypatch, windows, n_rows):
    """What the plan of the splits found serves the probe, also where it found nothing."""
    X = np.lib.stride_tricks.sliding_window_view(np.random.default_rng(1).normal(size=429), 30)
    known = find_windows(X, Layout(1, 30), seed=0) if windows else None
    monkeypatch.setattr(overlaps, "find_windows", None)

    report = probe_values(X, Layout(1, 30), random_state=0, windows=known)

    assert report.n_samples_used == n_rows


def test_patches_of_a_noise_picture_are_tested_on_those_that_do_not_overlap():
    """Without that, cells that two patches share would count twice."""
    rng = np.random.default_rng(0)
    picture = rng.normal(size=(48, 48))
    X = np.array([picture[i : i + 12, j : j + 12] for i, j in rng.integers(0, 36, (400, 2))])

    report = probe_locality(X, random_state=0)

    assert report.verdict == "none"
    assert 6 <= report.n_samples_used <= 16


def test_copies_are_tested_once():
    """Each of 40 rows of noise, ten times."""
    X = np.repeat(np.random.default_rng(0).normal(size=(40, 30)), 10, axis=0)

    report = probe_locality(X, random_state=0)

    assert report.n_samples_used == 40
    assert "360 of the 400 rows are copies of others" in report.sentences[0]


def test_all_rows_are_tested_where_they_are_draws_of_their_own():
    """Nothing is said about rows that do not overlap."""
    report = probe_locality(np.random.default_rng(0).normal(size=(200, 30)), random_state=0)

    assert report.n_samples_used == 200
    assert report.notes == ()


def test_a_value_for_not_measured_is_named_in_the_report():
    """The answer says what is read as missing; where 0 may have been measured, a hint asks."""
    rng = np.random.default_rng(0)
    X, hole = rng.normal(300, 1, (60, 8, 8)), rng.random((60, 8, 8)) < 0.2

    sure = probe_locality(np.where(hole, 0.0, X), random_state=0)
    asked = probe_locality(np.where(hole, 0.0, 300 + 50 * (X - 300)), random_state=0)

    assert sure.symmetries["sentinel"].answer == "yes"
    assert "read as missing" in sure.symmetries["sentinel"].sentence
    assert asked.symmetries["sentinel"].answer == "no"
    assert "replace it by NaN" in asked.sentences[0]


def test_fit_reads_a_value_for_not_measured_as_missing():
    """In fit and in predict; the report of the search says so."""
    rng = np.random.default_rng(0)
    X = rng.normal(300, 5, (80, 6, 6))
    y = (X[:, 0, 0] > 300).astype(int)
    X[rng.random(X.shape) < 0.2] = -9999
    holes = np.where(X == -9999, np.nan, X)

    clf = AutoArchClassifier(None, n_trials=1, families="tree", random_state=0, verbose=0).fit(X, y)

    assert clf.locality_.symmetries["sentinel"].answer == "yes"
    np.testing.assert_array_equal(clf.predict_proba(X), clf.predict_proba(holes))


def test_letters_are_codes():
    """Whatever y says: letters have no order."""
    report = probe_locality(np.random.default_rng(0).choice(list("ACGT"), (60, 30)), random_state=0)

    assert report.layout.shape == (4, 1, 30)
    assert report.symmetries["codes"].answer == "yes"
    assert report.symmetries["codes"].sentence in report.sentences
