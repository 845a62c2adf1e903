"""Say where nets are trained and with which seed, and load what that needs.

torch is imported inside functions: the search asks what is loaded before anything is.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from autoarch.exceptions import ParameterError

_warm: set[str] = set()  # devices on which this process has trained a net


def resolve_device(device: str) -> str:
    """Turn ``"auto"`` into the accelerator that is there, else ``"cpu"``."""
    if device != "auto":
        return device
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "cpu"


def check_device(device: str) -> None:
    """Refuse a name that torch would refuse, before any work; the usual ones are known without torch.

    Raises
    ------
    ParameterError
        If torch finds no such device.
    """
    if device in ("auto", "cpu"):
        return
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ParameterError(
            f"device={device!r} cannot be used: {str(error).partition(chr(10))[0]}. Pass 'auto', 'cpu', or a device "
            "that torch finds here, such as 'cuda'."
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


def load(packages: Iterable[str], device: str) -> float:
    """Import packages, and train a tiny net for skorch, unless this process has done so; return the seconds it took."""
    started = time.monotonic()
    for package in packages:
        importlib.import_module(package)
        if package == "skorch" and device not in _warm:
            warm_up(device)
            _warm.add(device)
    return time.monotonic() - started
