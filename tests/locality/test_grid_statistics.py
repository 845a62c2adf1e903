"""Statistics of a grid: named figures, correlograms, patterns and marginals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoarch import Layout, datasets
from autoarch._statistics import correlations
from autoarch.locality import DirectionEvidence
from autoarch.locality.correlogram import moran_and_geary, neighbour_map
from autoarch.locality.grid_statistics import measure_grid
from autoarch.locality.patterns import effective_patches
from autoarch.locality.stationarity import compare_places, shift_p


def _measure(X, seed=0):
    """Statistics of an array (n, H, W) or (n, C, H, W)."""
    X = X if X.ndim == 4 else X[:, None]
    return measure_grid(X.reshape(len(X), -1), Layout(*X.shape[2:], X.shape[1]), np.random.default_rng(seed))[0]


def _pictures(shape=(30, 4, 5)):
    """Smooth along rows, with one constant cell."""
    X = np.random.default_rng(0).normal(size=shape).cumsum(axis=2)
    X[:, 1, 2] = 7.0
    return X


def _textbook(picture):
    """Moran's I and Geary's C with an explicit weight matrix."""
    cells = np.argwhere(np.ones(picture.shape))
    weights = (np.abs(cells[:, None] - cells[None]).sum(axis=2) == 1).astype(float)
    values = picture.ravel() - picture.mean()
    squares = (values[:, None] - values[None]) ** 2
    n, energy = len(values), values @ values
    return (
        n / weights.sum() * (values @ weights @ values) / energy,
        (n - 1) / (2 * weights.sum()) * (weights * squares).sum() / energy,
    )


def test_moran_and_geary_are_the_textbook_formulas_averaged_over_samples():
    """Cells are standardised (constant ones are 0), each sample is centred, rook neighbours weigh 1."""
    X = _pictures()
    spread = X.std(axis=0)
    Z = (X - X.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)

    grid = _measure(X)

    expected = np.mean([_textbook(z) for z in Z], axis=0)
    np.testing.assert_allclose((grid.morans_i, grid.gearys_c), expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(40, 8, 8), (25, 3, 11), (30, 1, 20)])
def test_moran_and_geary_agree_with_esda(shape):
    """Binary rook weights, no transformation, on each standardised sample."""
    esda = pytest.importorskip("esda")
    from libpysal.weights import lat2W

    X = np.random.default_rng(1).normal(size=shape).cumsum(axis=2)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    weights = lat2W(*shape[1:], rook=True)
    options = {"transformation": "B", "permutations": 0}
    moran = np.mean([esda.Moran(z.ravel(), weights, **options).I for z in Z])
    geary = np.mean([esda.Geary(z.ravel(), weights, **options).C for z in Z])

    grid = _measure(X)

    assert grid.morans_i == pytest.approx(moran, abs=1e-6)
    assert grid.gearys_c == pytest.approx(geary, abs=1e-6)


def test_nothing_that_varies_gives_neutral_figures():
    """Constant samples and single cells: 0 and 1, not NaN."""
    assert moran_and_geary(np.zeros((5, 1, 3, 3), np.float32)) == (0.0, 1.0)
    assert moran_and_geary(np.ones((5, 1, 1, 1), np.float32)) == (0.0, 1.0)


def test_the_correlogram_of_a_random_walk_fades_and_that_of_noise_does_not_start():
    """Reach is the distance at which the excess over all pairs falls under 1/e."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(400, 6, 30))
    smooth = np.apply_along_axis(lambda line: np.convolve(line, np.ones(5), "same"), 2, noise)

    grid = _measure(smooth)

    assert grid.directions["rows"].reach == 4  # a window of 5 correlates by .8, .6, .4, .2, 0: .2 is under .8 / e
    assert grid.directions["rows"].p_value <= 0.01
    assert grid.directions["columns"].p_value > 0.01
    assert set(grid.directions) == {"rows", "columns", "diagonals"}
    assert _measure(noise).directions["rows"].p_value > 0.01


@pytest.mark.parametrize(
    ("sizes", "overall", "reach"),
    [((0.8, 0.5, 0.1), 0.0, 3), ((0.8, 0.7, 0.6), 0.0, 3), ((0.1, 0.2), 0.3, 0), ((0.5, 0.05), 0.0, 2)],
)
def test_reach(sizes, overall, reach):
    """The first step at which the excess is under 1/e of the first, the last step if it never is."""
    assert DirectionEvidence(sizes, sizes, overall).reach == reach


