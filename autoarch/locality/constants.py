"""The probe's numbers, read from ``constants.json``; the file says where each one comes from."""

import json
from pathlib import Path
from typing import Any

CONSTANTS: dict[str, Any] = json.loads((Path(__file__).parent / "constants.json").read_text(encoding="utf-8"))
