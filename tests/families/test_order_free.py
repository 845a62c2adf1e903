"""Candidates on summaries without an order: where they are offered, what they see, and that the cells stay on offer."""

from dataclasses import replace

import numpy as np
import pytest

from autoarch import Layout
from autoarch._core.clock import Deadline
from autoarch._search.run import with_findings
from autoarch.families import Problem
from autoarch.families.cnn import CNN
from autoarch.families.linear import Linear
from autoarch.families.mlp import MLP
from autoarch.families.preprocessing import order_free_symmetries
from autoarch.families.tree import Tree
from autoarch.locality.grid_statistics import GridStatistics, Measurements
from autoarch.locality.report import LocalityReport
from autoarch.locality.symmetry import Symmetry

GRID = Problem("classification", 600, 144, n_classes=2, smallest_class=300, layout=Layout(12, 12))
FAMILIES = [Tree(), Linear(), MLP()]


def graphs(rng, n, side):
    """Symmetric 0-1 matrices of things in no order; of every other one, two groups keep more to themselves."""
    y = np.arange(n) % 2
    group = rng.integers(2, size=(n, side))
    alike = np.where(group[:, :, None] == group[:, None], 1, -1)
    links = np.triu(rng.random((n, side, side)) < 0.4 * (1 + 0.7 * y[:, None, None] * alike), 1)
    return (links | links.transpose(0, 2, 1)).reshape(n, -1).astype(np.float32), y


def bags(rng, n, side):
    """Rows in no order; the label says whether the first two columns vary together over them."""
    grids, y = rng.normal(size=(n, side, 12)), np.arange(n) % 2
    shared = 2 * rng.normal(size=(n, side))
    grids[:, :, 0] += shared
    grids[:, :, 1] += np.where(y[:, None] == 1, shared, -shared)
    return grids.reshape(n, -1).astype(np.float32), y


def score(family, params, problem, X, y):
    """Share of the second half of the rows that a candidate learns to predict from the first."""
    *steps, (_, model) = family.build(params, problem, 0)
    half = len(X) // 2
    for _, step in steps:
        X = np.concatenate([step.fit_transform(X[:half], y[:half]), step.transform(X[half:])])
    family.fit(model, X[:half], y[:half], sample_weight=None, deadline=Deadline(), seed=0)
    return np.mean(model.predict(X[half:]) == y[half:])


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_without_such_a_symmetry_nothing_changes(family):
    """Other symmetries bring no summaries; nor do any on a table, or where cells hold codes."""
    codes = replace(GRID, categorical=(3,), cardinalities=(4,), symmetries=("exchangeable_rows",))
    table = replace(GRID, layout=None)
    for problem in (GRID, table, codes, replace(table, symmetries=("symmetric",))):
        plain = replace(problem, symmetries=())
        for symmetries in (problem.symmetries, ("wandering", "mirror_rows", "place_free")):
            found = replace(problem, symmetries=symmetries)
            assert family.defaults(found) == family.defaults(plain)
            assert family.openings(found) == family.openings(plain)
            assert not order_free_symmetries(found)


@pytest.mark.parametrize("symmetry", ["exchangeable_rows", "exchangeable_columns", "symmetric"])
@pytest.mark.parametrize("family", FAMILIES[:2], ids=lambda family: family.name)
def test_summaries_open_the_search_beside_the_cells(family, symmetry):
    """And no default is lost."""
    problem = replace(GRID, symmetries=("wandering", symmetry))

    defaults = family.defaults(problem)

    views = [params["view"] for params in defaults]
    opening = views[: family.openings(problem)]
    assert "order-free" in opening and "cells" in opening
    assert [{"view": "cells", **params} for params in family.defaults(GRID)] == [
        params for params in defaults if params["view"] != "order-free"
    ]
    assert family.smoke_params(problem)["view"] in views


