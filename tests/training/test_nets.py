"""The skorch nets: labels in, labels out, one result per seed, and a schedule that ends with the time."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

from autoarch._core.clock import Deadline, TooSlowError
from autoarch._data.layout import Layout
from autoarch._training.augment import Augmentation, cut_out, mixed, shifted
from autoarch._training.conv_net import ConvNet
from autoarch._training.loop import ArrayNetClassifier, ArrayNetRegressor
from autoarch._training.scalers import GridScaler
from autoarch._training.table_net import TableNet
from autoarch._training.time_limited import one_cycle


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return GridScaler(Layout(8, 8, 1)).fit_transform(X[:400]), np.array([f"digit {label}" for label in y[:400]])


@pytest.fixture(scope="module")
def net(digits):
    X, y = digits
    return ArrayNetClassifier(ConvNet, max_epochs=6, lr=5e-3, batch_size=32, module__filters=8, module__stages=2).fit(
        X[:300], y[:300]
    )


def test_a_small_net_learns_digits_and_predicts_their_labels(net, digits):
    """Predictions are labels of y, far better than chance on rows not seen."""
    X, y = digits
    assert net.score(X[300:], y[300:]) > 0.8
    np.testing.assert_allclose(net.predict_proba(X[:5]).sum(axis=1), 1.0)


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_a_prediction_does_not_depend_on_the_rows_beside_it(net, digits, rows):
    """Batches are padded to one size, so that subsets and orders agree."""
    X, _ = digits
    whole = net.predict_proba(X)
    parts = np.concatenate([net.predict_proba(X[i : i + rows]) for i in range(0, len(X), rows)])
    np.testing.assert_allclose(parts, whole, atol=1e-7)
    np.testing.assert_allclose(net.predict_proba(X[::-1])[::-1], whole, atol=1e-7)


def test_one_seed_gives_one_result_and_leaves_torch_alone(net, digits):
    """A clone repeats the weights exactly, whatever the user's generator has done, and does not move it."""
    X, y = digits
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    again = clone(net).fit(X[:300], y[:300])
    assert torch.equal(before, torch.random.get_rng_state())
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))
    other = clone(net).set_params(seed=1).fit(X[:300], y[:300])
    assert not np.allclose(other.predict_proba(X), net.predict_proba(X))


def test_a_net_survives_pickle_and_its_own_parameters(net, digits):
    """Setting parameters to what they are does not throw the weights away."""
    X, _ = digits
    expected = net.predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(net)).predict_proba(X), expected)
    net.set_params(**net.get_params(deep=False))
    np.testing.assert_array_equal(net.predict_proba(X), expected)


def test_a_deadline_ends_the_schedule_early(digits):
    """With no time at all one step is taken and the net says that it was cut."""
    X, y = digits
    net = ArrayNetClassifier(TableNet, max_epochs=50, batch_size=32, lr=1e-2).fit(X, y, deadline=Deadline(0.0))
    assert not net.complete_
    assert (net.n_rows_fitted_, net.n_rounds_fitted_) == (32, 0)
    assert len(net.history) == 1
    assert np.isfinite(net.predict_proba(X)).all()


def test_a_net_that_needs_a_share_of_its_steps_is_not_trained_without_time(digits):
    """The error says how long the whole training takes."""
    X, y = digits
    net = ArrayNetClassifier(TableNet, max_epochs=50, batch_size=32, least_share=0.25)
    with pytest.raises(TooSlowError) as told:
        net.fit(X, y, deadline=Deadline(0.0))
    assert told.value.needed > 0
    whole = net.set_params(max_epochs=2).fit(X, y, deadline=Deadline(1e6))
    assert (whole.complete_, whole.n_rows_fitted_, whole.n_rounds_fitted_) == (True, 400, 2)


