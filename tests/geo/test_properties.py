"""Properties of places, autocorrelation, variograms, neighbourhoods and patches, on maps of any kind."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import kneighbors_graph
from strategies import SEEDS, point_clouds

from autoarch._data.points import EARTH_RADIUS_KM, Places
from autoarch.geo import (
    LongToGrid,
    MapPoints,
    NeighborhoodGrid,
    SpatialBlockKFold,
    SpatialFeatures,
    fit_variogram,
    morans_i,
    raster_patches,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*nothing known around them:autoarch.exceptions.AutoArchWarning")
UNIT_POINTS = st.builds(lambda seed, n: np.random.default_rng(seed).uniform(size=(n, 2)), SEEDS, st.integers(12, 60))


@given(cloud=point_clouds(), seed=SEEDS)
def test_offsets_are_as_long_as_distances(cloud, seed):
    """East and north of a point: on the plane and along great circles."""
    places = Places(*cloud)
    others = places.points[np.random.default_rng(seed).permutation(len(places))]
    straight = np.linalg.norm(places.space - Places(others, places.geographic).space, axis=1)

    offsets = places.offsets(others[:, None])[:, 0]

    lengths = np.linalg.norm(offsets, axis=1)
    longest = np.pi * EARTH_RADIUS_KM if places.geographic else np.inf
    distances = places.distance(straight)
    near = distances < 0.999 * longest  # on the other side of the globe every direction is right
    np.testing.assert_allclose(lengths[near], distances[near], rtol=1e-6, atol=1e-9)


@given(cloud=point_clouds(), turns=st.integers(-3, 3))
def test_longitudes_wrap_and_stay_on_the_sphere(cloud, turns):
    """A full turn changes no place; every place has the radius of the globe."""
    points, geographic = cloud
    map_points = MapPoints(geographic=geographic).fit(points)

    space = map_points.transform(points)

    if geographic:
        np.testing.assert_allclose(np.linalg.norm(space, axis=1), EARTH_RADIUS_KM)
        turned = Places(points + np.array([360.0 * turns, 0.0]), geographic=True).space
        np.testing.assert_allclose(turned, space, atol=1e-6)
    else:
        np.testing.assert_array_equal(space, points)


@given(points=UNIT_POINTS, seed=SEEDS, k=st.integers(1, 8))
def test_morans_i_is_the_textbook_sum_over_nearest_neighbours(points, seed, k):
    """With scikit-learn's neighbours: the mean product of neighbours over the variance."""
    z = np.random.default_rng(seed).normal(size=len(points))
    z -= z.mean()
    weights = kneighbors_graph(points, k).toarray() / k

    found = morans_i(Places(points), z, k=k, labels=False)

    assert found.statistic == pytest.approx(z @ weights @ z / (z @ z), abs=1e-9)
    assert found.expected == pytest.approx(-1 / (len(points) - 1))
    assert 0 <= found.p_value <= 1


@given(points=UNIT_POINTS, seed=SEEDS, angle=st.floats(0, 2 * np.pi))
def test_morans_i_knows_neither_the_order_of_rows_nor_the_axes_of_the_map(points, seed, angle):
    """Shuffled rows, swapped axes and a turned map have the same statistic and the same moments."""
    rng = np.random.default_rng(seed)
    z, rows = rng.normal(size=len(points)), rng.permutation(len(points))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    first = morans_i(Places(points), z, labels=False)

    for places, values in ((points[rows], z[rows]), (points[:, ::-1], z), (points @ turn, z)):
        other = morans_i(Places(places), values, labels=False)
        assert (other.statistic, other.variance) == pytest.approx((first.statistic, first.variance), abs=1e-8)


@given(points=UNIT_POINTS, seed=SEEDS)
def test_two_classes_are_as_alike_as_their_codes(points, seed):
    """Labels of two kinds, or a column of zeros and ones: one statistic, whatever the words."""
    codes = np.random.default_rng(seed).permutation(np.arange(len(points)) % 2)
    of_numbers = morans_i(Places(points), codes, labels=False)

    of_words = morans_i(Places(points), np.array(["yes", "no"])[codes])

    assert of_words.statistic == pytest.approx(of_numbers.statistic)
    assert of_words.p_value == pytest.approx(of_numbers.p_value)