def test_a_plain_line_of_columns_is_tried_as_it_is_first():
    """Columns of a table may happen to be alike and in no order, and still each mean something."""
    line = replace(GRID, layout=Layout.of((1, 144), origin="shape"), symmetries=("exchangeable_columns",))
    for family in FAMILIES:
        for problem in (line, replace(line, n_samples=100_000)):
            views = [params["view"] for params in family.defaults(problem)]
            assert views.index("order-free") == family.openings(problem)


@pytest.mark.parametrize(
    ("make", "symmetries"),
    [(graphs, ("symmetric",)), (bags, ("exchangeable_rows",)), (bags, ("exchangeable_rows", "exchangeable_columns"))],
    ids=["graphs", "bags", "both-axes"],
)
@pytest.mark.parametrize("family", FAMILIES[:2], ids=lambda family: family.name)
def test_what_no_cell_tells_is_learned_from_summaries(family, make, symmetries):
    """Communities among things in no order, and a correlation over lines in no order."""
    X, y = make(np.random.default_rng(0), 400, 12)
    problem = replace(GRID, n_samples=200, smallest_class=100, symmetries=symmetries)
    params = family.defaults(problem)[0]
    assert params["view"] == "order-free"

    assert score(family, params, problem, X, y) > 0.8
    assert score(family, {**params, "view": "cells"}, problem, X, y) < 0.7


def test_nets_read_lines_in_no_order_alone():
    """And pool them; of a relation the cells of a line have no order either. Lines with an order are read alike."""
    rows = replace(GRID, symmetries=("exchangeable_rows",))
    relation = replace(GRID, symmetries=("exchangeable_rows", "symmetric"))

    first = CNN().defaults(rows)[0]
    assert (first["kernel"], first["head"]) == ("row sets", "global")
    assert "square" in [params["kernel"] for params in CNN().defaults(rows)]
    assert CNN().defaults(relation) == CNN().defaults(GRID)
    assert CNN().kernels(replace(rows, verdict="1d-rows"))[0] == "rows"
    assert CNN().kernels(replace(GRID, verdict="1d-rows"))[0] == "row lanes"


@pytest.mark.parametrize("family", FAMILIES[:2], ids=lambda family: family.name)
def test_columns_beside_the_grid_are_seen_with_the_summaries(family):
    """Numbers and categories, wherever they stand."""
    rng = np.random.default_rng(0)
    n, order = 300, (*range(1, 9), *range(10, 18))
    X = rng.normal(size=(n, 18)).astype(np.float32)
    X[:, 9] = rng.integers(0, 4, size=n)
    y = X[:, 9] % 2
    layout = Layout(4, 4, order=order, n_columns=18)
    problem = Problem("classification", n, 18, 2, n // 2, layout, (9,), (4,), symmetries=("exchangeable_rows",))
    params = {**family.defaults(problem)[0], "penalty": 0.1}  # of which trees take no notice

    assert score(family, params, problem, X, y) > 0.85
    assert score(family, {**params, "view": "cells and order-free"}, problem, X, y) > 0.85


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_cost_of_summaries_grows_with_the_rows(family):
    """And boosting on them comes soon: it has few rounds."""
    few, many = (replace(GRID, n_samples=n, symmetries=("symmetric",)) for n in (1_000, 4_000))
    params = next(params for params in family.defaults(few) if params["view"] == "order-free")
    assert 1.5 < family.nominal_seconds(params, many) / family.nominal_seconds(params, few) < 8


def test_families_hear_of_the_symmetries_that_the_probe_is_sure_of():
    """Those answered with "yes", and those with "no", on the layout that is used."""
    answers = {"exchangeable_rows": "yes", "exchangeable_columns": "no", "symmetric": "too few rows"}
    found = {name: Symmetry(answer, 0.0, None, "") for name, answer in answers.items()}
    report = LocalityReport.of(Measurements(Layout(12, 12), GridStatistics(symmetries=found)))

    assert with_findings(GRID, report).symmetries == ("exchangeable_rows", "not exchangeable_columns")
    assert with_findings(GRID, LocalityReport.of(Measurements())).symmetries == ()
