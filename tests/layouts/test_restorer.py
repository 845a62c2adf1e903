"""LayoutRestorer finds the grid, inverts its transform, and passes the checks of scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from autoarch.datasets import load_digits_grid
from autoarch.exceptions import InputError, LayoutError, ParameterError
from autoarch.locality import LayoutRestorer


@pytest.fixture(scope="module")
def flat():
    """Digits as 64 columns."""
    X, _ = load_digits_grid()
    return X.reshape(len(X), -1).astype(float)


@pytest.fixture(scope="module")
def scrambled(flat):
    """The same columns in random order."""
    return flat[:, np.random.default_rng(0).permutation(64)]


def _neighbours(grid):
    """Mean size of the correlation between direct neighbours of (n, H, W)."""
    Z = (grid - grid.mean(axis=0)) / np.maximum(grid.std(axis=0), 1e-9)
    return np.mean(np.abs((Z[:, 1:] * Z[:, :-1]).mean(axis=0))) + np.mean(
        np.abs((Z[:, :, 1:] * Z[:, :, :-1]).mean(axis=0))
    )


def test_flat_columns_become_the_grid_they_are(flat):
    """Nothing is rearranged where the order already shows a grid."""
    restorer = LayoutRestorer(random_state=0).fit(flat)

    assert restorer.found_
    assert restorer.layout_.shape == (1, 8, 8)
    np.testing.assert_array_equal(restorer.transform(flat), flat.reshape(-1, 8, 8))


def test_a_scrambled_order_is_put_right(flat, scrambled):
    """Neighbours correlate again, about as much as before the columns were scrambled."""
    restored = LayoutRestorer(random_state=0).fit_transform(scrambled)

    assert restored.shape == (len(flat), 8, 8)
    assert _neighbours(restored) > 0.9 * _neighbours(flat.reshape(-1, 8, 8))
    assert _neighbours(restored) > 1.5 * _neighbours(scrambled.reshape(-1, 8, 8))


@pytest.mark.parametrize("shape", ["auto", (8, 8)])
def test_a_given_shape_is_filled_with_a_better_order(scrambled, shape):
    """A shape says how many rows and columns; it does not say that the order is right."""
    restorer = LayoutRestorer(shape, random_state=0).fit(scrambled)

    assert restorer.layout_.origin == "recovered"
    assert LayoutRestorer((8, 8), recover=False).fit(scrambled).layout_.origin == "given"


@pytest.mark.parametrize("output", ["grid", "flat"])
def test_inverse_transform_gives_the_columns_back(scrambled, output):
    """Both outputs can be turned back into the columns."""
    restorer = LayoutRestorer((8, 8), output=output, random_state=0).fit(scrambled)

    np.testing.assert_array_equal(restorer.inverse_transform(restorer.transform(scrambled)), scrambled)


def test_flat_output_carries_names_and_foreign_columns_along(flat):
    """Cells in their order, then what belongs to no cell; a DataFrame comes out where one is asked for."""
    names = [f"c{place}" for place in range(64)]
    frame = pd.DataFrame(flat, columns=names)
    frame.insert(0, "id", np.random.default_rng(0).permutation(len(frame)).astype(float))

    out = LayoutRestorer(output="flat", random_state=0).set_output(transform="pandas").fit_transform(frame)

    assert list(out) == [*names, "id"]
    pd.testing.assert_frame_equal(out[names], frame[names])


def test_no_grid_is_one_line_in_the_given_order():
    """Noise has no layout: nothing is invented."""
    X = np.random.default_rng(0).normal(size=(100, 60))

    restorer = LayoutRestorer(random_state=0).fit(X)

    assert not restorer.found_
    np.testing.assert_array_equal(restorer.transform(X), X[:, None, :])


def test_it_is_a_step_of_a_pipeline(flat):
    """Downstream steps get the grid."""
    pipeline = make_pipeline(
        LayoutRestorer(random_state=0), FunctionTransformer(lambda grid: grid.sum(axis=(1, 2))[:, None])
    )

    np.testing.assert_allclose(clone(pipeline).fit_transform(flat)[:, 0], flat.sum(axis=1))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"output": "picture"}, ParameterError, id="output"),
        pytest.param({"shape": (7, 9)}, LayoutError, id="cells"),
        pytest.param({"shape": "square"}, ParameterError, id="shape"),
    ],
)
def test_invalid_parameters_are_refused(flat, change, error):
    """The message comes before any work."""
    with pytest.raises(error):
        LayoutRestorer(**change).fit(flat)


def test_the_way_back_needs_what_came_out(flat):
    """Another shape is refused with both shapes in the message."""
    restorer = LayoutRestorer((8, 8), recover=False).fit(flat)

    with pytest.raises(InputError, match="8, 8"):
        restorer.inverse_transform(np.zeros((2, 7, 8)))


@given(
    sides=st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(2, 6)),
    output=st.sampled_from(["grid", "flat"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=20)
def test_any_given_shape_is_inverted(sides, output, seed):
    """Columns laid out as any declared grid come back unchanged."""
    X = np.random.default_rng(seed).normal(size=(5, int(np.prod(sides))))
    restorer = LayoutRestorer(sides, recover=False, output=output).fit(X)

    np.testing.assert_array_equal(restorer.inverse_transform(restorer.transform(X)), X)


@parametrize_with_checks([LayoutRestorer(random_state=0), LayoutRestorer(output="flat", random_state=0)])
def test_scikit_learns_checks(estimator, check):
    """LayoutRestorer passes the checks that any transformer has to pass."""
    check(estimator)
