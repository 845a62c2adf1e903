"""Explanations find the true causes
====================================

Claim: an explanation shows what the label hangs on, in a picture as in a table with encoded columns.

The pictures are noise with one cell that decides, and in others a patch of stripes that stands anywhere. In the table
a date and a category decide; both are many columns to the model and one to the reader.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import ShuffleSplit

from autoarch import AutoArchClassifier
from autoarch.datasets import make_planted
from autoarch.explain import explain

settings = {"time_budget": None, "n_trials": 1, "cv": ShuffleSplit(1, random_state=0), "random_state": 0, "verbose": 0}
shares = {}
for cause, family, asked in (("cell", "mlp", {"by": "cell"}), ("texture", "cnn", {"patch": 5})):
    X, y, truth = make_planted(1_060, (12, 12), cause=cause, random_state=0)
    model = AutoArchClassifier(families=family, **settings).fit(X[:1_000], y[:1_000])
    found = explain(model, X[1_000:], random_state=0, verbose=0, **asked)
    values = found.values[:, 0]  # (rows, height, width)
    highest = values == values.max(axis=(1, 2), keepdims=True)
    shares[cause] = (highest & truth[1_000:]).any(axis=(1, 2)).mean()
    found.plot()
    print(f"{cause}, {family}: the highest value is at a true place in {shares[cause]:.0%} of 60 rows\n{found}\n")

rng = np.random.default_rng(0)
table = pd.DataFrame({"noise": rng.normal(size=800), "colour": rng.choice(["red", "green", "blue"], size=800)})
table["day"] = pd.Timestamp(2024, 1, 1) + pd.to_timedelta(rng.integers(0, 365, size=800), unit="D")
late = table["day"].dt.day_of_year + 60 * (table["colour"] == "red") > 190
model = AutoArchClassifier(families="tree", **settings).fit(table[:600], late[:600])
of_rows = explain(model, table[600:], random_state=0, verbose=0)
of_score = explain(model, table[600:], late[600:], method="permutation", random_state=0, verbose=0)
print(of_rows.to_frame().to_string(index=False), of_score.to_frame().to_string(index=False), sep="\n\n")

of_rows.plot()
plt.show()

assert min(shares.values()) >= 0.9
assert of_rows.to_frame()["name"].tolist() == of_score.to_frame()["name"].tolist() == ["day", "colour", "noise"]
