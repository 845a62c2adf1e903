"""The command line: files in, files and text out, and the sentences of the demo."""

import json
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits, load_iris

from autoarch.cli import demo
from autoarch.cli.demo import best_of_each_family, convolution_sentence, summary
from autoarch.cli.main import main, read_data
from autoarch.exceptions import InputError
from autoarch.locality import Landmark


@pytest.fixture
def iris_csv(tmp_path):
    frame = load_iris(as_frame=True).frame
    frame["target"] = np.array(["setosa", "versicolor", "virginica"])[frame["target"]]
    frame.to_csv(tmp_path / "iris.csv", index=False)
    return tmp_path / "iris.csv"


@pytest.fixture
def model_file(iris_csv, tmp_path, capsys):
    arguments = ["fit", str(iris_csv), "--target", "target", "--out", str(tmp_path / "iris.joblib")]
    arguments += ["--storage", str(tmp_path / "iris.journal")]
    assert main([*arguments, "--trials", "1", "--families", "linear", "--budget", "30"]) == 0
    capsys.readouterr()
    return tmp_path / "iris.joblib"


def write(path, X, y=None):
    """Save ``X`` and ``y`` in the format that the suffix asks for."""
    if path.suffix == ".npz":
        np.savez(path, **{"X": X} if y is None else {"X": X, "y": y})
    elif path.suffix == ".npy":
        np.save(path, X)
    else:
        frame = pd.DataFrame(X, columns=["a", "b"]).assign(label=y)
        frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


@pytest.mark.parametrize(
    ("name", "target"),
    [("d.npz", None), ("d.npz", "y"), ("d.npy", "labels.npy"), ("d.csv", "label"), ("d.parquet", "label")],
)
def test_each_format_gives_the_same_data(tmp_path, name, target):
    """Features and labels come back whatever the file's format."""
    X, y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])
    np.save("labels.npy", y)

    features, labels = read_data(write(tmp_path / name, X, y), target)

    np.testing.assert_array_equal(np.asarray(features), X)
    np.testing.assert_array_equal(np.asarray(labels), y)


@pytest.mark.parametrize(
    ("name", "target", "hint"),
    [
        pytest.param("d.xlsx", None, ".parquet", id="suffix"),
        pytest.param("none.csv", None, "no file", id="absent"),
        pytest.param("d.csv", "lable", "Did you mean 'label'", id="column"),
        pytest.param("d.npz", "Y", "it holds X, y", id="array"),
        pytest.param("d.npy", "y.npy", "second .npy file", id="second-file"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_would_be(tmp_path, name, target, hint):
    """The message helps."""
    X, y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])
    for file in ("d.csv", "d.npz", "d.npy"):
        write(tmp_path / file, X, y)
    with pytest.raises(InputError, match=hint):
        read_data(tmp_path / name, target)


def test_objects_are_not_unpickled(tmp_path):
    """A data file must not be able to run code."""
    np.save(tmp_path / "d.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="not as objects"):
        read_data(tmp_path / "d.npy")


def test_probe_prints_a_verdict_and_writes_page_and_numbers(tmp_path, capsys):
    """The report comes as text, as a page and as JSON."""
    X, y = load_digits(return_X_y=True)
    write(tmp_path / "digits.npz", X[:200].reshape(-1, 8, 8), y[:200])

    outputs = ["--html", str(tmp_path / "page.html"), "--json", str(tmp_path / "report.json")]
    assert main(["probe", str(tmp_path / "digits.npz"), *outputs]) == 0

    verdict = json.loads((tmp_path / "report.json").read_text())["verdict"]
    assert capsys.readouterr().out.startswith(verdict)
    assert verdict in (tmp_path / "page.html").read_text()


def test_fit_saves_an_estimator_that_joblib_loads(model_file):
    """No wrapper: what is saved is what ``fit`` returned."""
    model = joblib.load(model_file)
    assert model.best_family_ == "linear"
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    assert (model_file.parent / "iris.journal").stat().st_size  # --storage


def test_predict_writes_labels_probabilities_and_a_score(model_file, iris_csv, tmp_path, capsys):
    """The labels in the file are left out of the features and scored against."""
    arguments = ["predict", str(model_file), str(iris_csv), "--target", "target", "--proba", "--trust"]
    assert main([*arguments, "--out", str(tmp_path / "out.csv")]) == 0

    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table) == ["prediction", "p(setosa)", "p(versicolor)", "p(virginica)"]
    right = (table["prediction"] == pd.read_csv(iris_csv)["target"]).mean()
    assert f"score {right:.4f} on 150 rows" in capsys.readouterr().err


def test_report_prints_the_summary_of_a_saved_model(model_file, tmp_path, capsys):
    """The text and the page hold the winner, its score and the leaderboard."""
    assert main(["report", str(model_file), "--trust", "--html", str(tmp_path / "page.html")]) == 0
    text, page, model = capsys.readouterr().out, (tmp_path / "page.html").read_text(), joblib.load(model_file)
    assert text.strip() == summary(model)
    assert f"estimated {model.estimated_score_:.3f}" in text
    assert f"{model.estimated_score_:.3f} (±" in page
    assert "baseline" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["probe", "none.npy"], "no file", id="no-file"),
        pytest.param(["probe", "d.npy", "--layout", "8by8"], "8x8", id="layout"),
        pytest.param(["fit", "d.npy", "--out", "m.joblib"], "--target", id="no-labels"),
        pytest.param(["report", "other.joblib", "--trust"], "not an estimator", id="stranger"),
        pytest.param(["report", "other.joblib"], "--trust", id="not-trusted"),
        pytest.param(["report", "none.joblib"], "no file", id="no-model"),
    ],
)
def test_an_error_is_one_line_and_status_2(arguments, message, capsys):
    """No traceback for a slip of the user."""
    np.save("d.npy", np.zeros((4, 4)))
    joblib.dump({"a": 1}, "other.joblib")
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


