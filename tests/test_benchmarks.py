"""The benchmark runner: data by name, one line per run, tables that say what the rows say."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "benchmarks"
sys.path.insert(0, str(FOLDER))

import rivals  # noqa: E402  # the folder of the runner must be on the path first
import run  # noqa: E402
import tables  # noqa: E402
import tasks  # noqa: E402
import worker  # noqa: E402


@pytest.fixture
def folder(tmp_path):
    """A folder with every form that the documentation describes."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3, 4)).astype(np.float32), np.arange(40) % 2
    np.savez(tmp_path / "free.npz", X=X, y=y, groups=np.arange(40) // 4)
    np.savez(tmp_path / "fixed.npz", X=X[:30], y=y[:30] / 2, X_test=X[30:], y_test=y[30:] / 2)
    frame = pd.DataFrame({"a": rng.normal(size=40), "b": ["x", "y"] * 20, "target": ["no", "yes"] * 20})
    frame.to_parquet(tmp_path / "mixed.parquet")
    frame.assign(part=["train"] * 30 + ["test"] * 10).to_parquet(tmp_path / "parted.parquet")
    about = [{"name": "parted", "kind": "d", "task": "binary", "split_column": "part"}]
    (tmp_path / "datasets.json").write_text(json.dumps({"datasets": about}))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind", "classification", "n_train", "n_test", "shape"),
    [
        ("free", "grid", True, 28, 12, (3, 4)),
        ("fixed", "grid", False, 30, 10, (3, 4)),
        ("mixed", "table", True, 28, 12, (2,)),
        ("parted", "d", True, 30, 10, (2,)),
    ],
)
def test_a_folder_is_read_as_documented(folder, name, kind, classification, n_train, n_test, shape):
    """Shapes, splits and tasks come out as the page on benchmarks says."""
    task = tasks.load(name, [folder])
    assert (task.kind, task.classification, task.shape) == (kind, classification, shape)
    assert (len(task.X), len(task.y), len(task.X_test), len(task.y_test)) == (n_train, n_train, n_test, n_test)
    assert set(np.unique(task.y)) <= ({0, 1} if classification else {0.0, 0.5})
    assert (task.groups is not None) == (name == "free")
    if name == "free":
        assert len(task.groups) == n_train
    if classification:
        assert task.n_classes == 2


def test_names_come_from_the_folder_or_from_scikit_learn(folder):
    """Without a folder there are the bundled sets, and they load."""
    assert tasks.names([folder]) == ["fixed", "free", "mixed", "parted"]
    for name in tasks.names():
        task = tasks.load(name)
        assert len(task.y) > len(task.y_test) > 0


def test_the_same_rows_are_held_out_every_time():
    """Systems and seeds are compared on one split."""
    first, second = tasks.load("wine"), tasks.load("wine")
    pd.testing.assert_frame_equal(first.X_test, second.X_test)


def test_errors_are_never_zero():
    """(errors + 0.5) / (n_test + 1), so that ratios of errors exist."""
    y = np.array([0, 1, 1, 0])
    assert worker.score(y, y, classification=True) == {"metric": "accuracy", "score": 1.0, "error": 0.1}
    assert worker.score(y, 1 - y, classification=True)["error"] == pytest.approx(0.9)
    assert worker.score(y / 2, y / 2, classification=False)["error"] > 0


def test_predictions_that_do_not_fit_are_an_error():
    """A NaN or a missing row is a failure, never a score."""
    with pytest.raises(ValueError, match="3 predictions for 4 rows"):
        worker.score(np.zeros(4), np.zeros(3), classification=False)
    with pytest.raises(ValueError, match="not finite"):
        worker.score(np.ones(2), np.array([1.0, np.nan]), classification=False)


def test_a_run_is_one_process_and_one_line_and_is_not_repeated(tmp_path, capsys):
    """Two systems, one of which does not apply; a second call runs nothing."""
    arguments = ["wine", "--systems", "hgb", "cnn", "--budget", "2", "--cores", "1", "--out", str(tmp_path / "r.jsonl")]
    assert run.main(arguments) == 0
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [(row["system"], row["status"]) for row in rows] == [("hgb", "ok"), ("cnn", "skipped")]
    assert rows[0]["score"] > 0.8
    assert capsys.readouterr().out.count("[") == 2

    assert run.main(arguments) == 0
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 2
    assert "[1/" not in capsys.readouterr().out


