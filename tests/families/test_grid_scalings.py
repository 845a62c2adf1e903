"""Scalings and changes of grids follow the symmetries: differences where levels wander, shifts that do no harm."""

from dataclasses import replace

import numpy as np
import optuna
import pytest

from autoarch import Layout
from autoarch._core.clock import Deadline
from autoarch._search.evaluate import fit_steps
from autoarch._search.run import with_findings
from autoarch._training.pretrained.source import Pretrained
from autoarch._training.scalers import CodeChannels
from autoarch.exceptions import InputError
from autoarch.families import Problem
from autoarch.families.cnn import CNN
from autoarch.families.kernels import Kernels
from autoarch.families.tree import Tree
from autoarch.locality.report import LocalityReport
from autoarch.locality.symmetry import Symmetry

SENSORS = Problem("classification", 200, 160, n_classes=2, smallest_class=100, layout=Layout(2, 80), verdict="1d-rows")
WANDERING = replace(SENSORS, symmetries=("wandering",))


def wandering(rng, n):
    """Two sensors that walk from levels of their own; a swing up and down, or down and up, anywhere in the first."""
    y = np.arange(n) % 2
    X = 0.1 * rng.normal(size=(n, 2, 80)).cumsum(axis=2) + 3 * rng.normal(size=(n, 2, 1))
    swing = np.sin(np.linspace(0, 2 * np.pi, 12))
    for sample, label, first in zip(X, y, rng.integers(0, 68, n), strict=True):
        sample[0, first : first + 12] += swing * (1 if label else -1)
    return X.reshape(n, -1).astype(np.float32), y


@pytest.mark.parametrize("family", [CNN(), Kernels()], ids=lambda family: family.name)
@pytest.mark.parametrize(
    ("symmetries", "first"),
    [
        ((), ["global"]),
        (("long_tails",), ["logarithms", "global"]),
        (("long_tails", "logarithms"), ["logarithms", "logarithms"]),
        (("long_tails", "not logarithms"), ["global"]),
        (("long_tails", "logarithms", "wandering", "differences"), ["logarithms", "logarithms"]),
    ],
)
def test_logarithms_come_first_where_values_have_long_tails(family, symmetries, first):
    """The cells second where nobody knows which of both tell more; none where they were found to tell no more."""
    problem = replace(SENSORS, layout=Layout(8, 20), verdict="2d", symmetries=symmetries)
    scalings = [params["scaling"] for params in family.defaults(problem)]
    assert scalings[: len(first)] == first
    assert ("logarithms" in scalings) == ("logarithms" in first)
    assert {"global", "cell"} <= set(scalings)
    assert len(scalings) == len({repr(params) for params in family.defaults(problem)})


@pytest.mark.parametrize("family", [CNN(), Kernels()], ids=lambda family: family.name)
def test_differences_come_early_where_levels_wander(family):
    """First where they were found to tell more, never where they were found not to; without wandering nets do without.

    They are those along the axes whose order matters; without one there are none. Kernels may read both.
    """
    scalings = [params["scaling"] for params in family.defaults(WANDERING)]
    better = replace(WANDERING, symmetries=("wandering", "differences"))
    worse = replace(WANDERING, symmetries=("wandering", "not differences"))

    beside = "cells and differences"
    assert scalings[:2] == (["global", "differences"] if family.name == "cnn" else ["differences", "global"])
    assert {"sample", "cell"} <= set(scalings)
    assert family.defaults(better)[0]["scaling"] == "differences"
    assert Tree().openings(better) == 1 < Tree().openings(WANDERING)  # boosting on cells can wait
    assert Kernels().openings(WANDERING) == 2  # quick, so that both are tried
    assert Kernels().openings(better) == 2  # patterns of differences, wherever they stand
    assert Kernels().openings(worse) == Kernels().openings(SENSORS) == 1
    assert "differences" not in [params["scaling"] for params in family.defaults(worse)]
    assert "differences" not in [params["scaling"] for params in family.defaults(replace(WANDERING, verdict="none"))]
    assert not {"differences", "sample"} & {params["scaling"] for params in family.defaults(SENSORS)}
    assert beside in Kernels().scalings(SENSORS)
    assert beside in [params["scaling"] for params in Kernels().defaults(SENSORS)][:5]
    assert [params["scaling"] for params in Kernels().defaults(replace(SENSORS, verdict="2d"))].index(beside) == 2
    assert not any(
        beside in Kernels().scalings(problem)
        for problem in (worse, replace(SENSORS, verdict="none"), replace(SENSORS, symmetries=("codes",)))
    )


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, "row lanes"),
        ({"verdict": "1d-columns"}, "column lanes"),
        ({"verdict": "2d"}, "square"),
        ({"symmetries": ("exchangeable_rows",)}, "square"),
        ({"layout": Layout(1, 160)}, "square"),
        ({"layout": None}, "square"),
        ({"layout": Layout(2, 80, 65)}, "square"),
    ],
    ids=["rows", "columns", "both", "no order", "line", "map", "too many"],
)
def test_lines_of_different_things_are_channels_of_kernels_first(changes, first):
    """Square ones come second, and alone where lines stand in no order, or neighbours depend on both sides."""
    problem = replace(SENSORS, **changes)

    assert [params["kernel"] for params in Kernels().defaults(problem)][:2] == [first, "square"]
    assert first in Kernels().kernels(problem)


