"""Four lines
=============

Claim: four lines take matrices to a fitted estimator that names more than 95 % of unseen digits.

X may have the shape (n, p), (n, H, W) or (n, C, H, W), or be a DataFrame; nothing has to be reshaped or scaled.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from autoarch import AutoArchClassifier, LeaderboardDisplay
from autoarch.datasets import load_digits_grid

X, y = load_digits_grid()  # X: (1797, 8, 8)
X, X_new, y, y_new = train_test_split(X, y, stratify=y, random_state=0)

clf = AutoArchClassifier(time_budget=10, random_state=0).fit(X, y)
accuracy = clf.score(X_new, y_new)

print(clf.leaderboard_[["rank", "family", "score", "score_std", "seconds", "status"]].head(8).to_string(index=False))
print(f"{clf.best_family_} won; accuracy {accuracy:.3f} on {len(y_new)} unseen ({clf.estimated_score_:.3f} expected)")

# %%
# The candidates, best first (needs ``autoarch[plot]``).

LeaderboardDisplay.from_estimator(clf)
plt.show()

assert accuracy > 0.95
