"""The same seed, the same result
=================================

Claim: without a clock, the same seed and data give identical predictions and an identical leaderboard.

``time_budget=None`` with ``n_trials`` set is the repeatable mode; the user's own random state is left alone.
"""

import matplotlib.pyplot as plt
import numpy as np

from autoarch import AutoArchClassifier
from autoarch.datasets import load_digits_grid

X, y = load_digits_grid()
X, y = X[:150], y[:150]
CHEAP = ["linear", "mlp", "kernels"]  # "auto" repeats itself as well, only more slowly


def fit(seed):
    """One small search."""
    return AutoArchClassifier(time_budget=None, n_trials=3, families=CHEAP, random_state=seed, verbose=0).fit(X, y)


first, second = fit(0), fit(0)
np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
columns = ["family", "score", "status"]
print(first.leaderboard_[columns].to_string(index=False))

plt.figure(figsize=(3.6, 3.6), layout="constrained")
plt.scatter(first.predict_proba(X), second.predict_proba(X), s=4)
plt.xlabel("probabilities of the first fit")
plt.ylabel("of the second")
plt.show()

assert first.leaderboard_[columns].equals(second.leaderboard_[columns])
