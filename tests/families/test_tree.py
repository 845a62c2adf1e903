"""The defaults of trees: slow boosting and a forest open the search, and none of them gives rows away."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier

from autoarch import Layout
from autoarch._core.clock import Deadline, OutOfTimeError
from autoarch._search.evaluate import fit_steps
from autoarch._training.boosters import NAMES, checked_in_every_round
from autoarch.families import MapColumns, Problem, categories, tree
from autoarch.families.landmarks import model_losses, prepare
from autoarch.families.linear import Linear
from autoarch.families.tree import Tree, _landmark_models
from autoarch.locality.landmarks import ProbeInput, measure_landmarks
from autoarch.locality.measurements import LandmarkScores

SIZES = {"n_samples": st.integers(10, 100_000), "n_features": st.integers(3, 1_000), "n_classes": st.integers(0, 700)}


def test_the_landmark_looks_at_the_clock_in_every_round_of_boosting():
    """Where the time ends between two of them, so does boosting, and the forest that was there before counts."""
    rng = np.random.default_rng(0)
    values, y = rng.normal(size=(120, 6)), np.sort(rng.integers(2, size=120)).astype(float)
    facts = {"task": "classification", "layout": None, "categorical": (), "seed": 3, "n_jobs": None}
    looks = []

    def check():
        looks.append(1)
        if len(looks) > 20:
            raise OutOfTimeError

    sample = prepare(values, y, **facts)
    found = Tree().landmark(sample, check)["tree"]
    assert len(looks) == 21
    np.testing.assert_array_equal(found, model_losses(_landmark_models(sample, check)[0], sample, lambda: None))


def test_looking_at_the_clock_leaves_boosting_as_it_is():
    """The same trees as without."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 4)), rng.integers(2, size=80)
    plain = HistGradientBoostingClassifier(max_iter=12, min_samples_leaf=5, early_stopping=False, random_state=0)
    looked = checked_in_every_round(clone(plain), lambda: None)
    np.testing.assert_array_equal(looked.fit(X, y).predict_proba(X), plain.fit(X, y).predict_proba(X))
    assert looked.n_iter_ == 12


def table(n_samples, n_features, n_classes, **facts):
    """A description of a table with classes of equal size, or of one with numbers."""
    task = "classification" if n_classes else "regression"
    smallest = n_samples // n_classes if n_classes else 0
    return Problem(task, n_samples, n_features, n_classes=n_classes, smallest_class=smallest, **facts)


@given(**SIZES)
def test_slow_boosting_and_a_forest_open_the_search(n_samples, n_features, n_classes):
    """On wide tables the forest first; combinations where they pay, larger trees of many rows; none stops early."""
    problem = table(n_samples, n_features, n_classes)
    opening = Tree().defaults(problem)[: Tree().openings(problem)]
    kinds = [params["kind"] for params in opening if params["kind"] not in NAMES]  # those that are installed
    larger = ["boosting"] if n_features < 200 and n_samples >= 2_000 and n_classes <= 3 else []
    crossed = ["boosting"] if categories.crosses_pay(problem) else []
    assert kinds == [*(["forest", "boosting"] if n_features >= 200 else ["boosting", "forest"]), *crossed, *larger]
    for params in opening:
        model = Tree().build(params, problem, 0)[-1][1]
        assert not getattr(model, "early_stopping", False)


def test_boosters_that_are_installed_have_a_turn_in_round_one(monkeypatch):
    """CatBoost and LightGBM on tables of 500 rows and more, behind what is always there."""
    monkeypatch.setattr(tree, "_installed", lambda: ["lightgbm", "xgboost", "catboost"])
    for problem, expected in ((table(1_000, 10, 2), ["lightgbm", "catboost"]), (table(400, 10, 2), [])):
        opening = Tree().defaults(problem)[: Tree().openings(problem)]
        assert [params["kind"] for params in opening] == ["boosting", "forest", *expected]


def test_combinations_of_columns_are_tried_on_tables():
    """Not where an order was found in the columns, nor on few rows."""
    views = [params.get("view") for params in Tree().defaults(table(1_000, 10, 2))]
    assert views.count("crossed") == 1 and views[0] == "cells"
    assert [params.get("view") for params in Linear().defaults(table(2_000, 10, 2))[:2]] == ["cells", "crossed"]
    for other in (table(1_000, 16, 2, layout=Layout(4, 4), verdict="2d"), table(100, 10, 2), table(1_000, 500, 2)):
        for family in (Tree(), Linear()):
            assert all(params.get("view") != "crossed" for params in family.defaults(other))


@pytest.mark.parametrize(("n_classes", "rounds"), [(0, 600), (3, 600), (9, 200), (600, 67)])
def test_many_classes_take_fewer_rounds(n_classes, rounds):
    """Each round grows a tree for every class."""
    problem = table(10_000, 20, n_classes)
    slow = Tree().defaults(problem)[0]
    assert Tree().build(slow, problem, 0)[-1][1].max_iter == rounds


def test_of_many_rows_larger_trees_come_first():
    """Slow boosting comes later, and is not lost."""
    few, many = (Tree().defaults(table(n, 20, 2)) for n in (10_000, 20_000))

    assert (few[0]["rate"], few[0]["leaves"]) == (0.03, 15)
    assert (many[0]["rate"], many[0]["leaves"]) == (0.1, 63)
    assert few[0] in many


