"""The contract of a family as a test: for authors of plug-ins, and for the built-in families alike."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from autoarch._core.clock import Deadline
from autoarch._core.quiet import quiet
from autoarch._data.coordinates import MapColumns
from autoarch._data.layout import Layout
from autoarch._search.evaluate import fit_steps
from autoarch._search.predicted import predict_values
from autoarch._search.study import ask, new_study
from autoarch.families.base import Family, Problem
from autoarch.families.objective import Objective
from autoarch.families.registry import resolve_families

__all__ = ["check_family"]

_SEED = 7


def check_family(family: Family | type[Family] | str) -> None:
    """Check that a family keeps the contract of :class:`autoarch.families.Family`.

    On small problems of every kind that it can serve: suggestions and defaults can be built and have a finite, positive
    cost; a built pipeline learns, repeats itself under one seed, predicts a row alike whatever other rows there are,
    survives pickle, leaves the data alone, and takes weights, few rows and missing cells; where the deadline is already
    over, it predicts or raises ``TimeoutError``.

    Parameters
    ----------
    family : Family, subclass of Family or str
        What is checked; a name is looked up among the built-in and installed families.

    Raises
    ------
    AssertionError
        If the contract is broken; the message says where and how.

    Examples
    --------
    >>> from autoarch.testing import check_family
    >>> check_family("linear")
    """
    (checked,) = resolve_families([family])
    assert checked.name and checked.name == checked.name.lower(), f"name={checked.name!r} should be lower case"
    problems = [(problem, X, y) for problem, X, y in _problems() if checked.unfit_for(problem) is None]
    with quiet("optuna"):
        for problem, X, y in problems:
            _check_space(checked, problem)
            _check_fits(checked, problem, X, y)
    assert problems, f"{checked.name} serves none of the problems: unfit_for always gives a reason"


def _problems() -> Iterator[tuple[Problem, np.ndarray, np.ndarray]]:
    """Grids, lines, tables, a grid among other columns, points; two classes, three with text labels, and numbers.

    Then two numbers, and three labels, on a grid, a table and a map.
    """
    rng = np.random.default_rng(_SEED)
    lattice, scattered = {"coordinates": MapColumns(0, 1, on_lattice=True)}, {"coordinates": MapColumns(0, 1)}
    among_others = Layout(3, 3, order=(8, 1, 0, 9, 5, 2, 7, 4, -1), n_columns=11)
    kinds = (Layout(6, 6), 2), (Layout(4, 5, 2), 0), (Layout(1, 12), 3), (None, 0), (None, 3), (among_others, 2)
    maps = (None, 0, lattice), (None, 3, lattice), (None, 2, scattered)
    for layout, n_classes, where in [*((*kind, {}) for kind in kinds), *maps]:
        p = 8 if layout is None else layout.n_columns
        coded = layout is None or len(layout.foreign) > 0  # column 3 belongs to no cell
        X = rng.normal(size=(40, p)).astype(np.float32)
        if where is lattice:
            X[:, :2] = np.column_stack(np.divmod(np.arange(len(X)), 8))
        y: np.ndarray = (X[:, 0] + X[:, 1]).astype(np.float64)
        missing = rng.random(X.shape) < 0.02
        missing[:, : 2 * len(where)] = False  # places are known
        X[missing] = np.nan
        if coded:
            X[:, 3] = rng.integers(4, size=len(X))
        if n_classes:
            edges = np.quantile(y, np.linspace(0, 1, n_classes + 1)[1:-1])
            y = np.array(["low", "mid", "top"])[np.searchsorted(edges, y)]
        sizes = np.unique(y, return_counts=True)[1] if n_classes else np.zeros(1)
        problem = Problem(
            task="classification" if n_classes else "regression",
            n_samples=len(X),
            n_features=p,
            n_classes=n_classes,
            smallest_class=int(sizes.min()),
            layout=layout,
            categorical=(3,) if coded else (),
            cardinalities=(4,) if coded else (),
            has_missing=True,
            **where,
        )
        yield problem, X, y
        if n_classes in (0, 2) and layout is not among_others:
            several = np.column_stack([y, X[:, 1] * 1e3 if n_classes == 0 else rng.permutation(y)])
            if n_classes:
                several = (np.column_stack([several, several[:, :1]]) == "mid").astype(np.int64)
            each = Objective(each=(Objective(),) * several.shape[1])
            yield replace(problem, objective=each), X, np.nan_to_num(several)


def _check_space(family: Family, problem: Problem) -> None:
    """Check that parameters are sampled as "<family>.<name>", and that defaults lie in the space that is sampled."""
    study = new_study(_SEED)
    for default in [None, *family.defaults(problem)]:
        trial = ask(study, family, [family.name], default)
        params = family.suggest(trial, problem)
        sampled = {name for name in trial.params if name != "family"}
        unprefixed = sorted(name for name in sampled if not name.startswith(f"{family.name}."))
        assert not unprefixed, f"{family.name}.suggest samples {unprefixed}; names must begin with '{family.name}.'"
        if default is not None:
            assert params == dict(default), f"the default {default} became {params} in suggest: it lies outside"
        seconds = family.nominal_seconds(params, problem)
        assert np.isfinite(seconds) and seconds > 0, f"{family.name}.nominal_seconds gives {seconds} for {params}"
        steps = family.build(params, problem, _SEED)
        assert steps and steps[-1][0] == "model", f"{family.name}.build should end with a step named 'model'"
        for name, step in steps:
            assert isinstance(step, BaseEstimator), f"step {name!r} is {type(step).__name__}, no scikit-learn estimator"
            clone(step)


def _fit(
    family: Family, problem: Problem, X: np.ndarray, y: np.ndarray, deadline: Deadline, weight: np.ndarray | None = None
) -> Pipeline:
    return fit_steps(family, family.smoke_params(problem), problem, _SEED, X, y, weight, deadline)


def _check_fits(family: Family, problem: Problem, X: np.ndarray, y: np.ndarray) -> None:
    where = f"{family.name} on {problem.task}, layout {problem.layout}, {problem.n_targets} targets"
    X.setflags(write=False)
    before = X.copy()
    classes = np.unique(y) if problem.classification else None

    def predicted(model: Pipeline, X: np.ndarray) -> np.ndarray:
        return predict_values(model, X, classes, y.shape[1:])

    model = _fit(family, problem, X, y, Deadline())
    np.testing.assert_array_equal(X, before, err_msg=f"{where}: fit changed X")
    values = predicted(model, X)
    assert len(values) == len(X), f"{where}: {len(values)} predictions for {len(X)} rows"
    if classes is not None:
        assert set(np.ravel(model.predict(X))) <= set(classes), f"{where}: predict gives labels that y does not hold"
    again = predicted(_fit(family, problem, X, y, Deadline()), X)
    np.testing.assert_allclose(again, values, atol=1e-7, err_msg=f"{where}: one seed, two results")
    few = np.concatenate([predicted(model, X[i : i + 7]) for i in range(0, len(X), 7)])
    np.testing.assert_allclose(few, values, atol=1e-6, err_msg=f"{where}: a row's prediction hangs on other rows")
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(predicted(copy, X), values, atol=1e-7, err_msg=f"{where}: pickle")
    last = family.build(family.smoke_params(problem), problem, _SEED)[-1][1]
    weight = np.where(np.arange(len(X)) % 2, 1.0, 0.5) if has_fit_parameter(last, "sample_weight") else None
    predicted(_fit(family, problem, X, y, Deadline(1e6), weight), X)
    with suppress(TimeoutError):
        predicted(_fit(family, problem, X, y, Deadline(0.0), weight), X)
