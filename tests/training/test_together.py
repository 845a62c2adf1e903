"""Several nets trained at once as one: what an accelerator does, run on the CPU."""

import math

import numpy as np
import pytest
import torch
from sklearn.base import clone

from autoarch import AutoArchClassifier
from autoarch._core.clock import Deadline
from autoarch._training import together
from autoarch._training.augment import Augmentation
from autoarch._training.conv_net import ConvNet
from autoarch._training.loop import ArrayNetClassifier, ArrayNetLabels, ArrayNetRegressor
from autoarch._training.muon import Muon
from autoarch._training.table_net import TableNet

RNG = np.random.default_rng(0)
GRIDS = RNG.normal(size=(96, 1, 8, 8)).astype(np.float32)
TABLE = RNG.normal(size=(96, 6)).astype(np.float32)
UNTIL = 600.0
KINDS = {
    "labels of grids": (
        ArrayNetClassifier(
            ConvNet,
            optimizer=Muon,
            lr=1e-2,
            augmentation=Augmentation(shift=(1, 1), mirror=(True, False), cutout=0.3),
            mixup=0.2,
            module__filters=8,
            module__stages=2,
            module__attention=True,
        ),
        GRIDS,
        (GRIDS[:, 0, 2, 3] > 0).astype(int),
    ),
    "numbers of circular lanes": (
        ArrayNetRegressor(
            ConvNet,
            optimizer=Muon,
            lr=1e-2,
            module__kernel=(1, 7),
            module__axis_as_channels=True,
            module__head="global",
            module__wrap=(False, True),
        ),
        GRIDS,
        GRIDS.mean(axis=(1, 2, 3)),
    ),
    "several labels of a table": (ArrayNetLabels(TableNet, lr=1e-2, module__units=16), TABLE, (TABLE[:, :3] > 0) * 1),
}


def nets_of(kind, *, dropout=0.0, n=3):
    """Nets with different seeds, their rows and y."""
    net, X, y = KINDS[kind]
    net = clone(net).set_params(max_epochs=1, batch_size=32, module__dropout=dropout)
    return [clone(net).set_params(seed=seed) for seed in range(n)], [X] * n, y


@pytest.fixture
def faster(monkeypatch):
    """The trial says that one step of all nets is quicker."""
    monkeypatch.setattr(together, "_is_faster", lambda *args: True)


@pytest.mark.usefixtures("faster")
@pytest.mark.parametrize("kind", KINDS)
def test_each_net_becomes_what_it_would_become_alone(kind):
    """The same weights, statistics and history for the same seed, with weights of rows, too."""
    nets, Xs, y = nets_of(kind)
    weight = RNG.uniform(0.5, 2.0, size=len(y))
    assert together.fit_together(nets, Xs, y, weight, Deadline(UNTIL))
    for seed, net in enumerate(nets):
        alone = nets_of(kind)[0][seed].fit(Xs[0], y, sample_weight=weight, deadline=Deadline(UNTIL))
        np.testing.assert_allclose(net._outputs(Xs[0]), alone._outputs(Xs[0]), atol=1e-4)
        assert net.history[-1]["train_loss"] == pytest.approx(alone.history[-1]["train_loss"], rel=1e-4)
        assert net.complete_ and net.n_rounds_fitted_ == alone.n_rounds_fitted_ == 1
        assert net.n_rows_fitted_ == alone.n_rows_fitted_


@pytest.mark.usefixtures("faster")
def test_nets_differ_by_their_seeds_and_leave_torch_as_it_was():
    """Dropout draws from a generator of its own."""
    nets, Xs, y = nets_of("labels of grids", dropout=0.5)
    before = torch.random.get_rng_state()
    assert together.fit_together(nets, Xs, y, None, Deadline(UNTIL))
    assert torch.equal(before, torch.random.get_rng_state())
    assert not np.allclose(nets[0].predict_proba(Xs[0]), nets[1].predict_proba(Xs[0]), atol=1e-3)


@pytest.mark.usefixtures("faster")
def test_what_differs_in_more_than_its_seed_is_trained_apart():
    """As is what has no deadline, so that a result never hangs on the clock."""
    nets, Xs, y = nets_of("labels of grids")
    assert not together.fit_together(nets, Xs, y, None, Deadline())
    assert not together.fit_together(nets[:1], Xs[:1], y, None, Deadline(UNTIL))
    assert not together.fit_together([nets[0], nets[1].set_params(lr=0.1)], Xs[:2], y, None, Deadline(UNTIL))
    assert not together.fit_together(nets[:2], [Xs[0], Xs[0][:, :, :4]], y, None, Deadline(UNTIL))


@pytest.mark.parametrize(("seconds", "expected"), [((1.0, 0.5), True), ((1.0, 1.2), False), ((math.inf, 0.1), False)])
def test_steps_are_timed_and_the_quicker_way_is_taken(monkeypatch, seconds, expected):
    """One after the other first; too slow a trial decides for that, too."""
    times = iter(seconds)
    monkeypatch.setattr(together, "seconds_of", lambda step, *args, **limits: (step(), next(times))[1])
    nets, Xs, y = nets_of("labels of grids")
    assert together.fit_together(nets, Xs, y, None, Deadline(UNTIL)) is expected
    if expected:
        alone = nets_of("labels of grids")[0][0].fit(Xs[0], y, deadline=Deadline(UNTIL))
        np.testing.assert_allclose(nets[0]._outputs(Xs[0]), alone._outputs(Xs[0]), atol=1e-4)


@pytest.mark.usefixtures("faster", "probe_without_labels")
@pytest.mark.parametrize(("device", "at_once"), [("cpu:0", True), ("cpu", False)])
def test_a_search_fits_seeds_at_once_on_an_accelerator(monkeypatch, device, at_once):
    """The device "cpu:0" takes its way."""
    real, numbers = together.fit_together, []
    monkeypatch.setattr(together, "fit_together", lambda nets, *args: (numbers.append(len(nets)), real(nets, *args))[1])
    y = (GRIDS[:, 0, 2, 3] > 0).astype(int)
    holdout = [(np.arange(0, 96, 2), np.arange(1, 96, 2))]
    settings = {"time_budget": 600, "n_trials": 1, "random_state": 0, "verbose": 0, "cv": holdout, "ensemble_size": 1}
    model = AutoArchClassifier(families="cnn", layout=(8, 8), device=device, **settings).fit(GRIDS.reshape(96, 64), y)
    assert model.fitted_on_ == "all 96 rows, 5 seeds, averaged"
    assert numbers == ([4] if at_once else [])
    assert model.predict_proba(GRIDS.reshape(96, 64)).shape == (96, 2)
