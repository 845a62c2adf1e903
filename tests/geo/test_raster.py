"""Patches of images around points, from arrays and from files."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoarch.exceptions import InputError, MissingExtraError, ParameterError
from autoarch.geo import raster_patches

HAS_RASTERIO = importlib.util.find_spec("rasterio") is not None


def padded_patches(image, cells, size):
    """Loop over points, on an image with a wide frame."""
    half = size // 2
    frame = np.pad(image, ((0, 0), (half, half), (half, half)), constant_values=np.nan)
    return np.stack([frame[:, row : row + size, column : column + size] for row, column in cells])


@given(st.integers(0, 100), st.sampled_from([1, 3, 5]), st.integers(1, 3))
def test_patches_are_cut_around_rows_and_columns(seed, size, bands):
    """With NaN outside of the image and where it has no data."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 5, size=(bands, 7, 9)).astype(float)
    cells = np.column_stack([rng.integers(0, 7, 12), rng.integers(0, 9, 12)])

    patches = raster_patches(image, cells, size, nodata=0)

    np.testing.assert_array_equal(patches, padded_patches(np.where(image == 0, np.nan, image), cells, size))


def test_a_transform_leads_from_x_and_y_to_cells():
    """North up, cells of 10 x 20; a point on the border of two cells belongs to the eastern, southern one."""
    image = np.arange(12).reshape(3, 4)
    transform = (10, 0, 100, 0, -20, 500)

    patches = raster_patches(image, [(105, 495), (139.9, 440.1), (110, 480), (1e12, 0)], 1, transform=transform)

    np.testing.assert_array_equal(patches.ravel(), [0, 11, 5, np.nan])


def test_points_far_apart_keep_their_order(monkeypatch):
    """The result does not depend on the size of the tiles, by which points are read."""
    monkeypatch.setattr("autoarch.geo.raster._TILE", 4)
    image = np.random.default_rng(0).normal(size=(2, 30, 40)).astype(np.float32)
    cells = np.random.default_rng(1).integers(0, 30, size=(50, 2))

    np.testing.assert_array_equal(raster_patches(image, cells, 5), padded_patches(image, cells, 5))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param({"size": 2}, ParameterError, "odd", id="even"),
        pytest.param({"transform": (1, 2, 3)}, ParameterError, "GDAL's order", id="three-numbers"),
        pytest.param({"raster": np.zeros(3)}, InputError, "bands, rows, cols", id="a-line"),
        pytest.param({"raster": np.array([["a"]])}, InputError, "numbers", id="words"),
        pytest.param({"points": [1, 2]}, InputError, "row and column", id="one-point"),
        pytest.param({"points": [[1, np.nan]]}, InputError, "missing", id="missing"),
    ],
)
def test_what_is_no_image_or_point_is_refused(change, error, message):
    """The error says what was expected."""
    with pytest.raises(error, match=message):
        raster_patches(**{"raster": np.zeros((3, 3)), "points": [[0, 0]], "size": 3, **change})


@pytest.mark.skipif(HAS_RASTERIO, reason="rasterio is installed")
def test_a_file_without_rasterio_names_the_extra():
    """Before the file is looked for."""
    with pytest.raises(MissingExtraError, match=r"autoarch\[geo\]"):
        raster_patches("image.tif", [[0, 0]], 3)


def test_geometry_without_a_transform_is_refused():
    """Points in degrees or metres are no rows and columns."""
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy([1.0], [2.0]))

    with pytest.raises(InputError, match="Pass transform"):
        raster_patches(np.zeros((3, 3)), points, 3)
    assert raster_patches(np.eye(3), points, 1, transform=(1, 0, 0, 0, 1, 0)).item() == 0


def test_a_geotiff_gives_the_patches_of_its_array(tmp_path):
    """Its transform and its mark for missing cells count; points come in any reference system."""
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    image = np.random.default_rng(0).integers(0, 5, size=(2, 20, 30)).astype(np.int16)
    transform = rasterio.transform.from_origin(400_000, 5_000_000, 30, 30)
    facts = {
        "driver": "GTiff",
        "count": 2,
        "height": 20,
        "width": 30,
        "dtype": "int16",
        "crs": "EPSG:32633",
        "nodata": 0,
    }
    with rasterio.open(tmp_path / "image.tif", "w", transform=transform, **facts) as file:
        file.write(image)
    xy = np.array([[400_100.0, 4_999_900.0], [400_899, 4_999_401]])
    expected = raster_patches(image, xy, 3, transform=transform, nodata=0)

    np.testing.assert_array_equal(raster_patches(tmp_path / "image.tif", xy, 3), expected)
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(*xy.T), crs="EPSG:32633").to_crs("EPSG:4326")
    np.testing.assert_array_equal(raster_patches(str(tmp_path / "image.tif"), points, 3), expected)
