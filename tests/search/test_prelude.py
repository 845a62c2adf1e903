"""What is loaded before the first trial."""

import time

import pytest

from autoarch._search.budget import Budget
from autoarch._search.prelude import with_imports
from autoarch._training import device
from autoarch.families.registry import resolve_families

torch = pytest.importorskip("torch")


def loaded(families):
    """Families that are left, and why others are not."""
    able, reasons = with_imports(families, families, Budget(60, None, started=time.monotonic()), chosen_by_user=True)
    return [family.name for family in able], reasons


def test_nets_are_warm_before_the_first_trial(monkeypatch):
    """A tiny net is trained on their device; the user's random numbers go on as if nothing had been."""
    torch.manual_seed(3)
    expected = torch.rand(3)
    warmed, warm_up = [], device.warm_up
    monkeypatch.setattr(device, "warm_up", lambda name: (warmed.append(name), warm_up(name)))
    torch.manual_seed(3)
    assert loaded(resolve_families(["mlp", "linear"])) == (["mlp", "linear"], {})
    assert warmed == ["cpu"]
    assert torch.equal(torch.rand(3), expected)
    assert loaded(resolve_families("linear")) == (["linear"], {})
    assert warmed == ["cpu"]


def test_a_device_that_fails_leaves_the_others(monkeypatch):
    """The search goes on without nets and says why."""

    def out_of_memory(name):
        raise RuntimeError(f"out of memory on {name}")

    monkeypatch.setattr(device, "warm_up", out_of_memory)
    names, reasons = loaded(resolve_families(["mlp", "linear"]))
    assert names == ["linear"]
    assert reasons == {"mlp": "loading skorch failed: RuntimeError: out of memory on cpu"}