def test_a_regressor_answers_in_the_units_of_y():
    """The target is scaled inside, so that large offsets and units do not matter."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4)).astype(np.float32)
    y = 1e6 + 1e4 * X[:, 0]
    net = ArrayNetRegressor(TableNet, max_epochs=40, lr=1e-2, batch_size=32, module__units=32).fit(X, y)
    assert net.score(X, y) > 0.9


def test_weights_of_zero_silence_rows():
    """Rows without weight do not teach: labels that contradict the rest are ignored."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    wrong = np.arange(200) % 2 == 0
    weight = np.where(wrong, 0.0, 1.0)
    net = ArrayNetClassifier(TableNet, max_epochs=30, lr=1e-2, batch_size=32, module__units=16)
    net.fit(X, np.where(wrong, 1 - y, y), sample_weight=weight)
    assert net.score(X, y) > 0.9


def test_a_net_that_diverges_says_so():
    """A loss that is no number is an error, not a model."""
    X = np.full((20, 3), np.nan, dtype=np.float32)
    with pytest.raises(FloatingPointError, match="became nan"):
        ArrayNetClassifier(TableNet, max_epochs=1).fit(X, np.arange(20) % 2)


def test_ctrl_c_is_not_swallowed(monkeypatch, digits):
    """An interrupt inside training reaches the search."""

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(ArrayNetClassifier, "_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ArrayNetClassifier(TableNet, max_epochs=1).fit(*digits)


def test_the_schedule_rises_and_falls_to_nothing():
    """One cycle: a twentieth, all, and 0 at the end and beyond."""
    assert [one_cycle(p) for p in (0.0, 0.2, 1.0, 1.3)] == pytest.approx([0.05, 1.0, 0.0, 0.0], abs=1e-9)


def test_a_shift_moves_cells_and_fills_with_zero():
    """Cells that leave on one side do not come back on the other; nothing else changes."""
    batch = torch.arange(1.0, 65.0).reshape(1, 1, 8, 8)
    moved = shifted(batch.repeat(60, 1, 1, 1), (1, 1), torch.Generator().manual_seed(0))
    assert len({tuple(grid[4, 3:6].tolist()) for grid in moved[:, 0]}) == 9  # each grid has a shift of its own
    sums = [float(shifted(batch, (2, 2), torch.Generator().manual_seed(s)).sum()) for s in range(30)]
    assert max(sums) <= float(batch.sum())


@pytest.mark.parametrize(("shape", "cells"), [((8, 8), 4), ((1, 20), 5), ((3, 1), 1)])
def test_cutout_hides_a_rectangle_of_each_grid_and_nothing_else(shape, cells):
    """A quarter of each side, at a place of its own in each grid, in all channels."""
    batch = torch.ones(200, 2, *shape)
    cut = cut_out(batch, 0.25, torch.Generator().manual_seed(0))
    assert set(cut.unique().tolist()) == {0.0, 1.0}
    assert ((cut == 0).sum(dim=(1, 2, 3)) == 2 * cells).all()
    assert len({tuple(grid.flatten().tolist()) for grid in cut}) > 1
    torch.testing.assert_close(cut[:, 0], cut[:, 1])


def test_arrangements_are_numbered():
    """Each number is another one, and one of them is the grid as it is."""
    change, generator = Augmentation(mirror=(True, True), turn=True), torch.Generator().manual_seed(0)
    grids = torch.arange(9.0).reshape(1, 1, 3, 3).expand(change.n_views, 1, 3, 3)

    seen = change.of(grids, generator, torch.arange(change.n_views)).flatten(1)

    assert len({tuple(cells) for cells in seen.tolist()}) == 8  # two mirrors are half a turn
    torch.testing.assert_close(seen[0], grids[0].flatten())


@pytest.mark.parametrize("change", [Augmentation(mirror=(False, True)), Augmentation(mirror=(True, True), turn=True)])
def test_predictions_are_the_same_for_grids_that_are_labelled_alike(digits, change):
    """They are averaged over all mirror images and turns."""
    X, y = digits
    settings = {"max_epochs": 2, "lr": 5e-3, "module__filters": 8, "module__stages": 2}
    net = ArrayNetClassifier(ConvNet, augmentation=change, **settings).fit(X[:100], y[:100])
    turned = X.swapaxes(2, 3)[..., ::-1] if change.turn else X[..., ::-1]
    np.testing.assert_allclose(net.predict_proba(np.ascontiguousarray(turned)), net.predict_proba(X), atol=1e-5)


def test_moved_grids_hold_the_cells_beside():
    """By one cell to each side; what comes in is from outside, or from the other end."""
    cells = np.arange(16).reshape(4, 4)
    plain = Augmentation((1, 0)).arrangements((4, 4)).reshape(3, 4, 4)
    np.testing.assert_array_equal(plain[0], cells)
    np.testing.assert_array_equal(plain[1], [[16] * 4, *cells[:3]])
    np.testing.assert_array_equal(plain[2], [*cells[1:], [16] * 4])
    around = Augmentation((0, 2), wrap=(False, True)).arrangements((4, 4)).reshape(3, 4, 4)
    np.testing.assert_array_equal(around[1], np.roll(cells, 1, axis=1))
    assert len(Augmentation((1, 1)).arrangements((1, 9))) == 3
    assert len(Augmentation(mirror=(True, True), turn=True).arrangements((3, 3))) == 8


def test_no_augmentation_changes_nothing():
    """Neither grids, where none is wanted, nor columns, which have no places."""
    grids, columns = torch.ones(3, 1, 4, 4), torch.ones(3, 5)
    generator = torch.Generator().manual_seed(0)
    assert Augmentation().of(grids, generator) is grids
    assert Augmentation((1, 1), (True, True), cutout=0.3, noise=0.2).of(columns, generator) is columns
    noisy = Augmentation(noise=0.5).of(torch.zeros(100, 1, 10, 10), generator)
    assert float(noisy.std()) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("change", "n_seen"),
    [
        pytest.param(Augmentation(mirror=(False, True)), 2, id="left-to-right"),
        pytest.param(Augmentation(mirror=(True, True)), 4, id="both"),
        pytest.param(Augmentation(turn=True), 4, id="turns"),
        pytest.param(Augmentation((1, 1), wrap=(True, True)), 9, id="around-the-ends"),
    ],
)
def test_mirrors_turns_and_shifts_around_the_ends_move_cells_and_lose_none(change, n_seen):
    """Every grid holds the same cells as before, and all arrangements come up."""
    grid = torch.arange(16.0).reshape(1, 1, 4, 4)

    seen = {tuple(change.of(grid, torch.Generator().manual_seed(s)).flatten().tolist()) for s in range(120)}

    assert len(seen) == n_seen
    assert {tuple(sorted(cells)) for cells in seen} == {tuple(range(16))}