@given(points=UNIT_POINTS, permutations=st.integers(1, 30), seed=SEEDS)
def test_a_permutation_p_value_counts_the_given_order(points, permutations, seed):
    """It is a whole number of orders, the given one among them, so it is never 0."""
    z = np.random.default_rng(seed).normal(size=len(points))

    p_value = morans_i(Places(points), z, permutations=permutations, random_state=seed % 1000).p_value

    orders = p_value * (permutations + 1)
    assert 1 - 1e-9 <= orders <= permutations + 1 + 1e-9
    assert orders == pytest.approx(round(orders))


@settings(max_examples=20)
@given(seed=SEEDS, scale=st.sampled_from([1e-6, 0.5, 1e6]))
def test_a_variogram_is_not_negative_and_scales_with_the_square(seed, scale):
    """Lags rise, a sill lies above its nugget, and the range is the same in any unit of the values."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(size=(150, 2))
    values = np.sin(6 * points[:, 0]) + rng.uniform(0, 0.5) * rng.normal(size=150)

    found = fit_variogram(Places(points), values, random_state=0)
    other = fit_variogram(Places(points), scale * values + 3 * scale, random_state=0)

    assert (found.semivariances >= 0).all() and (np.diff(found.lags) > 0).all() and (found.counts > 0).all()
    assert 0 <= found.nugget <= found.sill and 0 <= found.nugget_share <= 1
    np.testing.assert_allclose(other.semivariances, scale**2 * found.semivariances, rtol=1e-6)
    assert other.range == pytest.approx(found.range, rel=1e-3)


@settings(max_examples=20)
@given(seed=SEEDS)
def test_a_variogram_ignores_the_order_of_rows_and_points_without_a_value(seed):
    """All pairs of few points are measured, whichever comes first."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(size=(80, 2))
    values = points @ [1.0, 2.0]
    rows = rng.permutation(80)
    more = np.vstack([points, rng.uniform(size=(5, 2))]), np.r_[values, np.full(5, np.nan)]
    found = fit_variogram(Places(points), values, random_state=0)

    for places, numbers in ((points[rows], values[rows]), more):
        other = fit_variogram(Places(places), numbers, random_state=0)
        np.testing.assert_allclose(other.semivariances, found.semivariances)
        assert other.model == found.model


@settings(max_examples=30)
@given(points=UNIT_POINTS, shift=st.floats(-100, 100), seed=SEEDS)
def test_means_of_neighbours_move_with_the_numbers(points, shift, seed):
    """A constant added to y is added to each mean of neighbours and to nothing else."""
    y = np.random.default_rng(seed).normal(size=len(points))
    features = SpatialFeatures(neighbors=(3,), target_type="regression")
    first = features.fit(points, y).transform(points)

    moved = features.fit(points, y + shift).transform(points) - first

    constant = np.abs(moved).max(axis=0) < 1e-6
    np.testing.assert_allclose(moved[:, ~constant], shift, atol=1e-6)
    assert abs(shift) < 1e-6 or (~constant).sum() == 1


@settings(max_examples=30)
@given(points=UNIT_POINTS, seed=SEEDS, labelled=st.booleans())
def test_what_stands_around_a_row_does_not_depend_on_rows_that_are_asked_along(points, seed, labelled):
    """Some rows alone, in any order, get the columns that they get among all; names match the columns."""
    rng = np.random.default_rng(seed)
    y = rng.choice(["a", "b", "c"], size=len(points)) if labelled else rng.normal(size=len(points))
    features = SpatialFeatures(neighbors=(2, 5)).fit(points, y)
    new = rng.uniform(-0.2, 1.2, size=(20, 2))
    rows = rng.permutation(20)[:7]

    whole = features.transform(new)

    np.testing.assert_allclose(features.transform(new[rows]), whole[rows])
    assert len(features.get_feature_names_out()) == whole.shape[1]


@settings(max_examples=30)
@given(points=UNIT_POINTS, seed=SEEDS, method=st.sampled_from(["bin", "nearest", "idw"]), size=st.sampled_from([3, 5]))
def test_the_middle_cell_holds_the_row_itself(points, seed, method, size):
    """Whatever is around it, and whatever rows are transformed with it."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([points, rng.normal(size=(len(points), 2))])
    grid = NeighborhoodGrid((0, 1), size, method=method).fit(X)
    rows = rng.permutation(len(X))

    pictures = grid.transform(X)

    np.testing.assert_allclose(pictures[:, :, size // 2, size // 2], X[:, 2:].astype(np.float32))
    np.testing.assert_array_equal(grid.transform(X[rows]), pictures[rows])


@settings(max_examples=30)
@given(points=UNIT_POINTS, seed=SEEDS, method=st.sampled_from(["bin", "nearest"]))
def test_labels_of_neighbours_never_hold_the_row_s_own(points, seed, method):
    """Another own label changes no own picture; a constant added to all labels is added wherever one is seen."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=len(points))
    grid = NeighborhoodGrid((0, 1), 3, method=method, target_lag="regression")
    row = int(rng.integers(len(points)))
    changed = y.copy()
    changed[row] += 1000.0

    before, after, moved = (grid.fit(points, labels).transform(points) for labels in (y, changed, y + 100))

    np.testing.assert_array_equal(after[row], before[row])
    np.testing.assert_allclose(moved, before + 100, rtol=1e-4)
    assert np.isfinite(moved).any()


