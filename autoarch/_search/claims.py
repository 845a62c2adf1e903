"""Claims of processes on pieces of work, told by files in a folder that they share.

A process holds a lock on a file of its own, which the system releases when the process ends, in whatever way. A claim
is a file that only one process can create; that of a process which is no more is taken over by the next generation.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

try:
    import fcntl
except ImportError:  # Windows, which keeps files that are open from being removed
    fcntl = None  # type: ignore[assignment]

_held_here: dict[str, int] = {}  # process that holds the lock, by worker: a process is not shut out by its own locks
_UNSIGNED_SECONDS = 10.0  # after which a claim whose writer did not come to sign it is nobody's


class Claims:
    """Claims of one fit.

    Parameters
    ----------
    folder : Path
        Shared by all processes that help each other; made where it is missing.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.worker = f"worker-{uuid4().hex}"
        self._file: IO[bytes] | None = (folder / self.worker).open("xb")
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks: nobody waits for us
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _held_here[self.worker] = os.getpid()

    def take(self, what: str) -> bool:
        """Claim a piece of work; False where another process that lives has it."""
        generations = self._generations(what)
        if generations and self._is_held(generations[-1]):
            return False
        number = int(generations[-1].suffix[1:]) + 1 if generations else 0
        try:
            with (self.folder / f"{what}.{number}").open("x", encoding="ascii") as file:
                file.write(self.worker)
        except FileExistsError:
            return False
        for path in generations:
            path.unlink(missing_ok=True)
        return True

    def release(self, what: str) -> None:
        """Give back a claim of ours, whose result stands elsewhere."""
        for path in self._generations(what):
            if self._owner(path) == self.worker:
                path.unlink(missing_ok=True)

    def is_taken(self, what: str) -> bool:
        """Return whether a process that lives has claimed this."""
        generations = self._generations(what)
        return bool(generations) and self._is_held(generations[-1])

    def close(self) -> None:
        """Give back everything."""
        if self._file is None:
            return
        _held_here.pop(self.worker, None)
        self._file.close()
        self._file = None
        for path in self.folder.glob("*.*"):
            if self._owner(path) == self.worker:
                path.unlink(missing_ok=True)
        (self.folder / self.worker).unlink(missing_ok=True)

    def _generations(self, what: str) -> list[Path]:
        return sorted(self.folder.glob(f"{what}.*"), key=lambda path: int(path.suffix[1:]))

    def _owner(self, path: Path) -> str:
        try:
            return path.read_text(encoding="ascii")
        except OSError:
            return ""

    def _is_held(self, path: Path) -> bool:
        owner = self._owner(path)
        if not owner:
            with suppress(OSError):
                return time.time() - path.stat().st_mtime < _UNSIGNED_SECONDS
            return False  # given back in the meantime
        return owner == self.worker or _lives(self.folder / owner)


def _lives(path: Path) -> bool:
    """Return whether the process that made the file still holds its lock."""
    if _held_here.get(path.name) == os.getpid():
        return True
    try:
        if fcntl is None:
            path.unlink()
            return False
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EAGAIN)
    path.unlink(missing_ok=True)
    return False
