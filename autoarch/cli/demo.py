"""Three fits for ``autoarch demo``, and the summary of a fit in words.

The data ship with scikit-learn: digits as matrices, the same digits as flat columns in a scrambled order, and a plain
table. Every sentence is put together from the numbers of the fit that it describes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

CONVOLUTIONS = ("cnn", "kernels")  # trained and random ones
BASELINE = "baseline"  # the leaderboard's first row: judged on rows of its own, so not comparable with the trials


def cases() -> Iterator[tuple[str, Any, Any]]:
    """Titles, features and labels: digits as matrices, digits as scrambled columns, and a table without a grid."""
    from sklearn.datasets import load_breast_cancer, load_digits

    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.float32)
    order = np.random.default_rng(0).permutation(images.shape[1])
    yield "digits as 8 x 8 matrices", images.reshape(-1, 8, 8), labels
    yield "the same digits as 64 flat columns in a scrambled order", images[:, order], labels
    yield "breast cancer, a plain table of 30 columns", *load_breast_cancer(return_X_y=True, as_frame=True)


def run_demo(model: Any) -> None:
    """Fit every case and print the results.

    Parameters
    ----------
    model : AutoArchClassifier
        An estimator with a budget and a seed, which is that of the splits too.
    """
    from sklearn.base import clone
    from sklearn.model_selection import train_test_split

    for number, (title, X, y) in enumerate(cases(), start=1):
        X, X_held, y, y_held = train_test_split(X, y, stratify=y, random_state=model.random_state)
        print(f"\n[{number}/3] {title}: {len(X)} rows to learn from, at most {model.time_budget:g} s", flush=True)
        fitted = clone(model).fit(X, y)
        held = f"accuracy {fitted.score(X_held, y_held):.3f} on {len(y_held)} held-out rows"
        print(summary(fitted, held), flush=True)


def summary(model: Any, held: str = "") -> str:
    """Verdict, leaderboard, winner and the use of a convolution, as lines of text.

    Parameters
    ----------
    model : AutoArchClassifier or AutoArchRegressor
        A fitted estimator.
    held : str, default=""
        The winner's score on rows that the fit never saw, in words.

    Returns
    -------
    str
        Lines that end without a newline.
    """
    report, recovered = model.locality_, model.locality_.recovered
    convolution, held = convolution_sentence(model, held), f"{held}; " if held else ""
    found = f"; rearranged into {recovered.layout} cells: {recovered.verdict}" if recovered is not None else ""
    left_out = f"; left out: {'; '.join(report.skipped)}" if report.skipped else ""
    estimate = f"estimated {model.estimated_score_:.3f} (standard error {model.estimated_score_std_error_:.3f})"
    table = best_of_each_family(model.leaderboard_).to_string(index=False)
    lines = [
        f"verdict      {report.verdict}{_p_value(report.p_value)}{found}{left_out}",
        f"advice       {report.recommendation}",
        f"leaderboard  best of each family, {len(model.leaderboard_)} rows in all; stopped by {model.stopped_by_}",
        *(f"{'':13}{line}".rstrip() for line in table.splitlines()),
        f"winner       {model.best_family_}: {held}{estimate}, selected with {model.best_score_:.3f}",
        f"convolution  {convolution}",
    ]
    return "\n".join(lines)


def best_of_each_family(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """One row per family: its best finished trial, or the reason why it has none.

    Parameters
    ----------
    leaderboard : DataFrame
        ``leaderboard_`` of a fitted estimator.

    Returns
    -------
    DataFrame
        Families in the order of their best score, those without one last.
    """
    best = _finished_first(leaderboard).drop_duplicates("family")
    trials = leaderboard.groupby("family").size()
    best = best.assign(trials=best["family"].map(trials), reason=best["reason"].fillna("").astype(str))
    for column, digits in (("score", 3), ("score_std", 3), ("seconds", 1)):
        best[column] = [f"{value:.{digits}f}" if pd.notna(value) else "" for value in best[column]]
    return best[["family", "trials", "score", "score_std", "seconds", "status", "reason"]]


def convolution_sentence(model: Any, held: str = "") -> str:
    """Say in one sentence whether a convolution paid, with the evidence.

    Parameters
    ----------
    model : AutoArchClassifier or AutoArchRegressor
        A fitted estimator.
    held : str, default=""
        The winner's score on rows that the fit never saw, in words.

    Returns
    -------
    str
        A sentence in which every number comes from the arguments.
    """
    board = model.leaderboard_
    trials = board[board["status"].isin(["ok", "paused"]) & board["score"].notna() & (board["family"] != BASELINE)]
    trials = _finished_first(trials)
    convolve = trials["family"].isin(CONVOLUTIONS)
    nets, others = trials[convolve], trials[~convolve]
    if nets.empty:
        return f"None has a score: {_why_none(board)}."
    whole = nets[~_cut(nets)]
    cnn = nets.iloc[0] if whole.empty else whole.iloc[0]
    name = cnn["family"]
    if others.empty:
        return f"Nothing to compare it with: no family but {name} ({_score(cnn)}) has a score."
    other = others.iloc[0]
    gain, spread = float(cnn["score"] - other["score"]), _spread(cnn, other, model.estimated_score_std_error_)
    tail = f"; the winner, {model.best_family_}, reached {held}" if held else ""
    if whole.empty and gain <= spread and model.best_family_ not in CONVOLUTIONS:
        return (
            f"Not settled: the clock cut the training of every {name} ({_score(cnn)} by then, {_score(other)} for "
            f"{other['family']}), so their scores say nothing against it; allow more seconds{tail}."
        )
    against = f"{_score(cnn)} for {name}{_stopped(cnn)} against {_score(other)} for {other['family']}"
    outcome, reason = _outcome(gain, spread), _because(gain, spread, model.locality_.used)
    return f"{outcome}: {against}, the best other family{_stopped(other)}, {reason}{tail}."


def _cut(trials: pd.DataFrame) -> pd.Series:
    """Return whether the clock shortened the training of each trial."""
    return trials["cut"].astype(bool)


def _finished_first(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Finished trials before those that were stopped or skipped, the best first."""
    late = leaderboard.assign(late=leaderboard["status"] != "ok")
    return late.sort_values(["late", "score"], ascending=[True, False])


