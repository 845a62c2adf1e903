"""The command line: formats, models without pickle, and one line with status 2 for whatever a user can do wrong."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from autoarch import AutoArchClassifier
from autoarch.cli.arguments import PARAMETERS, build_parser, parameters_of
from autoarch.cli.files import read_data
from autoarch.cli.main import main
from autoarch.cli.output import write_table
from autoarch.exceptions import MissingExtraError

QUICK = ["--trials", "1", "--families", "linear", "--budget", "30"]


@pytest.fixture
def table(tmp_path):
    """Rows with a name, two numbers and a label."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"row": [f"r{i}" for i in range(60)], "a": rng.normal(size=60), "b": rng.normal(size=60)})
    frame["kind"] = np.where(frame["a"] > 0, "up", "down")
    frame.to_csv("table.csv", index=False)
    return frame


def test_a_model_without_pickle_predicts_beside_the_names_of_rows(table, capsys):
    """Fit, predict with probabilities, report; nothing has to be trusted."""
    pytest.importorskip("skops", reason="needs the extra files")
    pytest.importorskip("safetensors", reason="needs the extra files")
    fit = ["fit", "table.csv", "--target", "kind", "--id", "row", "--out", "m.autoarch", "--json", "m.json", *QUICK]
    assert main([*fit, "--scoring", "balanced_accuracy", "--ensemble-size", "1", "--cv", "3"]) == 0
    assert json.loads(Path("m.json").read_text())["reproduce"]["parameters"]["scoring"] == "'balanced_accuracy'"
    assert (
        main(["predict", "m.autoarch", "table.csv", "--target", "kind", "--id", "row", "--proba", "--out", "p.tsv"])
        == 0
    )
    found = pd.read_csv("p.tsv", sep="\t")
    assert list(found) == ["row", "prediction", "p(down)", "p(up)"] and list(found["row"]) == list(table["row"])
    assert main(["report", "m.autoarch", "--html", "r.html", "--json", "r.json"]) == 0
    assert json.loads(Path("r.json").read_text())["winner"] == "linear" and "</html>" in Path("r.html").read_text()
    capsys.readouterr()
    Path("cut.autoarch").write_bytes(Path("m.autoarch").read_bytes()[:500])
    assert main(["predict", "cut.autoarch", "table.csv"]) == 2
    assert "damaged or cut off" in capsys.readouterr().err


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_separators_and_decimal_commas_are_found(table, separator, decimal, tmp_path):
    """Whatever the ending of the name; a comma cannot be both."""
    if separator == decimal == ",":
        pytest.skip("no such file")
    table.to_csv("t.csv", index=False, sep=separator, decimal=decimal)
    X, y = read_data("t.csv", "kind")
    np.testing.assert_allclose(X[["a", "b"]].to_numpy(float), table[["a", "b"]].to_numpy())
    assert list(y) == list(table["kind"])


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet", "t.feather"])
def test_tables_go_out_and_come_back(table, name):
    """In each format."""
    write_table(table, name)
    pd.testing.assert_frame_equal(read_data(name)[0], table, check_dtype=False)


def test_arrays_go_out(table):
    """As one array, or as one for each column."""
    write_table(table[["a"]], "t.npy")
    write_table(table, "t.npz")
    assert list(np.load("t.npz")["kind"]) == list(table["kind"])  # texts, not objects, which would be pickles
    np.testing.assert_array_equal(np.load("t.npy")[:, 0], table["a"])
    np.testing.assert_array_equal(np.load("t.npz")["b"], table["b"])


