"""Unscramble digits
====================

Claim: digits whose 64 columns were scrambled are put together again, for a CNN nearly as good as the originals.

``python 12_unscramble_digits.py --picture unscrambled.png`` keeps the picture in a file. Needs ``autoarch[plot]``.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import ShuffleSplit

from autoarch import AutoArchClassifier
from autoarch.datasets import load_digits_grid

grids, y = load_digits_grid()
order = np.random.default_rng(0).permutation(64)
scrambled = grids.reshape(len(grids), 64)[:, order]
train, test = slice(0, 1_200), slice(1_200, None)

settings = {"time_budget": None, "n_trials": 1, "families": "cnn", "cv": ShuffleSplit(1, random_state=0)}
settings |= {"random_state": 0, "verbose": 0}
variants = {
    "true": AutoArchClassifier(**settings).fit(grids[train], y[train]),
    "scrambled": AutoArchClassifier(layout=(8, 8), **settings).fit(scrambled[train], y[train]),  # taken at its word
    "recovered": AutoArchClassifier(**settings).fit(scrambled[train], y[train]),
}
scores = {name: clf.score((grids if name == "true" else scrambled)[test], y[test]) for name, clf in variants.items()}
layout = variants["recovered"].layout_
print(f"{layout}: accuracy " + ", ".join(f"{score:.4f} ({name})" for name, score in scores.items()))


def neighbours(cells):
    """Pairs of pixels that stand side by side."""
    pairs = [(cells[:, :-1], cells[:, 1:]), (cells[:-1], cells[1:])]
    return {frozenset(pair) for a, b in pairs for pair in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)}


found = order[layout.columns].reshape(8, 8)  # which true pixel stands where
kept = len(neighbours(found) & neighbours(np.arange(64).reshape(8, 8))) / 112
print(f"{kept:.0%} of the 112 pairs of neighbouring pixels are neighbours again")

figure = plt.figure(figsize=(9, 3.6), layout="constrained")
rows = (grids, scrambled.reshape(-1, 8, 8), layout.to_grid(scrambled)[:, 0])
for row, (name, pictures) in enumerate(zip(("as they were", "scrambled", "recovered"), rows, strict=True)):
    for column in range(10):
        axes = figure.add_subplot(3, 10, 10 * row + column + 1)
        axes.imshow(pictures[column], cmap="gray_r")
        axes.set(xticks=[], yticks=[], ylabel=name if column == 0 else "")
plt.show()
if "--picture" in sys.argv:
    figure.savefig(sys.argv[sys.argv.index("--picture") + 1], dpi=80)

assert layout.origin == "recovered"
assert kept > 0.6
assert scores["scrambled"] - 0.005 < scores["recovered"]
assert scores["true"] - 0.015 < scores["recovered"]
