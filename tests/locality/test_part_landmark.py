"""The landmark of trees on summaries of a grid's parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoarch import Layout, probe_locality
from autoarch._core.clock import Deadline
from autoarch._training.grid_summaries import GridSummaries, n_summaries
from autoarch.locality import advice
from autoarch.locality.grid_statistics import Measurements
from autoarch.locality.layout_choice import measure
from autoarch.locality.measurements import PARTS, Landmark
from autoarch.locality.part_landmark import with_parts


def clouds(n: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Noise that is smooth over two cells or over three, of the same variance: each cell alone tells nothing."""
    rng = np.random.default_rng(0)
    y, noise = rng.integers(2, size=n), rng.normal(size=(n, 13, 13))
    fine, coarse = (
        sum(np.roll(noise, (down, across), (1, 2)) for down in range(k) for across in range(k)) / k for k in (2, 3)
    )
    return np.where(y[:, None, None], coarse, fine)[:, 2:, 2:], y


def test_parts_tell_what_cells_do_not() -> None:
    report = probe_locality(*clouds(), random_state=0)
    assert report.verdict != "none"
    assert report.landmarks[PARTS].score > report.landmarks["tree"].score + 0.1
    assert "small trees on parts" in str(report)


def test_they_are_not_asked_where_cells_do_not_belong_together() -> None:
    X, y = clouds()
    shuffled = np.random.default_rng(1).permuted(X.reshape(len(X), -1), axis=1)
    report = probe_locality(shuffled.reshape(X.shape), y, random_state=0)
    assert report.verdict == "none" and PARTS not in report.landmarks


def test_without_time_they_are_left_out_with_the_reason() -> None:
    X, y = clouds(60)
    values, layout = X.reshape(60, -1), Layout(11, 11)
    found = measure(values, layout, y=y)
    settings = {"task": "classification", "categorical": (), "seed": 0, "n_jobs": None}
    late = with_parts(found, values, y, Deadline(1e-6), **settings)
    assert late.skipped[-1].startswith(f"{PARTS}: about ") and late.scores == found.scores
    assert with_parts(Measurements(layout), values, y, Deadline(), **settings) == Measurements(layout)


@pytest.mark.parametrize(("verdict", "score"), [("2d", 0.9), ("none", 0.6)])
def test_trees_count_by_the_better_landmark_where_they_read_parts(verdict: str, score: float) -> None:
    marks = {"tree": Landmark(0.6, 0.01), PARTS: Landmark(0.9, 0.01), "cnn": Landmark(0.8, 0.01)}
    assert advice.read_in_parts(marks, verdict)["tree"].score == score
    assert advice.read_in_parts({"cnn": marks["cnn"]}, verdict) == {"cnn": marks["cnn"]}


@given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40))
def test_summaries_are_counted_before_they_are_made(channels: int, height: int, width: int) -> None:
    layout = Layout(height, width, channels=channels)
    made = GridSummaries(layout, "summaries").fit_transform(np.zeros((1, channels * height * width)))
    assert made.shape == (1, n_summaries(layout))