def test_alternating_textures_are_seen_with_their_sign():
    """Neighbours correlate negatively: sizes are large, Moran's I is below and Geary's C above what chance gives."""
    grid = _measure(datasets.make_alternating_texture(300, (12, 12), random_state=0)[0])

    assert grid.p_value <= 0.01
    assert grid.directions["rows"].correlations[0] < -0.1
    assert grid.morans_i < 0 < 1 < grid.gearys_c


def test_the_map_shows_where_neighbours_agree():
    """Half of the grid is smooth, the other half noise, one cell never varies."""
    X = np.random.default_rng(0).normal(size=(500, 1, 6, 8))
    X[..., :4] = X[..., :1, :1] + 0.1 * X[..., :4]
    X[:, :, 5, 7] = 0.0

    found = neighbour_map(*correlations.standardise(X))

    assert found.shape == (6, 8)
    assert found[:, :3].min() > 0.9
    assert np.abs(found[:4, 5:]).max() < 0.15
    assert np.isnan(found[5, 7])


def test_the_map_of_a_large_grid_is_averaged_in_blocks():
    """A report stays small."""
    scaled, active = correlations.standardise(np.random.default_rng(0).normal(size=(10, 1, 100, 60)))

    assert neighbour_map(scaled, active).shape == (48, 48)


@given(groups=st.integers(1, 8), size=st.integers(1, 6))
def test_effective_patches_count_groups_of_equal_cells(groups, size):
    """Cells that always agree count as one."""
    together = np.kron(np.eye(groups), np.ones((size, size))).astype(np.float32)
    m = groups * size
    cells = correlations.CellCorrelations(together, together, np.zeros(m, int), np.arange(m), 10**6)

    assert effective_patches(cells) == pytest.approx(groups, rel=1e-4)


def test_patterns_of_smooth_and_shuffled_pictures():
    """Shuffling the cells leaves the number of patches and takes the active neighbourhoods."""
    X = datasets.load_digits_grid()[0].reshape(-1, 8, 8)
    shuffled = X.reshape(-1, 64)[:, np.random.default_rng(0).permutation(64)].reshape(X.shape)

    true, mixed = _measure(X).patterns, _measure(shuffled).patterns

    assert true.effective == pytest.approx(mixed.effective, rel=0.05)
    assert 15 < true.effective < 30 < true.n_cells
    assert true.active > 0.6 > 0.2 > mixed.active
    assert true.p_value <= 0.01 < mixed.p_value


def test_shift_p_is_uniform_where_samples_could_stand_anywhere():
    """Smooth periodic samples at random places: about one in twenty p-values is below 0.05."""
    rng = np.random.default_rng(0)
    spectrum = np.exp(-np.abs(np.fft.fftfreq(16)) * 20)
    low = 0
    for _ in range(400):
        noise = np.fft.ifft(np.fft.fft(rng.normal(size=(40, 16))) * spectrum).real
        low += shift_p(noise[:, None, None, :]) < 0.05

    assert 8 <= low <= 36


def test_heterogeneity_is_told_apart_by_axis():
    """A table of unlike columns, stacked over time: levels differ along a row, not along a column."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 1, 10, 5)) * np.array([1, 2, 5, 1, 3]) + np.array([0, 10, 3, -8, 1])

    found = compare_places(X)

    assert found["rows"].between > 0.7
    assert found["rows"].scale_factor == pytest.approx(np.exp(np.log([1, 2, 5, 1, 3]).std()), rel=0.05)
    assert max(found["rows"].p_value, found["rows"].scale_p_value) < 1e-6
    assert found["columns"].between < 0.02
    assert min(found["columns"].p_value, found["columns"].scale_p_value) > 0.001


@settings(max_examples=20)
@given(scale=st.floats(1e-30, 1e30), shift=st.floats(-100, 100))
def test_marginals_ignore_units(scale, shift):
    """Multiplying all values and adding to them changes nothing, up to extremes."""
    X = _pictures((20, 4, 5))[:, None]

    changed, plain = compare_places(scale * (X + shift)), compare_places(X)

    for name, evidence in plain.items():
        assert changed[name].between == pytest.approx(evidence.between, abs=1e-3)
        assert changed[name].scale_factor == pytest.approx(evidence.scale_factor, rel=1e-2)


def test_unlike_channels_are_no_heterogeneity():
    """Each channel has kernels of its own: their scales are compared within channels only."""
    X = np.random.default_rng(0).normal(size=(100, 3, 6, 6)) * np.array([1, 100, 10_000])[:, None, None]

    found = compare_places(X)

    assert found["cells"].between < 0.02
    assert found["cells"].scale_factor < 1.2
