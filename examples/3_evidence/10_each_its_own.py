"""To each data set its family
==============================

Claim: the family that wins is the one that suits the data: convolutions on textures, trees on a rule of two columns.

Nothing but the data differs between the two fits; each family gets one trial, with its strongest default.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import ShuffleSplit

from autoarch import AutoArchClassifier
from autoarch.datasets import make_noise, make_textures

one_split = ShuffleSplit(1, test_size=0.4, random_state=0)
winners = {}
figure, panels = plt.subplots(1, 2, figsize=(9, 3), layout="constrained", sharey=True)
for name, (X, y), layout in (
    ("textures", make_textures(600, (16, 16), random_state=0), (16, 16)),
    ("rule of two columns", make_noise(600, 12, random_state=0), "auto"),
):
    clf = AutoArchClassifier(time_budget=None, n_trials=5, layout=layout, cv=one_split, random_state=0, verbose=0).fit(
        X[:400], y[:400]
    )
    done = clf.leaderboard_[clf.leaderboard_["status"] == "ok"]
    best = done.groupby("family")["score"].max()
    print(f"{name}: " + ", ".join(f"{family} {score:.3f}" for family, score in best.items()))
    print(f"  {clf.best_family_} won; accuracy {clf.score(X[400:], y[400:]):.3f} on unseen rows")
    panels[len(winners)].bar(
        best.index, best, color=["#1f6f8b" if f == clf.best_family_ else "#c9ced3" for f in best.index]
    )
    panels[len(winners)].set(title=name, ylabel="score")
    winners[name] = clf.best_family_
plt.show()

assert winners["textures"] in ("cnn", "kernels")  # trained and random convolutions
assert winners["rule of two columns"] in ("tree", "mlp")  # what can learn a rule of two columns; linear models cannot