def board(**families):
    """A leaderboard: ``cnn=(0.9, 0.01)`` is a score and its spread, ``cnn="reason"`` a family that was skipped.

    With a reason behind them, score and spread are those of a trial that was stopped.
    """
    rows = []
    for family, value in families.items():
        score, spread, reason = (np.nan, np.nan, value) if isinstance(value, str) else (*value, "")[:3]
        status = "skipped" if isinstance(value, str) else "paused" if reason else "ok"
        facts = {"status": status, "reason": reason, "cut": reason.startswith("cut")}
        rows.append({"family": family, "score": score, "score_std": spread, "seconds": 1.0, **facts})
    return pd.DataFrame(rows)


def fitted(leaderboard, *, place=0.9, shuffled=0.7, std_error=0.0):
    """What the sentences read from a fitted estimator."""
    marks = {"cnn": Landmark(place, 0.01), "cnn_shuffled": Landmark(shuffled, 0.01)}
    report = SimpleNamespace(landmarks=marks, verdict="2d", p_value=0.01, recommendation="Try a CNN.", skipped=())
    report.used, report.recovered = report, None
    done = leaderboard[leaderboard["status"] == "ok"].sort_values("score")
    return SimpleNamespace(
        leaderboard_=leaderboard,
        locality_=report,
        best_family_=done["family"].iloc[-1],
        best_score_=done["score"].iloc[-1],
        estimated_score_=0.9,
        estimated_score_std_error_=std_error,
        stopped_by_="n_trials",
    )


@pytest.mark.parametrize(
    ("cnn", "start"),
    [((0.95, 0.01), "It paid"), ((0.85, 0.01), "It did not pay"), ((0.905, 0.01), "It made no difference")],
)
def test_the_sentence_on_the_convolution_follows_the_scores(cnn, start):
    """Another score, another sentence."""
    sentence = convolution_sentence(fitted(board(cnn=cnn, tree=(0.9, 0.005))))
    assert sentence.startswith(start)
    assert f"{cnn[0]:.3f} ± {cnn[1]:.3f} for cnn against 0.900 ± 0.005 for tree" in sentence


def test_a_difference_within_the_standard_error_counts_as_none():
    """One split leaves no spread over folds; the estimate's standard error stands in."""
    scores = board(cnn=(0.95, np.nan), tree=(0.93, np.nan))
    assert convolution_sentence(fitted(scores, std_error=0.01)).startswith("It paid")
    assert convolution_sentence(fitted(scores, std_error=0.03)).startswith("It made no difference")


def test_a_trial_that_was_stopped_is_compared_and_says_so():
    """Most losers never finish: what stopped them stands beside their score."""
    late = (0.8, np.nan, "behind after 1 of 5 splits")
    paid = convolution_sentence(fitted(board(cnn=(0.95, 0.01), tree=late)))
    assert "It paid: 0.950 ± 0.010 for cnn against 0.800 for tree, the best other family (behind" in paid
    lost = convolution_sentence(fitted(board(cnn=late, tree=(0.95, 0.01))))
    assert "It did not pay: 0.800 for cnn (behind after 1 of 5 splits) against 0.950" in lost
    both = convolution_sentence(fitted(board(cnn=(0.95, 0.01), tree=(0.96, np.nan, "late"), mlp=(0.9, 0.01))))
    assert "for mlp, the best other family, as" in both


def test_a_net_that_the_clock_cut_is_not_said_to_be_worse():
    """Its score says nothing, unless it is ahead all the same; one that was trained to its end speaks for all."""
    cut = (0.119, np.nan, "cut by the clock")
    open_ = convolution_sentence(fitted(board(cnn=cut, tree=(0.9, 0.01))))
    assert open_.startswith("Not settled: the clock cut") and "0.119" in open_ and "not pay" not in open_
    ahead = convolution_sentence(fitted(board(cnn=(0.95, np.nan, "cut by the clock"), tree=(0.9, 0.01))))
    assert ahead.startswith("It paid")
    within = fitted(board(cnn=(0.905, 0.01, "cut by the clock"), tree=(0.9, 0.01)))
    within.best_family_ = "cnn"  # the winner needs no excuse
    assert convolution_sentence(within).startswith("It made no difference")
    both = pd.concat([board(cnn=cut, tree=(0.9, 0.01)), board(cnn=(0.8, 0.01))])
    assert convolution_sentence(fitted(both)).startswith("It did not pay: 0.800 ± 0.010 for cnn")


