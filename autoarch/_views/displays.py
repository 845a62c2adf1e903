"""Drawings of a search: its leaderboard, how the best score grew, and where its scores say something."""

from __future__ import annotations

import textwrap
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from autoarch._data.points import Places
from autoarch._report.display import Display, given_axes, new_figure
from autoarch._report.figure import BLUE, DARK, LIGHT, ORANGE
from autoarch._views.facts import family_of, score_name
from autoarch.exceptions import InputError
from autoarch.geo.plot import MANY_POINTS, plot_map, side_by_side

_MOST_BARS, _BINS, _LINE = 20, 30, 72
_COLOURS = (BLUE, ORANGE, DARK, "#6b4c9a", "#4f8f4f", "#b0883a", "#a04060", "#3a9aa0")


class LeaderboardDisplay(Display):
    """The best candidates of a search with the deviation of their scores over the splits.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure of matplotlib
        Where it is drawn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from autoarch import AutoArchClassifier, LeaderboardDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = AutoArchClassifier(time_budget=None, n_trials=1, families="linear", verbose=0).fit(X, y)
    >>> LeaderboardDisplay.from_estimator(clf).ax_.get_xlabel()
    'accuracy'
    """

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw the leaderboard of a fitted estimator.

        Parameters
        ----------
        estimator : AutoArchClassifier or AutoArchRegressor
            Fitted.
        ax : Axes or None, default=None
            Where to draw; None for a new figure.

        Returns
        -------
        LeaderboardDisplay
        """
        check_is_fitted(estimator, "leaderboard_")
        board = estimator.leaderboard_
        board = board[np.isfinite(board["score"])].head(_MOST_BARS)
        ax = new_figure((6.4, 1.0 + 0.3 * len(board))).add_subplot() if ax is None else given_axes(ax)
        names = [f"{rank} {family}" for rank, family in zip(board["rank"], board["family"], strict=True)]
        colours = [BLUE if status == "ok" else LIGHT for status in board["status"]]
        ax.barh(names, board["score"], xerr=board["score_std"].fillna(0), color=colours, capsize=2)
        low, high = board["score"].min(), board["score"].max()
        margin = 0.15 * max(high - low, 0.02)
        ax.set(xlabel=score_name(estimator), xlim=(low - margin, high + margin), title="leaderboard")
        ax.invert_yaxis()
        return cls.on(ax)


class SearchHistoryDisplay(Display):
    """Scores of the trials in the order in which they began, and the best one so far.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure of matplotlib
        Where it is drawn.
    """

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw the search of a fitted estimator.

        Parameters
        ----------
        estimator : AutoArchClassifier or AutoArchRegressor
            Fitted; model files do not hold the search.
        ax : Axes or None, default=None
            Where to draw; None for a new figure.

        Returns
        -------
        SearchHistoryDisplay

        Raises
        ------
        InputError
            If the estimator came from a model file.
        """
        check_is_fitted(estimator, "leaderboard_")
        if not hasattr(estimator, "study_"):
            raise InputError(
                "the estimator has no study_, because model files do not hold the search; draw the one that was "
                "fitted, or LeaderboardDisplay."
            )
        trials = [trial for trial in estimator.study_.trials if trial.value is not None]
        ax = new_figure((6.4, 3.6)).add_subplot() if ax is None else given_axes(ax)
        families: dict[str, list[Any]] = {}
        for trial in trials:
            families.setdefault(family_of(trial), []).append(trial)
        for (name, found), colour in zip(families.items(), _COLOURS * len(families), strict=False):
            ax.plot([t.number for t in found], [t.value for t in found], "o", ms=5, color=colour, label=name)
        if trials:
            best = np.maximum.accumulate([trial.value for trial in trials])
            ax.step([trial.number for trial in trials], best, where="post", color=LIGHT, zorder=0)
            ax.legend(frameon=False, fontsize=8)
        ax.set(xlabel="trial", ylabel=score_name(estimator), title="search")
        return cls.on(ax)


class ApplicabilityDisplay(Display):
    """Distances of rows from what the splits of ``fit`` have tested: on a map where rows have places.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure of matplotlib
        Where it is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import ApplicabilityDisplay, AutoArchRegressor
    >>> X = np.random.default_rng(0).normal(size=(150, 3))
    >>> reg = AutoArchRegressor(time_budget=None, n_trials=1, families="linear", verbose=0).fit(X, X[:, 0])
    >>> ApplicabilityDisplay.from_estimator(reg, X[:50] + 9).ax_.get_title()
    '0 of 50 rows inside of what was tested'
    """

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, ax: Any = None) -> Self:
        """Draw the dissimilarity of rows, and which of them are outside.

        Parameters
        ----------
        estimator : AutoArchClassifier or AutoArchRegressor
            Fitted in this process.
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.
        ax : Axes or None, default=None
            Where to draw; None for a new figure.

        Returns
        -------
        ApplicabilityDisplay
        """
        check_is_fitted(estimator, "leaderboard_")
        table = estimator.applicability(X)
        canonical = estimator.best_estimator_[0]
        where = canonical.map_columns_
        ax = new_figure((6.4, 4.4)).add_subplot() if ax is None else given_axes(ax)
        if where is None:
            _histogram(ax, table)
        else:
            _map(ax, where.places(canonical.transform(X)), table)
        title = f"{table['inside'].sum():,} of {len(table):,} rows inside of what was tested"
        ax.set_title("\n".join([title, *textwrap.wrap(table.attrs.get("drift", ""), _LINE)]), fontsize="medium")
        return cls.on(ax)


def _histogram(ax: Any, table: pd.DataFrame) -> None:
    inside = table["inside"].to_numpy()
    parts = [table["dissimilarity"].to_numpy()[rows] for rows in (inside, ~inside)]
    ax.hist(parts, bins=_BINS, stacked=True, color=(BLUE, ORANGE), label=("inside", "outside"))
    ax.set(xlabel="dissimilarity", ylabel="rows")
    ax.legend(frameon=False)


def _map(ax: Any, places: Places, table: pd.DataFrame) -> None:
    plot_map(places, table["dissimilarity"].to_numpy(), kind="uncertainty", ax=ax)
    outside = np.flatnonzero(~table["inside"].to_numpy())
    if 0 < len(outside) <= MANY_POINTS:
        points = side_by_side(places.points) if places.geographic else places.points
        ax.scatter(*points[outside].T, s=14, marker="x", linewidths=0.7, color=ORANGE, label="outside")
        ax.legend(frameon=False, fontsize=8)
