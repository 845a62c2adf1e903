"""Boosted trees and forests: usually the best models of tables without a layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn import ensemble
from sklearn.base import BaseEstimator

from autoarch._core.clock import OutOfTimeError
from autoarch._training import boosters, interval_quantiles, room
from autoarch._training.crossed_columns import MOST_CROSSED
from autoarch._training.grid_summaries import FEWEST_CELLS, VIEWS, GridSummaries
from autoarch._training.interval_quantiles import IntervalQuantiles
from autoarch._training.table_scalers import SmallUnits
from autoarch._training.time_limited import fit_growing
from autoarch.families import categories, landmarks, preprocessing
from autoarch.families.base import Array, Family, Params, Problem, Steps, Trial
from autoarch.families.landmarks import N_FOLDS, SMALL_ROWS, TINY_ROWS, Check, Losses, Sample

_MOST_TREES = 300
_MOST_AMOUNT, _MOST_ROUNDS = 90.0, 3_000  # rate x rounds, and rounds, at which early stopping ends at the latest,
_FEWEST_ROUNDS = 500  # whatever the rate
_PATIENCE = (15, 60)  # rounds without progress: 1.5 / rate within these limits
_EARLY_STOPPING_ROWS = 1500  # below, a tenth of the rows tells too little about when to stop
_MORE_ROUNDS = 1.3  # than early stopping found on fewer rows, for a fit on all of them that does not stop early
_AMOUNT = 12.0  # rate x rounds without early stopping
_LEAST_AMOUNT = 2.0
_PER_TRIED = 1.6e-8  # seconds that a row costs for each level and each column that a split of a forest looks at
_SORTING = 3.0  # times as long take the splits of a random forest
_PER_TREE, _PER_BIN, _PER_SPLIT = 3e-4, 1e-9, 2e-6  # seconds of boosting: for a tree; for each column, a row and a leaf
_NOMINAL_ROUNDS, _SUMMARIES = 50, 300  # at which early stopping ends, for a rate of 1; columns of summaries, roughly
_SLOW_ROUNDS, _MOST_CLASS_TREES = 600, 4_000  # of slow boosting, and its trees of all classes
_LARGE_ROWS, _SWIFT_ROUNDS = 20_000, 150  # from which few rounds of larger trees come first, and how many
_BRIEF_ROUNDS = 80  # on summaries without an order, of which many tell the same
_MANY_ROWS, _FEW_CLASSES = 2_000, 3  # from which, and up to which, larger trees are tried early
_FIRST_CLASS, _FEWEST_PLUGGED = ("catboost", "lightgbm"), 500  # boosters in round one, and rows for that
_WIDE = 200  # columns from which boosting costs more than a forest by an order of magnitude
_BOOSTING = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
_FORESTS: dict[str, tuple[type, type]] = {
    "forest": (ensemble.ExtraTreesClassifier, ensemble.ExtraTreesRegressor),
    "random forest": (ensemble.RandomForestClassifier, ensemble.RandomForestRegressor),
}
QUANTILES = "quantiles"  # a view, beside those of summaries
_OF_QUANTILES = 0.1  # share of the columns that a split looks at where there are thousands of quantiles
_LANDMARK_ROUNDS, _MOST_LANDMARK_SECONDS = 30, 2.0  # of the landmark's boosting


class Tree(Family):
    """Boosting and two kinds of forests, on cells or summaries of a grid; other boosters where they are installed."""

    name = "tree"
    anytime = True
    averages_folds = True
    title, landmark_title = "trees", "small trees"
    landmark_offset = 0.106  # trees gain most from more rows and rounds
    prior_odds = (0.25, 0.30, 0.50)

    def kinds(self, problem: Problem) -> list[str]:
        """The models on offer here, cheapest first on wide data."""
        kinds = ["boosting", "forest"] if problem.n_features < _WIDE else ["forest", "boosting"]
        return [*kinds, *_installed(), "random forest"]

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """Slow boosting and a forest; larger trees; other boosters; boosting that stops early; other forests.

        Where one axis alone has an order, a forest on quantiles of intervals comes first. Of many rows larger trees
        learn more in less time than slow boosting. Where single cells tell more than patterns, cells are read first.
        """
        near, oblique, bare = (preprocessing.spatial_default(problem, place) for place in range(3))
        view = _view(problem, "boosting")
        leaf_rows, l2 = (20 if problem.n_samples >= 500 else 5), boosters.weight_on_leaves(problem.n_classes)
        boosting: Params = {"kind": "boosting", "leaf_rows": leaf_rows, "l2": l2, **view}
        slow = {**boosting, "rate": 0.03, "leaves": 15, "columns": 0.3, **_to_the_end(problem, 0.03)}
        larger = {**boosting, "rate": 0.05, "leaves": 63, "columns": 0.5, **_to_the_end(problem, 0.05)}
        single = view.get("view") == "cells"  # not parts of the grid: single cells tell more
        larger |= {"leaf_rows": leaf_rows // 2, **near, **({"view": "both"} if single else {})}
        if categories.many_levels(problem, 2):
            larger["categories"] = "means"
        quick = {**boosting, "rate": 0.1, "leaves": 31, "columns": 1.0, **_early(problem), **near}
        shrunk = {**boosting, "rate": 0.03, "leaves": 31, "columns": 0.3, **_early(problem), "l2": 5.0, **bare}
        forest: Params = {"kind": "forest", "forest_leaf_rows": 1, **_view(problem, "forest")}
        series = _has_quantiles(problem) and problem.verdict.startswith("1d") and not single
        many, few = (forest, 0.6), (forest, 0.0)  # columns that a split looks at
        if series:
            quantiles = {**forest, "view": QUANTILES}
            many, few = (quantiles, _OF_QUANTILES), (quantiles, 0.0 if problem.classification else _OF_QUANTILES)
        swift = {**boosting, "rate": 0.1, "leaves": 63, "columns": 0.5, **_to_the_end(problem, 0.1, _SWIFT_ROUNDS)}
        large = problem.n_samples >= _LARGE_ROWS
        first = [{**(swift if large else slow), **near}, {**few[0], "forest_columns": few[1], **oblique}]
        if (problem.n_features >= _WIDE and not single) or "differences" in problem.symmetries or series:
            first.reverse()
        if oblique:  # labels of neighbours mislead as often as they help, so boosting is tried without them, too
            first.append({**(swift if large else slow), **oblique})
        crosses = categories.can_cross(problem)
        crossed = [{**slow, **near, "view": "crossed"}] if crosses else []
        at_once = categories.crosses_pay(problem)
        plugged = {kind: {**self._plugged(kind, problem), **view, **near} for kind in _installed()}
        defaults = [
            *first,
            *(plugged.pop(kind) for kind in _first_class(problem)),
            *(crossed if at_once else []),
            larger,
            *plugged.values(),
            *([{**slow, **near}] if large else []),
            quick,
            shrunk,
            {**many[0], "forest_columns": many[1], **near},
            {**forest, "kind": "random forest", "forest_columns": 0.0, **near},
            *([] if at_once else crossed),
        ]
        brief = {**boosting, "rate": 0.1, "leaves": 15, "columns": 0.3, **_to_the_end(problem, 0.1, _BRIEF_ROUNDS)}
        summed = [{**brief, **near}, {**forest, "forest_columns": 0.0, **near}]
        coded = {"categories": "codes"} if categories.many_levels(problem, 2) else {}
        defaults, summed = ([{**coded, **params} for params in some] for some in (defaults, summed))
        if crosses:
            defaults = [{"view": "cells", **params} for params in defaults]
        return preprocessing.with_order_free(defaults, summed, problem, self.openings(problem))

    def openings(self, problem: Problem) -> int:
        """Boosting and a forest: which of them wins is not known beforehand; on a map, boosting twice.

        Combinations of columns where they pay; with many rows, larger trees too; where lines have no order, two on
        summaries, and the first one on the cells; where differences tell more than cells, a forest alone.
        """
        if "differences" in problem.symmetries:
            return 1
        if preprocessing.opens_without_order(problem):
            return 3
        cheap = problem.n_features < _WIDE and problem.n_classes <= _FEW_CLASSES
        many = problem.coordinates is not None or (cheap and problem.n_samples >= _MANY_ROWS)
        return 2 + len(_first_class(problem)) + categories.crosses_pay(problem) + many

    def follows(self, loss: str, params: Params, problem: Problem) -> bool:
        """Return whether it is scikit-learn's boosting, or LightGBM, which have many losses."""
        return params["kind"] in ("boosting", "lightgbm") and loss in boosters.LOSSES

    def smoke_params(self, problem: Problem) -> Params:
        """Boosting with few rounds."""
        quick = {"rate": 0.1, "amount": 3.0}
        boosting = next(params for params in self.defaults(problem) if params["kind"] == "boosting")
        return {**boosting, **quick}

    def _plugged(self, kind: str, problem: Problem) -> Params:
        """Other boosters, none of which stops early; CatBoost nearly as it comes."""
        leaf_rows = 20 if problem.n_samples >= 500 else 5
        amount = _AMOUNT if problem.n_samples < _EARLY_STOPPING_ROWS else 2 * _AMOUNT
        slow = {"rate": 0.05, "leaves": 31, "leaf_rows": leaf_rows, "columns": 0.5, "l2": 1.0}
        if kind == "catboost":
            slow |= {"leaves": 64, "columns": 1.0, "l2": 3.0}
        return {"kind": kind, **slow, "amount": amount}

    def suggest(self, trial: Trial, problem: Problem) -> Params:
        """Sample the kind, then what that kind has to tune."""
        kind = trial.suggest_categorical("tree.kind", self.kinds(problem))
        params: Params = {"kind": kind}
        params |= preprocessing.suggest_view(trial, self.name, problem, _views(problem))
        params |= preprocessing.suggest_spatial(trial, self.name, problem)
        params |= categories.suggest_categories(trial, self.name, problem, ("codes", "means"))
        if kind in _FORESTS:
            params["forest_leaf_rows"] = trial.suggest_int("tree.forest_leaf_rows", 1, 20, log=True)
            params["forest_columns"] = trial.suggest_float("tree.forest_columns", 0.0, 1.0)  # 0: the usual choice
            return params
        params |= {
            "rate": trial.suggest_float("tree.rate", 0.02, 0.3, log=True),
            "leaves": trial.suggest_int("tree.leaves", 4, 128, log=True),
            "leaf_rows": trial.suggest_int("tree.leaf_rows", 2, 100, log=True),
            "columns": trial.suggest_float("tree.columns", 0.2, 1.0),
            "l2": trial.suggest_float("tree.l2", 1e-3, 100.0, log=True),
        }
        if kind == "boosting" and _can_stop_early(problem):
            params["early"] = trial.suggest_categorical("tree.early", [False, True])
        if not params.get("early", False):
            params["amount"] = trial.suggest_float("tree.amount", _LEAST_AMOUNT, 60.0, log=True)  # rate x rounds
        return params

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Trees read codes and missing cells as they are; spatial features and summaries of a grid come before.

        Of categories with many levels, and of others where ``params`` say so, they read target means and counts.
        """
        tidy = categories.tidy_steps(problem)
        if 2 * len(problem.naming) > problem.n_features:  # numbers whose effects jump, which trees split as they are
            problem = replace(problem, naming=())
        naming, problem = categories.naming_steps(params, problem)
        spatial, problem = preprocessing.spatial_steps(params, problem, seed)
        summaries, problem = preprocessing.view_steps(params, problem)
        steps = [*tidy, *naming, *spatial, *summaries]
        if (view := params.get("view", "cells")) in (*VIEWS[1:], QUANTILES):
            assert problem.layout is not None
            steps += [("summaries", _summaries(problem, view))]
            if view != "both" and problem.categorical:  # what is beside the grid comes first
                places = np.searchsorted(problem.layout.foreign, problem.categorical)
                problem = replace(problem, categorical=tuple(places.tolist()))
        means, problem = categories.means_steps(params, problem)
        steps += means
        steps += categories.crossed_steps(params, problem, seed)[0]
        if params["kind"] in _FORESTS:
            steps += [("units", SmallUnits())]
            model = self._forest(params, problem, seed)
        elif params["kind"] == "boosting":
            model = self._boosting(params, problem, seed)
        else:
            model = boosters.build(params, problem.classification, seed, _rounds(params))
            if params.get("target") == "loss":
                model.set_params(**boosters.lightgbm_loss(problem.objective.native, problem.objective.level))
        return [*steps, ("model", model)]

    def _forest(self, params: Params, problem: Problem, seed: int) -> BaseEstimator:
        model = _FORESTS[params["kind"]][0 if problem.classification else 1]
        root = "sqrt" if problem.classification else 1.0 / 3.0
        size = {"min_samples_leaf": params["forest_leaf_rows"], "max_features": params["forest_columns"] or root}
        return model(n_estimators=_MOST_TREES, n_jobs=-1, random_state=seed, **size)

    def _boosting(self, params: Params, problem: Problem, seed: int) -> BaseEstimator:
        model = _BOOSTING[0 if problem.classification else 1]
        early, rate = params.get("early", False), params["rate"]
        most = int(np.clip(_MOST_AMOUNT / rate, _FEWEST_ROUNDS, _MOST_ROUNDS)) if early else _rounds(params)
        rounds = {"max_iter": most, "early_stopping": early, "n_iter_no_change": int(np.clip(1.5 / rate, *_PATIENCE))}
        if params.get("target") == "loss":
            rounds |= boosters.histogram_loss(problem.objective.native, problem.objective.level)
        return model(
            learning_rate=rate,
            max_leaf_nodes=params["leaves"],
            min_samples_leaf=params["leaf_rows"],
            max_features=params["columns"],
            l2_regularization=params["l2"],
            categorical_features=list(problem.categorical) or None,
            random_state=seed,
            **rounds,
        )

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate by the trees, their depth, and the columns that each split looks at."""
        n, p = problem.n_samples, self._n_columns(params, problem)
        summing = 0.02 + preprocessing.view_seconds(params, problem) + categories.crossing_seconds(params)
        if params.get("view") == QUANTILES:
            summing += n * _summaries(problem, QUANTILES).seconds_per_row
        if params["kind"] in _FORESTS:
            root = np.sqrt(p) if problem.classification else p / 3
            tried = (1 + (params["forest_columns"] * p or root)) * (1 + problem.n_outputs / 50)
            depth = np.log2(n / params["forest_leaf_rows"] + 2)
            sorting = _SORTING if params["kind"] == "random forest" else 1.0
            return summing + _MOST_TREES * n * depth * tried * sorting * _PER_TRIED
        rounds = _NOMINAL_ROUNDS / params["rate"] ** 0.5 if params.get("early", False) else _rounds(params)
        trees = rounds * (problem.n_classes if problem.n_classes > 2 else 1)
        leaves = min(params["leaves"], n / (2 * params["leaf_rows"]) + 1)
        return summing + trees * (_PER_TREE + p * (n * np.log2(leaves + 1) * _PER_BIN + leaves * _PER_SPLIT))

    def _n_columns(self, params: Params, problem: Problem) -> int:
        view, (_, seen) = params.get("view", "cells"), preprocessing.view_steps(params, problem)
        if view == QUANTILES:
            assert problem.layout is not None
            n_quantiles = interval_quantiles.n_quantiles(problem.layout, preprocessing.difference_axes(problem))
            return len(problem.layout.foreign) + n_quantiles
        cells = seen.n_features if view != "summaries" else 0
        crossed = MOST_CROSSED if view == "crossed" else 0
        return cells + crossed + (min(_SUMMARIES, 2 * problem.n_features) if view in VIEWS[1:] else 0)

    def fit(self, model: BaseEstimator, X: Array, y: Array, **limits: Any) -> BaseEstimator:
        """Grow until the model has enough, stops by itself, or the time is up."""
        if isinstance(model, tuple(kind for pair in _FORESTS.values() for kind in pair)):
            return room.fit_forest(model, X, y, first=2, **limits)
        if isinstance(model, _BOOSTING):
            if model.early_stopping:
                return fit_growing(model, "max_iter", X, y, first=1, **limits)
            return boosters.fit_histogram_boosting(model, X, y, **limits)
        return boosters.fit(model, X, y, limits["sample_weight"], limits["deadline"])

    def learned(self, models: Sequence[BaseEstimator]) -> Mapping[str, Any]:
        """The rounds at which early stopping found no more to gain, so that the refit can use every row."""
        if not getattr(models[0], "early_stopping", False) or not all(model.complete_ for model in models):
            return {}
        stopped = [model.n_iter_ < model.max_iter for model in models]
        wait = models[0].n_iter_no_change // 2
        rounds = [max(1, m.n_iter_ - wait * early) for m, early in zip(models, stopped, strict=True)]
        return {"max_iter": int(np.median(rounds) * _MORE_ROUNDS) + 1, "early_stopping": False}

    def landmark(self, sample: Sample, check: Check) -> Losses:
        """Extra trees and, where cheap and in time, small gradient boosting; both see categories as codes."""
        forest, *boosting = _landmark_models(sample, check)
        variants = [landmarks.model_losses(forest, sample, check)]
        with suppress(OutOfTimeError):
            variants += [landmarks.model_losses(model, sample, check) for model in boosting]
        return {self.name: landmarks.best_variant(variants, sample.folds)}

    def landmark_seconds(self, sample: Sample) -> float:
        """Estimate by the depth of the trees, the columns that each split looks at, and the classes."""
        n, each = len(sample), 2 + 0.2 * sample.n_classes if sample.n_classes else 6
        forest = _landmark_trees(sample) * _columns_tried(sample) * each
        boosting = 2 * _boosting_seconds(sample) if _boosts(sample) else 0.0
        return 0.3 + N_FOLDS * forest * n * np.log2(n) / 1e8 + boosting


