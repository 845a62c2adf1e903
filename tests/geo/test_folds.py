"""Folds over space: every row once, nothing from inside the buffer, whole places, balanced, and errors that help."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import haversine_distances
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from autoarch._data.points import EARTH_RADIUS_KM, Places
from autoarch.exceptions import AutoArchWarning, InputError, ParameterError
from autoarch.geo import SpatialBlockKFold

pytestmark = pytest.mark.filterwarnings("ignore:A buffer of:autoarch.exceptions.AutoArchWarning")


@st.composite
def maps(draw):
    """Points on a plane or on the globe, in heaps, on lines, at poles, across the date line, some at one place."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(8, 60))
    shape = draw(st.sampled_from(["square", "heaps", "line", "globe", "pole", "date line"]))
    x, y = rng.uniform(size=(2, n))
    if shape == "heaps":
        x, y = rng.integers(0, 3, size=(2, n)) + 0.01 * np.stack([x, y])
    elif shape == "line":
        y = np.zeros(n)
    elif shape != "square":
        x, y = 360 * x - 180, np.degrees(np.arcsin(2 * y - 1))
        if shape == "pole":
            y = 90 - rng.integers(0, 3, size=n).astype(float)
        elif shape == "date line":
            x = (x / 60 + 360) % 360 - 180
    points = np.column_stack([x, y])
    points = points[
        np.where(rng.random(n) < draw(st.sampled_from([0.0, 0.5])), rng.integers(0, n, size=n), np.arange(n))
    ]
    return points, shape in ("globe", "pole", "date line")


def apart(points, geographic):
    """All distances."""
    if geographic:
        return EARTH_RADIUS_KM * haversine_distances(np.radians(points[:, ::-1]))
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@settings(max_examples=60)
@given(
    where=maps(),
    n_splits=st.integers(2, 5),
    buffer=st.sampled_from(["auto", 0, 0.02, 0.2]),
    block_size=st.sampled_from(["auto", 0.05, 0.2]),
    kind=st.sampled_from(["blocks", "clusters"]),
    target=st.sampled_from(["none", "numbers", "labels"]),
    seed=st.integers(0, 100),
)
def test_folds_keep_their_promises(where, n_splits, buffer, block_size, kind, target, seed):
    """Each row is validated once; no training row is within the buffer; rows at one place stay together."""
    points, geographic = where
    distances = apart(points, geographic)
    unit = distances.max()
    rng = np.random.default_rng(seed)
    y = {
        "none": None,
        "numbers": points[:, 0] + rng.normal(size=len(points)),
        "labels": rng.choice(["a", "b"], len(points)),
    }
    numbers = {
        name: value if isinstance(value, str) else value * unit
        for name, value in {"block_size": block_size, "buffer": buffer}.items()
    }
    folds = SpatialBlockKFold((0, 1), n_splits, kind=kind, geographic=geographic, random_state=seed, **numbers)

    try:
        plan = folds.plan(points, y[target])
    except (InputError, ParameterError):
        return  # too few places, too wide a buffer: tests of their own below

    splits = list(folds.split(points, y[target]))
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in splits])), np.arange(len(points)))
    for (train, test), nearest in zip(splits, plan.buffers, strict=True):
        assert len(train) and len(test)
        assert distances[np.ix_(train, test)].min() >= max(nearest, 1e-9 * unit) * (1 - 1e-6) - 1e-6 * geographic
        if buffer == "auto":
            assert 2 * len(train) >= len(points) - len(test)
        elif buffer == 0:
            assert len(train) + len(test) == len(points)
    again = folds.plan(points, y[target])
    np.testing.assert_array_equal(again.fold, plan.fold)


