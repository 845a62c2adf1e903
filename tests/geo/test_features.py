"""Features of near training rows, never of a label of its own."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from autoarch.exceptions import InputError, ParameterError
from autoarch.geo import MapPoints, SpatialFeatures, features

rng = np.random.default_rng(0)
X = np.column_stack([rng.uniform(size=(120, 2)), rng.normal(size=(120, 2))])
X[rng.random(120) < 0.2, 3] = np.nan
Y = rng.normal(size=120)
N_TURNED = 6


@given(row=st.integers(0, 119), labels=st.booleans())
def test_no_row_sees_its_own_label(row, labels):
    """Another label of a training row changes other rows at most."""
    y = (Y > 0).astype(int) if labels else Y
    changed = y.copy()
    changed[row] = 1 - y[row] if labels else y[row] + 1000

    before, after = (SpatialFeatures().fit_transform(X, target) for target in (y, changed))

    np.testing.assert_array_equal(before[row], after[row])
    assert not np.array_equal(before, after, equal_nan=True)


def test_labels_of_noise_stay_noise():
    """Cross-validated in a pipeline, means of labels promise nothing where there is nothing."""
    y = rng.integers(0, 2, 400)
    places = rng.uniform(size=(400, 2)).repeat(1, axis=0)
    model = make_pipeline(SpatialFeatures(), RandomForestClassifier(50, random_state=0))

    assert abs(cross_val_score(model, places, y, cv=5).mean() - 0.5) < 0.08


def test_means_are_those_of_the_nearest_training_rows():
    """Inverse distances weigh; attributes are averaged over those that are known."""
    new = rng.uniform(size=(7, 4))
    features = SpatialFeatures(neighbors=(4,)).fit(X, Y).transform(new)[:, 4 + N_TURNED :]

    for row, found in zip(new, features, strict=True):
        distance = np.linalg.norm(X[:, :2] - row[:2], axis=1)
        near = np.argsort(distance)
        weight = 1 / (distance[near[:4]] + 0.1 * distance[near[3]])
        expected = [weight @ Y[near[:4]] / weight.sum(), np.log1p(distance[near[3]])]
        expected += list(np.nanmean(X[near[:16], 2:], axis=0))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_neighbours_across_the_date_line_are_near():
    """Degrees are places on a globe."""
    table = pd.DataFrame({"lon": [179.9, 179.8, 0.0, 1.0], "lat": [0.0, 1.0, 0.0, 1.0]})
    model = SpatialFeatures(("lon", "lat"), neighbors=(2,), target_type="regression").fit(
        table, np.array([1.0, 1.0, 5.0, 5.0])
    )

    found = model.transform(pd.DataFrame({"lon": [-179.9, 0.5], "lat": [0.5, 0.5]}))

    np.testing.assert_allclose(found[:, 2 + N_TURNED], [1.0, 5.0], rtol=1e-5)


def test_coordinates_are_turned_about_a_training_row():
    """At 45 degrees the new coordinate is the sum of both offsets, over the root of two."""
    features = SpatialFeatures(neighbors=()).fit(X, Y)
    here = X[60, :2]

    np.testing.assert_allclose(features.transform(X)[:, 4 + 1], (X[:, :2] - here).sum(axis=1) / np.sqrt(2), atol=1e-12)


@pytest.mark.parametrize("y", [None, Y, Y > 0, np.digitize(Y, [-0.5, 0.5])], ids=["none", "numbers", "two", "three"])
def test_every_column_has_a_name(y):
    """One for each column, whatever y holds."""
    features = SpatialFeatures(categorical=(2,))
    assert features.fit_transform(X, y).shape[1] == len(features.get_feature_names_out())


def test_half_of_the_training_rows_look_from_afar():
    """Their neighbours stand outside of a block, so that the model learns what distance means."""
    features = SpatialFeatures(neighbors=(4,)).fit(X, Y)
    distance = 4 + N_TURNED + 1

    training, predicting = features.fit_transform(X, Y)[:, distance], features.transform(X)[:, distance]

    assert np.mean(training > 1.5 * predicting) > 0.25
    assert np.mean(training < 1.5 * predicting) > 0.25


def test_a_single_row_has_no_neighbours():
    """The error says what is needed."""
    with pytest.raises(InputError, match="at least 2"):
        SpatialFeatures().fit(X[:1], Y[:1])


@pytest.mark.parametrize("step", [SpatialFeatures(coordinates=(1, 0)), MapPoints(coordinates=(1, 0))], ids=str)
def test_steps_can_be_cloned(step):
    """A clone of a fitted step is an unfitted one with the same parameters."""
    assert clone(step.fit(X, Y)).get_params() == step.get_params()


def frame(n=60):
    """The first rows of X under names."""
    return pd.DataFrame(X[:n], columns=["lon", "lat", "height", "depth"])


def test_columns_are_read_by_name():
    """Coordinates have no mean over neighbours, and columns may come in another order."""
    step = SpatialFeatures(("lon", "lat"), neighbors=(4,)).fit(frame(), Y[:60])

    assert step.get_feature_names_out().tolist()[-2:] == ["height around", "depth around"]
    np.testing.assert_array_equal(step.transform(frame()[["depth", "lat", "height", "lon"]]), step.transform(frame()))
    np.testing.assert_array_equal(step.transform(frame().to_numpy()), step.transform(frame()))


@pytest.mark.parametrize("step", [SpatialFeatures(("lon", "lat")), MapPoints(("lon", "lat"))], ids=str)
def test_steps_give_frames_with_names(step):
    """Names come with pandas output, like those of scikit-learn's own transformers."""
    table = clone(step).set_output(transform="pandas").fit_transform(frame(), Y[:60])

    assert list(table.columns) == list(step.fit(frame(), Y[:60]).get_feature_names_out())
    assert table.index.equals(frame().index)


