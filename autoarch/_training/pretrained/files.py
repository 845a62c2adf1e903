"""Weights on disk with plain facts beside them, read without running code from a file.

A pickle may run any code when it is loaded. ``torch.load(weights_only=True)`` and safetensors cannot; so only these
are read unless the user allows more. What a file is, is told by its content: names are given by hand.
"""

from __future__ import annotations

import io
import json
import pickle
import pickletools
import warnings
import zipfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from autoarch._core.imports import require
from autoarch.exceptions import InputError

_MARK = "autoarch"  # the key of our facts in a file
_WRAPPERS = ("state_dict", "model_state_dict", "model")  # under which training scripts keep the weights
_SAFETENSORS = ".safetensors"

_HEAD, _JOBLIB_HEAD = 4096, 2**20  # bytes that are looked at
_HDF5, _HDF5_PLACES = b"\x89HDF\r\n\x1a\n", (0, 512, 1024, 2048)  # a user's block may stand before the mark
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the number that torch before 1.6 began its files with
_LEGACY_PICKLES = 5  # number, version, machine, object, keys of the storages that follow
_ONNX_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}  # of a ModelProto
_ONNX_NEWEST = 50  # version of the format; it stands at 13 after nine years
_PROTOBUF_SIZES = {1: 8, 5: 4}  # bytes of the wire types of fixed length

_BY_HAND = (
    "Build a torch module with the same layers and copy the arrays into it (kernels of a convolution from height, "
    "width, in, out to out, in, height, width, those of a dense layer transposed), then pass the module"
)
_FIXED = "whose layers cannot be changed. Pass the module that it was made of, or its weights"
_AS_WEIGHTS = (
    ": save them by torch.save, and read that file by load_pretrained with module=, a net of that architecture"
)
_READ = "Files of torch.save and safetensors are read"
_ADVICE = {
    "empty": "is empty; expected weights. Copy or download it again",
    "hdf5": f"is an HDF5 file, as Keras writes (.h5, .weights.h5). Read it with keras or h5py. {_BY_HAND}",
    "keras": f"is a Keras archive (.keras). Read it with keras.saving.load_model. {_BY_HAND}",
    "saved model": f"is a TensorFlow SavedModel. Read it with tensorflow or keras. {_BY_HAND}",
    "tflite": "is a TFLite model, which is made to run, not to be trained. Pass the net that it was converted from",
    "onnx": "is an ONNX graph. Convert it with onnx2torch.convert(onnx.load(path)), and pass the module that it gives",
    "torchscript": f"holds a scripted module (TorchScript), {_FIXED}, torch.jit.load(path).state_dict(){_AS_WEIGHTS}",
    "exported": f"holds an exported program, {_FIXED}, torch.export.load(path).state_dict{_AS_WEIGHTS}",
    "numpy": (
        "holds NumPy arrays. Build the torch module, copy them into it by module.load_state_dict({name: "
        "torch.from_numpy(array), ...}), and pass the module"
    ),
    "skops": "is a skops archive. Read it with skops.io.load, and pass the fitted net that it gives",
    "joblib": (
        "is a pickle of joblib, and loading it could run any code. If you made it yourself, pass joblib.load(path) "
        "instead of the file"
    ),
    "compressed": "is compressed (gzip, xz, bzip2 or zstandard). Unpack it, and pass what was in it",
    "tar": "is a tar archive. Unpack it, and pass the file with the weights in it",
    "zip": "is a zip archive without a net in it. Unpack it, and pass the file with the weights in it",
    "gguf": "is a GGUF file of a language model; expected a net that reads grids",
    "git-lfs": "is a pointer of Git LFS, not the file itself. Get that with `git lfs pull`",
    "web page": "is a web page, not weights: the download went wrong. Download it again, logged in if need be",
    "text": "is a text; expected weights. Pass the file that they are in",
    "damaged": "is cut off or damaged. Copy or download it again",
    "unknown": "cannot be read: its first bytes belong to no kind of file known here",
}
_MAGIC = {
    b"GGUF": "gguf",
    b"\x93NUMPY": "numpy",
    b"\x1f\x8b": "compressed",
    b"\xfd7zXZ": "compressed",
    b"BZh": "compressed",
    b"\x28\xb5\x2f\xfd": "compressed",
    b"version https://git-lfs": "git-lfs",
}


