"""The command line: formats, models without pickle, and one line with status 2 for whatever a user can do wrong."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autoarch.cli.files import read_data, write_table
from autoarch.cli.main import main
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
    }.items():
        Path(name).write_bytes(data)
    for name in ("fake.parquet", "fake.feather", "fake.npz", "fake.npy"):
        Path(name).write_bytes(b"hello")
    arguments, reason = WRONG[kind]
    try:
        status = main(arguments)
    except SystemExit as left:
        status = left.code
    error = capsys.readouterr().err
    assert status == 2
    assert any(word in error for word in reason.split("|")), error
    assert len(error.strip().splitlines()) == 1
    assert not Path("m.joblib").exists()


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
