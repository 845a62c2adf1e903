"""What lies around a place
===========================

Claim: what a row's own columns cannot tell, the picture of what lies around it can.

Points are scattered over hills and valleys. A point is wet where it lies lower than its surroundings; how high it lies
says little. NeighborhoodGrid is a step of the pipeline: it sees the places of the training rows alone.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline

from autoarch import AutoArchClassifier
from autoarch.geo import NeighborhoodGrid

rng = np.random.default_rng(0)
x, y = rng.uniform(0, 20, size=(2, 1500))
height = 0.3 * x + np.sin(x) * np.cos(y)  # a slope with hollows
table = pd.DataFrame({"x": x, "y": y, "height": height + rng.normal(scale=0.1, size=1500)})
wet = np.where(np.sin(x) * np.cos(y) < 0, "wet", "dry")
train, test = slice(0, 1000), slice(1000, None)

settings = {"time_budget": None, "n_trials": 1, "cv": ShuffleSplit(1, random_state=0), "random_state": 0, "verbose": 0}
alone = AutoArchClassifier(families="tree", **settings).fit(table[["height"]][train], wet[train])
around = make_pipeline(NeighborhoodGrid(size=7), AutoArchClassifier(families="cnn", **settings))
around.fit(table[train], wet[train])

by_height = alone.score(table[["height"]][test], wet[test])
by_picture = around.score(table[test], wet[test])
print(f"pictures of {around[0].channel_names_}, cells of {around[0].cell_size_:.2f}")
print(f"accuracy on 500 new points: by their height {by_height:.2f}, by the picture around them {by_picture:.2f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.scatter(x, y, c=wet == "wet", s=6, cmap="coolwarm_r")
left.set(title="wet (blue) and dry", aspect="equal")
right.imshow(around[0].transform(table[:1])[0, 0], cmap="terrain")
right.set(title="heights around the first point", xticks=[], yticks=[])
plt.show()

assert by_picture > by_height + 0.1