def test_a_system_that_fails_is_a_row(folder, monkeypatch):
    """A sweep goes on; the row has the message."""
    import systems

    def broken(*_):
        raise MemoryError("too large")

    monkeypatch.setitem(systems.SYSTEMS, "hgb", broken)
    job = {"system": "hgb", "data": "free", "budget": 1, "seed": 0, "cores": 4096, "folders": [str(folder)]}
    row = worker.main(job)
    assert (row["status"], row["reason"]) == ("failed", "MemoryError: too large")


@pytest.mark.parametrize("name", ["lightgbm", "hgb", "notebook", "cnn", *rivals.SYSTEMS])
@pytest.mark.parametrize("data", ["free", "fixed", "mixed", "parted"])
def test_baselines_predict_every_kind_of_data(folder, name, data):
    """Grids and mixed tables, classes and numbers; the plain CNN takes grids only."""
    import systems

    task = tasks.load(data, [folder])
    if name == "cnn" and not task.is_grid:
        with pytest.raises(systems.NotApplicableError):
            systems.SYSTEMS[name](task, 1.0, 0, 1)
        return
    predict, note = systems.SYSTEMS[name](task, 1.0, 0, 1)
    assert predict(task.X_test).shape == task.y_test.shape
    assert note


def rows(*lines):
    """Result rows from ``(system, data, error, seconds)``; an error of None is a run that failed."""
    facts = [
        {"system": s, "data": d, "error": e, "score": None if e is None else 1 - e, "fit_seconds": t}
        | {"status": "failed" if e is None else "ok", "budget": 10, "seed": 0, "kind": "grid", "shape": [8, 8]}
        | {"reason": "no reason"}
        for s, d, e, t in lines
    ]
    return pd.DataFrame(facts)


def test_ranks_share_ties_and_put_failures_last():
    """Rank 1 is best; two equal systems share a place; a failed run is behind all others."""
    table = rows(("a", "x", 0.1, 5), ("b", "x", 0.1, 5), ("c", "x", 0.2, 5), ("a", "y", 0.1, 5), ("b", "y", None, 5))
    ranks = tables.mean_ranks(pd.concat([table, rows(("c", "y", 0.3, 5))]))
    assert ranks.to_dict() == {"a": 1.25, "b": 2.25, "c": 2.5}


def test_a_system_that_does_not_apply_everywhere_is_not_ranked_overall():
    """Mean ranks are taken over the same data sets for every system."""
    table = rows(("a", "x", 0.1, 5), ("cnn", "x", 0.2, 5), ("a", "y", 0.1, 5))
    skipped = rows(("cnn", "y", None, 5)).assign(status="skipped")
    assert list(tables.mean_ranks(pd.concat([table, skipped])).index) == ["a"]


def test_ratios_compare_data_set_by_data_set():
    """The geometric mean of error ratios, beside wins and losses."""
    table = rows(("autoarch", "x", 0.1, 5), ("b", "x", 0.2, 5), ("autoarch", "y", 0.4, 5), ("b", "y", 0.2, 5))
    line = tables.against(table, "autoarch").loc["b"]
    assert (line["better"], line["worse"], line["same"]) == (1, 1, 0)
    assert line["error ratio"] == pytest.approx(1.0)


def test_the_budget_is_overrun_beyond_5_percent_and_a_second():
    """11.4 s of 10 s is within the allowance, 11.6 s is not."""
    table = rows(("a", "x", 0.1, 11.4), ("a", "y", 0.1, 11.6))
    assert tables.budget_use(table).loc["a", "overruns"] == 1


def test_the_tables_name_the_failures():
    """Nothing that went wrong is left out of the print."""
    text = tables.show(rows(("autoarch", "x", 0.1, 5), ("b", "x", None, 5)))
    assert "Failures" in text
    assert "no reason" in text