@settings(max_examples=40)
@given(seed=SEEDS, kept=st.floats(0.3, 1.0), aggregate=st.sampled_from(["sum", "mean", "max"]))
def test_any_subset_of_a_long_table_fills_its_own_cells_only(seed, kept, aggregate):
    """Cells of rows that are left out are missing; the others are what pandas makes of them."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"sample": rng.integers(3, size=60), "row": rng.integers(4, size=60), "column": rng.integers(5, size=60)}
    ).assign(value=rng.normal(size=60))
    transformer = LongToGrid(aggregate=aggregate, dtype=np.float64).fit(table)
    some = table[rng.random(60) < kept].head(55)
    some = table.head(1) if some.empty else some

    grids = transformer.transform(some)

    expected = some.groupby(["sample", "row", "column"])["value"].agg(aggregate)
    assert np.count_nonzero(~np.isnan(grids)) == len(expected)
    order = list(dict.fromkeys(some["sample"]))
    rows, columns = sorted(set(table["row"])), sorted(set(table["column"]))
    for (sample, row, column), value in expected.items():
        place = order.index(sample), 0, row - rows[0], column - columns[0]
        assert grids[place] == pytest.approx(value)


@given(seed=SEEDS, step=st.floats(0.1, 100), origin=st.floats(-1e4, 1e4), north_up=st.booleans())
def test_coordinates_and_cells_cut_the_same_patches(seed, step, origin, north_up):
    """Points given by a transform are those given by rows and columns; without data is missing."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 5, size=(2, 9, 7)).astype(float)
    cells = rng.integers(-1, [10, 8], size=(6, 2))
    down = -step if north_up else step
    transform = (step, 0.0, origin, 0.0, down, origin)
    points = np.column_stack([origin + step * (cells[:, 1] + 0.5), origin + down * (cells[:, 0] + 0.5)])

    by_cell = raster_patches(image, cells, size=3, nodata=0)

    np.testing.assert_array_equal(raster_patches(image, points, size=3, transform=transform, nodata=0), by_cell)
    assert not (by_cell == 0).any()


@given(seed=SEEDS, size=st.sampled_from([1, 3, 5]))
def test_a_small_patch_is_the_middle_of_a_larger_one(seed, size):
    """At the rim of the image as well."""
    rng = np.random.default_rng(seed)
    image, cells = rng.normal(size=(8, 6)), rng.integers(0, [8, 6], size=(5, 2))

    large = raster_patches(image, cells, size=size + 2)

    np.testing.assert_array_equal(raster_patches(image, cells, size=size), large[:, :, 1:-1, 1:-1])


@settings(max_examples=25)
@given(points=UNIT_POINTS, buffer=st.floats(0, 0.2), seed=st.integers(0, 99))
def test_folds_over_space_follow_the_points_and_not_their_units(points, buffer, seed):
    """A map in metres is cut like one in kilometres, and no training row lies within the buffer."""
    folds = SpatialBlockKFold((0, 1), 3, block_size=0.25, buffer=buffer, random_state=seed)
    scaled = SpatialBlockKFold((0, 1), 3, block_size=256.0, buffer=1024 * buffer, random_state=seed)
    tests = []

    try:
        pairs = list(folds.split(points))
    except ValueError:  # a wide buffer leaves nothing to train on: the other unit says so too
        with pytest.raises(ValueError, match=r"buffer|block"):
            list(scaled.split(1024 * points))
        return

    for (train, test), (train_scaled, test_scaled) in zip(pairs, scaled.split(1024 * points), strict=True):
        np.testing.assert_array_equal(train, train_scaled)
        np.testing.assert_array_equal(test, test_scaled)
        assert np.linalg.norm(points[train, None] - points[None, test], axis=-1).min() >= buffer
        tests.append(test)
    np.testing.assert_array_equal(np.sort(np.concatenate(tests)), np.arange(len(points)))
