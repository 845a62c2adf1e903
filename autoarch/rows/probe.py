"""Ask how the rows of X hang together.

``probe_rows`` takes anything a user may hold; ``examine`` takes the canonical matrix that ``fit`` has already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from autoarch._core.checks import did_you_mean, own_errors, seed_of, shown
from autoarch._core.quiet import filters_kept
from autoarch._data.canonical import Canonicaliser
from autoarch._data.containers import to_plain
from autoarch._data.coordinates import bare, read_places, resembles_coordinates
from autoarch._data.overlaps import find_windows
from autoarch._data.points import Places
from autoarch._data.records import Windows
from autoarch._data.row_splits import check_groups
from autoarch._data.target import encode_labels, guess_task, numeric_target
from autoarch._report.text import p_text
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.autocorrelation import SpatialEvidence, spatial_evidence
from autoarch.rows.copies import Copies, find_copies
from autoarch.rows.groups import Group, find_groups
from autoarch.rows.order import Order, find_order
from autoarch.rows.report import RowEvidence, RowReport
from autoarch.rows.table import RowTable, dense

_WINDOWS_P = 1e-6  # overlaps are rarer by 20 bits than any two rows give
_GROUPS_PER_ROW, _TIME_PER_ROW = 3e-5, 1e-5  # seconds, as measured on two busy cores
LEAST_COPIES = 0.03  # share of the rows beyond chance that makes a difference


@filters_kept
def probe_rows(
    X: Any,
    y: Any = None,
    *,
    time: Any = None,
    coordinates: Sequence[Any] | None = None,
    groups: Any = None,
    random_state: Any = None,
) -> RowReport:
    """Ask whether the rows of ``X`` are independent: copies, windows of records, groups, time, places.

    Parameters
    ----------
    X : array-like of shape (n, p), (n, H, W) or (n, C, H, W), or DataFrame
        Rows. Missing values are allowed.
    y : array-like of shape (n,), optional
        Labels or numbers to predict. Without it copies and windows are looked for, no groups, time or places.
    time : str or int, optional
        Column that orders the rows. By default dates are tried, or else the order of the rows.
    coordinates : pair of str or pair of int, optional
        Columns with the place of each row. By default columns that are named as
        longitude and latitude are.
    groups : array-like of shape (n,), optional
        Groups that are known: they are reported, and what lies beyond them is asked.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows that are looked at, and of permutations.

    Returns
    -------
    RowReport
        ``print`` it, or read ``found``, ``groups``, ``evidence``.

    Raises
    ------
    ParameterError, InputError
        If an argument makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from autoarch import probe_rows
    >>> rng = np.random.default_rng(0)
    >>> who = rng.integers(30, size=600)
    >>> X = pd.DataFrame(rng.normal(size=(30, 4))[who] + 0.3 * rng.normal(size=(600, 4)), columns=list("abcd"))
    >>> X["patient"] = who.astype(str)
    >>> y = rng.integers(0, 2, 30)[who]
    >>> report = probe_rows(X, y, random_state=0)
    >>> report.found, len(set(report.groups))
    (('groups',), 30)
    """
    seed = seed_of(random_state)
    canonical = Canonicaliser(coordinates=coordinates).with_estimator_name("probe_rows")
    values = canonical.fit_transform(X)
    target, labels = None, False
    if y is not None:
        labels = guess_task(y) == "classification"
        n, speaker = len(values), "probe_rows"
        if labels:
            target = encode_labels(y, n_samples=n, estimator_name=speaker)[0]
        else:
            target = numeric_target(y, n_samples=n, estimator_name=speaker)
    known = None if groups is None else check_groups(groups, len(values), coded=True)
    times = None if time is None else time_of(X, time)
    return examine(X, values, canonical, target, labels=labels, time=times, groups=known, seed=seed)


def examine(
    X: Any,
    values: np.ndarray,
    canonical: Canonicaliser,
    y: np.ndarray | None,
    *,
    labels: bool,
    time: tuple[str, np.ndarray] | None = None,
    groups: np.ndarray | None = None,
    windows: Windows | str | None = "auto",
    evidence: Sequence[SpatialEvidence] | None = None,
    seconds: float | None = None,
    seed: int,
) -> RowReport:
    """Ask every question about rows that were read already.

    Parameters
    ----------
    X : array-like
        As the user gave it.
    values : ndarray of shape (n, p)
        What ``canonical`` made of it.
    canonical : Canonicaliser
        Which cell each column is, and which columns hold places.
    y : ndarray of shape (n,) or None
        Codes of classes, or numbers.
    labels : bool
        Whether y holds codes.
    time : tuple of str and ndarray, or None
        Name and values of the column that orders the rows.
    groups : ndarray of shape (n,) or None
        Codes of known groups.
    windows : Windows, None or "auto"
        Overlaps of the rows; "auto" looks for them.
    evidence : sequence of SpatialEvidence or None
        Autocorrelation over the map, the label first; None measures it where there are coordinates.
    seconds : float or None
        That may be spent. Questions are left out by what they cost for so many rows, not by a clock: the same data get
        the same folds.
    seed : int
        Of the rows that are looked at, and of permutations.
    """
    rng, left = np.random.default_rng(seed), np.inf if seconds is None else seconds
    table = RowTable.of(X, values, canonical, y, labels=labels, seed=seed)
    answers, together, skipped = [], [] if groups is None else [groups], []
    copies = find_copies(values, seed, table.numbering)
    answers.append(_of_copies(copies, len(values)))
    if answers[-1].certain and copies is not None:
        together.append(copies.groups)
    if isinstance(windows, str):
        windows = find_windows(values, canonical.layout_, seed)
    answers.append(_of_windows(windows))
    if windows is not None:
        together.append(windows.groups)
    if y is None:
        return RowReport(len(values), tuple(answers), joined(together), skipped=("groups, time and places without y",))
    order, found = None, []
    if groups is None and windows is None:
        left -= _GROUPS_PER_ROW * len(values)
        if left < 0:
            skipped.append("groups: for time")
        else:
            found = find_groups(table, rng, copies.groups if together and copies is not None else None)
            answers.append(_of_groups(found, table))
            together += [group.codes for group in found[:1] if group.certain]
    codes = joined(together)
    places = places_of(X, values, canonical)
    if windows is None or time is not None:
        left -= _TIME_PER_ROW * len(values)
        if left < 0 and time is None:
            skipped.append("time: for time")
        elif (order := find_order(table, rng, time, codes, places)) is not None:
            answers.append(_of_order(order, declared=time is not None))
    if evidence is None and places is not None:
        evidence = spatial_evidence(places, values[:, :0], [], y, labels=labels, seed=seed)
    answers += [_of_space(evidence[0])] if evidence else []
    certain = order is not None and (order.certain or time is not None)
    return RowReport(
        len(values),
        tuple(answers),
        codes,
        order.position if order is not None and certain else None,
        order is not None and order.drifts,
        tuple(skipped),
    )


def places_of(X: Any, values: np.ndarray, canonical: Canonicaliser) -> Places | None:
    """Places of the rows: by the coordinates that are declared, or by columns that sound like them."""
    if canonical.map_columns_ is not None:
        return canonical.map_columns_.places(values)
    found = resembles_coordinates(X)
    try:
        places = None if found is None else read_places(to_plain(X), found)
    except InputError:  # they only sound like coordinates
        return None
    alone = found is not None and bare(found[0]) == "x"  # x and y may be anything
    return None if places is None or alone else places


def time_of(X: Any, time: Any) -> tuple[str, np.ndarray]:
    """Name and values of the column that orders the rows.

    Raises
    ------
    ParameterError
        If X has no such column.
    InputError
        If it does not order the rows.
    """
    X = to_plain(X)
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X)) if np.ndim(X) == 2 else pd.DataFrame()
    named = isinstance(X, pd.DataFrame) and isinstance(time, str) and time in frame.columns
    whole = isinstance(time, (int, np.integer)) and not isinstance(time, bool)
    if not named and not (whole and 0 <= time < frame.shape[1]):
        names = [str(each) for each in frame.columns]
        raise ParameterError(
            f"time={shown(time)} was given; expected None, or a column of X by its name, or by its position where X is "
            f"an array.{did_you_mean(time, names)}"
        )
    column = frame[time] if named else frame.iloc[:, int(time)]
    name = repr(time) if named else f"column {time}"
    if isinstance(column, pd.DataFrame):
        raise ParameterError(f"time={shown(time)} names several columns of X. Give them different names.")
    with own_errors(reading="the column of times"):
        if column.dtype.kind not in "iufM" and not isinstance(column.dtype, pd.DatetimeTZDtype):
            try:
                column = pd.to_numeric(column)
            except (ValueError, TypeError):
                column = pd.to_datetime(column, format="ISO8601")
    if column.isna().any():
        raise InputError(
            f"time={shown(time)}: {int(column.isna().sum())} rows have no time. Fill them, or leave them out."
        )
    return name, dense(column.to_numpy())


def joined(parts: Sequence[np.ndarray]) -> np.ndarray | None:
    """Codes of rows that are connected by any of some groupings; None without one."""
    if not parts:
        return None
    n = len(parts[0])
    offsets = np.cumsum([n, *(int(part.max()) + 1 for part in parts)])
    rows = np.tile(np.arange(n, dtype=np.int32), len(parts))
    ends = np.concatenate([part + start for part, start in zip(parts, offsets[:-1], strict=True)]).astype(np.int32)
    graph = csr_array((np.ones(len(rows)), (rows, ends)), shape=(offsets[-1],) * 2)
    return np.unique(connected_components(graph, directed=False)[1][:n], return_inverse=True)[1]


def _of_copies(copies: Copies | None, n: int) -> RowEvidence:
    if copies is None:
        return RowEvidence("copies", "", False, 0.0, None, "No two rows are equal.")
    certain = copies.excess > LEAST_COPIES
    rows = "row is" if copies.n == 1 else "rows are"
    sentence = f"{copies.n:,} of the {n:,} {rows} equal to an earlier one"
    if copies.near:
        sentence += f", {round(copies.near * n):,} of them but for small noise"
    if certain:
        keep = "Equal rows stay on one side of the folds, and so should a test set."
        return RowEvidence("copies", "equal rows", True, copies.excess, copies.p_value, f"{sentence}.", keep)
    why = "about as many as columns of few values give by chance" if copies.by_chance > 0.5 else "too few to matter"
    return RowEvidence("copies", "equal rows", False, copies.excess, copies.p_value, f"{sentence}: {why}.")


def _of_windows(windows: Windows | None) -> RowEvidence:
    if windows is None:
        return RowEvidence("windows", "", False, 0.0, None, "Rows do not overlap.")
    keep = "Folds keep those of one record on one side, and so should a test set."
    return RowEvidence("windows", "overlaps", True, windows.share, _WINDOWS_P, f"{windows}.", keep)


def _of_groups(found: Sequence[Group], table: RowTable) -> RowEvidence:
    if not found:
        return RowEvidence("groups", "", False, 0.0, None, "No column names groups of rows.")
    best, n = found[0], len(table)
    test = f"{best.n_levels:,} levels, gap {best.gap:.2f}, {p_text(best.p_value)}"
    if not best.certain:
        return RowEvidence(
            "groups", "", False, best.gap, best.p_value, f"No column names groups of rows ({best.name}: {test})."
        )
    sentence = (
        f"The {n:,} rows are {best.n_levels:,} groups, named by {best.name}: other columns tell them apart, and labels "
        f"of near rows agree better within a group than across groups (by {best.gap:.2f}, {p_text(best.p_value)})."
    )
    keep = "Folds keep groups whole, so that scores are those of new groups; pass groups= if they are others."
    return RowEvidence("groups", best.name, True, best.gap, best.p_value, sentence, keep)


def _of_order(order: Order, *, declared: bool) -> RowEvidence:
    test = f"by {order.effect:.2f}, {p_text(order.p_value)}"
    if not order.certain:
        said = f"Time does not matter ({order.name}: {test})."
        return RowEvidence("time", "", False, order.effect, order.p_value, said)
    where = order.name if order.name.startswith("the ") else f"the column {order.name}"
    start = "The order of the rows matters" if where == order.name else f"Time matters, as {where} tells"
    sentence = f"{start}: labels of near rows agree better within one part of it than across ({test})."
    how = "and more so the further apart: folds train on earlier rows and judge on later ones."
    between = "but not more so the further apart: folds hold out whole stretches of time."
    drifts = order.drifts or declared
    return RowEvidence(
        "time", order.name, True, order.effect, order.p_value, sentence, f"They do, {how if drifts else between}"
    )


def _of_space(evidence: SpatialEvidence) -> RowEvidence:
    test = f"Moran's I {evidence.morans_i:.2f}, {p_text(evidence.p_value)}"
    if not evidence.autocorrelated:
        return RowEvidence(
            "space", "", False, evidence.morans_i, evidence.p_value, f"Labels are not alike nearby ({test})."
        )
    sentence = f"Labels are alike at places close to each other ({test})."
    keep = "Folds are random rows and whole blocks of the map."
    return RowEvidence("space", "places", True, evidence.morans_i, evidence.p_value, sentence, keep)
