"""Model files as archives: a list of contents with digests, JSON, arrays, and files of other libraries.

Nothing is ever unpacked to the disk. What is not in the list, does not match its digest, is packed more tightly than
models are, or has a name of another kind, is refused before anything of it is read.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoarch.exceptions import ModelFileError

FORMAT, VERSION = "autoarch model", 1
CONTENTS = "contents.json"
_NAMES = re.compile(r"contents\.json|model\.json|arrays\.safetensors|parts/\d{1,6}\.(skops|txt|ubj|cbm)")
_LARGEST_RATIO, _FREE = 200, 2**26  # bytes out of one byte of the file; bytes that any file may have
_MOST_MEMBERS = 10_000
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_BEGINS = b"PK\x03\x04"
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


def write_archive(path: Path, parts: Mapping[str, bytes], facts: Mapping[str, Any]) -> None:
    """Write all parts beside a list of them; a file of that name is replaced when all is written."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    contents = {"format": FORMAT, "version": VERSION, **facts, "digests": digests}
    contents["digest"] = _digest(contents)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in ((CONTENTS, json.dumps(contents, indent=1).encode()), *parts.items()):
            archive.writestr(name, data)
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(buffer.getvalue())
        os.chmod(made, 0o666 & ~_umask())
        os.replace(made, path)
    except BaseException:
        os.unlink(made)
        raise


def read_archive(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read the contents of a file that ``write_archive`` has written, after looking at all of it.

    Returns
    -------
    contents : dict
        Its facts.
    parts : dict of str to bytes
        Its other parts.

    Raises
    ------
    ModelFileError
        If it is no such file, a later version, damaged, or changed.
    """
    with path.open("rb") as file:
        head = file.read(4)
        if head != _BEGINS:
            raise ModelFileError(_what_else(head))
        try:
            with zipfile.ZipFile(file) as archive:
                _check_members(archive.infolist(), path.stat().st_size)
                parts = {member.filename: archive.read(member) for member in archive.infolist()}
        except _FAULTS as error:
            if isinstance(error, ModelFileError):
                raise
            raise ModelFileError(f"it is damaged or cut off ({error})") from error
    contents = _checked_contents(parts.pop(CONTENTS))
    digests = contents["digests"]
    if set(digests) != set(parts):
        raise ModelFileError("it was changed after it had been written: its parts are not those of its list")
    for name, data in parts.items():
        if hashlib.sha256(data).hexdigest() != digests[name]:
            raise ModelFileError(f"it was changed after it had been written, or damaged: {name} is another")
    return contents, parts


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    names = [member.filename for member in members]
    if CONTENTS not in names:
        raise ModelFileError("it is an archive that autoarch has not written (it has no list of contents)")
    if len(names) > _MOST_MEMBERS or len(set(names)) < len(names):
        raise ModelFileError("it has more parts than a model has, or two of one name")
    for member in members:
        linked = stat.S_ISLNK(member.external_attr >> 16)
        if not _NAMES.fullmatch(member.filename) or member.flag_bits & 1 or linked:
            raise ModelFileError(f"it holds {member.filename[:60]!r}, which is no part of a model")
    if sum(member.file_size for member in members) > max(_FREE, _LARGEST_RATIO * size):
        raise ModelFileError("it would unpack to far more than models do")


def _checked_contents(data: bytes) -> dict[str, Any]:
    try:
        contents = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"its list of contents cannot be read ({error})") from error
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise ModelFileError("it is an archive that autoarch has not written")
    version = contents.get("version")
    if not isinstance(version, int) or version > VERSION or version < 1:
        raise ModelFileError(
            f"it is of version {str(version)[:20]} of the format, and this autoarch reads versions up to {VERSION}; "
            f"install autoarch {str(_dict(contents.get('packages')).get('autoarch'))[:20]} or newer"
        )
    digest = contents.pop("digest", None)
    if digest != _digest(contents) or not isinstance(contents.get("digests"), dict):
        raise ModelFileError("it was changed after it had been written, or damaged: its list of contents is another")
    return contents


def _what_else(head: bytes) -> str:
    if not head:
        return "it is empty"
    if head.startswith(_PICKLES):
        return "it is a pickle, which may run any code when it is loaded; joblib.load reads it, if you trust its author"
    return "it is no file that autoarch has written"


def _digest(contents: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
