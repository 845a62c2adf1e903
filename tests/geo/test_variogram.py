"""Semivariograms: the range of fields that have one, none where there is none."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from autoarch._data.points import Places
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.variogram import fit_variogram

MODELS = {
    "spherical": lambda h: np.where(h < 1, 1 - 1.5 * h + 0.5 * h**3, 0.0),
    "exponential": lambda h: np.exp(-3 * h),
    "gaussian": lambda h: np.exp(-3 * h**2),
}


def gaussian_field(points, model, reach, nugget, rng):
    """One value per point: a Gaussian field of variance 1 and practical range ``reach``, and noise."""
    covariance = MODELS[model](cdist(points, points) / reach)
    smooth = np.linalg.cholesky(covariance + 1e-8 * np.eye(len(points))) @ rng.normal(size=len(points))
    return smooth + np.sqrt(nugget) * rng.normal(size=len(points))


def scattered(seed, n=500):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 100, size=(n, 2)), rng


@pytest.mark.parametrize("model", ["spherical", "exponential", "gaussian"])
@pytest.mark.parametrize("reach", [10, 25])
def test_the_range_of_a_field_is_found(model, reach):
    """Within a quarter in the median of seven fields; the nugget within 0.15."""
    found = []
    for seed in range(7):
        points, rng = scattered(seed)
        found.append(fit_variogram(Places(points), gaussian_field(points, model, reach, 0.25, rng), random_state=0))

    assert np.median([each.range for each in found]) == pytest.approx(reach, rel=0.25)
    assert np.median([each.nugget_share for each in found]) == pytest.approx(0.2, abs=0.15)


def test_semivariances_are_half_the_mean_squared_difference():
    """Matheron's estimator, on all pairs of few points."""
    points, rng = scattered(0, n=200)
    y = rng.normal(size=200)
    found = fit_variogram(Places(points), y, max_distance=200.0, n_lags=5)

    total = (found.semivariances * found.counts).sum()

    assert found.counts.sum() == 200 * 199 // 2
    assert total == pytest.approx(np.square(pdist(y[:, None])).sum() / 2)


def test_labels_give_the_share_of_unequal_pairs():
    """So a map of square regions has a range, about as wide as they are."""
    points, rng = scattered(0, n=1500)
    region = (points // 20).astype(int) @ [1, 5]
    labels = rng.permutation(np.repeat(["oak", "ash", "elm", "fir", "yew"], 5))[region]

    found = fit_variogram(Places(points), labels, random_state=0)

    assert found.semivariances.max() <= 1.0
    assert 10 < found.range < 40


@pytest.mark.parametrize("kind", ["numbers", "labels"])
def test_without_structure_there_is_no_range(kind):
    """None in nearly all of thirty draws; the nugget is all."""
    ranges = []
    for seed in range(30):
        points, rng = scattered(seed, n=200)
        values = rng.normal(size=200) if kind == "numbers" else rng.choice(["a", "b", "c"], size=200)
        found = fit_variogram(Places(points), values, random_state=0)
        ranges.append(found.range)
        assert (found.nugget_share == 1.0) == (found.range is None)

    assert sum(reach is None for reach in ranges) >= 28


def test_a_trend_has_no_sill_inside_the_domain():
    """Its range is infinite."""
    points, rng = scattered(0)

    assert fit_variogram(Places(points), points.sum(axis=1) + rng.normal(size=500), random_state=0).range == np.inf


def test_kilometres_and_units_agree():
    """A small patch of the globe gives the range that it has on a plane."""
    points, rng = scattered(0)
    values = gaussian_field(points, "spherical", 20, 0.1, rng)
    degrees = points / 111.195  # at the equator

    plane, globe = fit_variogram(Places(points), values), fit_variogram(Places(degrees, geographic=True), values)

    assert globe.range == pytest.approx(plane.range, rel=0.01)


def test_many_points_are_sampled_with_a_seed():
    """The same seed measures the same pairs; missing values are left out."""
    points, rng = scattered(0, n=6000)
    values = np.sin(points[:, 0] / 8) + rng.normal(size=6000)
    values[:100] = np.nan

    first, again, other = (fit_variogram(Places(points), values, random_state=seed) for seed in (1, 1, 2))

    assert first.range == again.range
    assert first.range == pytest.approx(other.range, rel=0.3)


@pytest.mark.parametrize(
    ("points", "options", "error", "message"),
    [
        pytest.param(np.zeros((20, 2)), {}, InputError, "one place", id="one-place"),
        pytest.param(np.eye(2), {}, InputError, "at least 10", id="few"),
        pytest.param(np.random.default_rng(0).normal(size=(20, 2)), {"n_lags": 2}, ParameterError, "n_lags", id="lags"),
        pytest.param(
            np.random.default_rng(0).normal(size=(20, 2)), {"max_distance": -1}, ParameterError, "max_dist", id="far"
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(points, options, error, message):
    """The error says what is needed."""
    with pytest.raises(error, match=message):
        fit_variogram(Places(points), np.arange(len(points), dtype=float), labels=False, **options)


def test_the_picture_marks_the_range():
    """One dot per lag, the model through them; the title says the range."""
    pytest.importorskip("matplotlib", reason="the extra 'plot' is optional")
    points, rng = scattered(0)
    found = fit_variogram(Places(points), gaussian_field(points, "spherical", 20, 0.1, rng), random_state=0)

    ax = found.plot().ax_

    assert len(ax.lines[0].get_xdata()) == len(found.lags)
    assert ax.lines[-1].get_xdata()[0] == found.range
    distance, model = ax.lines[-2].get_data()
    assert model[0] == pytest.approx(found.nugget)
    assert model[distance > found.range] == pytest.approx(found.sill)
    assert f"range {found.range:.3g}" in ax.get_title()


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e150])
def test_the_range_does_not_depend_on_the_unit_of_the_values(scale):
    """Not even where their squares are no numbers any more."""
    points, _ = scattered(0)
    y = np.sin(points[:, 0] / 5)

    expected, found = (fit_variogram(Places(points), each, random_state=0) for each in (y, scale * y))

    assert found.range == pytest.approx(expected.range, rel=1e-6)
    if 1e-100 < scale < 1e100:
        assert found.sill == pytest.approx(scale**2 * expected.sill)
