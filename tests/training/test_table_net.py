"""The dense net of several members, its cheap dropout, and the precision of its steps."""

from __future__ import annotations

import math
from itertools import cycle

import numpy as np
import pytest
import torch

from autoarch._core.clock import Deadline
from autoarch._training import device
from autoarch._training.device import bf16_is_faster
from autoarch._training.loop import ArrayNetClassifier
from autoarch._training.table_net import Dropout, TableNet


def test_members_answer_apart_in_training_and_together_afterwards():
    """The answer is the logarithm of the mean of their probabilities, or their mean."""
    torch.manual_seed(0)
    x = torch.randn(6, 5)
    net = TableNet((5,), 3, units=8, layers=2, dropout=0.0, members=4, n_numbers=5)
    apart = net(x)
    assert apart.shape == (6, 4, 3)
    mean = apart.softmax(-1).mean(1)
    torch.testing.assert_close(net.eval()(x).softmax(-1), mean)
    numbers = TableNet((5,), 1, units=8, members=4).train()
    numbers.blocks.eval()
    torch.testing.assert_close(numbers(x).mean(1), numbers.eval()(x))


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(p):
    """To a 256th, with the rest scaled up; nothing happens once trained."""
    torch.manual_seed(0)
    drop, x = Dropout(p), torch.ones(200, 3, 333)
    out = drop(x)
    assert float((out == 0).float().mean()) == pytest.approx(p, abs=0.005)
    assert float(out.mean()) == pytest.approx(1.0, abs=0.01)
    assert drop.eval()(x) is x


def test_waves_learn_what_a_line_cannot():
    """A class that alternates along a number is learned from the embedding."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(600, 2)).astype(np.float32)
    y = np.sin(2 * np.pi * X[:, 0]) > 0
    settings = {"max_epochs": 30, "lr": 5e-3, "batch_size": 32, "module__units": 64, "module__dropout": 0.0}
    net = ArrayNetClassifier(TableNet, module__n_numbers=2, module__sigma=1.0, **settings).fit(X[:400], y[:400])
    assert net.score(X[400:], y[400:]) > 0.9


def clocked(*seconds):
    """Give these seconds to the pieces of work that are timed, in turn, where three of them are not too many."""
    turns = cycle(seconds)

    def seconds_of(step, place, most=math.inf):
        step()
        return each if 3 * (each := next(turns)) <= most else math.inf

    return seconds_of


@pytest.mark.parametrize(("seconds", "expected"), [((1.0, 0.5), True), ((1.0, 0.95), False), ((1.0, 2.0), False)])
def test_half_precision_must_be_clearly_faster(monkeypatch, seconds, expected):
    """And is only looked at where the machine has it, many steps are planned and the clock counts anyway."""
    monkeypatch.setattr(device, "_has_bfloat16", lambda name: True)
    monkeypatch.setattr(device, "seconds_of", clocked(*seconds))
    module, batch = torch.nn.Linear(2, 2), torch.zeros(4, 2)
    assert bf16_is_faster(module, batch, 1000, Deadline(600.0)) is expected
    assert not bf16_is_faster(module, batch, 1000, Deadline(30.0))  # the trial would cost too much of it
    assert not bf16_is_faster(module, batch, 1000, Deadline())
    assert not bf16_is_faster(module, batch, 10, Deadline(60.0))


def test_half_precision_trains_a_net(monkeypatch):
    """Products in bfloat16, weights and predictions in float32."""
    monkeypatch.setattr(device, "_has_bfloat16", lambda name: True)
    monkeypatch.setattr(device, "seconds_of", clocked(1.0, 0.1))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)).astype(np.float32)
    y = X[:, 0] > 0
    net = ArrayNetClassifier(TableNet, max_epochs=20, lr=1e-2, batch_size=32, module__units=16)
    net.fit(X, y, deadline=Deadline(600.0))
    assert net.bf16_
    assert {parameter.dtype for parameter in net.module_.parameters()} == {torch.float32}
    assert net.score(X, y) > 0.9