def test_large_labels_with_small_differences_are_told_apart():
    """Seconds since 1970, say, which a float of 32 bits holds to two minutes."""
    step = SpatialFeatures(neighbors=(4,), target_type="regression")
    means = step.fit(X, Y).transform(X)[:, 4 + N_TURNED]

    np.testing.assert_allclose(step.fit(X, Y + 1.7e9).transform(X)[:, 4 + N_TURNED] - 1.7e9, means, atol=1e-5)
    np.testing.assert_allclose(step.fit(X, Y * 1e60).transform(X)[:, 4 + N_TURNED] / 1e60, means, rtol=1e-5)


def test_many_classes_are_read_in_pieces(monkeypatch):
    """The size of the pieces, which bounds the memory, changes nothing."""
    step = SpatialFeatures().fit(X, np.arange(120) % 30)
    whole = step.transform(X)
    monkeypatch.setattr(features, "_VALUES", 10_000)

    np.testing.assert_array_equal(step.transform(X), whole)


@pytest.mark.parametrize(
    ("parameters", "table", "y", "error", "message"),
    [
        pytest.param({}, X[:5], Y[:4], InputError, "inconsistent numbers", id="other-length"),
        pytest.param({}, X, np.where(Y > 0, Y, np.nan), InputError, "NaN", id="missing-label"),
        pytest.param({}, frame().assign(depth="deep"), Y[:60], InputError, "OrdinalEncoder", id="words"),
        pytest.param({"neighbors": 8}, X, Y, ParameterError, r"such as \(8, 64\)", id="one-number"),
        pytest.param({"neighbors": (0,)}, X, Y, ParameterError, "at least 1", id="no-neighbour"),
        pytest.param({"categorical": ("soil",)}, frame(), Y[:60], ParameterError, "soil", id="unknown-column"),
        pytest.param({"target_type": "labels"}, X, Y, ParameterError, "'classification'", id="kind"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters, table, y, error, message):
    """The error says what was expected."""
    with pytest.raises(error, match=message):
        SpatialFeatures(**parameters).fit(table, y)


def test_other_columns_than_those_of_fit_are_refused():
    """Fewer would give other features under the same names."""
    for step in (SpatialFeatures(), MapPoints()):
        with pytest.raises(InputError, match="expecting 4 features"):
            step.fit(X, Y).transform(X[:, :3])


def test_the_points_of_a_geo_frame_are_places():
    """In whatever reference system they come later."""
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    points = geopandas.points_from_xy(13 + X[:, 0], 52 + X[:, 1])
    table = geopandas.GeoDataFrame({"height": X[:, 2]}, geometry=points, crs="EPSG:4326")

    for step in (SpatialFeatures(), MapPoints()):
        known = step.fit(table, Y).transform(table)
        np.testing.assert_allclose(step.transform(table.to_crs("EPSG:32633"))[:, 1:], known[:, 1:], rtol=1e-6)
