"""Properties of scalers, of the learning rate and of what is done to batches, on grids of any size."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import SEEDS, layouts

from autoarch._training.augment import Augmentation, cut_out, mixed, shifted
from autoarch._training.scalers import GridScaler
from autoarch._training.table_scalers import RobustClip
from autoarch._training.time_limited import one_cycle

SIDES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def batch_of(seed, sides, n=3):
    """Grids without a zero, and a generator."""
    generator = torch.Generator().manual_seed(seed % 2**31)
    return torch.rand((n, 2, *sides), generator=generator) + 0.5, generator


@given(progress=st.floats(0, 2), step=st.floats(1e-6, 0.01))
def test_the_learning_rate_rises_once_falls_once_and_never_jumps(progress, step):
    """Between 0 and 1; two moments that are close have rates that are close."""
    now, soon = one_cycle(progress), one_cycle(progress + step)

    assert 0 <= now <= 1
    assert abs(soon - now) < 10 * step
    assert progress + step > 0.2 or soon > now
    assert progress < 0.2 or soon <= now + 1e-12


@given(values=st.lists(st.integers(-(10**6), 10**6), min_size=4, max_size=20, unique=True), wild=st.floats(-1e12, 1e12))
def test_a_smooth_clip_keeps_the_order_and_stays_below_three(values, wild):
    """Also of values that fit has not seen."""
    X = np.array(values, dtype=float)[:, None]
    clip = RobustClip().fit(X)

    clipped = clip.transform(np.sort(np.append(X, wild))[:, None])[:, 0]

    assert np.abs(clipped).max() <= 3 + 1e-9
    assert (np.diff(clipped) >= -1e-9).all()


@given(layout=layouts(), scaling=st.sampled_from(["global", "cell"]), seed=SEEDS)
def test_each_grid_is_scaled_alone_and_gaps_become_the_mean(layout, scaling, seed):
    """The grids of some rows are those rows of all grids; missing cells are 0 and marked in one more channel."""
    rng = np.random.default_rng(seed)
    X = rng.normal(5.0, 3.0, size=(12, layout.n_columns))
    X[0, 0] = np.nan
    scaler = GridScaler(layout, scaling).fit(X)
    rows = rng.permutation(12)[:5]

    grids = scaler.transform(X)

    np.testing.assert_array_equal(scaler.transform(X[rows]), grids[rows])
    assert grids.shape == (12, layout.channels + 1, layout.height, layout.width)
    missing = np.isnan(layout.to_grid(X))
    assert (grids[:, :-1][missing] == 0).all()
    np.testing.assert_array_equal(grids[:, -1], missing.any(axis=1))


@given(layout=layouts(), scaling=st.sampled_from(["global", "cell"]), seed=SEEDS, scale=st.floats(0.01, 100))
def test_scaled_grids_do_not_depend_on_units(layout, scaling, seed, scale):
    """Another unit and another origin of all values give the same grids."""
    X = np.random.default_rng(seed).normal(size=(20, layout.n_columns))

    first, other = (GridScaler(layout, scaling).fit_transform(values) for values in (X, scale * X - 7 * scale))

    np.testing.assert_allclose(other, first, atol=1e-4)


@given(sides=SIDES, most=st.tuples(st.integers(0, 4), st.integers(0, 4)), seed=SEEDS)
def test_a_shift_moves_each_grid_and_wraps_nothing(sides, most, seed):
    """By at most so many cells and a quarter of a side; what leaves on one side does not return on the other."""
    batch, generator = batch_of(seed, sides)

    moved = shifted(batch, most, generator)

    limits = [min(cells, side // 4) for cells, side in zip(most, sides, strict=True)]
    height, width = sides
    right_ones = torch.zeros(len(batch), dtype=torch.bool)
    for down in range(-limits[0], limits[0] + 1):
        for right in range(-limits[1], limits[1] + 1):
            wanted = torch.zeros_like(batch)
            source = batch[..., max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
            wanted[..., max(0, down) : height - max(0, -down), max(0, right) : width - max(0, -right)] = source
            right_ones |= (moved == wanted).flatten(1).all(dim=1)
    assert right_ones.all()


@given(sides=SIDES, share=st.floats(0.05, 0.6), seed=SEEDS)
def test_what_is_cut_out_is_one_rectangle_of_each_grid(sides, share, seed):
    """Of the wanted size, through all channels; everything else stays."""
    batch, generator = batch_of(seed, sides)
    lengths = [1 if side == 1 else max(1, round(share * side)) for side in sides]

    holes = (cut_out(batch, share, generator) != batch).numpy()

    for hole in holes:
        assert (hole[0] == hole[1]).all()
        rows, columns = np.flatnonzero(hole[0].any(axis=1)), np.flatnonzero(hole[0].any(axis=0))
        assert [len(rows), len(columns)] == lengths == [np.ptp(rows) + 1, np.ptp(columns) + 1]
        assert hole[0].sum() == np.prod(lengths)


@given(sides=SIDES, strength=st.floats(0.05, 1), seed=SEEDS)
def test_a_mixture_is_the_blend_that_it_says(sides, strength, seed):
    """Each sample has one other one, and the share lies between 0 and 1."""
    batch, generator = batch_of(seed, sides, n=5)

    blended, others, shares = mixed(batch, strength, generator)

    assert ((shares >= 0) & (shares <= 1)).all() and sorted(others.tolist()) == list(range(5))
    shares = shares[:, None, None, None]
    torch.testing.assert_close(blended, shares * batch + (1 - shares) * batch[others])


@given(sides=SIDES, seed=SEEDS)
def test_nothing_asked_for_is_nothing_done(sides, seed):
    """And tables are never changed."""
    batch, generator = batch_of(seed, sides)

    assert Augmentation().of(batch, generator) is batch
    assert Augmentation((2, 2), cutout=0.5, noise=0.5).of(batch[:, :, 0, 0], generator).equal(batch[:, :, 0, 0])