def write_weights(path: Path, module: nn.Module, facts: dict[str, Any]) -> None:
    """Write weights and facts, as safetensors where the name ends so, else in torch's own format."""
    weights = {name: tensor.detach().contiguous() for name, tensor in module.state_dict().items()}
    if path.suffix == _SAFETENSORS:
        package = require("safetensors.torch", extra="safetensors", purpose=f"Writing {path.name}")
        package.save_file(weights, path, metadata={_MARK: json.dumps(facts)})
    else:
        torch.save({_MARK: json.dumps(facts), "state_dict": weights}, path)


def read_weights(path: Path, *, allow_pickle: bool) -> tuple[nn.Module | dict[str, torch.Tensor], dict[str, Any]]:
    """Read weights by name, or a pickled module, and the facts beside them, where there are any.

    Raises
    ------
    InputError
        If there is no such file, or it holds something else; the message says what, and how to hand that over.
    MissingExtraError
        If it is a safetensors file and that package is missing.
    """
    if path.is_dir():
        advice = _ADVICE["saved model"] if (path / "saved_model.pb").exists() else "is a folder. Pass a file in it"
        raise InputError(f"{path} {advice}.")
    if not path.is_file():
        raise InputError(f"There is no file {path}, seen from {Path.cwd()}. Pass a path from there, or a whole one.")
    kind = file_kind(path)
    if kind in _ADVICE:
        raise InputError(f"{path} {_ADVICE[kind]}. {_READ}.")
    content = _read_safetensors(path) if kind == "safetensors" else _read_torch(path, kind, allow_pickle)
    if isinstance(content, nn.Module):
        return content, {}
    if not isinstance(content, dict):
        raise InputError(
            f"{path} holds a {type(content).__name__}; expected weights by name, or a module. If that is a fitted net, "
            "load it yourself and pass it instead of the file."
        )
    weights = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), content)
    return weights, json.loads(content.pop(_MARK, None) or "{}")


def file_kind(path: Path) -> str:
    """Tell by its content what a file is: "torch", "pickle", "safetensors", or a key of the advice on other kinds."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "empty"
    if any(head[place : place + len(_HDF5)] == _HDF5 for place in _HDF5_PLACES):
        return "hdf5"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(path)
    for mark, kind in _MAGIC.items():
        if head.startswith(mark):
            return kind
    if head[4:8] == b"TFL3":
        return "tflite"
    if head[257:262] == b"ustar":
        return "tar"
    if head[8:9] == b"{" and (length := int.from_bytes(head[:8], "little")) < 2**40:
        return "safetensors" if 8 + length <= size else "damaged"
    return _protobuf_kind(path, size) or _pickle_kind(path, head) or _text_kind(head)


def _zip_kind(path: Path) -> str:
    """Kind of a zip archive, by the names of its members below the folder that torch puts them in."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # of a damaged archive, anything
        return "damaged"
    below = {name.partition("/")[2] for name in names}
    if below & {"constants.pkl", "bytecode.pkl"} or any(name.startswith("code/") for name in below):
        return "torchscript"
    if "data.pkl" in below:
        return "torch"
    if {"config.json", "model.weights.h5"} <= set(names):
        return "keras"
    if any(name.rpartition("/")[2] in ("serialized_exported_program.json", "archive_format") for name in names):
        return "exported"
    if names and all(name.endswith(".npy") for name in names):
        return "numpy"
    return "skops" if "schema.json" in names else "zip"


def _protobuf_kind(path: Path, size: int) -> str | None:
    """Tell ONNX graphs and SavedModels, by the numbers and types of the fields of the outermost message."""
    found: dict[int, Any] = {}
    try:
        with path.open("rb") as file:
            for number, value in _protobuf_fields(file, size):
                found.setdefault(number, value)
    except EOFError:
        if not found.keys() & {2, 7, 8}:
            return None
    except ValueError:
        return None
    version = found.get(1)
    if not isinstance(version, int) or not 0 < version < _ONNX_NEWEST or not found.keys() <= _ONNX_FIELDS:
        return None
    if isinstance(found.get(7), bytes) or _is_text(found.get(2)):
        return "onnx"
    return "saved model" if found.keys() == {1, 2} and isinstance(found[2], bytes) else None


