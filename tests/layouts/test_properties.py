"""Properties of what finds layouts and of the transformer that applies them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SEEDS

from autoarch.datasets import make_textures
from autoarch.locality import LayoutRestorer, infer_layout

SIDES = st.integers(1, 6)


@given(channels=st.integers(1, 3), height=SIDES, width=SIDES, output=st.sampled_from(["grid", "flat"]), seed=SEEDS)
def test_a_restorer_undoes_itself(channels, height, width, output, seed):
    """Whatever the shape and the kind of output."""
    X = np.random.default_rng(seed).normal(size=(3, channels * height * width))
    restorer = LayoutRestorer((channels, height, width), recover=False, output=output).fit(X)

    out = restorer.transform(X)

    assert len(out) == 3 and out.size == X.size
    np.testing.assert_array_equal(restorer.inverse_transform(out), X)


@given(height=SIDES, width=SIDES, seed=SEEDS)
def test_names_go_where_their_columns_go(height, width, seed):
    """A flat output has each name over the column that it named."""
    p = height * width
    names = np.random.default_rng(seed).permutation([f"c{i}" for i in range(p)])
    frame = pd.DataFrame(np.arange(2.0 * p).reshape(2, -1), columns=names)
    restorer = LayoutRestorer((height, width), recover=False, output="flat").fit(frame)

    out = restorer.get_feature_names_out()

    assert sorted(out) == sorted(names)
    np.testing.assert_array_equal(restorer.transform(frame), frame[list(out)].to_numpy())


@settings(max_examples=4, derandomize=True)  # the tests have a level, which random seeds would meet one day
@given(seed=st.integers(0, 1000), height=st.integers(6, 9), width=st.integers(6, 9))
def test_the_grid_behind_flat_columns_is_found_in_any_order_of_rows_and_any_unit(seed, height, width):
    """Smooth grids of any sides; candidates are ranked from 1 on."""
    X = make_textures(200, (height, width), random_state=seed)[0].reshape(200, -1)
    rows = np.random.default_rng(seed).permutation(len(X))

    for values in (X, -5 * X[rows] + 3):
        found = infer_layout(values, random_state=0)
        assert found.kind == "2d"
        assert {found.best.height, found.best.width} == {height, width}
        assert found.candidates[0].rank == 1
        ranks = [candidate.rank for candidate in found.candidates]
        assert ranks == sorted(ranks)
    assert found.foreign == ()


@settings(max_examples=6, derandomize=True)
@given(seed=st.integers(0, 1000), p=st.integers(12, 40))
def test_independent_columns_are_no_grid(seed, p):
    """Noise has no layout, whatever the number of columns; nothing is said to be certain."""
    X = np.random.default_rng(seed).normal(size=(150, p))

    found = infer_layout(X, random_state=0)

    assert found.kind != "2d"
    assert found.best is None or found.best.height == 1
    assert found.seconds >= 0 and found.reason


@given(height=SIDES, width=SIDES, wrong=st.integers(1, 3))
def test_a_grid_of_another_shape_is_refused_on_the_way_back(height, width, wrong):
    """The message says which shape was expected."""
    X = np.zeros((2, height * width))
    restorer = LayoutRestorer((height, width), recover=False).fit(X)

    with pytest.raises(ValueError, match=f"{height}, {width}"):
        restorer.inverse_transform(np.zeros((2, height, width + wrong)))
