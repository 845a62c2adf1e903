"""Moran's I over points: the numbers of esda, p-values that are uniform without structure, labels."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from autoarch._data.points import Places
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.autocorrelation import morans_i, morans_i_of_columns

SEEDS = st.integers(0, 2**32 - 1)


def scattered(seed, n=150):
    rng = np.random.default_rng(seed)
    return rng.uniform(size=(n, 2)), rng


@pytest.mark.slow
@pytest.mark.parametrize("distance", [None, 0.15], ids=["nearest", "band"])
def test_statistic_and_moments_agree_with_esda(distance):
    """I, its expectation, its variance under randomisation, z and p, for skewed values."""
    esda = pytest.importorskip("esda", reason="a package of the dev extra")
    from libpysal.weights import KNN, DistanceBand

    points, rng = scattered(0)
    y = rng.gamma(1.0, size=len(points))
    weights = KNN(points, k=8) if distance is None else DistanceBand(points, distance, silence_warnings=True)
    theirs = esda.Moran(y, weights, transformation="r", permutations=0)

    ours = morans_i(Places(points), y, distance=distance)

    np.testing.assert_allclose(
        [ours.statistic, ours.expected, ours.variance, ours.z, ours.p_value],
        [theirs.I, theirs.EI, theirs.VI_rand, theirs.z_rand, theirs.p_rand],
    )


@pytest.mark.slow
def test_neighbours_on_the_globe_agree_with_libpysal():
    """The nearest along great circles, across the date line too."""
    esda = pytest.importorskip("esda", reason="a package of the dev extra")
    from libpysal.cg.sphere import RADIUS_EARTH_KM
    from libpysal.weights import KNN

    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(170, 190, 120), rng.uniform(-80, 80, 120)])
    points[:, 0] = np.where(points[:, 0] > 180, points[:, 0] - 360, points[:, 0])
    y = rng.normal(size=120)
    theirs = esda.Moran(y, KNN(points, k=5, radius=RADIUS_EARTH_KM), permutations=0)

    assert morans_i(Places(points, geographic=True), y, k=5).statistic == pytest.approx(theirs.I)


def test_labels_are_the_mean_over_their_classes():
    """One class against the rest, weighted by variance; two classes are one 0/1 code."""
    points, rng = scattered(1)
    labels = rng.choice(["oak", "ash", "elm"], p=[0.5, 0.3, 0.2], size=len(points))
    codes = [(labels == name).astype(float) for name in ("oak", "ash", "elm")]
    each = [morans_i(Places(points), code, labels=False).statistic for code in codes]

    found = morans_i(Places(points), labels)

    assert found.statistic == pytest.approx(np.average(each, weights=[code.var() for code in codes]))
    pair, code = morans_i(Places(points), labels == "oak"), morans_i(Places(points), codes[0], labels=False)
    assert (pair.statistic, pair.z) == pytest.approx((code.statistic, code.z))


@pytest.mark.parametrize("permutations", [0, 99], ids=["analytic", "permutations"])
@pytest.mark.parametrize("kind", ["numbers", "labels"])
def test_p_values_are_uniform_without_structure(kind, permutations):
    """Numbers and labels that know nothing of their places."""
    p_values = []
    for seed in range(200):
        points, rng = scattered(seed, n=100)
        values = (
            rng.normal(size=100) if kind == "numbers" else rng.choice(list("abcd"), size=100, p=[0.5, 0.3, 0.1, 0.1])
        )
        p_values.append(morans_i(Places(points), values, permutations=permutations, random_state=seed).p_value)

    assert kstest(p_values, "uniform").pvalue > 0.01


@given(seed=SEEDS, scale=st.floats(0.01, 100) | st.floats(-100, -0.01), shift=st.floats(-100, 100))
def test_units_do_not_matter(seed, scale, shift):
    """Neither scale of values nor of coordinates matters."""
    points, rng = scattered(seed, n=30)
    y = rng.normal(size=30)

    first = morans_i(Places(points), y, labels=False)
    other = morans_i(Places(points * 50 + 7), scale * y + shift, labels=False)

    assert (other.statistic, other.variance) == pytest.approx((first.statistic, first.variance), abs=1e-8)


def test_permutations_agree_with_the_moments():
    """Drawn orders give the p-value of the normal distribution, nearly, and the same one with the same seed."""
    points, rng = scattered(3)
    y = points[:, 0] + 2 * rng.normal(size=len(points))
    analytic = morans_i(Places(points), y).p_value

    drawn = [morans_i(Places(points), y, permutations=1999, random_state=5).p_value for _ in range(2)]

    assert drawn[0] == drawn[1] == pytest.approx(analytic, abs=0.03)


def test_columns_get_the_results_they_get_alone():
    """Numbers with gaps and words among them; what does not vary is left out."""
    points, rng = scattered(4)
    table = pd.DataFrame({"a": rng.normal(size=150), "b": points[:, 1], "c": rng.choice(["x", "y"], 150), "d": 1.0})
    table.loc[:20, "b"] = np.nan

    found = morans_i_of_columns(Places(points), table)

    assert list(found) == ["a", "b", "c"]
    for name, result in found.items():
        alone = morans_i(Places(points), table[name])
        assert (result.statistic, result.z, result.n) == pytest.approx((alone.statistic, alone.z, alone.n))


def test_points_at_one_place_are_neighbours():
    """Also where more rows share a place than neighbours are asked for; no point is its own neighbour."""
    points = np.repeat(np.random.default_rng(0).uniform(size=(5, 2)), 20, axis=0)
    found = morans_i(Places(points), np.repeat(np.arange(5.0), 20), labels=False, k=4)

    assert found.statistic == pytest.approx(1.0)


def test_constant_values_say_nothing():
    """No variance, no evidence."""
    points, _ = scattered(0)
    found = morans_i(Places(points), np.full(150, 3.3))

    assert (found.statistic, found.p_value) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("values", "options", "error", "message"),
    [
        pytest.param([1.0, 2.0, np.nan, np.nan, np.nan], {}, InputError, "at least 4", id="few"),
        pytest.param([np.nan] * 5, {}, InputError, "missing at all", id="none"),
        pytest.param([1.0, 2.0], {}, InputError, "each of the 5 points", id="length"),
        pytest.param(np.arange(5.0), {"k": 0}, ParameterError, "k=0", id="k"),
        pytest.param(np.arange(5.0), {"k": 3, "distance": 1.0}, ParameterError, "one of them", id="both"),
        pytest.param(np.arange(5.0), {"distance": 1e-9}, InputError, "longer distance", id="islands"),
    ],
)
def test_what_cannot_be_measured_is_refused(values, options, error, message):
    """The error says what to pass instead."""
    with pytest.raises(error, match=message):
        morans_i(Places(np.arange(10.0).reshape(5, 2)), values, labels=False, **options)


def test_the_picture_holds_points_and_slope():
    """The line through the origin rises by Moran's I."""
    pytest.importorskip("matplotlib", reason="the extra 'plot' is optional")
    points, _ = scattered(0)
    found = morans_i(Places(points), points[:, 0])

    dots, line = found.plot().ax_.lines[:2]

    assert len(dots.get_xdata()) == 150
    x, y = line.get_data()
    assert (y[1] - y[0]) / (x[1] - x[0]) == pytest.approx(found.statistic)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_unit_of_the_values_is_of_no_consequence(scale):
    """Not even where their squares are no numbers any more."""
    points = np.random.default_rng(0).uniform(size=(100, 2))
    expected, found = (morans_i(Places(points), each * points[:, 0]) for each in (1.0, scale))

    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.p_value))
    np.testing.assert_allclose(found.shown, scale * expected.shown)


def test_whole_numbers_may_be_numbers_or_codes_and_names_may_repeat():
    """Columns of classes can be named; columns of one name do not hide each other."""
    points = np.random.default_rng(0).uniform(size=(200, 2))
    steps = np.floor(5 * points[:, 0])
    table = pd.DataFrame(np.column_stack([steps, steps]), columns=["a", "a"])

    found = morans_i_of_columns(Places(points), table, labels={1})

    assert found[0].statistic == pytest.approx(morans_i(Places(points), steps, labels=False).statistic)
    assert found[1].statistic == pytest.approx(morans_i(Places(points), steps, labels=True).statistic)
    assert found[0].statistic != pytest.approx(found[1].statistic)
