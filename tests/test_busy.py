"""Tables of the benchmark on busy cores: rivals that count, differences by row, the clock."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "benchmarks"))

import busy  # the folder of the benchmark must be on the path first
import busy_tables
import tasks
import worker
from ledger import Ledger

RIGHT, HALF, WRONG = [0] * 100, [0, 1] * 50, [1] * 100


def row(system="autoarch", losses=RIGHT, seconds=1.0, **facts):
    """Describe a run on 100 test rows; without losses it was killed."""
    known = {"system": system, "data": "a", "seed": 0, "busy": 0, "others": 0.0, "fit_seconds": seconds}
    known |= {"status": "ok", "losses": losses, "score": 1 - np.mean(losses)} if losses else {"status": "killed"}
    return known | ({"budget": 10.0} if system == "autoarch" else {}) | {"task": "classification"} | facts


@pytest.mark.parametrize(
    ("seconds", "budget", "counts"),
    [(2.5, 10.0, True), (2.6, 10.0, False), (5.0, 20.0, True), (5.1, 20.0, False), (60.0, 60.0, True)],
)
def test_a_rival_counts_within_a_quarter_of_a_short_budget_or_a_long_one(seconds, budget, counts):
    """A quarter up to 20 s, all of it beyond."""
    assert busy_tables.admitted(row("boosting", seconds=seconds), budget) is counts


def test_a_rival_without_a_result_does_not_count():
    """It failed or was ended, however few seconds that took."""
    assert not busy_tables.admitted(row("boosting", losses=None), 60.0)


def test_a_rival_is_admitted_by_its_run_alone_and_compared_under_the_same_load():
    """Slow beside busy processes is no matter; slow alone is, however good the rival. Without such a run: as alone."""
    rivals = [row("nearest", HALF), row("nearest", WRONG, seconds=9, busy=2)]
    rivals += [row("boosting", seconds=9), row("boosting", seconds=1, busy=2)]
    assert busy_tables.best_rival(row(busy=2), rivals)["losses"] == WRONG
    assert busy_tables.best_rival(row(busy=0), rivals)["losses"] == HALF
    assert busy_tables.best_rival(row(busy=1), rivals)["losses"] == HALF
    assert busy_tables.best_rival(row(busy=2, budget=60.0), rivals)["system"] == "boosting"
    assert busy_tables.best_rival(row(data="b"), rivals) is None


@pytest.mark.parametrize(
    ("busy_processes", "seconds", "late"), [(0, 11.4, False), (0, 11.6, True), (1, 12.9, False), (2, 13.1, True)]
)
def test_the_allowance_of_the_clock_is_doubled_on_busy_cores(busy_processes, seconds, late):
    """5 % + 1 s of a budget of 10 s, or 10 % + 2 s."""
    assert busy_tables.late(seconds, 10.0, busy_processes) is late


def test_differences_are_paired_by_row():
    """Eleven rows worse of a hundred, the same ones right otherwise."""
    losses = [1] * 11 + [0] * 89
    (line,) = busy_tables.compare([row(losses=losses)], [row("nearest", RIGHT)]).to_dict("records")
    spread = np.std(losses, ddof=1) / 10
    assert line["difference"] == pytest.approx(0.11)
    assert line["errors"] == pytest.approx(0.11 / spread)
    assert line["ratio"] == pytest.approx(11.5 / 0.5)
    assert line["worse"] is True


@pytest.mark.parametrize(("losses", "worse"), [(HALF, False), ([1, *HALF[1:]], False), (WRONG, True)])
def test_a_run_is_worse_by_errors_and_by_loss(losses, worse):
    """One row of a hundred is within three standard errors; all of the other half are not."""
    (line,) = busy_tables.compare([row(losses=losses)], [row("nearest", HALF)]).to_dict("records")
    assert line["worse"] is worse


def test_a_run_without_predictions_has_lost_every_row_and_is_late():
    """A killed fit must not drop out of the tables."""
    rivals = [row("nearest", RIGHT)]
    table = busy_tables.cells(busy_tables.compare([row(losses=None, seconds=30.0)], rivals))
    cell = table.loc[(10.0, 0)]
    assert (cell["mean"], cell["worse"], cell["overruns"], cell["failed"], cell["longest"]) == (1.0, 1, 1, 1, 3.0)


def test_the_ratio_of_numbers_is_that_of_root_mean_squared_errors():
    """A quarter of the squared error is half of the error."""
    ours, theirs = row(losses=[0.1] * 50 + [0.4] * 50), row("logistic", losses=[1.0] * 100, task="regression")
    (line,) = busy_tables.compare([ours], [theirs]).to_dict("records")
    assert line["ratio"] == pytest.approx(0.5)


def test_seeds_of_a_set_are_averaged_before_sets_are():
    """Two seeds of one set and one of another: each set weighs the same."""
    rivals = [row("nearest", RIGHT, data=data, seed=seed) for data in "ab" for seed in (0, 1)]
    ours = [row(losses=HALF), row(losses=WRONG, seed=1), row(losses=RIGHT, data="b")]
    cell = busy_tables.cells(busy_tables.compare(ours, rivals)).loc[(10.0, 0)]
    assert (cell["sets"], cell["runs"], cell["mean"]) == (2, 3, 0.375)


def test_bounds_of_the_mean_over_sets():
    """By rows from their standard errors, by sets from Student's t (2.92 with two degrees of freedom)."""
    by_rows, by_sets = busy_tables.upper_bounds(np.array([-0.01, 0.0, 0.01]), np.array([0.003, 0.0, 0.004]))
    assert by_rows == pytest.approx(1.645 * 0.005 / 3, rel=1e-3)
    assert by_sets == pytest.approx(2.920 * 0.01 / np.sqrt(3), rel=1e-3)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1)), min_size=2, max_size=12))
