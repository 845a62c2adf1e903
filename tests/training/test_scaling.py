"""Scalers for tables: bounded tails whatever the units."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autoarch._training.scalers import RobustClip


@given(scale=st.floats(1e-3, 1e6), offset=st.floats(-1e6, 1e6))
def test_robust_clip_ignores_units(scale, offset):
    """The result does not change under a*x + b, and stays within three."""
    x = np.random.default_rng(0).standard_cauchy(size=(50, 1))
    plain, moved = RobustClip().fit_transform(x), RobustClip().fit_transform(scale * x + offset)
    np.testing.assert_allclose(moved, plain, atol=1e-4)
    assert np.abs(plain).max() <= 3