@pytest.mark.parametrize(("kernel", "scales"), [((3, 3), 1), ((1, 7), 3)])
def test_a_net_on_closed_axes_does_not_know_where_they_begin(kernel, scales):
    """Rolled grids get the same outputs along an axis that wraps, and others along one that does not."""
    grids = torch.randn(5, 2, 8, 12, generator=torch.Generator().manual_seed(0))
    settings = {"n_outputs": 3, "filters": 8, "stages": 1, "kernel": kernel, "head": "global", "scales": scales}
    torch.manual_seed(0)
    net = ConvNet((2, 8, 12), **settings, wrap=(False, True)).eval()

    with torch.no_grad():
        outputs, rolled, across = net(grids), net(grids.roll(5, 3)), net(grids.roll(3, 2))

    torch.testing.assert_close(rolled, outputs, atol=1e-5, rtol=1e-4)
    if kernel[0] > 1:
        assert float((across - outputs).abs().max()) > 1e-4


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 40, 48), (3, 65, 33), (1, 200, 130), (1, 1, 5000)])
def test_strides_and_means_in_turn_end_at_the_same_cells(shape):
    """As a single stride; no step is longer than two cells."""
    grids, kernel = torch.zeros(1, *shape), (1, 7) if shape[1] == 1 else (3, 3)

    nets = [ConvNet(shape, 2, filters=8, kernel=kernel, stem=stem).eval() for stem in ("strided", "pooled")]

    assert nets[0].stem(grids).shape == nets[1].stem(grids).shape
    assert max(max(layer.stride) for layer in nets[1].stem if isinstance(layer, torch.nn.Conv2d)) <= 2