def _landmark_models(sample: Sample, check: Check) -> list[BaseEstimator]:
    forest, boosting = (pair[0 if sample.n_classes else 1] for pair in (_FORESTS["forest"], _BOOSTING))
    size = {"n_estimators": _landmark_trees(sample), "max_features": _columns_tried(sample)}
    extra_trees = forest(**size, random_state=sample.seed, n_jobs=sample.n_jobs)
    if not _boosts(sample):
        return [extra_trees]
    small = {"max_iter": _LANDMARK_ROUNDS, "learning_rate": 0.2, "max_leaf_nodes": 8, "min_samples_leaf": 5}
    coded = [column for column in sample.categorical if sample.ordinal[:, column].max() < categories.MOST_CODED]
    quick = boosting(**small, categorical_features=coded or None, random_state=sample.seed)
    return [extra_trees, boosters.checked_in_every_round(quick, check)]


def _landmark_trees(sample: Sample) -> int:
    most = room.trees_with_room(len(sample), sample.n_classes)
    return min(most, 80 if len(sample) >= SMALL_ROWS else 20 if len(sample) >= TINY_ROWS else 10)


def _columns_tried(sample: Sample) -> int:
    """Columns that an extra tree looks at in each split."""
    p = sample.ordinal.shape[1]
    return max(1, int(np.sqrt(p)), 0 if sample.n_classes else min(p // 3, 100))


def _boosting_seconds(sample: Sample) -> float:
    """Estimate the cost of the landmark's boosting, from its rows, columns and trees alone."""
    n, p = sample.ordinal.shape
    trees = _LANDMARK_ROUNDS * (sample.n_classes if sample.n_classes > 2 else 1)
    return N_FOLDS * trees * (5e-4 + p * (n * 1e-8 + 6e-6))


def _boosts(sample: Sample) -> bool:
    return not sample.brief and len(sample) >= 2 * TINY_ROWS and _boosting_seconds(sample) < _MOST_LANDMARK_SECONDS


def _has_parts(problem: Problem) -> bool:
    """Tell whether there is a grid whose neighbouring cells belong together, large enough to be summed up."""
    layout = problem.layout
    return layout is not None and problem.verdict != "none" and layout.height * layout.width >= FEWEST_CELLS


def _view(problem: Problem, kind: str) -> Params:
    """The default: cells and summaries, or summaries alone where many columns make boosting slow; cells that tell."""
    if not _has_parts(problem):
        return {}
    if "single cells" in problem.symmetries:
        return {"view": "cells"}
    return {"view": "summaries" if problem.n_features >= _WIDE and kind != "forest" else "both"}


def _installed() -> list[str]:
    """Boosters of other packages that are here."""
    return [name for name in boosters.NAMES if find_spec(name) is not None]


def _first_class(problem: Problem) -> list[str]:
    """Boosters among them that have a turn in round one: on tables without an order, where they are cheap."""
    table = problem.verdict == "none" and problem.coordinates is None and problem.n_features < _WIDE
    return [name for name in _installed() if table and name in _FIRST_CLASS and problem.n_samples >= _FEWEST_PLUGGED]


def _has_quantiles(problem: Problem) -> bool:
    """Tell whether these parts hold numbers whose order means something."""
    if not _has_parts(problem) or problem.layout is None or "codes" in problem.symmetries:
        return False
    return not np.isin(problem.categorical, problem.layout.columns).any()


def _views(problem: Problem) -> list[str]:
    """Cells, summaries, both and, of numbers, quantiles; on tables combinations of columns."""
    views = list(VIEWS) if _has_parts(problem) else categories.views(problem)
    return [*views, *([QUANTILES] if _has_quantiles(problem) else [])]


def _summaries(problem: Problem, view: str) -> GridSummaries | IntervalQuantiles:
    assert problem.layout is not None
    if view == QUANTILES:
        return IntervalQuantiles(problem.layout, preprocessing.difference_axes(problem))
    return GridSummaries(problem.layout, view)


def _can_stop_early(problem: Problem) -> bool:
    """Tell whether a tenth of the rows suffices for early stopping."""
    enough = not problem.classification or problem.smallest_class >= 2 * _PATIENCE[0]
    return problem.n_samples >= _EARLY_STOPPING_ROWS and enough


def _to_the_end(problem: Problem, rate: float, slow_rounds: int = _SLOW_ROUNDS) -> Params:
    """Boosting on all rows with a fixed number of rounds, fewer where each of them grows a tree for many classes."""
    rounds = slow_rounds if problem.n_classes <= 3 else min(slow_rounds / 3, _MOST_CLASS_TREES / problem.n_classes)
    amount = {"amount": max(_LEAST_AMOUNT, round(rate * rounds, 6))}
    return {"early": False, **amount} if _can_stop_early(problem) else amount


def _early(problem: Problem) -> Params:
    """Early stopping where rows suffice, else the default amount of learning."""
    return {"early": True} if _can_stop_early(problem) else {"amount": _AMOUNT}


def _rounds(params: Params) -> int:
    """Rounds of boosting without early stopping."""
    return max(1, min(_MOST_ROUNDS, round(params["amount"] / params["rate"])))
