"""Kinds of files, told by their content, for names are given by hand; how to hand over what holds no weights."""

from __future__ import annotations

import io
import pickletools
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
ADVICE = {
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
    "matlab": "is a file of MATLAB. Read it with scipy.io.loadmat, copy the arrays into a torch module, and pass that",
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
    "unsafe": (
        "is no archive that torch has written: its members unpack to more than the file holds, or have names outside "
        "of it. Ask for the weights as safetensors"
    ),
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
    b"MATLAB": "matlab",
}


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
    if _inflated(head) == b"\x80":  # zlib, which joblib compresses its pickles by
        return "joblib"
    return _protobuf_kind(path, size) or _pickle_kind(path, head) or _text_kind(head)


def _inflated(head: bytes) -> bytes:
    """The first byte of what zlib has compressed; nothing where it has not."""
    try:
        return zlib.decompressobj().decompress(head, 1)
    except zlib.error:
        return b""


def _zip_kind(path: Path) -> str:
    """Kind of a zip archive, by the names of its members below the folder that torch puts them in."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            unpacked = sum(member.file_size for member in archive.infolist())
    except Exception:  # of a damaged archive, anything
        return "damaged"
    below = {name.partition("/")[2] for name in names}
    if below & {"constants.pkl", "bytecode.pkl"} or any(name.startswith("code/") for name in below):
        return "torchscript"
    if "data.pkl" in below:  # torch packs nothing, and names members by numbers and words
        outside = any(name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") for name in names)
        return "unsafe" if outside or unpacked > path.stat().st_size else "torch"
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