def _stopped(row: pd.Series) -> str:
    return "" if row["status"] == "ok" else f" ({row['reason']})"


def _outcome(gain: float, spread: float) -> str:
    if abs(gain) <= spread:
        return "It made no difference beyond the spread of the scores" if spread else "It made no difference"
    return "It paid" if gain > 0 else "It did not pay"


def _because(gain: float, spread: float, report: Any) -> str:
    """The counterfactual of the probe, introduced as a reason only where it points the way the scores went."""
    marks = report.landmarks
    if "cnn" not in marks or "cnn_shuffled" not in marks:
        return f"where the probe's verdict on neighbouring cells was {report.verdict!r}{_p_value(report.p_value)}"
    kept, lost = marks["cnn"], marks["cnn_shuffled"]
    cost = kept.score - lost.score
    matters = cost > np.hypot(kept.std_error, lost.std_error)
    agree = matters if gain > spread else not matters
    effect = "cost" if matters else "hardly changed"
    detail = f"{kept.score:.3f} in place, {lost.score:.3f} shuffled"
    what = f"shuffling the cells {effect} {'a random convolution its score' if matters else 'a random convolution'}"
    return f"{'as' if agree else 'although'} {what} ({detail})"


def _why_none(leaderboard: pd.DataFrame) -> str:
    rows = leaderboard[leaderboard["family"].isin(CONVOLUTIONS)]
    if rows.empty:
        return "the families asked for have no cnn"
    row = rows.iloc[0]
    return f"the leaderboard has it as {row['status']} ({row['reason'] or 'no reason given'})"


def _spread(first: pd.Series, second: pd.Series, std_error: float) -> float:
    """Spread of the better one over folds (0 where there was one split), or the standard error if larger.

    The other's spread is left out: one bad fold widens it, and would excuse a bad score.
    """
    better = first if first["score"] > second["score"] else second
    return float(np.nan_to_num([better["score_std"], std_error]).max())


def _score(row: pd.Series) -> str:
    spread = f" ± {row['score_std']:.3f}" if pd.notna(row["score_std"]) and row["score_std"] > 0 else ""
    return f"{row['score']:.3f}{spread}"


def _p_value(p_value: float | None) -> str:
    return "" if p_value is None else f" (p = {p_value:.3g})"
