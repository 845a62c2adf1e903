"""Device, seed and precision of trainings, and the loading of the packages that they need.

torch is imported inside functions: the search checks what is loaded before anything is.
"""

from __future__ import annotations

import copy
import importlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from autoarch._core.checks import shown
from autoarch._core.clock import Deadline
from autoarch.exceptions import ParameterError

_FASTER = 0.9  # of the time of a float32 step that a bfloat16 step may take at most
_ENOUGH_STEPS = 100  # below, the trial costs more than it could save
TRIAL_STEPS = 3  # of each kind, by which is decided; the first is not counted
_TRIAL_SHARE = 0.1  # of the time left that they may take

_warm: set[str] = set()  # devices on which this process has trained a net


def resolve_device(device: str) -> str:
    """Turn ``"auto"`` into the accelerator that is there, else ``"cpu"``."""
    if device != "auto":
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def device_here(device: str) -> str:
    """Resolve a device, to the CPU where the one that is named is not here."""
    if device == "cpu":
        return device
    import torch

    name = resolve_device(device)
    try:
        torch.empty(1, device=name).cpu()
    except Exception:  # each kind of device raises what it likes
        return "cpu"
    return name


def quicker_device(device: str, work: Callable[[str], Any]) -> str:
    """Return an accelerator that is here, where a piece of work takes less time there than on the CPU; else "cpu".

    Parameters
    ----------
    device : str
        As torch names it, or "auto".
    work : callable
        Does the piece of work on the device that it is given.
    """
    device = device_here(device)
    if device == "cpu":
        return device
    try:
        there = seconds_of(lambda: work(device), device, times=2)
    except RuntimeError:  # it has no memory left
        return "cpu"
    here = seconds_of(lambda: work("cpu"), "cpu", times=1)
    return device if there < here else "cpu"


def seconds_of(step: Callable[[], Any], device: str, *, times: int = TRIAL_STEPS, most: float = math.inf) -> float:
    """Seconds of the quickest of some calls, of which the first is not counted where there are several.

    Parameters
    ----------
    step : callable
        Works on the device.
    device : str
        As torch names it; what it has been told to do is waited for.
    times : int
        Calls.
    most : float
        Seconds that all calls may take together, at the pace of those that are counted; and the first one.

    Returns
    -------
    float
        Infinite where the calls would take more.
    """
    import torch

    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        step()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
        if seconds[-1] * (times if len(seconds) > 1 else 1) > most:
            return math.inf
    return min(seconds[1:] or seconds)


def is_on_accelerator(model: Any) -> bool:
    """Return whether a net is trained elsewhere than on the CPU."""
    return str(getattr(model, "device", "cpu")) != "cpu"


def check_device(device: str) -> None:
    """Refuse a name that torch would refuse, before any work; the usual ones are known without torch.

    Raises
    ------
    ParameterError
        If torch finds no such device.
    """
    if not isinstance(device, str):
        raise ParameterError(f"device={shown(device)} was given; expected 'auto', 'cpu', or a name that torch knows.")
    if device in ("auto", "cpu"):
        return
    import torch

    try:
        torch.empty(1, device=device).cpu()  # what has no values, such as "meta", fails here
    except Exception as error:  # each kind of device raises what it likes
        raise ParameterError(
            f"device={shown(device)} cannot be used: {str(error).partition(chr(10))[0]}. Pass 'auto', 'cpu', or a "
            "device that torch finds here, such as 'cuda'."
        ) from error


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed torch inside the block and give the user's generator state back afterwards."""
    import torch

    devices = list(range(torch.cuda.device_count())) if device.startswith("cuda") else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def warm_up(device: str) -> None:
    """Train a tiny net, so that what torch loads at the first convolution and the first optimizer is there.

    That is a second on a quick disk and many on a slow one, or where a GPU's libraries have to be read: too much for
    the training of a first candidate, which would be cut to a few steps.
    """
    import torch

    device = resolve_device(device)
    with seeded(0, device):
        net = torch.nn.Conv2d(1, 1, 3).to(device)
        optimizer = torch.optim.AdamW(net.parameters())
        net(torch.zeros(1, 1, 3, 3, device=device)).sum().backward()
        optimizer.step()
    _tidy()


def _tidy() -> None:
    """Remove the empty folder that torch puts among temporary files when its first optimizer is made."""
    caches = sys.modules.get("torch._inductor.runtime.cache_dir_utils")
    if caches is not None:
        with suppress(OSError):  # there is none, or it is in use
            os.rmdir(caches.default_cache_dir())


def load(packages: Iterable[str], device: str) -> float:
    """Import packages, and train a tiny net for skorch or on an accelerator, where that is new; return the seconds."""
    started = time.monotonic()
    for package in packages:
        importlib.import_module(package)
        needed = package == "skorch" or (package == "torch" and resolve_device(device) != "cpu")
        if needed and device not in _warm:
            with nullcontext() if package == "skorch" else suppress(Exception):  # others have a way on the CPU, too
                warm_up(device)
            _warm.add(device)
    return time.monotonic() - started


def bf16_is_faster(module: Any, batch: Any, n_steps: int, deadline: Deadline) -> bool:
    """Time a few training steps in either precision, on the real shapes.

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
    trial, device = copy.deepcopy(module), str(batch.device)
    full = seconds_of(lambda: _train_step(trial, batch, False), device, most=_TRIAL_SHARE / 2 * deadline.left)
    return math.isfinite(full) and seconds_of(lambda: _train_step(trial, batch, True), device) < _FASTER * full


def _train_step(module: Any, batch: Any, bf16: bool) -> None:
    import torch

    with torch.autocast(batch.device.type, dtype=torch.bfloat16, enabled=bf16):
        outputs = module(batch)
    outputs.float().square().mean().backward()
    module.zero_grad(set_to_none=True)


def _has_bfloat16(device: str) -> bool:
    import torch

    if device == "cuda":
        return torch.cuda.is_bf16_supported()
    return device == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
