"""Learn how far a landmark may lie from the trained family, leaving out one source of data at a time.

``landmarks.csv`` holds, for each of 58 tasks, the accuracy of a CNN, an MLP and trees that were trained in full and the
cross-validated accuracy of their landmarks, all measured on the same rows. The chance that a family wins follows from
the landmarks and one number, ``landmark_spread``. This script finds the number under which the true winners are
likeliest, judges it on sources it has not seen, and with ``--write`` stores it in ``autoarch/locality/constants.json``.

Run ``python learn_beliefs.py``; it takes some seconds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from autoarch.locality import Landmark, beliefs

FAMILIES = ["cnn", "mlp", "tree"]
GRID = np.round(np.geomspace(0.01, 0.3, 25), 3)
HERE = Path(__file__).parent
CONSTANTS = Path(beliefs.__file__).parent / "constants.json"


def log_losses(tasks: pd.DataFrame, spread: float) -> np.ndarray:
    """Of the true winner of each task, given its landmarks and a spread."""
    before = beliefs.CONSTANTS["landmark_spread"]
    beliefs.CONSTANTS["landmark_spread"] = spread
    try:
        losses = []
        for _, task in tasks.iterrows():
            landmarks = {}
            for family in FAMILIES:
                score = task[f"landmark_{family}"]
                error = np.sqrt(max(score * (1 - score), 1e-4) / min(task["n"], 1000))
                landmarks[family] = Landmark(score=score, std_error=error, seconds=0.0)
            chances = beliefs.win_probabilities(landmarks, "2d", has_grid=True)
            winner = FAMILIES[int(np.argmax([task[family] for family in FAMILIES]))]
            losses.append(-np.log(chances[winner] / sum(chances[family] for family in FAMILIES)))
        return np.array(losses)
    finally:
        beliefs.CONSTANTS["landmark_spread"] = before


def main() -> None:
    """Learn, judge, and perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="store the number in the package")
    write = parser.parse_args().write
    tasks = pd.read_csv(HERE / "landmarks.csv")
    losses = np.column_stack([log_losses(tasks, spread) for spread in GRID])
    held_out, chosen = [], []
    for source in tasks["source"].unique():
        out = (tasks["source"] == source).to_numpy()
        best = int(losses[~out].mean(axis=0).argmin())
        chosen.append(GRID[best])
        held_out.extend(losses[out, best])
    shares = np.bincount(tasks[FAMILIES].to_numpy().argmax(axis=1), minlength=3) / len(tasks)
    final = float(GRID[losses.mean(axis=0).argmin()])
    print(f"{len(tasks)} tasks of {tasks['source'].nunique()} sources")
    print(f"log-loss of the winner, each source left out: {np.mean(held_out):.3f}")
    print(f"the same for the shares of wins alone:        {-(shares * np.log(shares)).sum():.3f}")
    print(f"spread chosen: {min(chosen):g} to {max(chosen):g} over the sources, {final:g} on all")
    if write:
        constants = CONSTANTS.read_text(encoding="utf-8")
        old = json.loads(constants)["landmark_spread"]
        CONSTANTS.write_text(
            constants.replace(f'"landmark_spread": {old}', f'"landmark_spread": {final}'), encoding="utf-8"
        )
        print(f"written: landmark_spread {old} -> {final}")


if __name__ == "__main__":
    main()