def test_random_convolutions_are_convolutions():
    """Where they are the better ones, they are compared with what does not convolve."""
    sentence = convolution_sentence(fitted(board(cnn=(0.91, 0.01), kernels=(0.96, 0.01), tree=(0.9, 0.005))))
    assert sentence.startswith("It paid: 0.960 ± 0.010 for kernels against 0.900 ± 0.005 for tree")


def test_a_wild_score_is_no_excuse():
    """A family that strays widely over the folds is compared by the other's spread."""
    sentence = convolution_sentence(fitted(board(cnn=(0.77, 0.33), tree=(0.97, 0.01))))
    assert sentence.startswith("It did not pay")


def test_the_summary_names_what_the_probe_left_out():
    """The advice may refer to it."""
    model = fitted(board(cnn=(0.95, 0.01), tree=(0.9, 0.01)))
    assert "left out" not in summary(model)
    model.locality_.skipped = ("landmarks: no time",)
    assert "2d (p = 0.01); left out: landmarks: no time\n" in summary(model)


@pytest.mark.parametrize(
    ("cnn", "shuffled", "link"),
    [
        pytest.param((0.95, 0.01), 0.7, ", as shuffling the cells cost", id="paid-and-local"),
        pytest.param((0.95, 0.01), 0.9, ", although shuffling the cells hardly changed", id="paid-not-local"),
        pytest.param((0.85, 0.01), 0.7, ", although shuffling the cells cost", id="lost-and-local"),
        pytest.param((0.85, 0.01), 0.9, ", as shuffling the cells hardly changed", id="lost-not-local"),
    ],
)
def test_the_counterfactual_is_a_reason_only_where_it_points_the_same_way(cnn, shuffled, link):
    """The word between score and evidence is chosen by both."""
    sentence = convolution_sentence(fitted(board(cnn=cnn, tree=(0.9, 0.005)), shuffled=shuffled))
    assert link in sentence
    assert f"(0.900 in place, {shuffled:.3f} shuffled)" in sentence


@pytest.mark.parametrize(
    ("leaderboard", "words"),
    [
        pytest.param(board(cnn="no grid", tree=(0.9, 0.0)), "skipped (no grid)", id="skipped"),
        pytest.param(board(tree=(0.9, 0.0)), "have no cnn", id="not-asked-for"),
        pytest.param(board(cnn=(0.9, 0.0)), "Nothing to compare it with", id="alone"),
        pytest.param(board(baseline=(0.99, 0.0), cnn=(0.9, 0.0)), "Nothing to compare it with", id="baseline"),
    ],
)
def test_the_sentence_says_why_there_is_no_comparison(leaderboard, words):
    """No numbers, no claim; the baseline is judged on other rows and is nothing to compare with."""
    assert words in convolution_sentence(fitted(leaderboard))


def test_the_sentence_ends_with_the_held_out_score():
    """What the fit never saw has the last word."""
    held = "accuracy 0.932 on 450 held-out rows"
    sentence = convolution_sentence(fitted(board(cnn=(0.95, 0.01), tree=(0.9, 0.0))), held)
    assert sentence.endswith("; the winner, cnn, reached accuracy 0.932 on 450 held-out rows.")


def test_the_leaderboard_is_shown_by_its_best_row_of_each_family():
    """Best first; a family without a finished trial stands last, with its reason."""
    rows = pd.concat([board(tree=(0.8, 0.01), cnn="no grid"), board(tree=(0.9, 0.02), mlp=(0.85, 0.01))])
    short = best_of_each_family(rows)
    assert list(short["family"]) == ["tree", "mlp", "cnn"]
    assert list(short["trials"]) == [2, 1, 1]
    assert short["score"].iloc[0] == "0.900"
    assert short["reason"].iloc[-1] == "no grid"


def test_the_demo_shows_every_case(monkeypatch, capsys):
    """A fit, a held-out score and a summary for each data set."""
    X, y = load_iris(return_X_y=True)
    monkeypatch.setattr(demo, "cases", lambda: iter([("iris", X, y), ("half", X[:, :2], y)]))
    monkeypatch.setattr("autoarch.estimators.AutoArchClassifier", QuickClassifier)
    assert main(["demo", "--seconds", "1"]) == 0
    text = capsys.readouterr().out
    assert text.count("convolution  ") == 2
    assert text.count("on 38 held-out rows") == 4


class QuickClassifier(BaseEstimator):
    """A substitute for the search: one tree, and the attributes that a summary needs."""

    def __init__(self, time_budget=None, rows="auto", random_state=None):
        self.time_budget, self.rows, self.random_state = time_budget, rows, random_state

    def fit(self, X, y):
        from sklearn.tree import DecisionTreeClassifier

        self.tree = DecisionTreeClassifier(random_state=0).fit(X, y)
        self.__dict__.update(vars(fitted(board(cnn=(0.8, 0.01), tree=(0.9, 0.01)))))
        return self

    def score(self, X, y):
        return self.tree.score(X, y)