def _protobuf_fields(file: Any, size: int) -> Iterator[tuple[int, int | bytes]]:
    """Numbers of the fields of a message, with the number or the first bytes that each one holds."""
    while file.tell() < size:
        key = _varint(file)
        number, wire = key >> 3, key & 7
        if not number:
            raise ValueError("no message")
        if wire == 0:
            yield number, _varint(file)
        elif wire == 2:
            length = _varint(file)
            start = file.tell()
            yield number, file.read(min(length, 64))
            if start + length > size:
                raise EOFError
            file.seek(start + length)
        elif wire in _PROTOBUF_SIZES:
            yield number, file.read(_PROTOBUF_SIZES[wire])
        else:
            raise ValueError("no message")


def _varint(file: Any) -> int:
    value = 0
    for place in range(10):
        byte = file.read(1)
        if not byte:
            raise EOFError
        value |= (byte[0] & 0x7F) << (7 * place)
        if byte[0] < 0x80:
            return value
    raise ValueError("no number")


def _pickle_kind(path: Path, head: bytes) -> str | None:
    """Tell a pickle by its opcodes, of which none is carried out."""
    begun = head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    if not begun and head[:1] not in (b"(", b")", b"]", b"}", b"c"):  # with which older protocols begin
        return None
    with path.open("rb") as file:
        try:
            if begun:
                for _ in range(_LEGACY_PICKLES if head.startswith(_LEGACY) else 1):
                    deque(pickletools.genops(file), maxlen=0)
            else:  # text may look like opcodes, but hardly like such that leave one object on the stack
                pickletools.dis(file, io.StringIO())
        except Exception:  # of what is no pickle, anything
            file.seek(0)
            arrays = begun and b"joblib" in file.read(_JOBLIB_HEAD)  # stand between the opcodes there
            return "joblib" if arrays else "damaged" if begun else None
    return "torch" if head.startswith(_LEGACY) else "pickle"


def _is_text(head: Any) -> bool:
    """Tell whether bytes, cut off anywhere, are text without control characters."""
    if not isinstance(head, bytes):
        return False
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode()
    return bool(text) and all(letter.isprintable() or letter.isspace() for letter in text)


def _text_kind(head: bytes) -> str:
    if not _is_text(head):
        return "unknown"
    return "web page" if head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml")) else "text"


def _read_safetensors(path: Path) -> dict[str, Any]:
    package = require("safetensors", extra="safetensors", purpose=f"Reading {path.name}")
    try:
        with package.safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
            return {"state_dict": weights, _MARK: (file.metadata() or {}).get(_MARK)}
    except package.SafetensorError as error:
        raise InputError(f"{path} is no safetensors file, or a damaged one ({error}).") from error


def _read_torch(path: Path, kind: str, allow_pickle: bool) -> Any:
    """Read a file of torch; a plain pickle, which torch has not written, where that is allowed."""
    try:
        if kind == "pickle":
            if not allow_pickle:
                raise pickle.UnpicklingError("no file of torch")
            return pickle.loads(path.read_bytes())
        with path.open("rb") as file, warnings.catch_warnings():  # a path would be judged by its name
            warnings.simplefilter("ignore")  # of torch on files that others wrote
            return torch.load(file, map_location="cpu", weights_only=not allow_pickle)
    except (AttributeError, ImportError) as error:  # of a class that is not here
        raise InputError(
            f"{path} holds an object whose class cannot be imported here ({error}). Import or define the class first, "
            "or save net.state_dict() where the class is, and pass module= here."
        ) from error
    except Exception as error:  # what reads a damaged file may raise anything
        if isinstance(error, pickle.UnpicklingError) and not allow_pickle and "truncated" not in str(error):
            raise InputError(
                f"{path} is a pickle that holds more than weights, and loading it could run any code. If you made it "
                "yourself, pass load_pretrained(path, allow_pickle=True); else ask for a state_dict or safetensors."
            ) from error
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path} {_ADVICE['damaged']} ({type(error).__name__}: {reason}).") from error