FIT = ["fit", "table.csv", "--target", "kind", "--out", "m.joblib", *QUICK]
NUMBER = ["fit", "table.csv", "--target", "a", "--out", "m.joblib", *QUICK]
WRONG = {
    "no command": ([], "COMMAND"),
    "unknown command": (["fly"], "invalid choice"),
    "unknown option": ([*FIT, "--fly"], "unrecognized arguments"),
    "no out": (["fit", "table.csv", "--target", "kind"], "--out"),
    "text for a number": ([*FIT, "--budget", "long"], "invalid float"),
    "no folder": ([*FIT[:4], "--out", "nowhere/m.joblib"], "There is no folder nowhere"),
    "folder": ([*FIT[:4], "--out", "."], "is a folder"),
    "no folder for the page": ([*FIT, "--html", "nowhere/r.html"], "There is no folder nowhere"),
    "no folder for the numbers": ([*FIT, "--json", "nowhere/r.json"], "There is no folder nowhere"),
    "no such label": (["fit", "table.csv", "--target", "price", "--out", "m.joblib"], "no column 'price'"),
    "None as a label": (["fit", "table.csv", "--target", "None", "--out", "m.joblib"], "no column 'None'"),
    "label of another case": (["fit", "table.csv", "--target", "Kind", "--out", "m.joblib"], "kind"),
    "no label": (["fit", "table.csv", "--out", "m.joblib"], "--target"),
    "no such id": ([*FIT, "--id", "number"], "has no such column"),
    "no file": (["fit", "none.csv", "--target", "kind", "--out", "m.joblib"], "no file"),
    "unknown ending": (["probe", "table.xlsx"], "'.xlsx'"),
    "empty": (["probe", "empty.csv"], "is empty"),
    "spaces": (["probe", "spaces.csv"], "is empty"),
    "names alone": (["probe", "names.csv"], "0 sample"),
    "ragged": (["probe", "ragged.csv"], "cannot be read"),
    "binary": (["probe", "binary.csv"], "is no text"),
    "picture": (["probe", "picture.csv"], "is no text"),
    "fake parquet": (["probe", "fake.parquet"], "cannot be read|parquet"),
    "fake feather": (["probe", "fake.feather"], "cannot be read|feather|Feather"),
    "fake npz": (["probe", "fake.npz"], "cannot be read"),
    "fake npy": (["probe", "fake.npy"], "cannot be read"),
    "unknown family": ([*FIT, "--families", "lineer"], "linear"),
    "unknown score": ([*FIT, "--scoring", "beauty"], "beauty"),
    "unknown ensemble": ([*FIT, "--ensemble-size", "many"], "many"),
    "negative budget": ([*FIT[:6], "--budget", "-3"], "time_budget"),
    "layout": ([*FIT, "--layout", "8by8"], "8x8"),
    "layout that does not fit": ([*FIT, "--layout", "8x8"], "layout"),
    "coordinates that are not there": ([*FIT, "--coordinates", "lon", "lat"], "lon"),
    "no model": (["report", "none.autoarch"], "no file"),
    "model that is none": (["report", "table.csv"], "--trust"),
    "beginning of an option": ([*FIT, "--fam", "linear"], "unrecognized arguments"),
    "no number of trials": ([*FIT[:6], "--trials", "many"], "invalid int"),
    "no trials": ([*FIT[:6], "--trials", "0"], "n_trials"),
    "no budget": ([*FIT[:6], "--budget", "nan"], "time_budget"),
    "no budget and no trials": ([*FIT[:6], "--budget", "none"], "n_trials"),
    "no folds": ([*FIT, "--cv", "1"], "cv"),
    "folds in words": ([*FIT, "--cv", "some"], "cv"),
    "threshold beyond one": ([*FIT, "--threshold", "1.5"], "threshold"),
    "threshold in words": ([*FIT, "--threshold", "high"], "threshold"),
    "weights in words": ([*FIT, "--class-weight", "heavy"], "neither 'balanced'"),
    "weight of no label": ([*FIT, "--class-weight", "up=2,left=1"], "'left'"),
    "threshold of a number": (
        ["fit", "table.csv", "--target", "a", "--out", "m.joblib", "--threshold", "0.3"],
        "class",
    ),
    "class weights of a number": (
        ["fit", "table.csv", "--target", "a", "--out", "m.joblib", "--class-weight", "balanced"],
        "class",
    ),
    "rows of an unknown kind": ([*FIT, "--rows", "sorted"], "invalid choice"),
    "time that is not there": ([*FIT, "--time", "when"], "when"),
    "device that is not there": ([*FIT, "--device", "abacus"], "abacus"),
    "channels": ([*FIT, "--channels", "middle"], "invalid choice"),
    "no memory": ([*FIT, "--memory-limit", "-1"], "memory_limit"),
    "memory in words": ([*FIT, "--memory-limit", "lots"], "invalid float"),
    "no net": ([*FIT, "--pretrained", "none.pt"], "none.pt"),
    "no jobs": ([*FIT, "--jobs", "0"], "n_jobs"),
    "one coordinate": ([*FIT, "--coordinates", "a"], "expected 2"),
    "no such groups": ([*FIT, "--groups", "house"], "has no such column"),
    "no such weights": ([*FIT, "--sample-weight", "w"], "has no such column"),
    "weights that are texts": ([*FIT, "--sample-weight", "row"], "no numbers"),
    "the data as output": (
        ["fit", "table.csv", "--target", "kind", "--out", "m.joblib", "--json", "table.csv"],
        "the input",
    ),
    "one place for two": ([*FIT, "--html", "r", "--json", "r"], "take the place of r"),
    "a model of a wrong ending": (["fit", "table.csv", "--target", "kind", "--out", "m.csv", *QUICK], "'.csv'"),
    "the file of a model in place of data": (["probe", "m.autoarch"], "'.autoarch'"),
    "labels that are all missing": (["fit", "gone.csv", "--target", "kind", "--out", "m.joblib", *QUICK], "y"),
    "labels that are all equal": (["fit", "equal.csv", "--target", "kind", "--out", "m.joblib", *QUICK], "class"),
    "one row": (["fit", "one.csv", "--target", "kind", "--out", "m.joblib", *QUICK], "1 "),
    "nothing but labels": (["fit", "labels.csv", "--target", "kind", "--out", "m.joblib", *QUICK], "feature"),
    "texts as numbers to learn": ([*FIT, "--task", "regression"], "no numbers"),
    "a name in other letters": (["probe", "latin.csv"], "UTF-8"),
    "cut archive": (["probe", "cut.npz"], "cannot be read"),
    "no X in an archive": (["probe", "other.npz"], "must be named X"),
    "folder as data": (["probe", "folder.csv"], "folder.csv"),
    "data as a model": (["predict", "fake.npz", "table.csv"], "--trust"),
    "predictions of an unknown kind": (["predict", "m.joblib", "table.csv", "--out", "p.xlsx"], "'.xlsx'"),
}


