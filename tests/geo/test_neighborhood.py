"""Pictures of what lies around rows: cells, labels, layers, batches, and that nothing leaks."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from strategies import lattice_points

from autoarch._data.points import Places
from autoarch.exceptions import AutoArchWarning, InputError, ParameterError
from autoarch.geo import NeighborhoodGrid

METHODS = ("bin", "idw", "nearest")


def scattered(n=60, seed=0, attributes=2):
    """Rows (x, y, attributes) on a square of side 1, labels 0 or 1."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(size=(n, 2)), rng.normal(size=(n, attributes))]), rng.integers(0, 2, n)


def slow_pictures(known, rows, values, own, size, cell, geographic=False, hide=0.0):
    """Loop over rows and known places, as the definition says."""
    out = np.full((len(rows), values.shape[1], size, size), np.nan)
    for i, row in enumerate(rows):
        offsets = Places(row[None], geographic).offsets(known[None])[0]
        contents = {}
        for j, offset in enumerate(offsets):
            column, up = np.floor(offset / cell + size / 2).astype(int)
            if np.hypot(*offset) > max(hide, 1e-9) and 0 <= column < size and 0 <= up < size:
                contents.setdefault((size - 1 - up, column), []).append(values[j])
        for (line, column), found in contents.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the mean of nothing
                out[i, :, line, column] = np.nanmean(found, axis=0)
        out[i, :, size // 2, size // 2] = own[i]
    return out


@settings(max_examples=25)
@given(
    st.integers(3, 40),
    st.integers(0, 100),
    st.sampled_from([3, 5]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 0.3]),
)
def test_pictures_are_what_the_definition_says(n, seed, size, geographic, missing, hide):
    """On a plane and on the globe, with missing values, several rows at one place and hidden neighbours."""
    X, _ = scattered(n, seed)
    X[n // 2] = X[0]
    X[n // 2, 2] += 1
    if geographic:
        X[:, 0], X[:, 1] = (179 + 2 * X[:, 0]) % 360, 88 + 2 * X[:, 1]  # the date line, and to the pole
        hide *= 100
    if missing:
        X[::3, 2] = np.nan
    cell = 60.0 if geographic else 0.2
    grid = NeighborhoodGrid((0, 1), size, cell_size=cell, geographic=geographic, hide_within=hide, dtype=np.float64)

    pictures = grid.fit_transform(X)

    expected = slow_pictures(X[:, :2], X[:, :2], X[:, 2:], X[:, 2:], size, cell, geographic, hide)
    np.testing.assert_allclose(pictures, expected)


@given(lattice_points())
def test_cells_of_a_lattice_are_exact(drawn):
    """Turned, thinned and stretched: the four neighbours of a row are the four cells around its own."""
    cells, points, _ = drawn
    grid = NeighborhoodGrid((0, 1), size=3)

    pictures = grid.fit_transform(np.column_stack([points, np.arange(len(points)) % 1000]))[:, 0]

    assert grid.method_ == "lattice"
    step_apart = np.abs(cells[:, None] - cells[None]).sum(axis=-1) == 1
    for picture, near in zip(pictures, step_apart, strict=True):
        neighbours = picture[[0, 1, 1, 2], [1, 0, 2, 1]]
        assert sorted(neighbours[~np.isnan(neighbours)]) == np.flatnonzero(near).tolist()
    np.testing.assert_array_equal(pictures[:, 1, 1], np.arange(len(points)))


def test_a_lattice_of_degrees_closes_around_the_globe():
    """West of the first column is the last one."""
    longitude, latitude = (part.ravel() for part in np.meshgrid(np.arange(-180, 180, 10.0), np.arange(-80, 81, 10.0)))
    table = pd.DataFrame({"lon": longitude, "lat": latitude, "value": longitude})

    picture = NeighborhoodGrid(("lon", "lat"), size=5).fit_transform(table)[36 * 8, 0]

    np.testing.assert_array_equal(picture, [[160, 170, -180, -170, -160]] * 5)


@pytest.mark.parametrize("method", ["idw", "nearest"])
def test_interpolated_cells_agree_with_a_search_per_cell(method):
    """The nearest places to the middle of a cell, without the one that the row stands on."""
    X, _ = scattered(50)
    grid = NeighborhoodGrid((0, 1), size=5, cell_size=0.1, method=method, dtype=np.float64)

    pictures = grid.fit_transform(X)

    row, line, column = 7, 1, 3
    middle = X[row, :2] + 0.1 * np.array([column - 2, 2 - line])
    away = np.linalg.norm(X[:, :2] - middle, axis=1)
    away[row] = np.inf
    nearest = np.argsort(away)[: 1 if method == "nearest" else 8]
    nearest = nearest[away[nearest] <= 0.25]
    weights = 1 / away[nearest] ** 2
    np.testing.assert_allclose(pictures[row, :, line, column], weights @ X[nearest, 2:] / weights.sum(), rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("cell_size", ["auto", "local"])
def test_a_row_of_fit_has_the_picture_of_a_new_row_at_its_place(method, cell_size):
    """Training pictures and later ones agree, labels of neighbours included."""
    X, y = scattered(80)
    grid = NeighborhoodGrid((0, 1), size=5, method=method, cell_size=cell_size, target_lag=True)

    np.testing.assert_array_equal(grid.fit_transform(X, y), grid.transform(X))


@given(st.integers(1, 50), st.sampled_from(["bin", "idw"]))
@settings(max_examples=10)
def test_batches_and_lazy_patches_equal_the_whole(rows_per_batch, method):
    """However rows are drawn."""
    X, y = scattered(70)
    grid = NeighborhoodGrid((0, 1), size=5, method=method, target_lag=True).fit(X, y)
    whole = grid.transform(X)

    np.testing.assert_array_equal(np.concatenate(list(grid.batches(X, rows_per_batch))), whole)
    patches = grid.patches(X)
    assert (patches.shape, patches.dtype, len(patches)) == (whole.shape, whole.dtype, len(whole))
    rows = np.random.default_rng(0).integers(0, 70, 20)
    np.testing.assert_array_equal(patches[rows], whole[rows])
    np.testing.assert_array_equal(patches[5], whole[5])
    np.testing.assert_array_equal(patches[10:30:7], whole[10:30:7])
    np.testing.assert_array_equal(np.asarray(patches), whole)


def test_training_rows_hide_from_each_other_as_far_as_asked():
    """In fit_transform and in training batches; later rows see everything."""
    X, y = scattered(80)
    grid = NeighborhoodGrid((0, 1), size=5, cell_size=0.1, hide_within=0.16, target_lag=True)

    pictures = grid.fit_transform(X, y)

    assert np.isnan(pictures[:, :, 2, [1, 3]]).all()  # a cell away
    assert np.isfinite(pictures[:, :, 0, 0]).any()
    assert np.isfinite(grid.transform(X)[:, :, 2, 1]).any()
    np.testing.assert_array_equal(grid.patches(X, training=True)[:], pictures)


@pytest.mark.parametrize("method", METHODS)
def test_a_label_never_reaches_the_pictures_of_its_own_place(method):
    """Changing it changes other rows alone."""
    X, y = scattered(60)
    X[1, :2] = X[0, :2]
    changed = y.copy()
    changed[0] = 1 - y[0]
    grid = NeighborhoodGrid((0, 1), size=5, method=method, target_lag="classification")

    before, after = grid.fit_transform(X, y), grid.fit_transform(X, changed)

    differs = (np.nan_to_num(before) != np.nan_to_num(after)).any(axis=(1, 2, 3))
    assert differs.any() and not differs[:2].any()


@pytest.mark.parametrize("context", ["train", "train+query"])
def test_a_held_out_label_changes_nothing(context):
    """Labels of rows that fit does not see have no way into any picture."""
    X, y = scattered(60)
    grid = NeighborhoodGrid((0, 1), size=5, target_lag="classification", context=context)

    pictures = grid.fit(X[:40], y[:40]).transform(X[40:])
    joined = NeighborhoodGrid((0, 1), size=5, target_lag="classification", context=context)

    np.testing.assert_array_equal(joined.fit(X[:40], y[:40]).transform(X[40:]), pictures)
    everyone = grid.fit(X, y).transform(X[40:])
    assert (np.nan_to_num(everyone) != np.nan_to_num(pictures)).any()


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(KNeighborsClassifier(5), id="neighbours"),
        pytest.param(RandomForestClassifier(50, random_state=0), id="forest"),
    ],
)
def test_noise_does_not_become_predictable(model):
    """Cross-validated in a pipeline, labels without any pattern are predicted no better than by chance."""
    X, y = scattered(600, seed=1)
    fill = FunctionTransformer(np.nan_to_num)
    pipeline = make_pipeline(NeighborhoodGrid((0, 1), size=5, target_lag=True, output="flat"), fill, model)

    scores = cross_val_score(pipeline, X, y, cv=KFold(5, shuffle=True, random_state=0))

    assert abs(scores.mean() - 0.5) < 0.06


def test_neighbours_labels_help_where_they_say_something():
    """The same pipeline finds halves of a map."""
    X, _ = scattered(300)
    y = np.where(X[:, 0] > 0.5, "east", "west")
    fill = FunctionTransformer(np.nan_to_num)
    grid = NeighborhoodGrid((0, 1), size=5, target_lag=True, output="flat")

    assert cross_val_score(make_pipeline(grid, fill, RandomForestClassifier(random_state=0)), X, y).mean() > 0.9


def test_query_rows_see_each_other_when_asked():
    """Their attributes; "train" shows those of fit alone."""
    X, _ = scattered(100)
    alone = NeighborhoodGrid((0, 1), size=5, cell_size=0.1).fit(X[:50]).transform(X[50:])
    together = NeighborhoodGrid((0, 1), size=5, cell_size=0.1, context="train+query").fit(X[:50]).transform(X[50:])

    assert np.isfinite(together).mean() > 1.3 * np.isfinite(alone).mean()
    everyone = NeighborhoodGrid((0, 1), size=5, cell_size=0.1).fit(X).transform(X[50:])
    np.testing.assert_allclose(together, everyone, rtol=1e-5)


@pytest.mark.parametrize("method", ["auto", "idw"])
def test_rows_see_their_own_layer_only(method):
    """Two years at the same places are two maps; an unknown year is an empty one."""
    X, _ = scattered(60, attributes=1)
    table = pd.DataFrame(X, columns=["x", "y", "heat"])
    years = pd.concat([table.assign(year="1999"), table.assign(year="2000", heat=table["heat"] + 10)])
    grid = NeighborhoodGrid(size=5, layer="year", cell_size=0.15, method=method).fit(years)

    pictures = grid.transform(years)

    np.testing.assert_allclose(pictures[60:], pictures[:60] + 10, rtol=1e-4)
    assert grid.channel_names_ == ["heat"]
    with pytest.warns(AutoArchWarning, match="60 of 60 rows"):
        unknown = grid.transform(table.assign(year="2001"))
    assert np.isfinite(unknown).sum() == 60


def test_layers_of_a_lattice_are_apart_too():
    """The same lattice in every year."""
    column, row = (part.ravel() for part in np.meshgrid(np.arange(6.0), np.arange(5.0)))
    X = np.concatenate([np.column_stack([column, row, np.full(30, year), 100.0 * year + column]) for year in (1, 2)])

    grid = NeighborhoodGrid((0, 1), size=3, layer=2).fit(X)

    assert grid.method_ == "lattice"
    np.testing.assert_array_equal(
        grid.transform(X)[30:] - grid.transform(X)[:30] == 100, np.isfinite(grid.transform(X)[:30])
    )


def test_levels_of_a_category_are_channels_with_their_shares():
    """Text by itself, numbers when they are named; an unknown level is missing."""
    table = pd.DataFrame({"x": np.arange(12) % 4, "y": np.arange(12) // 4, "soil": ["clay", "sand"] * 6, "zone": 1})
    table.loc[::3, "zone"] = 2

    grid = NeighborhoodGrid(size=3, categorical=["zone"]).fit(table)
    pictures = grid.transform(table)

    assert grid.channel_names_ == ["soil=clay", "soil=sand", "zone=1", "zone=2"]
    np.testing.assert_array_equal(pictures[5, 0], [[1, 0, 1]] * 3)
    np.testing.assert_allclose(np.nansum(pictures[:, :2], axis=1), np.isfinite(pictures[:, 0]))
    assert np.isnan(grid.transform(table.assign(soil="peat"))[:, :2, 1, 1]).all()


def test_many_levels_share_a_channel():
    """The 16 most frequent have one each."""
    X, _ = scattered(200)
    table = pd.DataFrame(X[:, :2], columns=["x", "y"]).assign(town=[f"town {i % 40}" for i in range(200)])

    assert NeighborhoodGrid(size=3).fit(table).n_channels_ == 17


def test_far_away_rows_see_themselves_and_are_reported_once():
    """Their own attributes in the middle, nothing around."""
    X, _ = scattered(60)
    far = X[:3] + np.array([1e6, 0, 0, 0])
    grid = NeighborhoodGrid((0, 1), size=3).fit(X)

    with pytest.warns(AutoArchWarning, match="3 of 3 rows") as seen:
        pictures = grid.transform(far)

    assert len(seen) == 1
    np.testing.assert_allclose(pictures[:, :, 1, 1], far[:, 2:], rtol=1e-6)
    assert np.isfinite(pictures).sum() == 6


def test_cells_follow_the_density():
    """ "auto" is one side for all, "local" fills the pictures of crowded and of lonely places alike."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.uniform(0, 1, (800, 2)), rng.uniform(5, 25, (200, 2))])
    X = np.column_stack([X, np.ones(len(X))])
    filled = {}
    for cell_size in ("auto", "local"):
        pictures = NeighborhoodGrid((0, 1), size=5, cell_size=cell_size).fit_transform(X)
        filled[cell_size] = [np.isfinite(part).mean() for part in (pictures[:800], pictures[800:])]

    assert filled["auto"][1] < 0.2 < 0.4 < filled["auto"][0]
    assert min(filled["local"]) > 0.4


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param({"size": 4}, ParameterError, "odd", id="even-size"),
        pytest.param({"cell_size": -1}, ParameterError, "above 0", id="cell-size"),
        pytest.param({"method": "bins"}, ParameterError, "Did you mean 'bin'", id="method"),
        pytest.param({"layer": 0}, ParameterError, "is a coordinate", id="layer"),
        pytest.param({"layer": "time"}, ParameterError, "layer names the column 'time'", id="unknown-layer"),
        pytest.param({"categorical": [1]}, ParameterError, "expected attributes", id="categorical"),
        pytest.param({"target_lag": True}, InputError, "y is None", id="no-labels"),
        pytest.param({"method": "lattice"}, InputError, "no regular lattice", id="no-lattice"),
        pytest.param({"coordinates": ("x", "y")}, ParameterError, "without names", id="no-names"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(change, error, message):
    """Before anything is computed."""
    with pytest.raises(error, match=message):
        NeighborhoodGrid(**{"coordinates": (0, 1), **change}).fit(scattered()[0])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        pytest.param(np.ones((5, 3)), "at one place", id="one-place"),
        pytest.param(np.random.default_rng(0).normal(size=(5, 2)), "nothing to show", id="no-attributes"),
        pytest.param(np.array([[0.0, 1, 2], [np.nan, 1, 2]]), "missing in 1 of 2", id="missing"),
        pytest.param(np.array([[0.0, 1, np.inf], [1, 1, 2]]), "row 0, column '2'", id="infinite-attribute"),
    ],
)
def test_tables_without_neighbours_are_refused(X, message):
    """The error says what is wrong with them."""
    with pytest.raises(InputError, match=message):
        NeighborhoodGrid((0, 1)).fit(X)


def test_two_places_and_a_line_are_enough():
    """A handful of points has neighbours, and one coordinate may be constant."""
    assert NeighborhoodGrid((0, 1), size=3).fit_transform(np.array([[0.0, 0, 1], [1, 1, 2]])).shape == (2, 1, 3, 3)
    line = np.column_stack([np.sort(np.random.default_rng(0).uniform(size=20)), np.zeros(20), np.arange(20.0)])
    assert np.isfinite(NeighborhoodGrid((0, 1), size=3).fit_transform(line)[:, 0, 1, [0, 2]]).any()


def test_it_keeps_the_rules_of_scikit_learn():
    """Clone, pickle, names, columns in another order, flat output."""
    X, y = scattered(50)
    table = pd.DataFrame(X, columns=["x", "y", "a", "b"])
    grid = clone(NeighborhoodGrid(size=3, target_lag=True, output="flat")).fit(table, y)
    pictures = grid.transform(table)

    assert list(grid.feature_names_in_) == ["x", "y", "a", "b"] and grid.n_features_in_ == 4
    assert pictures.shape == (50, len(grid.get_feature_names_out())) == (50, 4 * 9)
    assert grid.get_feature_names_out()[[0, 4, 9]].tolist() == ["a[-1+1]", "a[+0+0]", "b[-1+1]"]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(grid)).transform(table), pictures)
    np.testing.assert_array_equal(grid.transform(table[["b", "a", "y", "x"]]), pictures)
    assert list(grid.set_output(transform="pandas").transform(table).columns) == list(grid.get_feature_names_out())
    with pytest.raises(InputError, match="expecting 4 features"):
        grid.transform(X[:, :3])


def test_a_geodataframe_brings_its_points_and_its_globe():
    """The geometry counts, and the reference system says whether it is in degrees."""
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    X, _ = scattered(60)
    points = geopandas.GeoDataFrame(
        {"a": X[:, 2]}, geometry=geopandas.points_from_xy(13 + X[:, 0], 52 + X[:, 1]), crs="EPSG:4326"
    )
    table = pd.DataFrame({"a": X[:, 2], "lon": 13 + X[:, 0], "lat": 52 + X[:, 1]})
    grid = NeighborhoodGrid(size=3).fit(points)

    assert grid.geographic_ and grid.channel_names_ == ["a"]
    np.testing.assert_array_equal(grid.transform(points), NeighborhoodGrid(("lon", "lat"), size=3).fit_transform(table))
    np.testing.assert_allclose(grid.transform(points.to_crs(32633)), grid.transform(points), rtol=1e-6)
    areas = points.set_geometry(points.to_crs(3857).buffer(1).to_crs(4326))
    with pytest.raises(InputError, match="a Polygon in row 0; expected points"):
        NeighborhoodGrid(size=3).fit(areas)


def test_an_origin_that_is_far_away_hides_no_neighbour():
    """Places a hundred-millionth of their coordinates apart are two."""
    X, _ = scattered(60)
    grid = NeighborhoodGrid((0, 1), size=3)

    np.testing.assert_array_equal(grid.fit_transform(X + np.array([2.0**30, 2.0**30, 0.0, 0.0])), grid.fit_transform(X))


def test_a_single_class_has_a_channel():
    """A fold in which one class is left can still be shown."""
    X, _ = scattered(30)

    shown = NeighborhoodGrid((0, 1), size=3, target_lag="classification").fit_transform(X, ["oak"] * 30)

    assert np.nanmin(shown[:, -1]) == 1.0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("geographic", [False, True])
def test_some_rows_of_fit_look_past_their_neighbours(method, geographic):
    """About half of the pictures for training lack what is near, the others are as whole as those of new rows."""
    X, y = scattered(200)
    grid = NeighborhoodGrid(
        (0, 1), 5, method=method, geographic=geographic, hide_within="some", target_lag="classification"
    )

    training, whole = grid.fit_transform(X, y), grid.transform(X)

    other = ~np.isclose(training, whole, equal_nan=True).all(axis=(1, 2, 3))
    assert 0.3 < other.mean() < 0.55
    if method == "bin":
        assert (np.isnan(training) >= np.isnan(whole)).all()
    np.testing.assert_array_equal(np.concatenate(list(grid.batches(X, 64, training=True))), training)
    np.testing.assert_array_equal(grid.patches(X, training=True)[[7, 3]], training[[7, 3]])


def test_on_a_lattice_some_rows_look_past_their_neighbours():
    """The steps of the lattice say how far a picture reaches."""
    column, row = (part.ravel() for part in np.meshgrid(np.arange(12), np.arange(10)))
    X = np.column_stack([30.0 * column, 20.0 * row, row])
    grid = NeighborhoodGrid((0, 1), 5, hide_within="some")

    fewer = (np.isnan(grid.fit_transform(X)) & ~np.isnan(grid.transform(X))).any(axis=(1, 2, 3))

    assert 0.3 < fewer.mean() < 0.6
