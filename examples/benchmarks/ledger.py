"""Results of a benchmark as lines of JSON in a file, so that one that was interrupted goes on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Ledger:
    """The rows of a results file, those of earlier runs first.

    Parameters
    ----------
    path : str or Path
        The file; it need not be there yet.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line]

    def has(self, **key: Any) -> bool:
        """Whether a row has these values."""
        return self.find(**key) is not None

    def find(self, **key: Any) -> dict[str, Any] | None:
        """Return the first row that has these values."""
        return next((row for row in self.rows if all(row[name] == value for name, value in key.items())), None)

    def add(self, row: dict[str, Any]) -> None:
        """Append a row, to the file as well."""
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
