"""The parameter ``storage``: which Optuna storage it names, and the folder beside it for what Optuna does not keep."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoarch.exceptions import ParameterError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

_LOCK_SECONDS = 5  # after which a lock that a killed process has left on the journal is broken; it is held for moments
_EXPECTED = "the path of a journal file, an Optuna storage or its URL, or a pair of one of these and the study's name"
_BESIDE = ".results"  # after the name of the file
_ELSEWHERE = "autoarch-results"  # folder for storages that are no file
_NO_URL = ("ArgumentError", "NoSuchModuleError")  # of SQLAlchemy, which is Optuna's dependency
_KEY = "autoarch"  # attribute of a study: hashes of the data and the parameters, by name


@dataclass(frozen=True, eq=False)
class StorageChoice:
    """The parameter ``storage``, checked but not opened.

    Parameters
    ----------
    target : str or BaseStorage
        Path of a journal, URL, or the storage itself.
    name : str or None
        Of the study; None for the one that belongs to data and parameters.
    """

    target: Any
    name: str | None = None

    @classmethod
    def of(cls, storage: Any) -> StorageChoice | None:
        """Check the parameter.

        Raises
        ------
        ParameterError
            If it names no storage.
        """
        if storage is None:
            return None
        target, name = storage, None
        if isinstance(storage, (tuple, list)):
            if len(storage) != 2 or not (isinstance(storage[1], str) and storage[1].strip()):
                raise _wrong(storage)
            target, name = storage
        if isinstance(target, os.PathLike):
            target = os.fspath(target)
        if isinstance(target, str):
            if not target.strip() or "\0" in target:
                raise _wrong(storage)
            if "://" not in target:
                target = os.path.abspath(target)
                _check_journal(Path(target))
        elif not callable(getattr(target, "create_new_trial", None)):
            raise _wrong(storage)
        return cls(target, name)

    @property
    def is_url(self) -> bool:
        """Return whether a database is named."""
        return isinstance(self.target, str) and "://" in self.target

    def __str__(self) -> str:
        """Name the storage without its password."""
        if not isinstance(self.target, str):
            return type(self.target).__name__
        return re.sub(r"://([^:/@]*):.*@", r"://\1:***@", self.target) if self.is_url else self.target

    def open(self) -> BaseStorage:
        """Open the storage, or make it.

        Raises
        ------
        ParameterError
            If the URL is none, or its driver is not installed.
        """
        import optuna

        if self.is_url:
            try:
                return optuna.storages.get_storage(self.target)
            except Exception as error:
                if not (isinstance(error, (ImportError, ValueError)) or type(error).__name__ in _NO_URL):
                    raise  # a server that does not answer
                raise ParameterError(
                    f"storage={_scheme(self.target)!r} was given, which cannot be opened ({error}). "
                    "Pass a URL as SQLAlchemy takes them, and install the driver that it names."
                ) from error
        if not isinstance(self.target, str):
            return optuna.storages.get_storage(self.target)
        from optuna.storages.journal import JournalFileBackend

        path = Path(self.target)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _journal_lock(self.target)
        _mend(path, lock)
        return optuna.storages.JournalStorage(JournalFileBackend(self.target, lock_obj=lock))

    def folder(self, elsewhere: str | None) -> Path:
        """Folder for predictions and models: beside a file, else ``elsewhere``, else in the current directory."""
        file = self.target
        if self.is_url:
            database = self.target.partition(":///")[2].partition("?")[0]
            file = database if self.target.startswith("sqlite") and database != ":memory:" else ""
        if isinstance(file, str) and file:
            return Path(file + _BESIDE)
        return Path(_ELSEWHERE if elsewhere is None else elsewhere)


def study_id(storage: BaseStorage, choice: StorageChoice, name: str, key: Mapping[str, str]) -> int:
    """Find the study, or make it.

    Raises
    ------
    ParameterError
        If its name was pinned, and it belongs to other data or parameters.
    """
    from optuna.exceptions import DuplicatedStudyError
    from optuna.study import StudyDirection

    try:
        found = storage.create_new_study([StudyDirection.MAXIMIZE], name)
    except DuplicatedStudyError:
        found = storage.get_study_id_from_name(name)
    known = storage.get_study_user_attrs(found).get(_KEY)
    if known is None:
        if storage.get_n_trials(found):
            raise ParameterError(
                f"storage: the study {name!r} in {choice} was not made by autoarch. Pass another name, or none."
            )
        storage.set_study_user_attr(found, _KEY, dict(key))
    elif changed := [part for part in key if key[part] != known.get(part)]:
        told = [
            part for part in changed if part not in ("problem", "splits")
        ] or changed  # these follow from the others
        raise ParameterError(
            f"storage: the study {name!r} in {choice} belongs to another problem: {', '.join(told)} changed. "
            "Pass another name, or none, so that each problem has a study of its own."
        )
    return found


def told_of(changed: list[str]) -> list[str]:
    """Select what is worth telling of what changed: problem and splits follow from the others."""
    return [part for part in changed if part not in ("problem", "splits")] or changed


def _wrong(storage: Any) -> ParameterError:
    shown = type(storage).__name__ if not isinstance(storage, (str, bytes, int, float, tuple, list)) else repr(storage)
    if isinstance(storage, (tuple, list)):  # which may hold a URL with a password
        shown = f"a {type(storage).__name__} of {len(storage)}"
    return ParameterError(f"storage={shown} was given; expected {_EXPECTED}, or None for none.")


def _scheme(url: str) -> str:
    return url.partition("://")[0] + "://..."


def _check_journal(path: Path) -> None:
    """Raise if the path is taken by something that is no journal."""
    try:
        if path.is_dir():
            raise ParameterError(f"storage={str(path)!r} is a folder; expected {_EXPECTED}.")
        if not path.is_file():
            return
        with path.open("rb") as file:
            head = file.readline(1_000_000)
    except OSError:  # unreadable: a warning comes when it is opened
        return
    if not head.strip():
        return
    if head.startswith(b"SQLite format"):
        raise ParameterError(f"storage={str(path)!r} is an SQLite database; pass 'sqlite:///{path}'.")
    try:
        is_journal = "op_code" in json.loads(head)
    except (ValueError, TypeError):
        is_journal = False
    if not is_journal:
        raise ParameterError(f"storage={str(path)!r} is a file, but no journal of Optuna; pass another path.")


def _journal_lock(path: str) -> Any:
    from optuna.storages.journal import JournalFileOpenLock

    try:
        return JournalFileOpenLock(path, grace_period=_LOCK_SECONDS)
    except TypeError:  # older versions wait for ever
        return JournalFileOpenLock(path)


def _mend(path: Path, lock: Any) -> None:
    """Cut off a last line that a full disk or a killed process has left unfinished, which Optuna could not read."""
    if not path.is_file() or _ends_well(path):
        return
    lock.acquire()
    try:
        if not _ends_well(path):
            data = path.read_bytes()
            with path.open("r+b") as file:
                file.truncate(data.rfind(b"\n") + 1)
    finally:
        lock.release()


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
