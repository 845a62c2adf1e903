"""Facts about a fitted estimator, as lines of text and as plain values."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from autoarch._core.reproduce import code_of, command_of, passed_params, versions_of
from autoarch._report.text import listed, with_error

_PACKAGES = ("autoarch", "scikit-learn", "numpy", "scipy", "pandas", "torch", "skorch", "optuna", "lightgbm", "xgboost")
_MOST_PARAMS = 6  # that a line names
_MOST_NAMED = 100  # columns whose importance a report lists


def check_fitted(estimator: Any) -> None:
    """Raise NotFittedError before a fit."""
    check_is_fitted(estimator, "leaderboard_")


def score_name(estimator: Any) -> str:
    """Name of the score that candidates were chosen by."""
    scoring = estimator.scoring
    if scoring is None:
        return "R2" if estimator._task == "regression" else "accuracy"
    return scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "the score that was passed")


def headline(estimator: Any) -> str:
    """The winner and the score to expect of it."""
    score = with_error(estimator.estimated_score_, estimator.estimated_score_std_error_)
    return f"{winner(estimator)}: {score_name(estimator)} {score} expected on {question(estimator)}"


def question(estimator: Any) -> str:
    """The rows that the estimated score is for, such as "new rows"."""
    scores = vars(estimator).get("scores_")
    return str(scores["question"].iloc[0]) if scores is not None and len(scores) else "new rows"


def rows_words(estimator: Any) -> str:
    """Say in a sentence how the rows hang together, and what others will score."""
    told = getattr(estimator, "rows_", None)
    return told.in_short if told is not None and told.n_rows else "nothing was asked"


def winner(estimator: Any) -> str:
    """Family of the winner, or the families of a mean."""
    families = list(dict.fromkeys(estimator.ensemble_["family"]))
    members = len(estimator.ensemble_)
    return families[0] if members == 1 else f"a mean of {members} candidates ({listed(families)})"


def verdict(estimator: Any) -> str:
    """Verdict of the probe in a line."""
    return str(estimator.locality_).splitlines()[0]


def summary_lines(estimator: Any) -> list[str]:
    """The whole story in twelve lines."""
    board, best = estimator.leaderboard_, estimator.leaderboard_.iloc[0]
    counts = board["status"].value_counts()
    tried = [f"{counts[status]} {status}" for status in counts.index]
    seconds = seconds_by_family(board)
    layout = "none" if estimator.layout_ is None else f"{estimator.layout_} cells ({estimator.layout_.origin})"
    rivals = board[board["status"] == "ok"].iloc[1:3]
    others = [f"{row.family} {row.score:.3f}" for row in rivals.itertuples()]
    labels = getattr(estimator, "classes_", None)
    temperature = getattr(estimator, "temperature_", 1.0)
    calibrated = "" if temperature == 1.0 else f", probabilities at temperature {temperature:.2f}"
    target = "numbers in the units of y" if labels is None else f"{len(labels)} classes{calibrated}"
    if (n_targets := getattr(estimator, "n_targets_", 1)) > 1:
        target = f"{n_targets} {'numbers' if labels is None else f'labels{calibrated}'} of each row"
    return [
        f"{type(estimator).__name__}: {headline(estimator)}",
        f"  data        rows of {data_words(estimator)}; {target}",
        f"  rows        {rows_words(estimator)}",
        f"  layout      {layout}",
        f"  probe       {verdict(estimator)}",
        f"  winner      {best.family} with {_params(best.params)}",
        f"  in search   {estimator.best_score_:.3f}, the largest of many; behind it: {', '.join(others) or 'nothing'}",
        f"  judged on   {estimator.splits_}",
        f"  fitted on   {estimator.fitted_on_}",
        f"  candidates  {', '.join(tried)}",
        f"  seconds     {', '.join(f'{name} {spent:.1f}' for name, spent in seconds.items())}",
        f"  ended by    {estimator.stopped_by_}",
    ]


def data_words(estimator: Any) -> str:
    """Shape of a row, as it was given."""
    shape = estimator.best_estimator_[0].cell_shape_
    return f"{shape[0]} columns" if len(shape) == 1 else f"{' x '.join(map(str, shape))} values"


def _params(params: Mapping[str, Any]) -> str:
    shown = [f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}" for key, value in params.items()]
    return ", ".join(shown[:_MOST_PARAMS]) + (", ..." if len(shown) > _MOST_PARAMS else "") or "no parameters"


def seconds_by_family(board: pd.DataFrame) -> dict[str, float]:
    """Seconds of work that went to each family, the most first."""
    spent = board.groupby("family", sort=False)["seconds"].sum().sort_values(ascending=False)
    return {str(name): float(seconds) for name, seconds in spent.items() if seconds > 0}


def family_of(trial: Any) -> str:
    """Family of a trial of the study."""
    prefix = next((key.partition(".")[0] for key in trial.params), "trial")
    return str(trial.params.get("family", prefix))


def importance_names(estimator: Any) -> list[str]:
    """Names of the columns of X, or of its cells, in the order of ``feature_importances_``."""
    shape = np.shape(estimator.feature_importances_)
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and len(shape) == 1:
        return list(map(str, names))
    return ["x" + "_".join(map(str, cell)) for cell in np.ndindex(*shape)]


def importance_grid(estimator: Any) -> np.ndarray | None:
    """``feature_importances_`` on the cells that they are of, channels summed; None where there is no grid of them."""
    values = np.asarray(getattr(estimator, "feature_importances_", ()))
    layout = estimator.layout_
    if values.ndim == 3:
        return values.sum(axis=-1 if estimator.channels == "last" else 0)
    if values.ndim == 2:
        return values
    if layout is None or min(layout.shape[1:]) < 2 or layout.n_columns != values.size:
        return None
    cells = np.asarray(layout.columns).reshape(layout.shape)
    return np.where(cells < 0, 0.0, values[np.maximum(cells, 0)]).sum(axis=0)


def cv_results(board: pd.DataFrame) -> dict[str, Any]:
    """The leaderboard as scikit-learn's searches show theirs; families that had no turn are no candidates."""
    tried = board[board["status"] != "skipped"]
    score = tried["score"].to_numpy(dtype=float)
    params = [{"family": family, **one} for family, one in zip(tried["family"], tried["params"], strict=True)]
    found: dict[str, Any] = {}
    for name in dict.fromkeys(key for one in params for key in one):
        column = np.ma.masked_all(len(params), dtype=object)
        for place, one in enumerate(params):
            if name in one:
                column[place] = one[name]
        found[f"param_{name}"] = column
    splits = np.maximum(tried["splits"].to_numpy(dtype=float), 1.0)
    return {
        "params": params,
        **found,
        "mean_fit_time": tried["seconds"].to_numpy(dtype=float) / splits,
        "mean_score_time": tried["predict_seconds"].to_numpy(dtype=float),
        "mean_test_score": score,
        "std_test_score": tried["score_std"].to_numpy(dtype=float),
        "rank_test_score": np.arange(1, len(tried) + 1, dtype=np.int32),
    }


