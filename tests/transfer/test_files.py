"""Weights on disk: what is read without pickle, and what is refused."""

import contextlib
import io
import pickle
import tempfile
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from autoarch._training.conv_net import ConvNet
from autoarch._training.pretrained.adapt import adapt
from autoarch.exceptions import InputError, MissingExtraError
from autoarch.transfer import Pretrained, load_pretrained, save_pretrained


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
        pytest.param(b"no weights", "is a text", id="text"),
        pytest.param(b"\x01\xff\xfejunk", "cannot be read", id="junk"),
        pytest.param(b"", "is empty", id="empty"),
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
        (tmp_path / "net").write_bytes(SAFETENSORS)
        with pytest.raises(MissingExtraError, match="safetensors"):
            load_pretrained(tmp_path / "net")
        return
    (tmp_path / "junk").write_bytes(SAFETENSORS[:-1])
    with pytest.raises(InputError, match="no safetensors file"):
        load_pretrained(tmp_path / "junk")
    again = load_pretrained(save_pretrained(digit_net, tmp_path / "net.safetensors").rename(tmp_path / "net.pt"))
    assert again.digest == digit_net.digest


def zipped(*names):
    """A zip archive with such members."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    return content.getvalue()


def written(save, *arguments, **how):
    """What a function writes into a file."""
    content = io.BytesIO()
    save(*arguments, content, **how)
    return content.getvalue()


SMALL = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(36, 2))
LEGACY = {"_use_new_zipfile_serialization": False}
WEIGHTS, OLD_WEIGHTS = (written(torch.save, SMALL.state_dict(), **how) for how in ({}, LEGACY))
HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
SAFETENSORS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(4)
ARRAYS = io.BytesIO()
np.savez(ARRAYS, w=np.zeros(3))
KINDS = [
    pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5 file, as Keras", False, id="hdf5"),
    pytest.param(bytes(512) + b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5 file", False, id="hdf5-behind-a-block"),
    pytest.param(zipped("metadata.json", "config.json", "model.weights.h5"), "Keras archive", False, id="keras"),
    pytest.param(b"\x08\x08\x12\x07pytorch\x3a\x02\x12\x00\x42\x02\x10\x11", "onnx2torch", False, id="onnx"),
    pytest.param(b"\x08\x08\x12\x07pytorch\x3a\x7f\x0a\x05", "ONNX graph", False, id="onnx-cut-off"),
    pytest.param(b"\x08\x01\x12\x05\x0a\x03\x12\x01\x00", "TensorFlow SavedModel", False, id="saved-model"),
    pytest.param(written(torch.jit.save, torch.jit.script(SMALL)), "scripted module", False, id="torchscript"),
    pytest.param(zipped("net/archive_format", "net/models/model.json"), "exported program", False, id="exported"),
    pytest.param(ARRAYS.getvalue(), "NumPy arrays", False, id="npz"),
    pytest.param(zipped("schema.json", "1.npy"), "skops archive", False, id="skops"),
    pytest.param(zipped("readme.txt"), "zip archive without", False, id="other-zip"),
    pytest.param(WEIGHTS[: len(WEIGHTS) // 2], "cut off or damaged", False, id="torch-cut-off"),
    pytest.param(OLD_WEIGHTS[: len(OLD_WEIGHTS) // 4], "cut off or damaged", False, id="old-torch-cut-off"),
    pytest.param(OLD_WEIGHTS[:-3], "cut off or damaged", False, id="old-torch-without-its-end"),
    pytest.param(pickle.dumps([1.5] * 9)[:-4], "cut off or damaged", False, id="pickle-cut-off"),
    pytest.param(SAFETENSORS[:30], "cut off or damaged", False, id="safetensors-cut-off"),
    pytest.param(written(joblib.dump, {"w": np.zeros(9)}), "pickle of joblib", False, id="joblib"),
    pytest.param(written(joblib.dump, {"w": np.zeros(9)}, compress=3), "pickle of joblib", False, id="joblib-zlib"),
    pytest.param(b"MATLAB 5.0 MAT-file" + bytes(200), "file of MATLAB", False, id="matlab"),
    pytest.param(b"\x1f\x8b\x08\x00" + bytes(9), "is compressed", False, id="gzip"),
    pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull", False, id="git-lfs"),
    pytest.param(b"<!DOCTYPE html><html>", "web page", False, id="html"),
    pytest.param(b"hello.", "is a text", False, id="text-of-opcodes"),
    pytest.param("lähmend".encode(), "is a text", False, id="text-not-ascii"),
    pytest.param(bytes(99), "cannot be read", False, id="zeros"),
    pytest.param(pickle.dumps({"w": 1}), "any code", True, id="pickle"),
    pytest.param(pickle.dumps({"w": 1}, protocol=0), "any code", True, id="pickle-of-protocol-0"),
    pytest.param(written(torch.save, ConvNet((1, 8, 8), 2)), "any code", True, id="torch-module"),
    pytest.param(written(torch.save, ConvNet((1, 8, 8), 2), **LEGACY), "any code", True, id="old-torch-module"),
]


@pytest.mark.parametrize("name", ["net.pt", "net.safetensors", "net.h5"])
@pytest.mark.parametrize(("content", "message", "is_pickle"), KINDS)
def test_a_file_is_told_by_its_content(content, message, is_pickle, name, tmp_path):
    """Whatever its name; only pickles are offered to be loaded as such, and nothing but own errors is raised."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load_pretrained(tmp_path / name, module=SMALL)
    assert ("allow_pickle=True" in str(caught.value)) == is_pickle
    if not is_pickle:
        with pytest.raises(InputError, match=message):
            load_pretrained(tmp_path / name, module=SMALL, allow_pickle=True)


@pytest.mark.parametrize("content", [WEIGHTS, OLD_WEIGHTS], ids=["zip", "legacy"])
def test_weights_are_read_under_any_name(content, tmp_path):
    """Of both formats of torch."""
    (tmp_path / "net.onnx").write_bytes(content)
    assert load_pretrained(tmp_path / "net.onnx", module=SMALL).digest == Pretrained.of(SMALL).digest


def test_a_folder_is_none(tmp_path):
    """And that of TensorFlow is named."""
    with pytest.raises(InputError, match="is a folder"):
        load_pretrained(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(InputError, match="TensorFlow SavedModel"):
        load_pretrained(tmp_path)


@given(content=st.binary(max_size=60), place=st.integers(0, len(WEIGHTS)), old=st.booleans())
def test_no_damage_raises_anything_else(content, place, old):
    """Bytes at random, and weights with random bytes in them."""
    whole = OLD_WEIGHTS if old else WEIGHTS
    for damaged in (content, whole[:place] + content + whole[place + len(content) :]):
        with tempfile.NamedTemporaryFile(suffix=".pt") as file:
            Path(file.name).write_bytes(damaged)
            with contextlib.suppress(InputError, MissingExtraError):
                load_pretrained(file.name, module=SMALL)
