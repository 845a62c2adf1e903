"""The optimiser of convolutional nets: orthogonal steps for convolutions, AdamW for what is no matrix."""

import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

from autoarch._data.layout import Layout
from autoarch._training.conv_net import ConvNet
from autoarch._training.loop import ArrayNetClassifier
from autoarch._training.muon import Muon, orthogonal
from autoarch._training.scalers import GridScaler


@pytest.mark.parametrize("shape", [(16, 144), (64, 32), (16, 16)])
def test_singular_values_come_near_one(shape):
    """Those of wide and tall matrices, on the same singular vectors."""
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, values, right = torch.linalg.svd(matrix / matrix.norm(), full_matrices=False)

    found = left.T @ orthogonal(matrix / matrix.norm()) @ right.T

    apart = found - torch.diag(found.diagonal())
    assert float(apart.abs().max()) < 1e-4
    assert (found.diagonal()[values > 0.05] > 0.5).all() and (found.diagonal() < 1.3).all()


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_convolutions_move_by_orthogonal_steps_and_norms_without_decay(memory_format):
    """However a weight lies in memory; one of many outputs and inputs is left to AdamW, as is a last layer."""
    torch.manual_seed(0)
    sizes = {"small": (8, 4, 3, 3), "large": (160, 160, 1, 1), "last": (3, 8)}
    weights = {name: torch.randn(size) for name, size in sizes.items()}
    weights = {k: w.to(memory_format=memory_format) if w.ndim == 4 else w for k, w in weights.items()}
    weights["norm"] = torch.ones(8)
    params = {name: torch.nn.Parameter(weight.clone()) for name, weight in weights.items()}
    for param in params.values():
        param.grad = torch.randn_like(param)
    params["norm"].grad = torch.zeros(8)
    optimizer = Muon(params.values(), lr=0.1, weight_decay=0.0)

    optimizer.step()

    change = {name: (param.detach() - weights[name]) for name, param in params.items()}
    steps = torch.linalg.svdvals(change["small"].flatten(1)) / 0.1
    assert float(steps.min()) > 0.5 and float(steps.max()) < 1.3
    for name in ("large", "last"):  # the first step of Adam has the length of the rate in every weight
        torch.testing.assert_close(change[name].abs(), torch.full_like(change[name], 0.1), rtol=1e-3, atol=0)
    assert not change["norm"].any()


def test_a_net_learns_more_in_the_same_steps():
    """Than under AdamW, at the same rate."""
    X, y = load_digits(return_X_y=True)
    grids = GridScaler(Layout(8, 8)).fit_transform(X[:400])
    net = ArrayNetClassifier(ConvNet, max_epochs=4, lr=1e-2, batch_size=32, module__filters=8, module__stages=2)

    losses = [
        clone(net).set_params(optimizer=optimizer).fit(grids, y[:400]).history[-1, "train_loss"]
        for optimizer in (torch.optim.AdamW, Muon)
    ]

    assert losses[1] < 0.6 * losses[0]
