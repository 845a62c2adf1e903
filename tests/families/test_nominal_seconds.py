"""Costs from sizes alone: they grow with the work, and put the families in order."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autoarch import Layout
from autoarch.families import MapColumns, Problem
from autoarch.families.fine_tuned import FineTuned
from autoarch.families.foundation import TabICL
from autoarch.families.registry import resolve_families
from autoarch.testing import check_family
from families.test_contract import Nearest

DIGITS = Problem("classification", 1_257, 64, n_classes=10, smallest_class=120, layout=Layout(8, 8), verdict="2d")

MOST_ROWS = {"kernels": 175, "svm": 3_750}  # of which 16 times as many have as many kernels


def family_of(name):
    """A built-in family."""
    (family,) = resolve_families([name])
    return family


@st.composite
def problems(draw):
    """Grids, tables and maps of any size."""
    side = draw(st.integers(2, 40))
    layout = draw(st.sampled_from([None, Layout(side, side), Layout(1, side * side)]))
    where = MapColumns(0, 1, on_lattice=True) if layout is None and draw(st.booleans()) else None
    n_classes = draw(st.sampled_from([0, 2, 3, 10, 600]))
    return Problem(
        "classification" if n_classes else "regression",
        draw(st.integers(20, 100_000)),
        side * side,
        n_classes=n_classes,
        smallest_class=2 if n_classes else 0,
        layout=layout,
        verdict=draw(st.sampled_from(["2d", "none"])),
        coordinates=where,
    )


@pytest.mark.parametrize("name", ["linear", "tree", "mlp", "cnn", "kernels", "neighbors", "svm"])
@settings(max_examples=25)
@given(problem=problems())
def test_every_default_has_a_cost_that_grows_with_the_rows(name, problem):
    """Finite and positive, and for many more rows more, as long as families keep all of their kernels."""
    family = family_of(name)
    if family.unfit_for(problem) is not None:
        return
    if name in MOST_ROWS:
        problem = Problem(**{**vars(problem), "n_samples": min(problem.n_samples, MOST_ROWS[name])})
    more = Problem(**{**vars(problem), "n_samples": 16 * problem.n_samples})
    for params in family.defaults(problem):
        assert 0 < family.nominal_seconds(params, problem) < family.nominal_seconds(params, more) < float("inf")


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        pytest.param("cnn", "effort", id="cnn-effort"),
        pytest.param("mlp", "effort", id="mlp-effort"),
        pytest.param("tree", "amount", id="boosting-amount"),
        pytest.param("kernels", "kernels", id="kernels"),
    ],
)
def test_twice_the_work_costs_twice(name, changed):
    """Parameters that stand for the length of a fit; the ridge of random convolutions grows with the rows instead."""
    family = family_of(name)
    params = next(params for params in family.defaults(DIGITS) if changed in params)
    once, twice = (family.nominal_seconds({**params, changed: factor * params[changed]}, DIGITS) for factor in (1, 2))
    assert (1.1 if name == "kernels" else 1.8) < twice / once < 2.2


def test_families_stand_in_the_order_of_their_costs():
    """On digits a linear model takes a moment, random convolutions a second, a net longer."""
    seconds = [
        family_of(name).nominal_seconds(family_of(name).defaults(DIGITS)[0], DIGITS)
        for name in ("linear", "kernels", "cnn")
    ]
    assert seconds == sorted(seconds)
    assert seconds[0] < 0.1 < seconds[1] < 3


def test_a_family_of_strangers_has_a_cost_by_its_values():
    """The default knows the rows and columns."""
    assert Nearest().nominal_seconds({"k": 1}, DIGITS) == pytest.approx(0.05 + 3e-7 * 1_257 * 64)


def test_a_family_without_a_finite_cost_breaks_the_contract():
    """The kit says which family, and what it gave."""

    class Endless(Nearest):
        def nominal_seconds(self, params, problem):
            return float("inf")

    with pytest.raises(AssertionError, match=r"nearest\.nominal_seconds gives inf"):
        check_family(Endless)


def test_a_pretrained_net_costs_by_its_weights_and_a_foundation_model_by_its_context():
    """Larger nets and more views take longer."""
    nets = [
        torch.nn.Sequential(torch.nn.Conv2d(1, width, 3), torch.nn.Flatten(), torch.nn.Linear(width * 36, 3))
        for width in (4, 40)
    ]
    small, large = (FineTuned(net) for net in nets)
    params = small.defaults(DIGITS)[0]
    assert small.nominal_seconds(params, DIGITS) < large.nominal_seconds(params, DIGITS)
    costs = [TabICL().nominal_seconds({"estimators": views}, DIGITS) for views in (4, 8)]
    assert costs[0] < costs[1] < 2 * costs[0]