def test_bounds_lie_above_the_mean(pairs):
    """Whatever the sets are."""
    differences, spreads = np.array(pairs).T
    assert min(busy_tables.upper_bounds(differences, spreads)) >= differences.mean() - 1e-12


def test_beside_more_busy_processes_overruns_are_shown_and_not_judged():
    """Four on two cores: the longest run is in the table, the number of overruns is not."""
    rivals = [row("nearest", HALF), row("nearest", HALF, busy=4)]
    text = busy_tables.show([row(busy=4, seconds=25.0)], rivals)
    assert "2.5000" in text
    assert "overruns beside at most 2 busy processes: 0" in text


def test_the_tables_name_what_went_wrong():
    """A late run, and one that is worse, stand in a list of their own."""
    rivals = [row("nearest", RIGHT, data=data) for data in ("slow", "wrong", "good")]
    ours = [row(data="slow", seconds=12), row(losses=WRONG, data="wrong"), row(data="good")]
    listed = busy_tables.show(ours, rivals).split("without a result\n")[1].split("\n\n")[0]
    assert "slow" in listed and "wrong" in listed and "good" not in listed


def test_runs_that_began_beside_processes_of_others_are_counted():
    """A rival that was slow for that reason would be missing without a word."""
    text = busy_tables.show([row(), row(seed=1, others=None)], [row("nearest", HALF, others=0.5)])
    assert "more than 10% of the cores: 1 of 3" in text


def test_a_cell_without_a_rival_has_no_difference():
    """The clock is still told."""
    cell = busy_tables.cells(busy_tables.compare([row(seconds=5.0)], [])).loc[(10.0, 0)]
    assert (cell["sets"], cell["longest"], cell["overruns"]) == (0, 0.5, 0)
    assert np.isnan(cell["mean"]) and np.isnan(cell["bound, rows"])
    assert busy_tables.show([], []) == "There are no runs with these settings."


def test_the_report_reads_runs_of_the_same_settings_only(tmp_path, capsys):
    """Another number of rows or another budget is another experiment."""
    ours, rivals = Ledger(tmp_path / "ours.jsonl"), Ledger(tmp_path / "rivals.jsonl")
    for rows in (None, 500):
        ours.add(row(losses=HALF, cores=2, rows=rows))
        rivals.add(row("nearest", WRONG if rows else RIGHT, cores=2, rows=rows))
    ours.add(row(losses=WRONG, cores=2, rows=None, budget=7.0))
    files = ["--out", str(ours.path), "--rivals", str(rivals.path), "--report-only"]
    assert busy.main(files) == 0
    text = capsys.readouterr().out
    assert "0.5000" in text and "of 1 by the rows" in text
    assert busy.main([*files, "--rows", "500"]) == 0
    assert "-0.5000" in capsys.readouterr().out


def test_fewer_rows_are_the_same_ones_every_time_with_every_class():
    """The test rows stay; as many rows as there are change nothing."""
    task = tasks.load("wine")
    small = tasks.fewer(task, 30)
    assert len(small.X) == len(small.y) == 30
    assert set(small.y) == set(task.y)
    assert small.X.equals(tasks.fewer(task, 30).X) and small.X_test is task.X_test
    assert tasks.fewer(task, len(task.y)) is task


def test_losses_of_the_rows_make_up_the_error():
    """Errors of classes; squared errors over the variance for numbers."""
    y = np.array([0, 1, 1, 0])
    assert worker.losses(y, np.array([0, 1, 0, 0]), classification=True) == [0, 0, 1, 0]
    predicted = np.array([0.1, 0.9, 0.2, 0.0])
    mean = np.mean(worker.losses(y / 1.0, predicted, classification=False))
    assert mean == pytest.approx(worker.score(y / 1.0, predicted, classification=False)["error"], abs=1e-6)
