"""Training rows that are too many to be kept at once, as a tensor that is filled where it is touched.

Imports: numpy, torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


class Streamed:
    """Rows that are computed, and moved to the device, when they are taken."""

    def __init__(self, source: Any, move: Callable[[np.ndarray], torch.Tensor]):
        self.source, self.move = source, move

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, rows: Any) -> torch.Tensor:
        return self.move(self.source[rows if isinstance(rows, slice) else rows.cpu().numpy()])
