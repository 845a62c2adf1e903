"""Weights on disk: what is read without pickle, and what is refused."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn

from autoarch._training.conv_net import ConvNet
from autoarch._training.pretrained.adapt import adapt
from autoarch.exceptions import InputError, MissingExtraError
from autoarch.transfer import load_pretrained, save_pretrained


def test_a_saved_net_comes_back_with_all_that_is_known(digit_net, tmp_path):
    """Weights, scale, labels and layout."""
    again = load_pretrained(save_pretrained(digit_net, tmp_path / "net.pt"))

    assert again.digest == digit_net.digest
    np.testing.assert_array_equal(again.classes, digit_net.classes)
    assert again.layout == digit_net.layout


def test_weights_alone_need_their_architecture(tmp_path):
    """With it they load, whatever prefix a parallel training left."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 2))
    torch.save({"state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}}, tmp_path / "net.pt")

    with pytest.raises(InputError, match="Pass module="):
        load_pretrained(tmp_path / "net.pt")
    again = load_pretrained(
        tmp_path / "net.pt", module=nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 2))
    )
    torch.testing.assert_close(again.module[0].weight, net[0].weight)


def test_a_pickled_module_is_refused_until_it_is_allowed(tmp_path):
    """The error names the opt-in and the danger."""
    torch.save(ConvNet((1, 8, 8), 2), tmp_path / "net.pt")

    with pytest.raises(InputError, match=r"any code.*allow_pickle=True"):
        load_pretrained(tmp_path / "net.pt")
    assert load_pretrained(tmp_path / "net.pt", allow_pickle=True).input_shape == (1, 8, 8)


def test_a_plain_pickle_needs_the_same_word(tmp_path):
    """Files of torch and of pickle alike."""
    (tmp_path / "net.pkl").write_bytes(pickle.dumps(ConvNet((1, 8, 8), 2)))

    with pytest.raises(InputError, match="allow_pickle=True"):
        load_pretrained(tmp_path / "net.pkl")
    assert load_pretrained(tmp_path / "net.pkl", allow_pickle=True).input_shape == (1, 8, 8)


@pytest.mark.parametrize(
    "shape", [pytest.param((3, 8, 8), id="channels"), pytest.param((1, 12, 12), id="resized"), (1, 8, 8)]
)
def test_a_net_that_was_fitted_to_other_data_is_saved_like_any_other(shape, digit_net, tmp_path):
    """The layers that brought their grids to its sides are left behind, and the file knows its outputs and channels."""
    adapted = adapt(digit_net, shape, 4, sizing="resize" if shape[1] == 12 else None)
    again = load_pretrained(save_pretrained(adapted, tmp_path / "net.pt"))

    assert again.input_shape == (shape[0], 8, 8)
    grids = torch.randn(2, *again.input_shape)
    with torch.no_grad():
        torch.testing.assert_close(again.module(grids), adapted.net(grids))


def test_a_pickle_that_runs_code_does_not_run(tmp_path):
    """Nothing of it happens."""

    class Mischief:
        def __reduce__(self):
            return (open, (str(tmp_path / "trace"), "w"))

    torch.save({"state_dict": Mischief()}, tmp_path / "net.pt")

    with pytest.raises(InputError, match="any code"):
        load_pretrained(tmp_path / "net.pt")
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"no weights", "cannot be read|any code", id="text"),
        pytest.param(b"junkjunk", "cannot be read", id="junk"),
        pytest.param(b"", "cannot be read", id="empty"),
        pytest.param(torch.zeros(3), "expected weights by name", id="tensor"),
        pytest.param({"x": torch.zeros(3)}, "do not fit Sequential", id="strange-names"),
    ],
)
def test_other_files_are_refused(content, message, tmp_path):
    """The message says what the file holds."""
    path = tmp_path / "net.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(InputError, match=message):
        load_pretrained(path, module=nn.Sequential(nn.Conv2d(1, 2, 3)))


def test_safetensors_are_read_where_the_package_is(digit_net, tmp_path):
    """Else the extra is named."""
    try:
        import safetensors  # noqa: F401
    except ImportError:
        (tmp_path / "net.safetensors").touch()
        with pytest.raises(MissingExtraError, match="safetensors"):
            load_pretrained(tmp_path / "net.safetensors")
        return
    (tmp_path / "junk.safetensors").write_bytes(b"junkjunkjunk")
    with pytest.raises(InputError, match="no safetensors file"):
        load_pretrained(tmp_path / "junk.safetensors")
    again = load_pretrained(save_pretrained(digit_net, tmp_path / "net.safetensors"))
    assert again.digest == digit_net.digest
