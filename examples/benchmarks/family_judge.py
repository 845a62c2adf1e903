"""Judge the probe by the table of ``family_choice.py``, and learn its constants with each source left out in turn.

What is learned: ``landmark_offset`` of each family (how far it lies above its landmark when fully trained, on average),
``prior_weight`` (how much the verdict counts beside the landmarks) and ``landmark_spread`` (give or take how much) by
the log-loss of the true winner, then ``worth_chance`` (the chance from which a family is worth searching) by the
largest that keeps at most ``MOST_KEPT`` families on average. Every number printed is for sources that had no say in
these constants.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss, roc_auc_score

from autoarch.families.registry import WITH_LANDMARK
from autoarch.locality import Landmark, advice
from autoarch.locality.constants import CONSTANTS

FAMILIES = ("cnn", "mlp", "tree")
CLOSE = 0.005  # a family this near the best one has won, too
CLEAR = 0.01  # a lead that is worth a CNN
MOST_KEPT = 1.8
CUT = 0.3
SPREADS = np.round(np.geomspace(0.01, 0.3, 25), 3)
WEIGHTS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
CHANCES = np.round(np.geomspace(0.02, 0.4, 30), 3)
OFFSETS = "landmark_offsets"
FILE = Path(advice.__file__).parent / "constants.json"


def judge_all(paths: list[Path], *, write: bool) -> None:
    """Learn, judge, print, and perhaps write."""
    table = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    table = table.groupby("task", sort=False, as_index=False).last()  # of each number the last one that is known
    tasks = [Judged(row) for _, row in table.iterrows()]
    sources = np.array([task.source for task in tasks])
    held_out: list[dict[str, Any]] = []
    for source in np.unique(sources):
        with constants(learn([task for task in tasks if task.source != source])):
            held_out += [task.outcome() for task in tasks if task.source == source]
    results = pd.DataFrame(held_out)
    print(
        f"{len(results)} tasks of {len(np.unique(sources))} sources, each judged by constants learned on the others\n"
    )
    print(summary(results).to_string(index=False))
    print(f"\n{calibration(results).to_string(index=False)}")
    print(f"\n{results.drop(columns=['win_chances', 'wins']).to_string(index=False)}")
    learned = learn(tasks)
    print(f"\nlearned on all: {learned}")
    if write:
        text = FILE.read_text(encoding="utf-8")
        numbers = {name: value for name, value in learned.items() if name != OFFSETS}
        for name, value in numbers.items():
            text = text.replace(f'"{name}": {json.dumps(CONSTANTS[name])}', f'"{name}": {json.dumps(value)}')
        FILE.write_text(text, encoding="utf-8")
        print("written:", {name: json.loads(text)[name] for name in numbers})
        print("offsets, to be written into the files of the families:", learned[OFFSETS])


class Judged:
    """One task: what the probe measured and what the families reached."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.name, self.source, self.kind = row["task"], row["source"], row["kind"]
        self.verdict = str(row["verdict"])
        self.reached = {family: float(row[family]) for family in FAMILIES if pd.notna(row[family])}
        self.landmarks = {
            name: Landmark(float(row[f"landmark_{name}"]), float(row[f"landmark_{name}_error"]))
            for name in (*FAMILIES, "linear", "cnn_shuffled", "tree_summaries")
            if pd.notna(row[f"landmark_{name}"])
        }
        self.landmarks = advice.read_in_parts(self.landmarks, self.verdict)
        self.best = max(self.reached.values())

    def chances(self, margin: float = 0.0) -> dict[str, float]:
        """Chance of each family to win by ``margin``, linear models left out."""
        marks = {name: mark for name, mark in self.landmarks.items() if name in self.reached}
        found = advice.win_probabilities(marks, self.verdict, "cnn" in self.reached, margin=margin)
        return {family: found[family] for family in self.reached}

    def log_loss(self) -> float:
        """Of the true winners; those within ``CLOSE`` of the best share the honour."""
        chances = self.chances()
        winners = [family for family, score in self.reached.items() if score >= self.best - CLOSE]
        total = sum(chances.values())
        return -float(np.mean([np.log(chances[family] / total) for family in winners]))

    def kept(self) -> list[str]:
        """Families worth searching."""
        found = advice.worth_searching(self.landmarks, self.verdict, "cnn" in self.reached)
        return [family for family in found if family in self.reached]

    def outcome(self) -> dict[str, Any]:
        """Everything that is judged."""
        chances, kept = self.chances(), self.kept()
        choice = max(chances, key=chances.__getitem__)
        others = [score for family, score in self.reached.items() if family != "cnn"]
        return {
            "task": self.name,
            "source": self.source,
            "kind": self.kind,
            **{family: self.reached.get(family, np.nan) for family in FAMILIES},
            "choice": choice,
            "regret": self.best - self.reached[choice],
            "kept": "+".join(kept),
            "n_kept": len(kept),
            "set_regret": self.best - max(self.reached[family] for family in kept),
            "cnn_leads": float(self.reached["cnn"] - max(others) > CLEAR) if "cnn" in self.reached else np.nan,
            "cnn_lead_chance": self.chances(CLEAR)["cnn"] if "cnn" in self.reached else np.nan,
            "win_chances": [chances[family] for family in self.reached],
            "wins": [float(score >= self.best - CLOSE) for score in self.reached.values()],
        }