def test_what_a_model_uses_is_explained(table, capsys):
    """By changes of predictions, or of the score where the labels are there."""
    assert main([*FIT, "--id", "row"]) == 0
    table.drop(columns="kind").to_csv("bare.csv", index=False)
    for labels in ([], ["--target", "kind"]):
        rest = ["--trust", "--id", "row", "--html", "e.html", "--out", "e.csv"]
        assert main(["explain", "m.joblib", "table.csv" if labels else "bare.csv", *labels, *rest]) == 0
        assert pd.read_csv("e.csv")["name"][0] == "a" and "</html>" in Path("e.html").read_text()
    capsys.readouterr()
    assert main(["explain", "m.joblib", "bare.csv"]) == 2
    assert "--trust" in capsys.readouterr().err


@pytest.mark.parametrize("kind", WRONG)
def test_what_a_user_can_do_wrong_is_one_line(table, kind, capsys):
    """With status 2, no traceback, and nothing written."""
    for name, data in {
        "empty.csv": b"",
        "spaces.csv": b" \n\n",
        "names.csv": b"a,b\n",
        "ragged.csv": b"a,b\n1,2\n1,2,3,4\n",
        "binary.csv": bytes(range(256)),
        "picture.csv": b"\x89PNG\r\n\x1a\n\x00\x00",
        "gone.csv": b"a,b,kind\n" + b"1,2,\n" * 30,
        "equal.csv": b"a,b,kind\n" + b"1,2,x\n3,4,x\n" * 30,
        "one.csv": b"a,b,kind\n1,2,x\n",
        "labels.csv": b"kind\nx\ny\n",
        "latin.csv": b"a,gr\xf6\xdfe\n1,2\n",
    }.items():
        Path(name).write_bytes(data)
    for name in ("fake.parquet", "fake.feather", "fake.npz", "fake.npy"):
        Path(name).write_bytes(b"hello")
    np.savez("other.npz", Z=np.zeros((4, 3)))
    np.savez("whole.npz", X=np.zeros((4, 3)))
    Path("cut.npz").write_bytes(Path("whole.npz").read_bytes()[:150])
    Path("folder.csv").mkdir()
    before = Path("table.csv").read_bytes()
    arguments, reason = WRONG[kind]
    try:
        status = main(arguments)
    except SystemExit as left:
        status = left.code
    error = capsys.readouterr().err
    assert status == 2
    assert any(word in error for word in reason.split("|")), error
    assert len(error.strip().splitlines()) == 1
    assert not Path("m.joblib").exists() and Path("table.csv").read_bytes() == before