def field(seed=0, n=600, geographic=True):
    """Values that are alike over some degrees, in a table with one more column."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"lon": rng.uniform(5, 15, n), "lat": rng.uniform(45, 55, n), "noise": rng.normal(size=n)})
    y = np.sin(2 * table["lon"]) + np.cos(2 * table["lat"]) + 0.3 * rng.normal(size=n)
    return table, y.to_numpy(copy=True)


def test_blocks_and_buffers_follow_the_range():
    """Sides are the range of y where that leaves enough blocks; so is the buffer, where enough rows are left."""
    X, y = field()
    plan = SpatialBlockKFold(random_state=0).plan(X, y)

    assert 40 < plan.range < 200  # kilometres; half a wave is 175 to the north
    assert plan.block_size <= plan.range * 1.01
    assert (plan.buffers <= plan.range).all() and (plan.buffers > 5).all()


def test_without_y_the_other_columns_speak_and_without_them_the_extent():
    """No y, no attributes: about ten blocks a fold, no buffer."""
    X, y = field()
    alike = SpatialBlockKFold(random_state=0).plan(X.assign(y=y, more=y))
    alone = SpatialBlockKFold(random_state=0).plan(X[["lon", "lat"]])

    assert alike.range is not None
    assert alone.range is None
    assert (alone.buffers == 0).all()
    assert 50 <= alone.block.max() + 1 < 100


@pytest.mark.parametrize("kind", ["blocks", "clusters"])
def test_folds_are_balanced_in_size_and_classes(kind):
    """Within a tenth of each other in rows; every class trains in each fold, rare ones too."""
    X, y = field(n=1000)
    labels = np.where(y > 1, "high", np.where(y < -1.5, "low", "middle"))
    labels[np.argsort(X["lon"].to_numpy())[[0, -1, 500]]] = "rare"
    folds = SpatialBlockKFold(kind=kind, random_state=0)

    splits = list(folds.split(X, labels))

    sizes = [len(test) for _, test in splits]
    assert max(sizes) - min(sizes) <= 100
    for train, _ in splits:
        assert set(labels[train]) == {"high", "low", "middle", "rare"}


@pytest.mark.parametrize("where", ["date line", "pole"])
def test_no_place_on_the_globe_is_special(where):
    """Around the date line and around a pole, blocks are as large as elsewhere, and buffers hold across."""
    rng = np.random.default_rng(0)
    n = 2000
    if where == "date line":
        points = np.column_stack([rng.uniform(175, 185, n), rng.uniform(-5, 5, n)])
        points[points[:, 0] > 180, 0] -= 360
    else:
        points = np.column_stack([rng.uniform(-180, 180, n), 90 - 5 * np.sqrt(rng.random(n))])
    plan = SpatialBlockKFold((0, 1), geographic=True, block_size=200, buffer=100, random_state=0).plan(points)
    distances = apart(points, True)

    widest = [distances[np.ix_(plan.block == b, plan.block == b)].max() for b in range(plan.block.max() + 1)]
    assert max(widest) < 200 * 2.5
    assert np.median(widest) > 100
    for fold, train in enumerate(plan.training):
        assert distances[np.ix_(train, plan.fold == fold)].min() >= 100


def test_longitudes_of_both_conventions_are_one_place():
    """-170.3 and 189.7 degrees stay together, and so does everything at a pole."""
    longitude = np.tile([-170.3, 189.7, 0.0, 10.1, 90.0], 20)
    points = np.column_stack([longitude, np.tile([1.0, 1.0, 90.0, 2.0, -5.0], 20)])
    points = np.vstack([points, [[77.0, 90.0], [20.0, 20.0]]])
    folds = SpatialBlockKFold((0, 1), 5, geographic=True, block_size=1e-3, buffer=0, random_state=0).plan(points)

    assert folds.fold[0] == folds.fold[1]
    assert folds.fold[2] == folds.fold[100]


def test_the_automatic_buffer_is_narrowed_with_one_warning():
    """Values alike over the whole map: half of the rows still train."""
    X, _ = field()
    with pytest.warns(AutoArchWarning, match="too little to train on in 5 of 5 folds") as caught:
        splits = list(SpatialBlockKFold(random_state=0).split(X, X["lon"] + X["lat"]))

    assert len(caught) == 1
    assert all(2 * len(train) >= 600 - len(test) for train, test in splits)


def test_it_serves_searches_and_scores():
    """Coordinates by name in a DataFrame, by position in an array; in a search its own parameters can be set."""
    X, y = field(n=200)
    folds = SpatialBlockKFold(n_splits=3, block_size=200, buffer=10, random_state=0)
    by_position = clone(folds).set_params(coordinates=(0, 1), geographic=True)

    scores = cross_val_score(LogisticRegression(), X, y > 0, cv=folds)
    search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 5]}, cv=by_position).fit(X.to_numpy(), y > 0)

    assert scores.shape == (3,)
    assert search.n_splits_ == by_position.get_n_splits() == 3
    for rows in (X.to_numpy(), X.to_numpy().tolist()):
        np.testing.assert_array_equal(folds.plan(X).fold, by_position.plan(rows).fold)


def test_it_is_written_as_other_splitters_are():
    """The name and all parameters."""
    assert repr(SpatialBlockKFold(n_splits=3)).startswith("SpatialBlockKFold(block_size='auto', buffer='auto',")
    assert clone(SpatialBlockKFold(n_splits=3)).n_splits == 3


def test_groups_are_not_looked_at_aloud():
    """A warning says that places decide."""
    X, y = field(n=100)
    with pytest.warns(AutoArchWarning, match="groups is not looked at"):
        list(SpatialBlockKFold(block_size=100, buffer=0).split(X, y, groups=np.arange(100)))


def test_without_shuffling_nothing_is_random():
    """Two calls agree."""
    X, y = field(n=200)
    first, second = (SpatialBlockKFold(shuffle=False).plan(X, y).fold for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_rows_without_y_or_attributes_are_no_obstacle():
    """Missing values are left out of what measures the range."""
    X, y = field()
    y[::7] = np.nan
    X.loc[::5, "noise"] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert SpatialBlockKFold(random_state=0).plan(X, y).range > 0
        SpatialBlockKFold(random_state=0).plan(X.assign(empty=np.nan))


PLACES = pd.DataFrame({"lon": np.linspace(0, 5, 30), "lat": np.linspace(0, 5, 30)})


@pytest.mark.parametrize(
    ("X", "options", "error", "message"),
    [
        pytest.param(PLACES * 0, {}, InputError, "constant.*KFold", id="one-place"),
        pytest.param(PLACES[:4], {}, InputError, "at most 4", id="few"),
        pytest.param(PLACES.round(-1), {"n_splits": 3}, InputError, "at most 1|one place", id="duplicated"),
        pytest.param(PLACES.assign(lat=np.nan), {}, InputError, "missing", id="missing"),
        pytest.param(PLACES.assign(lat=np.inf), {}, InputError, "infinite", id="infinite"),
        pytest.param(PLACES.assign(lat=PLACES["lat"] * 30), {}, InputError, "swapped", id="swapped"),
        pytest.param(PLACES * 1e307, {"geographic": False}, InputError, "larger units", id="huge"),
        pytest.param(PLACES, {"buffer": 1e4}, ParameterError, "no training rows in fold 0", id="wide-buffer"),
        pytest.param(PLACES, {"block_size": 1e4}, ParameterError, "smaller blocks", id="wide-blocks"),
        pytest.param(PLACES, {"buffer": -1}, ParameterError, "buffer=-1", id="negative"),
        pytest.param(PLACES, {"block_size": "big"}, ParameterError, "'auto'", id="words"),
        pytest.param(PLACES, {"kind": "block"}, ParameterError, "Did you mean 'blocks'", id="kind"),
        pytest.param(PLACES, {"n_splits": 1}, ParameterError, "at least 2", id="one-fold"),
        pytest.param(PLACES, {"shuffle": False, "random_state": 0}, ParameterError, "shuffle=True", id="seed"),
        pytest.param(PLACES, {"coordinates": ("lon", "lad")}, ParameterError, "Did you mean 'lat'", id="name"),
    ],
)
def test_what_makes_no_folds_is_refused(X, options, error, message):
    """The error says what came and what to do."""
    with pytest.raises(error, match=message):
        next(SpatialBlockKFold(**options).split(X))


@pytest.mark.parametrize("y", [None, np.arange(60.0)])
def test_the_points_of_a_geo_frame_are_split(y):
    """With or without y, whatever the columns are called."""
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    where = np.random.default_rng(0).uniform(5, 9, (60, 2))
    table = geopandas.GeoDataFrame({"a": where[:, 0]}, geometry=geopandas.points_from_xy(*where.T), crs="EPSG:4326")
    same = pd.DataFrame({"a": where[:, 0], "lon": where[:, 0], "lat": where[:, 1]})
    folds = SpatialBlockKFold(n_splits=3, random_state=0)

    plans = [folds.plan(each, y) for each in (table, same)]

    assert all(plan.geographic for plan in plans)
    np.testing.assert_array_equal(plans[0].fold, plans[1].fold)


def test_sparse_rows_and_lists_are_split():
    """Folds are those of the array of the same numbers, without y too."""
    X = np.column_stack([np.random.default_rng(0).uniform(size=(60, 2)), np.zeros((60, 3))])
    folds = SpatialBlockKFold((0, 1), n_splits=3, random_state=0)

    for other in (csr_array(X), X.tolist()):
        for expected, found in zip(folds.split(X), folds.split(other), strict=True):
            np.testing.assert_array_equal(found[1], expected[1])


def nearest(known, asked):
    """Distance of each point to the nearest known one."""
    return np.linalg.norm(asked[:, None] - known[None], axis=-1).min(axis=1)


@pytest.mark.parametrize("away", [pytest.param(0.0, id="in-between"), pytest.param(1.5, id="beyond-the-edge")])
def test_distances_of_folds_follow_those_of_prediction(away):
    """Heaps of plots: predictions between them all need wide blocks, those beside the plots need narrow ones."""
    rng = np.random.default_rng(0)
    plots = np.repeat(rng.uniform(0, 10, (25, 2)), 16, axis=0) + 0.1 * rng.normal(size=(400, 2))
    asked = rng.uniform(0, 10, (500, 2)) + np.array([away, 0.0])
    folds = SpatialBlockKFold((0, 1), predict_at=asked, random_state=0)
    plan = folds.plan(plots)
    wanted = nearest(plots, asked).mean()
    reached = np.concatenate([nearest(plots[train], plots[test]) for train, test in folds.split(plots)])
    rows = rng.permutation(400)
    random = nearest(plots[rows[80:]], plots[rows[:80]]).mean()
    assert abs(reached.mean() - wanted) < 0.4 * wanted < abs(random - wanted)
    assert plan.mismatch < 0.4 * wanted


def test_predictions_beside_the_training_rows_make_small_blocks():
    """There random folds are right, or nearly so."""
    rng = np.random.default_rng(1)
    X = rng.uniform(0, 10, (400, 2))
    near = SpatialBlockKFold((0, 1), predict_at=rng.uniform(0, 10, (300, 2)), random_state=0).plan(X)
    far = SpatialBlockKFold((0, 1), predict_at=rng.uniform(12, 13, (300, 2)), random_state=0).plan(X)
    assert near.block_size < 1
    assert (near.buffers < 0.5).all()
    assert far.block_size > 2 * near.block_size
    assert far.mismatch > near.mismatch
    with pytest.warns(AutoArchWarning, match="predict_at"):
        SpatialBlockKFold((0, 1), predict_at=rng.uniform(80, 81, (300, 2)), random_state=0).plan(X)


def test_places_of_prediction_are_read_as_x_is():
    """A table with the same columns serves as well as places; other units are refused."""
    X, y = field(n=300)
    asked = X.sample(100, random_state=0).assign(lon=lambda t: t["lon"] + 0.05)
    places = Places(asked[["lon", "lat"]].to_numpy(), geographic=True)
    tables, given = (SpatialBlockKFold(predict_at=each, random_state=0).plan(X, y) for each in (asked, places))
    np.testing.assert_array_equal(tables.fold, given.fold)
    with pytest.raises(ParameterError, match="predict_at has 100 places in numbers of a plane"):
        SpatialBlockKFold(predict_at=Places(places.points)).plan(X)
    assert clone(SpatialBlockKFold(predict_at=asked)).predict_at is not None
