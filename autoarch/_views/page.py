"""The report as one HTML page, and the box that notebooks show above a pipeline."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from autoarch._report import charts
from autoarch._report.html import BLUE, BOX, QUIET, TITLE, bars, picture
from autoarch._views.facts import family_of, headline, importance_grid, report_facts, score_name, verdict

_MOST_ROWS = 500  # of the leaderboard that a page holds
_MOST_TEXT = 200  # characters of a name, label or parameter
_MOST_DOTS = 1_000
_MOST_CELLS = 4_096  # of a picture
_DIGITS = 4
_ORIGINS = {
    "given": "as they were given",
    "shape": "from the shape of X",
    "names": "from the names of the columns",
    "inferred": "inferred from the columns",
    "recovered": "recovered from columns in another order",
}


def page(estimator: Any) -> str:
    """Fill the template; whatever comes from data is escaped by it, or by what draws."""
    import jinja2

    source = files("autoarch._views").joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"number": _number, "short": _short}
    found = report_facts(estimator)
    board, found["n_candidates"] = found["leaderboard"], len(found["leaderboard"])
    found["leaderboard"] = board[:_MOST_ROWS]
    found["probe"] = estimator.locality_._repr_html_()
    found["times"] = _times(found["seconds_by_family"])
    found["history"] = _history(estimator, board)
    found["error_charts"] = _error_charts(found["errors"], found["data"]["classes"])
    found["layout_pictures"] = _layout_pictures(estimator)
    found["importance_chart"] = _importance_chart(estimator, found["importances"])
    return environment.from_string(source).render(title=headline(estimator), origins=_ORIGINS, **found)


def box(estimator: Any, pipeline: str) -> str:
    """Winner, score, verdict and end of the search above a drawing of the pipeline."""
    ended = (
        f"ended by {estimator.stopped_by_}; {len(estimator.leaderboard_)} candidates; print(est.summary_) tells more"
    )
    lines = "".join(f"<div>{escape(line)}</div>" for line in (verdict(estimator), estimator.fitted_on_))
    return (
        f'<div style="{BOX}"><div style="{TITLE}">{escape(headline(estimator))}</div>{lines}'
        f'<div style="{QUIET}">{escape(ended)}</div>{pipeline}</div>'
    )


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    return "" if value is None else _short(value)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 3]}..."


def _times(seconds: dict[str, float]) -> str:
    most = max(seconds.values(), default=1.0)
    rows = [(f"{name}, {spent:.1f} s", spent / most, 0.0, BLUE) for name, spent in seconds.items()]
    return bars("Seconds of work, as shares of the most", rows)


def _history(estimator: Any, board: list[dict[str, Any]]) -> str:
    """Scores of the trials in the order in which they began; by rank where the search was not kept."""
    score = score_name(estimator)
    groups: dict[str, list[tuple[float, float]]] = {}
    if not hasattr(estimator, "study_"):
        for row in board[:_MOST_DOTS]:
            if row["score"] is not None:
                groups.setdefault(row["family"], []).append((row["rank"], row["score"]))
        return charts.scattered("Scores by rank", list(groups.items()), ("rank", score))
    trials = [trial for trial in estimator.study_.trials if trial.value is not None and np.isfinite(trial.value)]
    for trial in trials[:_MOST_DOTS]:
        family = family_of(trial)
        groups.setdefault(family, []).append((trial.number, trial.value))
    best = np.maximum.accumulate([trial.value for trial in trials] or [0.0])
    line = [(trial.number, float(value)) for trial, value in zip(trials, best, strict=False)]
    return charts.scattered("Search, and the best score so far", list(groups.items()), ("trial", score), line)


def _error_charts(errors: dict[str, Any], classes: Any) -> str:
    """Curves of classes, or residuals of numbers; nothing where no rows were left out."""
    drawn = []
    if errors.get("roc"):
        lines = [
            (f"{_short(classes[one['class']])[:40]} (area {one['area']:.3f})", one["points"]) for one in errors["roc"]
        ]
        drawn.append(charts.curves("ROC", lines, ("false positive rate", "true positive rate"), diagonal=True))
    if "calibration" in errors:
        said = "probability of the predicted class" if len(classes) > 2 else f"probability of {_short(classes[1])[:40]}"
        line = ("tenths of the rows", [(p, share) for p, share, _ in errors["calibration"]])
        drawn.append(charts.curves("Calibration", [line], (said, "share that is right"), diagonal=True, dots=True))
    if "residuals" in errors:
        found = errors["residuals"]
        drawn.append(charts.bands("Residuals", found["bands"], ("prediction", "true less predicted")))
        labels = ("true less predicted", "rows")
        drawn.append(charts.histogram("Sizes of errors", found["counts"], found["edges"], labels))
    return "".join(drawn)


def _layout_pictures(estimator: Any) -> str:
    """The typical row as it was given, and on the cells of the layout."""
    layout, centre = estimator.layout_, np.asarray(estimator.best_estimator_[0].centre_, dtype=float)
    if layout is None or min(layout.shape[1:]) < 2 or layout.shape[1] * layout.shape[2] > _MOST_CELLS:
        return ""
    if layout.n_columns != centre.size:
        return ""
    cells = np.asarray(layout.columns).reshape(layout.shape)
    after = np.where(cells < 0, np.nan, centre[np.maximum(cells, 0)])[0]
    drawn = picture(_rows(after), f"typical row on {layout} cells" + (", first channel" if layout.channels > 1 else ""))
    if layout.in_order or layout.channels > 1:
        return drawn
    before = np.full(after.size, np.nan)
    before[: min(before.size, centre.size)] = centre[: before.size]
    return picture(_rows(before.reshape(after.shape)), "typical row, columns in the order given") + drawn


def _rows(cells: np.ndarray) -> list[list[float | None]]:
    return [[float(value) if np.isfinite(value) else None for value in line] for line in cells]


def _importance_chart(estimator: Any, importances: list[dict[str, Any]]) -> str:
    """A map of the cells, or bars of the columns that matter most."""
    if not importances:
        return ""
    title = f"fall of {score_name(estimator)} where a value is permuted among left-out rows"
    cells = importance_grid(estimator)
    if cells is not None and cells.size <= _MOST_CELLS:
        return charts.heat(title, cells.tolist())
    most = max(abs(one["importance"]) for one in importances) or 1.0
    shown = importances[:20]
    rows = [(f"{one['name'][:24]} {one['importance']:.3f}", one["importance"] / most, 0.0, BLUE) for one in shown]
    return bars(f"{title}, as shares of the most", rows)
