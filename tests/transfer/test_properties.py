"""Properties of features from a net, of files, and of the word for a shift of the inputs."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SEEDS
from torch import nn

from autoarch import Layout
from autoarch._training.scalers import SampleScaler
from autoarch.transfer import InputShift, TransferFeatures, load_pretrained, save_pretrained


def small_net(channels):
    """A net for grids of any size."""
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )


@settings(max_examples=15)
@given(channels=st.integers(1, 3), height=st.integers(3, 9), width=st.integers(3, 9), seed=SEEDS)
def test_features_of_a_row_do_not_depend_on_other_rows(channels, height, width, seed):
    """In any order and number: what the last layer is fed."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, channels, height, width)).astype(np.float32)
    features = TransferFeatures(small_net(channels)).fit(X)
    rows = rng.permutation(20)[:6]

    whole = features.transform(X)

    assert whole.shape == (20, 4) and len(features.get_feature_names_out()) == 4
    np.testing.assert_allclose(features.transform(X[rows]), whole[rows], atol=1e-6)


@given(seed=SEEDS, channels=st.integers(1, 3), gain=st.floats(0.1, 1e3), level=st.floats(-1e3, 1e3))
def test_a_scale_of_each_sample_ignores_its_gain_and_level(seed, channels, gain, level):
    """Missing cells stay at the mean, and a sample whose cells are all the same becomes 0."""
    X = np.random.default_rng(seed).normal(size=(8, channels * 12))
    X[3, 5], X[4] = np.nan, 7.0
    scaler = SampleScaler(Layout(3, 4, channels))

    grids, changed = scaler.fit_transform(X), scaler.fit_transform(gain * X + level)

    np.testing.assert_allclose(changed, grids, atol=1e-3)
    assert grids.shape == (8, channels + 1, 3, 4)  # with a mask
    assert np.abs(grids[4, :-1]).max() < 1e-6 and grids[3].ravel()[5] == 0.0


@settings(max_examples=5)
@given(channels=st.integers(1, 3), seed=SEEDS)
def test_a_net_comes_back_from_its_file_with_the_same_features(channels, seed):
    """Weights alone, read into a net of the same architecture."""
    X = np.random.default_rng(seed).normal(size=(6, channels, 5, 5)).astype(np.float32)
    net = small_net(channels)

    back = load_pretrained(save_pretrained(net, "net.pt"), module=small_net(channels))

    first, second = (TransferFeatures(source).fit_transform(X) for source in (net, back))
    np.testing.assert_array_equal(second, first)


@given(sizes=st.tuples(st.floats(0, 5), st.floats(0, 5)))
def test_a_larger_shift_never_has_the_milder_word(sizes):
    """Words are in the order of the sizes; without statistics it is unknown."""
    words = ["alike", "shifted", "foreign"]

    mild, strong = (words.index(InputShift(size=size).word) for size in sorted(sizes))

    assert mild <= strong
    assert InputShift(size=None).word == "unknown"
    assert {InputShift(size=size).word for size in (0.0, 0.5, 2.0)} == set(words)