def report_facts(estimator: Any) -> dict[str, Any]:
    """Everything that a report tells, as plain values."""
    locality, known = estimator.locality_, getattr(estimator, "_facts", {})
    found = {
        "summary": summary_lines(estimator),
        "winner": winner(estimator),
        "score": {
            "name": score_name(estimator),
            "question": question(estimator),
            "estimated": estimator.estimated_score_,
            "std_error": estimator.estimated_score_std_error_,
            "in_search": estimator.best_score_,
        },
        "questions": estimator.scores_.to_dict("records") if "scores_" in vars(estimator) else [],
        "verdict": {"line": verdict(estimator), "advice": locality.recommendation, "findings": locality.sentences},
        "locality": locality.to_dict(),
        "rows": _rows(estimator),
        "layout": None if estimator.layout_ is None else asdict(estimator.layout_),
        "leaderboard": estimator.leaderboard_.to_dict("records"),
        "members": estimator.ensemble_.to_dict("records"),
        "seconds_by_family": seconds_by_family(estimator.leaderboard_),
        "data": {
            "rows": known.get("rows"),
            "missing": known.get("missing"),
            "target": known.get("target", {}),
            "columns": estimator.n_features_in_,
            "row": data_words(estimator),
            "names": getattr(estimator, "feature_names_in_", None),
            "classes": getattr(estimator, "classes_", None) if getattr(estimator, "n_targets_", 1) == 1 else None,
            "targets": getattr(estimator, "_target_names", ()) or getattr(estimator, "n_targets_", 1),
            "judged_on": estimator.splits_,
            "fitted_on": estimator.fitted_on_,
        },
        "errors": {name: known[name] for name in ("confusion", "roc", "calibration", "residuals") if name in known},
        "importances": _importances(estimator),
        "warnings": [*known.get("warnings", ()), *(f"Left out: {reason}." for reason in locality.skipped)],
        "reproduce": {
            "versions": {"python": platform.python_version(), **versions_of(_PACKAGES)},
            "parameters": {key: repr(value) for key, value in passed_params(estimator).items()},
            "code": code_of(estimator),
            "command": command_of(passed_params(estimator), task=estimator._task),
            "seconds": known.get("seconds"),
            "stopped_by": estimator.stopped_by_,
        },
    }
    return plain(found)


def _importances(estimator: Any) -> list[dict[str, Any]]:
    """The columns that the score falls most for, the first ones of many."""
    if not hasattr(estimator, "feature_importances_"):
        return []
    values, names = np.ravel(estimator.feature_importances_), importance_names(estimator)
    order = np.argsort(-values, kind="stable")[:_MOST_NAMED]
    return [{"name": names[place], "importance": float(values[place])} for place in order]


def _rows(estimator: Any) -> dict[str, Any]:
    rows = getattr(estimator, "rows_", None)
    return {} if rows is None else {"found": rows.found, "sentences": rows.sentences}


def plain(value: Any) -> Any:
    """Dictionaries, lists, finite numbers, texts and None, all the way down."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
