"""Groups of rows
=================

Claim: where rows of one person resemble each other, groups= gives the honest estimate; random folds flatter.

Each of 30 persons has a level of their own, and one label. Random folds (``rows="independent"``) let the model
recognise the person; new persons are what counts.
"""

import matplotlib.pyplot as plt
import numpy as np

from autoarch import AutoArchClassifier

rng = np.random.default_rng(0)
persons = np.repeat(np.arange(45), 10)
labels = np.arange(45) % 3
levels = rng.normal(size=(45, 6)) * 3
X = levels[persons] + rng.normal(size=(len(persons), 6)) + 0.5 * np.eye(6)[labels[persons]]
y = labels[persons]
known = persons < 30

settings = {"time_budget": None, "n_trials": 1, "families": "tree", "random_state": 0, "verbose": 0}
random_folds = AutoArchClassifier(**settings, rows="independent").fit(X[known], y[known])
grouped = AutoArchClassifier(**settings).fit(X[known], y[known], groups=persons[known])
truth = grouped.score(X[~known], y[~known])

print(f"expected from random folds {random_folds.estimated_score_:.2f}, from groups {grouped.estimated_score_:.2f}")
print(f"accuracy on 15 new persons {truth:.2f}")

bars = {
    "expected,\nrandom folds": random_folds.estimated_score_,
    "expected,\ngroups": grouped.estimated_score_,
    "new persons": truth,
}
plt.figure(figsize=(4, 3), layout="constrained")
plt.bar(list(bars), list(bars.values()), color=["#c9ced3", "#1f6f8b", "#c8553d"])
plt.ylabel("accuracy")
plt.show()

assert abs(grouped.estimated_score_ - truth) < abs(random_folds.estimated_score_ - truth)