@pytest.mark.parametrize(
    ("shape", "kernel"),
    [
        pytest.param((1, 1, 1), (3, 3), id="one-cell"),
        pytest.param((1, 2, 45), (3, 3), id="two-rows"),
        pytest.param((3, 64, 64), (3, 3), id="large"),
        pytest.param((1, 1, 5000), (1, 7), id="long-series"),
        pytest.param((12, 40, 1), (7, 1), id="column"),
    ],
)
@pytest.mark.parametrize("head", ["regions", "global"])
def test_a_conv_net_fits_any_grid(shape, kernel, head):
    """Strides follow the shape, from one cell to long series."""
    net = ConvNet(shape, 4, filters=8, stages=4, kernel=kernel, head=head).eval()
    assert net(torch.zeros(2, *shape)).shape == (2, 4)


@pytest.mark.parametrize(("shape", "kernel"), [((2, 5, 30), (1, 7)), ((2, 30, 5), (7, 1))], ids=["rows", "columns"])
def test_lines_as_channels_have_weights_of_their_own(shape, kernel):
    """Exchanging two rows changes the answer of a net whose rows are channels of one long line."""
    net = ConvNet(shape, 3, filters=8, stages=2, kernel=kernel, axis_as_channels=True).eval()
    assert net.stem[0].in_channels == 10
    x = torch.randn(4, *shape)
    order, axis = torch.tensor([1, 0, 2, 3, 4]), 2 if kernel[0] == 1 else 3
    assert not torch.allclose(net(x), net(x.index_select(axis, order)))
    torch.testing.assert_close(ConvNet(shape, 3, kernel=(3, 3), axis_as_channels=True).folded, None)


@pytest.mark.parametrize(("kernel", "axis"), [((7, 1), 2), ((1, 7), 3)], ids=["rows", "columns"])
def test_a_net_that_reads_lines_alone_does_not_know_their_order(kernel, axis):
    """Rows, or columns, in another order give the same answer; other cells in a line do not."""
    grids = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 2, 9, 9)).astype(np.float32))
    net = ConvNet((2, 9, 9), 3, filters=8, kernel=kernel, axis_as_channels=True, alone=True, head="global").eval()

    torch.testing.assert_close(net(grids.roll(2, axis)), net(grids), atol=1e-5, rtol=1e-5)
    assert (net(grids.roll(2, 5 - axis)) - net(grids)).abs().max() > 1e-3


def test_a_rare_heavy_class_counts_by_its_whole_weight():
    """Weights are relative to the mean over all rows, not over a batch in which the class may be absent."""
    X = np.zeros((400, 1), dtype=np.float32)
    y = (np.arange(400) % 50 == 0).astype(int)  # two in a hundred
    weight = np.where(y == 1, 49.0, 1.0)
    net = ArrayNetClassifier(TableNet, max_epochs=40, lr=1e-2, batch_size=16, module__units=8, module__dropout=0.0)
    proba = net.fit(X, y, sample_weight=weight).predict_proba(X[:1])[0, 1]
    assert 0.4 < proba < 0.6


def test_mixed_samples_lie_between_two_of_the_batch():
    """Each is a blend of its own of itself and of another one, so that their targets can be blended alike."""
    batch = torch.arange(12.0).view(6, 1, 1, 2)

    blended, others, shares = mixed(batch, 0.4, torch.Generator().manual_seed(0))

    assert sorted(others.tolist()) == list(range(6))
    assert len(set(shares.tolist())) == 6
    shares = shares[:, None, None, None]
    torch.testing.assert_close(blended, shares * batch + (1 - shares) * batch[others])


def test_a_net_learns_from_mixed_samples_with_weights(digits):
    """Blended targets lead to the labels of plain rows, and one seed to one net."""
    X, y = digits
    settings = {"max_epochs": 8, "lr": 5e-3, "batch_size": 32, "module__filters": 8, "module__attention": True}
    nets = [
        ArrayNetClassifier(ConvNet, mixup=0.3, **settings).fit(X[:300], y[:300], sample_weight=np.ones(300))
        for _ in range(2)
    ]
    assert nets[0].score(X[300:], y[300:]) > 0.8
    np.testing.assert_array_equal(nets[0].predict_proba(X[300:]), nets[1].predict_proba(X[300:]))
