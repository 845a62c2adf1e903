"""The report as one HTML page, and the box that notebooks show above a pipeline."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import Any

from autoarch._report.html import BLUE, BOX, QUIET, TITLE, bars
from autoarch._views.facts import headline, report_facts, verdict

_MOST_ROWS = 500  # of the leaderboard that a page holds
_DIGITS = 4


def page(estimator: Any) -> str:
    """Fill the template; whatever comes from data is escaped by it."""
    import jinja2

    source = files("autoarch._views").joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["number"] = _number
    found = report_facts(estimator)
    board, found["n_candidates"] = found["leaderboard"], len(found["leaderboard"])
    found["leaderboard"] = board[:_MOST_ROWS]
    found["probe"] = estimator.locality_._repr_html_()
    found["times"] = _times(found["seconds_by_family"])
    found["history"] = _history(board)
    return environment.from_string(source).render(title=headline(estimator), **found)


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
    return "" if value is None else str(value)


def _times(seconds: dict[str, float]) -> str:
    most = max(seconds.values(), default=1.0)
    return bars(f"Share of {most:.1f} s, the most of a family", [(k, v / most, 0.0, BLUE) for k, v in seconds.items()])


def _history(board: list[dict[str, Any]]) -> str:
    """Scores of the judged candidates, by rank, as dots in one SVG picture."""
    scores = [row["score"] for row in board if row["status"] == "ok" and row["score"] is not None][:_MOST_ROWS]
    if len(scores) < 2:
        return ""
    low, high = min(scores), max(scores)
    step = 560 / (len(scores) - 1)
    dots = "".join(
        f'<circle cx="{10 + step * place:.1f}" cy="{110 - 100 * (score - low) / ((high - low) or 1):.1f}" r="3" '
        f'fill="{BLUE}"><title>{score:.4f}</title></circle>'
        for place, score in enumerate(scores)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="scores by rank, from {high:.4f} to {low:.4f}" '
        f'viewBox="0 0 580 120" style="width:100%;max-width:580px">{dots}</svg>'
    )