def test_every_parameter_of_the_estimators_is_an_argument():
    """None is forgotten, and none is there that an estimator does not take."""
    names = inspect.signature(AutoArchClassifier).parameters
    assert set(PARAMETERS) == set(names)
    options = build_parser().parse_args
    base = ["fit", "t.csv", "--out", "m"]
    assert parameters_of(options(base), named=True) == {"random_state": 0}
    words = {
        "--budget": ("none", {"time_budget": None}),
        "--trials": ("3", {"n_trials": 3}),
        "--families": ("auto", {"families": "auto"}),
        "--layout": ("3x8x8", {"layout": (3, 8, 8)}),
        "--scoring": ("f1", {"scoring": "f1"}),
        "--cv": ("time", {"cv": "time"}),
        "--class-weight": ("yes=2,no=1", {"class_weight": {"yes": 2.0, "no": 1.0}}),
        "--threshold": ("0.3", {"threshold": 0.3}),
        "--channels": ("last", {"channels": "last"}),
        "--rows": ("independent", {"rows": "independent"}),
        "--time": ("2020", {"time": "2020"}),
        "--device": ("cpu", {"device": "cpu"}),
        "--ensemble-size": ("3", {"ensemble_size": 3}),
        "--max-predict-seconds": ("0.5", {"max_predict_seconds": 0.5}),
        "--patience": ("5", {"patience": 5}),
        "--trial-timeout": ("9", {"trial_timeout": 9.0}),
        "--memory-limit": ("2G", {"memory_limit": 2.0**31}),
        "--pretrained": ("net.pt", {"pretrained": "net.pt"}),
        "--jobs": ("2", {"n_jobs": 2}),
        "--memory": ("cache", {"memory": "cache"}),
        "--storage": ("s.journal", {"storage": "s.journal"}),
        "--seed": ("7", {"random_state": 7}),
        "--verbose": ("0", {"verbose": 0}),
    }
    for flag, (text, expected) in words.items():
        assert parameters_of(options([*base, flag, text]), named=True) == {"random_state": 0, **expected}
    assert parameters_of(options([*base, "--warm-start"]), named=True)["warm_start"] is True
    assert parameters_of(options([*base, "--coordinates", "0", "1"]), named=False)["coordinates"] == [0, 1]
    assert parameters_of(options([*base, "--time", "2"]), named=False)["time"] == 2