@pytest.mark.parametrize(("verdict", "channels"), [("1d-rows", 1), ("1d-columns", 1), ("2d", 2)])
def test_there_are_differences_along_each_axis_whose_order_matters(verdict, channels):
    """One channel for each."""
    problem = replace(WANDERING, verdict=verdict)
    (_, scaler), _ = Kernels().build({**Kernels().defaults(problem)[0], "kernels": 8}, problem, 0)

    assert scaler.fit_transform(np.random.default_rng(0).normal(size=(20, 160))).shape == (20, channels, 2, 80)


def test_nets_and_kernels_read_codes_as_channels_and_pad_closed_axes_around():
    """As the probe has found them."""
    found = replace(SENSORS, symmetries=("codes", "circular_rows"))

    assert all(family.defaults(found)[0]["scaling"] == "codes" for family in (CNN(), Kernels()))
    (_, scaler), (_, net) = CNN().build(CNN().defaults(found)[0], found, 0)
    assert isinstance(scaler, CodeChannels)
    assert net.get_params()["module__wrap"] == net.get_params()["augmentation"].wrap == (False, True)
    _, (_, around), _ = Kernels().build(Kernels().defaults(found)[0], found, 0)
    grids = np.arange(80.0)[None, None, None]
    assert around.fit_transform(grids)[0, 0, 0].tolist() == [*range(72, 80), *range(80), *range(8)]


def test_what_levels_hide_is_learned_from_differences():
    """The same kernels see less of it in the cells themselves."""
    X, y = wandering(np.random.default_rng(0), 500)
    differences = Kernels().defaults(WANDERING)[0]
    raw = {**differences, "scaling": "global"}

    scores = [
        np.mean(
            fit_steps(Kernels(), params, WANDERING, 0, X[:200], y[:200], None, Deadline()).predict(X[200:]) == y[200:]
        )
        for params in (raw, differences)
    ]

    assert scores[0] < 0.95 < 0.98 < scores[1]


def test_a_net_on_differences_is_not_reused_for_cells():
    """Its channels are no cells, and other data would be fed to it as if they were."""
    X, y = wandering(np.random.default_rng(0), 40)
    params = {**CNN().smoke_params(WANDERING), "scaling": "differences", "effort": 0.1}
    fitted = fit_steps(CNN(), params, WANDERING, 0, X, y, None, Deadline())

    with pytest.raises(InputError, match="differences of neighbouring cells"):
        Pretrained.of(fitted)


def test_shifts_are_left_out_where_they_do_harm():
    """Neither a default nor a sampled net moves samples that are unlikely, or labelled differently, when moved."""
    refuted = replace(SENSORS, symmetries=("not shift",))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    for problem, most in ((SENSORS, 2), (refuted, 0)):
        shifts = [params["shift"] for params in CNN().defaults(problem)]
        shifts += [CNN().suggest(study.ask(), problem)["shift"] for _ in range(20)]
        assert max(shifts) == most


@pytest.mark.parametrize("symmetries", [("codes",), ("perhaps codes",)])
def test_codes_are_read_early_where_nobody_knows_whether_they_are_some(symmetries):
    """By random convolutions at once; by square kernels, too, where lines seem to stand in no order."""
    layout = Layout(8, 8)
    problem = Problem("classification", 800, 64, 2, 300, layout, symmetries=(*symmetries, "exchangeable_rows"))
    kernels, cnn = Kernels(), CNN()
    opening = kernels.defaults(problem)[: kernels.openings(problem)]
    nets = cnn.defaults(problem)[: cnn.openings(problem)]

    assert "codes" in [params["scaling"] for params in opening]
    assert {"kernel": "square", "scaling": "codes"}.items() <= nets[1].items()


def test_what_was_not_asked_for_want_of_time_is_tried():
    """The search reads cells as codes, too, where the probe had few rows or no time for the question."""
    problem, report = Problem("classification", 800, 64, 2, 300, Layout(8, 8)), LocalityReport(layout=Layout(8, 8))
    undecided = {"codes": Symmetry("too few rows", 0.0, None, "")}

    assert with_findings(problem, report).symmetries == ()
    for found in (replace(report, skipped=("codes: no time",)), replace(report, symmetries=undecided)):
        assert with_findings(problem, found).symmetries == ("perhaps codes",)