def test_quick_boosting_stops_early_where_rows_suffice():
    """It is among the later defaults."""
    for n_samples, expected in ((1_000, [False]), (5_000, [False, True])):
        problem = table(n_samples, 20, 2)
        models = [Tree().build(params, problem, 0)[-1][1] for params in Tree().defaults(problem)]
        stops = [model.early_stopping for model in models if hasattr(model, "early_stopping")]
        assert sorted(set(stops)) == expected and not stops[0]


def test_on_a_map_boosting_is_also_tried_without_the_labels_of_neighbours():
    """Three defaults open the search there."""
    problem = table(1_000, 6, 2, coordinates=MapColumns(0, 1))
    opening = Tree().defaults(problem)[: Tree().openings(problem)]
    assert [(params["kind"], params["around"]) for params in opening] == [
        ("boosting", "neighbours"),
        ("forest", "oblique"),
        ("boosting", "oblique"),
    ]


@pytest.mark.parametrize(
    ("facts", "views"),
    [
        ({"layout": Layout(1, 90), "verdict": "1d-rows"}, ["quantiles", "both"]),
        ({"layout": Layout(9, 10), "verdict": "1d-columns"}, ["quantiles", "both"]),
        ({"layout": Layout(9, 10), "verdict": "2d"}, ["both", "both"]),
        ({"layout": Layout(1, 90), "verdict": "1d-rows", "symmetries": ("codes",)}, ["both", "both"]),
        ({"layout": Layout(1, 90), "verdict": "1d-rows", "categorical": (5,), "cardinalities": (3,)}, ["both", "both"]),
        ({"layout": Layout(1, 90)}, ["cells", "cells"]),
    ],
    ids=["row", "columns", "both axes", "codes", "categories", "no order"],
)
def test_series_are_read_by_a_forest_on_quantiles_first(facts, views):
    """Boosting comes second; where cells are codes, or no axis alone has an order, nothing changes."""
    first = Tree().defaults(table(300, 90, 3, **facts))[:2]

    assert [params.get("view") for params in first] == views
    assert (first[0]["kind"] == "forest") == (views[0] == "quantiles")


def test_cells_are_read_first_where_they_tell_more_than_patterns():
    """Boosting on them opens the search, however many there are, and the parts of the grid have their turn soon."""
    grid = table(500, 900, 2, layout=Layout(30, 30), verdict="2d")
    first, *others = Tree().defaults(replace(grid, symmetries=("single cells",)))
    assert (first["kind"], first["view"]) == ("boosting", "cells")
    assert "both" in {params["view"] for params in others[:2]}
    assert Tree().defaults(grid)[0]["kind"] == "forest"


@pytest.mark.parametrize("single", [True, False])
def test_the_landmarks_say_whether_single_cells_tell_more(single):
    """Smooth grids whose label is whether one cell is bright, or the wavelength."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=400)
    length = np.where(single | (y == 1), 6.0, 8.0)[:, None, None]
    down, across = np.indices((16, 16))
    X = np.sin((down + across) / length * 2 * np.pi + rng.uniform(0, 2 * np.pi, size=(400, 1, 1)))
    X += 0.3 * rng.normal(size=X.shape)
    if single:
        y = (X[:, 4, 9] > 0.3).astype(int)
    data = ProbeInput(X.reshape(400, -1), y, independent=np.arange(0))
    scores = LandmarkScores(measure_landmarks(data, Layout(16, 16), wanted=("cnn", "tree")).landmarks)
    assert scores.single_cells == single
    assert scores.tells_more == (("single cells",) if single else ())


def test_a_swing_anywhere_is_found_in_quantiles_of_intervals():
    """By the same forest that sees little of it in the cells; a category beside the line is read as one."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 91)), np.arange(400) % 2
    swing = 3 * np.sin(np.arange(12))
    for row, first in zip(np.flatnonzero(y), rng.integers(0, 78, 200), strict=True):
        X[row, first : first + 12] += swing
    X[:, 90] = rng.integers(0, 3, 400)
    problem = table(200, 91, 2, layout=Layout(1, 90, order=tuple(range(90)), n_columns=91), verdict="1d-rows")
    forest = {**Tree().defaults(problem)[0], "forest_columns": 0.1}
    scores = [
        np.mean(fit_steps(Tree(), params, problem, 0, X[:200], y[:200], None, Deadline()).predict(X[200:]) == y[200:])
        for params in ({**forest, "view": "cells"}, forest)
    ]

    assert forest["view"] == "quantiles"
    assert scores[1] > max(0.85, scores[0] + 0.1)


def test_boosting_keeps_what_it_learned_where_a_class_has_few_rows():
    """Three classes told by thresholds, a fourth with six rows: leaves of rows that are sure must not jump."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(12_000, 4))
    y = np.where(X[:, 0] > 0.3, 1, 0)
    y[(X[:, 1] > 1.2) & (X[:, 0] > 0)] = 2
    rare = rng.permutation(12_000)[:12]
    y[rare], X[rare, 2] = 3, X[rare, 2] + 4
    train = np.arange(12_000) < 6_000
    problem = table(6_000, 4, 4)
    quick = {
        **next(p for p in Tree().defaults(problem) if p["kind"] == "boosting"),
        "rate": 0.1,
        "leaves": 63,
        "columns": 0.5,
    }
    fitted = fit_steps(Tree(), {**quick, "amount": 5.0}, problem, 0, X[train], y[train], None, Deadline())
    assert fitted.score(X[~train], y[~train]) > 0.99
