"""Whether a net's training steps are faster in bfloat16, found out by timing some on the real shapes."""

from __future__ import annotations

import copy
import time
from typing import Any

import torch

from autoarch._core.clock import Deadline

_FASTER = 0.9  # of the time of a float32 step that a bfloat16 step may take at most
_ENOUGH_STEPS = 100  # below, the trial costs more than it could save
_TRIAL_STEPS = 3  # of each kind; the first is not counted


def half_pays(module: torch.nn.Module, batch: torch.Tensor, n_steps: int, deadline: Deadline) -> bool:
    """Time a few steps in either precision.

    Without a deadline float32 is kept, so that a result never depends on the clock there.

    Parameters
    ----------
    module : torch.nn.Module
        The net; a copy of it is trained.
    batch : Tensor
        Input of one step.
    n_steps : int
        Steps that are planned.
    deadline : Deadline
        Of the training.

    Returns
    -------
    bool
    """
    if deadline.unlimited or n_steps < _ENOUGH_STEPS or not _has_bfloat16(batch.device.type):
        return False
    trial = copy.deepcopy(module)
    full, half = (_seconds(trial, batch, autocast) for autocast in (False, True))
    return half < _FASTER * full


def _has_bfloat16(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_bf16_supported()
    return device == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _seconds(module: torch.nn.Module, batch: torch.Tensor, half: bool) -> float:
    """Of the fastest step that is counted."""
    seconds = []
    for _ in range(_TRIAL_STEPS):
        started = time.perf_counter()
        with autocast(batch.device.type, half):
            outputs = module(batch)
        outputs.float().square().mean().backward()
        if batch.device.type == "cuda":
            torch.cuda.synchronize(batch.device)
        seconds.append(time.perf_counter() - started)
        module.zero_grad(set_to_none=True)
    return min(seconds[1:])


def autocast(device: str, half: bool) -> Any:
    """Products in bfloat16, if ``half``."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=half)
