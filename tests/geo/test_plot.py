"""Maps: what the axes hold, not how they look."""

import numpy as np
import pandas as pd
import pytest

from autoarch._data.points import Places
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo import plot_map

pytest.importorskip("matplotlib", reason="the extra 'plot' is optional")


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"lon": rng.uniform(10, 20, 50), "lat": rng.uniform(58, 62, 50), "a": rng.normal(size=50)})


def test_a_number_has_a_colour_and_its_place(table):
    """Points stand at their degrees, widened at 60 degrees north by two; a bar explains the colours."""
    ax = plot_map(table, table["a"]).ax_

    (points,) = ax.collections
    np.testing.assert_allclose(points.get_offsets(), table[["lon", "lat"]])
    np.testing.assert_allclose(points.get_array(), table["a"])
    assert ax.get_aspect() == pytest.approx(2.0, abs=0.05)
    assert len(ax.figure.axes) == 2
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("prediction", "longitude", "latitude")


def test_labels_have_names_in_the_legend(table):
    """A colour each; points without a label are left out."""
    labels = pd.Series(np.where(table["a"] > 0, "oak", "ash"))
    labels[:5] = None

    ax = plot_map(table, labels).ax_

    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["ash", "oak"]
    assert len(ax.collections[0].get_offsets()) == 45


def test_rare_labels_share_a_colour(table):
    """The rarest of more than twenty classes are others."""
    labels = np.array([f"kind {i % 25}" for i in range(50)])

    texts = [text.get_text() for text in plot_map(table, labels).ax_.get_legend().get_texts()]

    assert len(texts) == 21 and texts[-1] == "others"


def test_residuals_are_coloured_about_zero(table):
    """Both ends of the scale are equally far."""
    low, high = plot_map(table, table["a"] + 3, kind="residual").ax_.collections[0].get_clim()

    assert low == -high


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([[0.5, 0.3, 0.2], [0.1, 0.9, 0.0]], [0.5, 0.1], id="probabilities"),
        pytest.param([[1.0, 3.0, 5.0], [2.0, 2.0, 2.0]], [np.sqrt(8 / 3), 0.0], id="models"),
        pytest.param([0.2, 0.7], [0.2, 0.7], id="numbers"),
    ],
)
def test_uncertainty_comes_from_probabilities_or_models(values, expected):
    """1 less the largest probability, the spread of several predictions, or what was passed."""
    drawn = plot_map(Places(np.eye(2)), values, kind="uncertainty").ax_.collections[0]

    np.testing.assert_allclose(drawn.get_array(), expected)


@pytest.mark.parametrize("kind", ["numbers", "labels"])
def test_very_many_points_are_drawn_as_hexagons(kind):
    """Each holds the mean, or the most frequent label."""
    points = np.random.default_rng(0).uniform(size=(25_000, 2))
    left = points[:, 0] < 0.5
    values = left * 1.5 if kind == "numbers" else np.where(left, "left", "right")

    (hexagons,) = plot_map(Places(points), values).ax_.collections

    assert len(hexagons.get_offsets()) < 10_000
    assert set(np.round(hexagons.get_array(), 6)) >= {0.0, 1.5 if kind == "numbers" else 1.0}


def test_both_sides_of_the_date_line_stand_side_by_side():
    """Longitudes are turned so that the map is narrow."""
    ax = plot_map(Places(np.array([[179.0, 0.0], [-179.0, 0.0]]), geographic=True), [1.0, 2.0]).ax_

    assert np.ptp(ax.collections[0].get_offsets()[:, 0]) == pytest.approx(2.0)


def test_it_draws_where_it_is_told(table):
    """Axes that are passed are used and returned."""
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()

    assert plot_map(table, table["a"], ax=ax).ax_ is ax


@pytest.mark.parametrize(
    ("values", "kind", "error", "message"),
    [
        pytest.param(np.zeros(3), "prediction", InputError, "each of the 2 points", id="length"),
        pytest.param(np.eye(2), "prediction", InputError, "2 columns", id="columns"),
        pytest.param(["a", "b"], "residual", InputError, "no numbers", id="words"),
        pytest.param(np.zeros(2), "error", ParameterError, "kind='error'", id="kind"),
    ],
)
def test_what_cannot_be_drawn_is_refused(values, kind, error, message):
    """The error says what was expected."""
    with pytest.raises(error, match=message):
        plot_map(Places(np.eye(2)), values, kind=kind)


def test_a_map_of_nothing_is_refused():
    """The error says that no value is there."""
    with pytest.raises(InputError, match="all of the 0 points"):
        plot_map(Places(np.empty((0, 2))), [])