def test_what_a_shell_carries_reaches_the_estimator(table):
    """Weights of labels as y has them, groups and weights of rows from columns that are no features."""
    table.assign(house=np.arange(60) // 2, w=1.0, kind=(table["a"] > 0).astype(int)).to_csv("t.csv", index=False)
    fit = ["fit", "t.csv", "--target", "kind", "--id", "row", "--groups", "house", "--sample-weight", "w", *QUICK]
    more = ["--class-weight", "0=1,1=3", "--threshold", "0.4", "--rows", "independent", "--verbose", "0"]
    assert main([*fit, *more, "--out", "m.joblib"]) == 0
    model = joblib.load("m.joblib")
    assert model.class_weight == {0: 1.0, 1: 3.0} and model.decision_threshold_ == 0.4
    assert list(model.feature_names_in_) == ["a", "b"] and "group" in model.splits_


def test_json_on_standard_output_is_nothing_but_json(table, capsys):
    """For other programs to read; text goes to standard error or nowhere."""
    fit = [*FIT, "--id", "row", "--json"]
    assert main(fit) == 0
    assert json.loads(capsys.readouterr().out)["winner"] == "linear"
    assert main(["predict", "m.joblib", "table.csv", "--trust", "--id", "row", "--target", "kind", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["predictions"]) == 60 and found["score"] > 0.9
    assert main(["report", "m.joblib", "--trust", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["summary"]
    assert main(["explain", "m.joblib", "table.csv", "--trust", "--id", "row", "--target", "kind", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["importances"][0]["name"] == "a"


def test_columns_that_look_otherwise_later_are_read_as_in_fit(tmp_path, capsys):
    """Codes that all look like numbers, labels as numbers, another separator, gaps, another order of columns."""
    rng = np.random.default_rng(0)
    code = rng.choice(["01", "1", "02", "A7"], 120)
    size = rng.normal(size=120)
    kind = np.where((code == "01") ^ (code == "A7"), "1", "0b")
    frame = pd.DataFrame({"code": code, "size": size, "kind": kind})
    frame.to_csv("fit.csv", index=False)
    assert main(["fit", "fit.csv", "--target", "kind", "--out", "m.joblib", *QUICK, "--verbose", "0"]) == 0
    some = frame[(frame["code"] != "A7") & (frame["kind"] == "1")]
    some[["kind", "size", "code"]].to_csv("later.csv", index=False, sep=";", decimal=",")
    predict = ["predict", "m.joblib", "later.csv", "--trust", "--target", "kind"]
    capsys.readouterr()
    assert main(predict) == 0
    shown = capsys.readouterr()
    assert "score 1.0000" in shown.err and set(shown.out.split()[1:]) == {"1"}
    some.assign(size=np.nan).to_csv("later.csv", index=False)
    assert main(predict) == 0
    some.assign(size="large").to_csv("later.csv", index=False)
    capsys.readouterr()
    assert main(predict) == 2
    assert "Column 'size' of X should hold numbers" in capsys.readouterr().err
    some.drop(columns="size").to_csv("later.csv", index=False)
    assert main(predict) == 2
    assert "size" in capsys.readouterr().err


def test_a_fault_of_the_program_is_one_line_too(table, monkeypatch, capsys):
    """With another status, and how to see more."""
    monkeypatch.setattr("autoarch.cli.main.read_data", lambda *_: 1 / 0)
    assert main(["probe", "table.csv"]) == 1
    error = capsys.readouterr().err
    assert "ZeroDivisionError" in error and "--debug" in error and len(error.splitlines()) == 1
    with pytest.raises(ZeroDivisionError):
        main(["probe", "table.csv", "--debug"])


def test_a_missing_extra_is_said_before_the_fit(table, monkeypatch, capsys):
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "skops.io", None)
    assert main([*FIT[:5], "m.autoarch", *QUICK]) == 2
    output = capsys.readouterr()
    assert "pip install 'autoarch[files]'" in output.err and output.out == ""


def test_debug_shows_where_an_error_came_from(table, monkeypatch):
    """The error itself."""
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(MissingExtraError):
        main(["--debug", *FIT[:5], "m.autoarch", *QUICK])


def test_the_module_is_the_command():
    """``python -m autoarch`` answers as ``autoarch`` does."""
    run = subprocess.run([sys.executable, "-m", "autoarch", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("autoarch ")
