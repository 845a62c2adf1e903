"""Attribution by perturbation, for any model: occlusion of parts of a row [1]_ [2]_, and permutation among rows [3]_.

References
----------
.. [1] M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.
.. [2] M. Robnik-Sikonja, I. Kononenko, "Explaining classifications for individual instances", IEEE Transactions on
   Knowledge and Data Engineering 20, 589-600, 2008, draw the background from other rows.
.. [3] L. Breiman, "Random forests", Machine Learning 45, 5-32, 2001; A. Fisher, C. Rudin, F. Dominici, "All models are
   wrong, but many are useful", Journal of Machine Learning Research 20, 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autoarch._core.checks import check_choice
from autoarch._data.target import numeric_target
from autoarch._search.predicted import aligned
from autoarch._search.scoring import Predictions, Scorer
from autoarch._training.grid_extents import GridExtent
from autoarch._training.scalers import GridScaler
from autoarch.exceptions import InputError, ParameterError
from autoarch.explain.attribution import has_trees
from autoarch.explain.column_map import Unit, spread_evenly
from autoarch.explain.local_updates import outputs_after
from autoarch.explain.model import Query, WrappedModel
from autoarch.explain.pullback import Attribution, Member
from autoarch.explain.rows import Replacement, Rows
from autoarch.families.convolution_ridge import RandomConvolutions

MOST_VALUES = 2**23  # in one call of predict: 32 MB of float32, where larger batches gain nothing more
# Values in all rows to predict, up to which draws are the default, and patches are cut in more ways than they must be:
# seconds for most models. 256 kernels that read all rows anew take 1.5 s for a million such values, and most families
# much less.
_AFFORDABLE, _AFFORDABLE_IN_PATCHES = 30_000_000, 6_000_000
_FEWEST_DRAWS = 4  # of each of several cuts; a cell is drawn as often as there are cuts times that
_HALF = 0.5  # of a value and half of another is neither where they are codes
_TINY, _NOTHING, _LEAST_VOTE = float(np.finfo(np.float64).tiny), 1e-304, 1e-6  # probabilities
_MOST_OF_ONE_CLASS = 0.8  # of the rows: a cause at one place that they share would be replaced by itself
_MOST_FOR_ENSEMBLE = 12_000_000  # such values for all models of an ensemble; with more, fewer of them are used


def find_scale(scale: str, model: WrappedModel) -> tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """Return the unit in words, and the function from predictions and target columns to the numbers explained.

    "auto" is log-odds, in which very sure predictions still differ, unless the model votes: there the last vote would
    be worth as much as all the others.

    Raises
    ------
    ParameterError
        If there are no probabilities to take the odds of.
    """
    check_choice("scale", scale, ("auto", "probability", "log-odds"))
    if model.output != "probability":
        if scale == "log-odds":
            raise ParameterError(f"scale='log-odds' needs probabilities, and there is a {model.output}. Leave it out.")
        return "prediction, in units of y" if model.classes is None else f"{model.output} of the target", _of_target
    if scale == "probability" or (scale == "auto" and _votes(model)):
        return "probability of the target", _of_target
    return "log-odds of the target", _log_odds


def _votes(model: WrappedModel) -> bool:
    """Tell votes, of which some are 0 and no other is tiny, from saturated probabilities."""
    none = model.predictions <= _NOTHING ** (1.0 / model.temperature)  # as ``with_temperature`` writes 0
    return bool(none.any() and model.predictions[~none].min() > _LEAST_VOTE)


def _of_target(predictions: np.ndarray, target: np.ndarray) -> np.ndarray:
    return predictions[np.arange(len(predictions)), target]


def _log_odds(predictions: np.ndarray, target: np.ndarray) -> np.ndarray:
    others = np.where(np.arange(predictions.shape[1]) == target[:, None], 0.0, predictions).sum(axis=1)
    return np.log(np.maximum(_of_target(predictions, target), _TINY)) - np.log(np.maximum(others, _TINY))


def occlude(query: Query) -> Attribution:
    """Prediction for the row as it is, less the prediction without a unit.

    Raises
    ------
    ParameterError, InputError
        If the scale or the baseline does not fit.
    """
    model, n, n_columns = query.model, len(query.model.rows), query.model.rows.n_columns
    words, scaled = find_scale(query.scale, model)
    by, units, background, baseline, n_repeats = _plan(query)
    model = model.limited_to(max(1, _MOST_FOR_ENSEMBLE // (n * len(units) * n_columns * n_repeats)))
    base = scaled(model.predictions, query.target)
    drawn = query.rng.integers(len(background), size=(n_repeats, len(units), n))
    falls = np.zeros((n_repeats, n, len(units)))
    encoded = [_encoded(model, unit) for unit in units]
    jobs = [(repeat, unit) for repeat in range(n_repeats) for unit in range(len(units)) if len(encoded[unit][0])]
    for part, batch in _batches(query, n, n_columns, jobs):
        removed = [
            Replacement(columns, shares, background, drawn[repeat, unit, part])
            for repeat, unit in batch
            for columns, shares in [encoded[unit]]
        ]
        predictions = predictions_after(model, model.rows.take(part), removed)
        without = scaled(predictions, np.tile(query.target[part], len(batch))).reshape(len(batch), -1)
        for (repeat, unit), left in zip(batch, without, strict=True):
            falls[repeat, part, unit] = base[part] - left
    outputs, maps = scaled(query.model.predictions, query.target), _maps(query, falls, units)
    return Attribution(
        **maps, units=f"fall of the {words}", outputs=outputs, by=by, baseline=baseline, models=model.models
    )


def _plan(query: Query) -> tuple[str, list[Unit], Rows, str, int]:
    """Units in words, and themselves; the background, in words, and how often it is drawn from."""
    partition, n_repeats = query.partition, query.n_repeats
    most = _AFFORDABLE_IN_PATCHES if partition.shifted else _AFFORDABLE
    affordable = most // (len(query.model.rows) * query.model.rows.n_columns)
    draws = min(n_repeats, _FEWEST_DRAWS) if partition.shifted else n_repeats
    draws_pay = len(partition.units()[1]) * draws <= affordable and _rows_serve(query)
    background, baseline, n_repeats = query.find_background(affordable=draws_pay)
    by, units = partition.units(affordable // min(n_repeats, draws))
    if partition.shifted:
        n_repeats = min(n_repeats, max(draws, affordable // len(units)))
    return by, units, background, baseline, n_repeats


def _rows_serve(query: Query) -> bool:
    """Tell whether values of other rows are a better background than the mean of the training rows.

    Trees compare with thresholds, and the mean lies on one side of each; for all else, patches of other rows are
    patterns of their own in a smooth field. Nor do rows serve that share the cause, as those of one class may.
    """
    model, background = query.model, query.background
    if query.partition.shifted and not any(has_trees(member) for member in model.members()):
        return False
    if model.classes is None or model.columns.cells is None or model.mean_row is None or background is not None:
        return True
    return bool(np.bincount(model.predictions.argmax(axis=1)).max() <= _MOST_OF_ONE_CLASS * len(model.rows))


def _encoded(model: WrappedModel, unit: Unit) -> tuple[np.ndarray, np.ndarray]:
    """Encoded columns of a unit, and the share of each that is replaced; codes are so wholly or not at all."""
    columns = model.columns.encoded(unit.columns)
    shares = unit.shares[np.searchsorted(unit.columns, model.columns.owners[columns])]
    shares = np.where(np.isin(columns, model.coded), shares >= _HALF, shares)
    return columns[shares > 0], shares[shares > 0]


def _maps(query: Query, falls: np.ndarray, units: Sequence[Unit]) -> dict[str, Any]:
    """Values of the columns for each repeat, and those that the units of each size alone would give."""
    n_columns, sizes, by_size = len(query.model.columns), query.partition.sizes, {}
    for size, sides in enumerate(sizes if len(sizes) > 1 else ()):
        there = [place for place, unit in enumerate(units) if unit.size in (size, None)]
        share = [len(sizes) if units[place].size == size else 1 for place in there]
        alone = [replace(units[place], weight=n * units[place].weight) for place, n in zip(there, share, strict=True)]
        by_size[sides] = spread_evenly(falls[..., there].mean(axis=0), alone, n_columns)
    return {"parts": spread_evenly(falls, units, n_columns), "by_size": by_size}


def _batches(query: Query, n: int, n_columns: int, jobs: Sequence[Any]) -> Iterator[tuple[slice, Sequence[Any]]]:
    """Rows and jobs that together stay within memory; the progress is shown after each batch."""
    most_rows = max(1, MOST_VALUES // n_columns)
    for start in range(0, n, most_rows):
        part = slice(start, min(start + most_rows, n))
        n_part = part.stop - start
        size = max(1, most_rows // n_part)
        for first in range(0, len(jobs), size):
            batch = jobs[first : first + size]
            yield part, batch
            done = start * len(jobs) + (first + len(batch)) * n_part
            query.progress.say(f"explaining, {done / (n * len(jobs)):.0%}")


def predictions_after(model: WrappedModel, rows: Rows, replacements: Sequence[Replacement]) -> np.ndarray:
    """Predictions for all ``rows`` once for each replacement, one below the other; kernels are updated locally."""
    changed = rows.replaced(replacements)
    members = model.members() if model.own else []
    if not any(_updates_locally(member) for member in members):
        return model.predict(changed)
    parts = [member.weight * _member_predictions(member, model.classes, rows, changed) for member in members]
    predictions = np.sum(parts, axis=0)
    return predictions if model.classes is None else model.with_temperature(predictions)


def _updates_locally(member: Member) -> bool:
    """True for kernels whose cells are cells of X; pictures of places, which may be too many to keep, are made anew."""
    alone = isinstance(member.model, RandomConvolutions) and not member.model.quantiles
    return alone and all(isinstance(step, (GridScaler, GridExtent)) for step in member.steps)


def _member_predictions(member: Member, classes: np.ndarray | None, rows: Rows, changed: Any) -> np.ndarray:
    """Probabilities, or values (n, 1), of one model."""
    model: Any = member.model
    if _updates_locally(member):
        parts = np.split(changed, len(changed) // len(rows))
        outputs = outputs_after(model, member.inputs(rows.data), [member.inputs(part) for part in parts])
        predictions = model.from_outputs(outputs.reshape(len(changed), -1))
    else:
        predict = model.predict if classes is None else model.predict_proba
        predictions = np.reshape(predict(member.inputs(changed)), (len(changed), -1))
    return predictions if classes is None else aligned(predictions, model.classes_, classes)


def permute(query: Query) -> Attribution:
    """Fall of the score when a unit is permuted among the rows.

    Raises
    ------
    ParameterError, InputError
        If y or the score does not fit.
    """
    model, rows, n = query.model, query.model.rows, len(query.model.rows)
    scorer = make_scorer(model, query.y, query.scoring)
    whole = _score(scorer, model.predictions)
    by, units = query.partition.units()
    n_repeats = min(query.n_repeats, _FEWEST_DRAWS) if query.partition.shifted else query.n_repeats
    encoded = [_encoded(model, unit) for unit in units]
    jobs = [(repeat, unit) for repeat in range(n_repeats) for unit in range(len(units)) if len(encoded[unit][0])]
    falls = np.zeros((n_repeats, 1, len(units)))
    for _, batch in _batches(query, 1, n * rows.n_columns, jobs):  # a score takes all rows at once
        replacements = [
            Replacement(columns, shares, rows, query.rng.permutation(n))
            for _, unit in batch
            for columns, shares in [encoded[unit]]
        ]
        predictions = model.predict(rows.replaced(replacements)).reshape(len(batch), n, -1)
        for (repeat, unit), permuted in zip(batch, predictions, strict=True):
            falls[repeat, 0, unit] = whole - _score(scorer, permuted)
    outputs, maps = find_scale("auto", model)[1](model.predictions, query.target), _maps(query, falls, units)
    baseline = "the same cells of other rows"
    return Attribution(**maps, units=f"fall of {scorer.name}", outputs=outputs, by=by, baseline=baseline)


def make_scorer(model: WrappedModel, y: Any, scoring: Any) -> Scorer:
    """Return the scorer of predictions for the rows of X, tried on those for the rows as they are.

    Raises
    ------
    InputError
        If y is missing, has another length, or holds labels that the model does not know, or there is a single row.
    ParameterError
        If these predictions cannot be scored so, or hold no probabilities for a score of those.
    """
    n, classes = len(model.rows), model.classes
    if n < 2:
        raise InputError("method='permutation' permutes parts among rows, and there is one. Pass more rows of X and y.")
    if y is None:
        raise InputError("method='permutation' measures how a score falls and needs y: pass explain(estimator, X, y).")
    if classes is None:
        task, labels = "regression", numeric_target(y, n_samples=n, estimator_name="explain")
    else:
        task, labels = "classification", np.asarray(y).reshape(-1)
        if len(labels) != n:
            raise InputError(f"y has {len(labels)} rows and X has {n}; expected one label for each row.")
        unknown = labels[~np.isin(labels, classes)]
        if len(unknown):
            raise InputError(f"y holds {unknown[0]!r}, which is none of the classes {list(classes)}.")
    scorer = Scorer(scoring, task, np.asarray(model.rows.data), labels, classes=classes)
    # Not every scorer would notice.
    if getattr(scorer.function, "_response_method", None) == "predict_proba" and model.output != "probability":
        raise ParameterError(
            f"scoring={scorer.name} does not work here: it needs probabilities, and there is a {model.output}. Pass "
            "another score, such as 'accuracy', or wrap the model in CalibratedClassifierCV."
        )
    scorer.check(np.arange(n), _values(scorer, model.predictions))
    return scorer


def _values(scorer: Scorer, predictions: np.ndarray) -> np.ndarray:
    return predictions[:, 0] if scorer.classes is None else predictions


def _score(scorer: Scorer, predictions: np.ndarray) -> float:
    return scorer.score(Predictions(np.arange(len(predictions)), _values(scorer, predictions)))
