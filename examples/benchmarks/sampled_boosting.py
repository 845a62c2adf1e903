"""Boosting whose parameters are chosen on samples of the rows, against the settings that a search tries first.

    python sampled_boosting.py adult diamonds --data DIR
    python sampled_boosting.py made                     # 100,000 generated rows

Eight settings (those tried first, and drawn ones) are fitted on 4,000 rows, the best three of them on 16,000, all
judged on 4,000 others by log-loss or squared error after every round, so that rounds are chosen with them. The
best one is then fitted on all rows at half of the rate, with rounds that grow with the rows as they did from sample to
sample. Score on the test rows, log-loss, and seconds of the processor: of the fit, and of choosing before it.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss

from family_defaults import Case
from tasks import load

SAMPLES = ((4_000, 8, 0.2, 150), (16_000, 3, 0.1, 300))  # rows, settings, learning rate, rounds at most
JUDGED, RATE, MOST_GROWTH = 4_000, 0.05, 2.5
FIRST = {  # settings that a search tries first, with their rates and rounds
    "150 rounds, 63 leaves": ({"max_leaf_nodes": 63, "min_samples_leaf": 20, "max_features": 0.5}, 0.1, 150),
    "600, 15": ({"max_leaf_nodes": 15, "min_samples_leaf": 20, "max_features": 0.3}, 0.03, 600),
    "600, 63": ({"max_leaf_nodes": 63, "min_samples_leaf": 10, "max_features": 0.5}, 0.05, 600),
}


class Table:
    """Training and test rows, and boosting on them."""

    def __init__(self, name: str, folders: list[Path]):
        if name == "made":
            self.X, self.y, self.X_test, self.y_test = made()
            self.categorical: list[int] | None = None
            self.classification = True
            return
        case = Case(load(name, folders), 10**6)
        self.X, self.y, self.X_test, self.y_test = case.X, case.y, case.X_test, case.task.y_test
        self.categorical = list(case.problem.categorical) or None
        self.classification = case.classes is not None

    def fit(self, settings: dict[str, Any], rate: float, rounds: int, rows: Any = slice(None), seed: int = 0) -> Any:
        """Boosting on some rows."""
        kind = HistGradientBoostingClassifier if self.classification else HistGradientBoostingRegressor
        beside = {"categorical_features": self.categorical, "early_stopping": False, "random_state": seed}
        return kind(learning_rate=rate, max_iter=rounds, **beside, **settings).fit(self.X[rows], self.y[rows])

    def losses(self, model: Any, rows: np.ndarray) -> np.ndarray:
        """Mean loss on some rows after each round."""
        if not self.classification:
            return np.array([np.mean((self.y[rows] - found) ** 2) for found in model.staged_predict(self.X[rows])])
        places = np.arange(len(rows)), np.searchsorted(model.classes_, self.y[rows])
        stages = model.staged_predict_proba(self.X[rows])
        return np.array([-np.log(np.maximum(proba[places], 1e-6)).mean() for proba in stages])

    def reached(self, model: Any) -> str:
        """Score and, of labels, log-loss on the test rows."""
        score = f"{model.score(self.X_test, self.y_test):.4f}"
        if not self.classification:
            return score
        return f"{score}, {log_loss(self.y_test, model.predict_proba(self.X_test), labels=model.classes_):.4f}"

    def chosen(self, seed: int) -> tuple[dict[str, Any], int]:
        """Settings, and rounds on all rows, chosen on samples."""
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(self.y))
        judged, rest = order[:JUDGED], order[JUDGED:]
        settings = [{**first, "l2_regularization": 1e-3} for first, *_ in FIRST.values()]
        settings += [drawn(rng) for _ in range(SAMPLES[0][1] - len(settings))]
        amounts = []
        for n_rows, most, rate, rounds in SAMPLES:
            found = []
            for each in settings[:most]:
                losses = self.losses(self.fit(each, rate, rounds, rest[:n_rows], seed), judged)
                found.append((float(losses.min()), rate * (1 + int(losses.argmin())), each))
            found.sort(key=lambda one: one[0])
            settings = [each for *_, each in found]
            amounts.append((min(n_rows, len(rest)), found[0][1]))
        (fewer, before), (more, amount) = amounts
        steepness = np.log(len(self.y) / more) / np.log(more / fewer)
        amount *= float(np.clip((amount / before) ** steepness, 1.0, MOST_GROWTH))
        return settings[0], max(1, round(amount / RATE))


def drawn(rng: np.random.Generator) -> dict[str, Any]:
    """Settings within the space of the family."""
    return {
        "max_leaf_nodes": round(float(np.exp(rng.uniform(np.log(4), np.log(128))))),
        "min_samples_leaf": round(float(np.exp(rng.uniform(np.log(2), np.log(100))))),
        "max_features": float(rng.uniform(0.2, 1.0)),
        "l2_regularization": float(np.exp(rng.uniform(np.log(1e-3), np.log(100)))),
    }


def made() -> tuple[np.ndarray, ...]:
    """Fifty columns, of which five decide by a product, a sine, a step and a sum."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(110_000, 50))
    signal = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + (X[:, 3] > 0) + 0.5 * X[:, 4]
    y = (signal + 0.3 * rng.normal(size=len(X)) > 0.6).astype(int)
    return X[:100_000], y[:100_000], X[100_000:], y[100_000:]


def main() -> None:
    """Print a line for each fit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--data", nargs="+", default=[], metavar="DIR")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in arguments.names:
        table = Table(name, [Path(folder) for folder in arguments.data])
        print(f"{name}, {len(table.y):,} rows", flush=True)
        for words, (settings, rate, rounds) in FIRST.items():
            began = time.process_time()
            reached = table.reached(table.fit(settings, rate, rounds))
            print(f"    {words:24} {reached}, {time.process_time() - began:.1f} s", flush=True)
        for seed in arguments.seeds:
            began = time.process_time()
            settings, rounds = table.chosen(seed)
            choosing = time.process_time() - began
            began = time.process_time()
            reached = table.reached(table.fit(settings, RATE, rounds, seed=seed))
            what = f"{rounds}, {settings['max_leaf_nodes']}, chosen"
            print(f"    {what:24} {reached}, {time.process_time() - began:.1f} s after {choosing:.1f} s", flush=True)


if __name__ == "__main__":
    main()