@contextmanager
def constants(changed: Mapping[str, Any]) -> Iterator[None]:
    """Judge with other constants for a while."""
    numbers = {name: value for name, value in changed.items() if name != OFFSETS}
    before = {name: CONSTANTS[name] for name in numbers}
    offsets_before = {name: family.landmark_offset for name, family in WITH_LANDMARK.items()}
    CONSTANTS.update(numbers)
    set_offsets(changed.get(OFFSETS, {}))
    try:
        yield
    finally:
        CONSTANTS.update(before)
        set_offsets(offsets_before)


def set_offsets(offsets: Mapping[str, float]) -> None:
    """Give families other offsets."""
    for name, offset in offsets.items():
        WITH_LANDMARK[name].landmark_offset = offset


def learn(tasks: list[Judged]) -> dict[str, Any]:
    """The constants that suit these tasks best."""
    learned: dict[str, Any] = {OFFSETS: offsets(tasks)}
    for name, values in (("prior_weight", WEIGHTS), ("landmark_spread", SPREADS)):
        losses = []
        for value in values:
            with constants({**learned, name: float(value)}):
                losses.append(np.mean([task.log_loss() for task in tasks]))
        learned[name] = float(values[int(np.argmin(losses))])
    for chance in CHANCES:
        with constants({**learned, "worth_chance": float(chance)}):
            if np.mean([len(task.kept()) for task in tasks]) <= MOST_KEPT:
                break
    return {**learned, "worth_chance": float(chance)}


def offsets(tasks: list[Judged]) -> dict[str, float]:
    """Mean of what training in full adds to a landmark, in units of sqrt(best x (1 - best)); outliers are cut off."""
    found = dict.fromkeys(advice.FAMILIES, 0.0)
    for family in FAMILIES:
        gains, units = [], []
        for task in tasks:
            if family in task.reached and family in task.landmarks:
                best = np.clip(max(task.landmarks[name].score for name in FAMILIES if name in task.landmarks), 0, 1)
                units.append(np.sqrt(best * (1 - best) + 1e-4))
                gains.append(np.clip((task.reached[family] - task.landmarks[family].score) / units[-1], -CUT, CUT))
        found[family] = round(float(np.average(gains, weights=np.square(units))), 3)
    return found


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """What is promised, with bootstrap intervals over sources."""
    rows = []
    for kind, part in [("all", results), *results.groupby("kind")]:
        for name in ("n_kept", "set_regret", "regret"):
            low, high = interval(part, name)
            rows.append({"tasks": kind, "what": f"mean {name}", "value": part[name].mean(), "low": low, "high": high})
    wins, chances = np.concatenate(results["wins"]), np.concatenate(results["win_chances"])
    base = {"value": brier_score_loss(wins, np.full(len(wins), wins.mean()))}
    rows.append({"tasks": "all", "what": "Brier score of winning", "value": brier_score_loss(wins, chances)})
    rows.append({"tasks": "all", "what": "the same for the base rate", **base})
    grids = results.dropna(subset=["cnn_leads"])
    auc = roc_auc_score(grids["cnn_leads"], grids["cnn_lead_chance"])
    rows.append({"tasks": "grids", "what": "AUC of 'the CNN wins by more than a point'", "value": auc})
    return pd.DataFrame(rows).round(4)


def interval(part: pd.DataFrame, name: str) -> tuple[float, float]:
    """95 % bootstrap interval of the mean, sources drawn whole."""
    rng = np.random.default_rng(0)
    groups = [group[name].to_numpy() for _, group in part.groupby("source")]
    means = [
        np.concatenate([groups[place] for place in rng.integers(len(groups), size=len(groups))]).mean()
        for _ in range(1_000)
    ]
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def calibration(results: pd.DataFrame) -> pd.DataFrame:
    """How often families with a chance in each range did win."""
    wins, chances = np.concatenate(results["wins"]), np.concatenate(results["win_chances"])
    ranges = pd.cut(chances, [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
    grouped = pd.DataFrame({"chance": chances, "won": wins}).groupby(ranges, observed=True)
    return grouped.agg(families=("won", "size"), mean_chance=("chance", "mean"), won=("won", "mean")).reset_index(
        names="chance in"
    )
