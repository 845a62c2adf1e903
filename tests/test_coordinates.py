"""The estimators on points with coordinates: what they see, on which rows they judge, what they report."""

import warnings

import numpy as np
import pandas as pd
import pytest
from quick import QuickCNN, QuickMLP
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch.exceptions import AutoArchWarning, InputError, ParameterError

QUICK = {"time_budget": None, "n_trials": 2, "random_state": 0, "verbose": 0}
PLACES = ("lon", "lat")


def points(n=400, seed=0):
    """Prices that depend on a hill that no attribute tells of, in degrees."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"lon": rng.uniform(5, 9, n), "lat": rng.uniform(45, 48, n), "rooms": rng.integers(1, 7, n)})
    X["kind"] = rng.choice(["flat", "house"], n)
    hills = np.sin(5 * X["lon"] + 4 * X["lat"]) + np.cos(6 * X["lat"] - 3 * X["lon"])
    return X, 2 * hills.to_numpy() + 0.2 * X["rooms"].to_numpy() + 0.2 * rng.normal(size=n)


def on_lattice(n):
    """The same hill, on a lattice with twenty places in a row."""
    X, _ = points(n)
    X["lon"], X["lat"] = 5 + np.arange(n) % 20 / 5, 45 + np.arange(n) // 20 / 5
    hills = np.sin(5 * X["lon"] + 4 * X["lat"]) + np.cos(6 * X["lat"] - 3 * X["lon"])
    return X, 2 * hills.to_numpy() + 0.2 * X["rooms"].to_numpy()


@pytest.fixture(scope="module")
def fitted():
    return AutoArchRegressor(**{**QUICK, "n_trials": 1}, families="tree", coordinates=PLACES).fit(*points())


def test_what_stands_around_tells_what_attributes_do_not(fitted):
    """New points between the old ones are predicted better than by a tree that knows coordinates as numbers."""
    X, y = points(seed=1)
    plain = AutoArchRegressor(**{**QUICK, "n_trials": 1}, families="tree").fit(*points())
    assert 1 - fitted.score(X, y) < 0.8 * (1 - plain.score(X, y))


def test_both_kinds_of_folds_judge_and_the_gap_is_told(fitted):
    """The estimate is that for places that were never seen; the report has both scores."""
    blocks, random = fitted.scores_.itertuples(index=False)
    assert (blocks.question, random.question) == ("new places", "new rows")
    assert "blocks of the map" in fitted.splits_ and "random rows" in fitted.splits_
    assert random.score > blocks.score
    assert abs(fitted.estimated_score_ - blocks.score) < 0.2
    assert f"new places will score about {blocks.score:.2f}" in str(fitted.rows_).replace("\n  ", " ")


def test_the_report_tells_who_resembles_its_neighbours(fitted):
    """The label does, and random rooms do not."""
    label, rooms, kind = fitted.locality_.space
    assert (kind.name, kind.autocorrelated) == ("kind", False)
    assert (label.name, label.autocorrelated, label.unit) == ("y", True, "km")
    assert (rooms.name, rooms.autocorrelated) == ("rooms", False)
    assert "The label is spatially autocorrelated" in " ".join(fitted.locality_.sentences)


def test_a_label_without_neighbours_keeps_random_folds():
    """Blocks cost rows, and are for labels that resemble each other nearby."""
    X, y = points()
    rng = np.random.default_rng(0)
    model = AutoArchRegressor(**QUICK, families="linear", coordinates=PLACES).fit(X, rng.permutation(y))
    assert "blocks" not in model.splits_ and len(model.scores_) == 1


@pytest.mark.parametrize("family", ["linear", QuickMLP, QuickCNN, "kernels", "neighbors"])
def test_every_family_has_a_use_for_places(family):
    """Labels in, labels out, on pictures of the neighbourhood or means over it."""
    X, y = on_lattice(200)
    labels = np.where(y > np.median(y), "high", "low")
    model = AutoArchClassifier(**{**QUICK, "n_trials": 1}, families=family, coordinates=PLACES, cv=2).fit(X, labels)
    assert model.best_family_ == getattr(family, "name", family)
    assert model.score(X, labels) > 0.6


def test_columns_that_look_like_coordinates_get_one_warning():
    """It says what to pass, and the report keeps it; with coordinates, or silence, there is none."""
    X, y = points(60)
    linear = {**QUICK, "families": "linear", "n_trials": 1}
    with pytest.warns(AutoArchWarning, match=r"coordinates=\('lon', 'lat'\)") as record:
        model = AutoArchRegressor(**{**linear, "verbose": 1}).fit(X, y)
    assert sum("look like coordinates" in str(each.message) for each in record) == 1
    assert any("look like coordinates" in reason for reason in model.locality_.skipped)
    with warnings.catch_warnings():
        warnings.simplefilter("error", AutoArchWarning)
        quiet = AutoArchRegressor(**linear).fit(X, y)
    assert any("look like coordinates" in reason for reason in quiet.locality_.skipped)


@pytest.mark.parametrize(
    ("change", "coordinates", "message"),
    [
        pytest.param({}, ("lon", "height"), "'lat'", id="unknown"),
        pytest.param({"lat": np.nan}, PLACES, "missing in 60 of 60", id="missing"),
        pytest.param({"lat": np.inf}, PLACES, "infinite", id="infinite"),
        pytest.param({"lon": 7.0, "lat": 46.0}, PLACES, "same in all 60 rows", id="one-place"),
        pytest.param({"lat": 120.0}, PLACES, "swapped", id="swapped"),
    ],
)
def test_bad_coordinates_are_refused_before_any_work(change, coordinates, message):
    """The error names them."""
    X, y = points(60)
    with pytest.raises((InputError, ParameterError), match=message):
        AutoArchRegressor(**QUICK, coordinates=coordinates).fit(X.assign(**change), y)


def test_a_grid_has_no_places():
    """A layout and coordinates exclude each other."""
    X, y = points(60)
    with pytest.raises(ParameterError, match="exclude each other"):
        AutoArchRegressor(**QUICK, coordinates=(0, 1), layout=(1, 3)).fit(X[["lon", "lat", "rooms"]].to_numpy(), y)


@pytest.mark.parametrize("n", [4, 12, 30])
def test_a_handful_of_points_is_enough(n):
    """Where folds over space are impossible, random ones serve."""
    X, y = points(n)
    model = AutoArchRegressor(**QUICK, families=["linear", "neighbors"], coordinates=PLACES).fit(X, y)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(
    ("place", "status", "reason"),
    [pytest.param(points, "skipped", "no lattice", id="scattered"), pytest.param(on_lattice, "ok", "", id="lattice")],
)
def test_neighbourhoods_are_searched_on_a_lattice_only(place, status, reason):
    """There nobody can tell beforehand whether they win; of scattered places they have never won."""
    model = AutoArchRegressor(**QUICK, families=["kernels", "linear"], coordinates=PLACES).fit(*place(100))
    kernels = model.leaderboard_.set_index("family").loc["kernels"]
    assert kernels["status"] == status
    assert reason in kernels["reason"]


@pytest.mark.slow
def test_far_away_points_are_predicted():
    """What stands nowhere near a training row gets a number all the same."""
    model = AutoArchRegressor(**QUICK, families=["kernels", "tree"], coordinates=PLACES).fit(*on_lattice(120))
    X = pd.DataFrame({"lon": [179.0, -60.0], "lat": [-80.0, 5.0], "rooms": [1, 2], "kind": ["flat", "tent"]})
    assert np.isfinite(model.predict(X)).all()


def test_scikit_learn_searches_over_it():
    """Positions survive a pipeline of arrays, and a clone keeps its parameters."""
    X, y = points(120)
    model = AutoArchRegressor(**QUICK, families="linear", coordinates=(0, 1))
    assert clone(model).get_params()["coordinates"] == (0, 1)
    pipeline = make_pipeline(FunctionTransformer(np.asarray), model)
    search = GridSearchCV(pipeline, {"autoarchregressor__n_trials": [1, 2]}, cv=KFold(2))
    assert search.fit(X[["lon", "lat", "rooms"]], y).best_score_ > -1


def test_a_prediction_for_nowhere_is_refused_by_its_column():
    """Whether or not the winner looks at coordinates: a missing or impossible place has no neighbours."""
    X, y = points(60)
    for family in ("linear", "neighbors"):
        model = AutoArchRegressor(**{**QUICK, "n_trials": 1}, families=family, coordinates=PLACES).fit(X, y)
        for change, message in (({"lon": np.nan}, "'lon' is missing in 60"), ({"lat": 95.0}, "'lat' reaches 95")):
            with pytest.raises(InputError, match=message):
                model.predict(X.assign(**change))


def test_the_points_of_a_geo_frame_are_coordinates():
    """They give what columns give, in whatever reference system they come to be predicted."""
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    X, y = points(120)
    table = X.drop(columns=list(PLACES))
    shown = geopandas.GeoDataFrame(table, geometry=geopandas.points_from_xy(X["lon"], X["lat"]), crs="EPSG:4326")
    linear = {**QUICK, "families": "linear", "n_trials": 1}

    model = AutoArchRegressor(**linear, coordinates="geometry").fit(shown, y)
    by_columns = AutoArchRegressor(**linear, coordinates=PLACES).fit(table.assign(lon=X["lon"], lat=X["lat"]), y)

    assert model.locality_.space[0].unit == "km"
    np.testing.assert_allclose(model.predict(shown), by_columns.predict(X), rtol=1e-6)
    np.testing.assert_allclose(model.predict(shown.to_crs("EPSG:3857")), model.predict(shown), rtol=1e-4, atol=1e-4)
    with pytest.warns(AutoArchWarning, match="coordinates='geometry'"):
        AutoArchRegressor(**{**linear, "verbose": 1}).fit(shown, y)
    with pytest.raises(InputError, match=r"representative_point.*drop"):
        AutoArchRegressor(**linear).fit(shown.set_geometry(shown.to_crs("EPSG:3857").buffer(10)), y)


@pytest.mark.slow
def test_large_labels_are_averaged_over_neighbours():
    """Neighbours help as much where labels are seconds since 1970, or in units of their own."""
    X, y = points(200)
    linear = {**QUICK, "families": "linear", "n_trials": 1, "coordinates": PLACES}
    score = AutoArchRegressor(**linear).fit(X, y).score(X, y)
    for scale, shift in ((1.0, 1.7e9), (1e60, 0.0)):
        assert AutoArchRegressor(**linear).fit(X, scale * y + shift).score(X, scale * y + shift) > score - 0.01


def test_the_report_tells_of_words_and_of_what_it_left_out():
    """Categories resemble their neighbours or do not, as numbers; of very many columns the first are looked at."""
    X, y = points(120)
    X["soil"] = np.where(X["lat"] > 46.5, "sand", "clay")
    linear = {**QUICK, "families": "linear", "n_trials": 1}
    report = AutoArchRegressor(**linear, coordinates=PLACES).fit(X, y).locality_
    assert {each.name: each.autocorrelated for each in report.space[1:]} == {
        "rooms": False,
        "kind": False,
        "soil": True,
    }

    wide = np.random.default_rng(0).normal(size=(120, 150))
    wide[:, :2] = X[["lon", "lat"]]
    report = AutoArchRegressor(**linear, coordinates=(0, 1)).fit(wide, y).locality_
    assert len(report.space) == 101
    assert any("after the first 100 of 148" in reason for reason in report.skipped)
