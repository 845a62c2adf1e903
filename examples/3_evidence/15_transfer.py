"""Does a trained net help?
===========================

Claim: whether a net that was trained on other data helps is told by few rows: yes for digits, no for shuffled ones.

The verdict is followed: with 80 digits, a search that may fine-tune a net of other digits beats one that may not.
"""

import matplotlib.pyplot as plt
import numpy as np

from autoarch import AutoArchClassifier
from autoarch.datasets import load_digits_grid
from autoarch.transfer import Pretrained, check_transfer

X, y = load_digits_grid()
order = np.random.default_rng(1).permutation(len(X))  # as they come, neighbouring rows are of the same writer
X, y = X[order], y[order]
known, few, test = slice(0, 800), slice(800, 880), slice(880, None)
shuffled = X.reshape(len(X), 64)[:, np.random.default_rng(0).permutation(64)].reshape(X.shape)

settings = {"time_budget": None, "n_trials": 2, "families": "cnn", "cv": 2, "random_state": 0, "verbose": 0}
net = Pretrained.of(AutoArchClassifier(**{**settings, "n_trials": 1}).fit(X[known], y[known]))

reports = {}
for name, cells in (("digits", X), ("shuffled digits", shuffled)):
    reports[name] = check_transfer(net, cells[few], y[few], cv=2, steps=200)
    print(f"--- {name}\n{reports[name]}")
    reports[name].plot()

alone = AutoArchClassifier(**settings).fit(X[few], y[few]).score(X[test], y[test])
helped = AutoArchClassifier(pretrained=net, **settings).fit(X[few], y[few]).score(X[test], y[test])
print(f"accuracy on {len(y[test])} other digits, from 80: {alone:.3f} alone, {helped:.3f} with the net")
plt.show()

assert reports["digits"].verdict in ("reuse", "fine-tune")
assert reports["shuffled digits"].verdict in ("train from scratch", "none of these")
assert helped > alone + 0.03
