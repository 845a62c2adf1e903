"""The benchmark of folds over space: it reads a folder as documented, and what it holds out is apart."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "benchmarks"))

import spatial_folds  # its folder must be on the path first

ARGUMENTS = argparse.Namespace(splits=3, strip=0.5, seed=0, kind="blocks")


@pytest.fixture
def table(tmp_path):
    """A field of numbers that are alike over two units, as a file in a folder."""
    pytest.importorskip("pyarrow", reason="the extra 'parquet' is optional")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.uniform(0, 20, 400), "y": rng.uniform(0, 20, 400), "word": ["a", "b"] * 200})
    frame["target"] = np.sin(2 * frame["x"]) + np.sin(2 * frame["y"]) + 0.1 * rng.normal(size=400)
    frame.to_parquet(tmp_path / "field.parquet")
    about = {"name": "field", "task": "regression", "coordinates": ["x", "y"], "target": "target"}
    (tmp_path / "datasets.json").write_text(json.dumps({"datasets": [about, {"name": "other"}]}))
    (found,) = spatial_folds.tables(tmp_path, None, 300)
    return found


def test_a_table_is_read_with_its_coordinates(table):
    """Words are codes, rows are sampled, the target is no feature."""
    assert table.X.shape == (300, 3)
    assert set(table.X["word"]) == {0, 1}
    assert not table.classification


def test_the_strip_around_held_out_squares_does_not_train(table):
    """About a fifth is held out; nothing nearer than half a side trains."""
    places = spatial_folds.read_places(table.X, table.coordinates)

    for train, test in spatial_folds.outer_splits(places, 2.0, ARGUMENTS):
        nearest = places.take(test).tree().query(places.space[train])[0]
        assert nearest.min() >= 1.0
        assert 0.1 < len(test) / 300 < 0.26


def test_random_folds_are_more_optimistic_than_folds_over_space(table):
    """On a field without any other feature."""
    rows = pd.DataFrame(spatial_folds.measure(table, ARGUMENTS))

    bias = rows.groupby("way")["bias"].mean()

    assert bias["random"] > 0.05
    assert bias["spatial"] < bias["random"] - 0.05
    assert "spatial" in spatial_folds.summary(rows) and "se_tables" in spatial_folds.over_tables(rows)
