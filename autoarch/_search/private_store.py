"""A cache of joblib whose files nobody else can read or replace: they are pickles, which may run code when read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import joblib
from joblib._store_backends import FileSystemStoreBackend

from autoarch._core.quiet import warn_user

_NAME = "autoarch private files"


class PrivateStore(FileSystemStoreBackend):
    """joblib's store on the file system, with files of mode 0600 in folders of mode 0700.

    Attributes
    ----------
    trouble : str
        Why something could not be written, if anything could not.
    """

    trouble = ""

    @staticmethod
    def _open_item(path: str, mode: str) -> Any:
        return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))

    def create_location(self, location: str) -> None:
        """Make a folder and, where they are missing, those above it; what fails is remembered."""
        try:
            _make_private(Path(location))
        except OSError as error:
            self.trouble = self.trouble or str(error)

    def configure(self, location: str, **options: Any) -> None:
        """Set up the store; an OSError says that its folder cannot be made."""
        folder = Path(location)
        _make_private(folder)
        ignored = (folder.parent if folder.name == "joblib" else folder) / ".gitignore"  # joblib's, which it would
        if not ignored.exists():  # write with the rights that the user gives all files
            with self._open_item(str(ignored), "w") as file:
                file.write("*\n")
        super().configure(location, **options)

    def _concurrency_safe_write(self, to_write: Any, filename: str, write_func: Any) -> None:
        """Write a file whole; what fails is remembered: joblib warns of some of it, which is silenced in a search."""
        try:
            super()._concurrency_safe_write(to_write, filename, write_func)
        except OSError as error:
            self.trouble = self.trouble or str(error)


joblib.register_store_backend(_NAME, PrivateStore)


def private_memory(location: str) -> joblib.Memory | None:
    """Open a cache in a folder, with a warning where others may write to it; None, with a warning, where it fails."""
    try:
        memory = joblib.Memory(location, backend=_NAME, verbose=0)
        folder = Path(memory.store_backend.location)
        probe = folder / f".{os.getpid()}"
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        warn_user(f"memory={location!r} cannot be written ({error}), so nothing is kept. Pass another folder.")
        return None
    if unsafe := _others_may_write(folder):
        warn_user(
            f"memory={location!r}: {unsafe}. Its files are pickles, which run code when they are read. Pass a "
            f"folder of your own, or take away the right to write to it (chmod -R go-w {folder})."
        )
    return memory


def warn_of_trouble(memory: joblib.Memory | None) -> None:
    """Warn if results could not be written since the cache was opened."""
    trouble = getattr(getattr(memory, "store_backend", None), "trouble", "")
    if trouble:
        warn_user(
            f"memory: some results could not be kept ({trouble}) and will be computed again. Free some space or pass "
            "another folder."
        )


def _make_private(folder: Path) -> None:
    if not folder.exists():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _others_may_write(folder: Path) -> str:
    """Say who else may write to a folder; empty where nobody, or where the system tells no owners."""
    if not hasattr(os, "getuid"):
        return ""
    facts = folder.stat()
    if facts.st_uid not in (os.getuid(), 0):
        return "the folder belongs to somebody else"
    return "others may write to the folder" if facts.st_mode & stat.S_IWOTH else ""
