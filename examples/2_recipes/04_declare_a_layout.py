"""Declare a layout
===================

Claim: flat columns with layout=(8, 8) are treated exactly as matrices of 8 x 8 cells are.

Many tables are grids that somebody flattened. Saying so is all it takes; nothing has to be reshaped, now or later.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import ShuffleSplit

from autoarch import AutoArchClassifier
from autoarch.datasets import load_digits_grid

matrices, y = load_digits_grid()
flat = matrices.reshape(len(matrices), 64)

one_split = ShuffleSplit(1, random_state=0)
settings = {"time_budget": None, "n_trials": 1, "families": "cnn", "cv": one_split, "random_state": 0, "verbose": 0}
rows = slice(0, 200)
as_matrices = AutoArchClassifier(**settings).fit(matrices[rows], y[rows])
as_columns = AutoArchClassifier(layout=(8, 8), **settings).fit(flat[rows], y[rows])

for clf in (as_matrices, as_columns):
    print(f"layout {clf.layout_}, verdict {clf.locality_.verdict}, {clf.best_family_} scored {clf.best_score_:.4f}")

figure, (above, below) = plt.subplots(2, 1, figsize=(7, 3), height_ratios=(1, 6), layout="constrained")
above.imshow(flat[:1], cmap="Greys", aspect="auto")
above.set(title="a row of 64 columns", xticks=[], yticks=[])
below.imshow(as_columns.layout_.to_grid(flat[:1])[0, 0], cmap="Greys")
below.set(title="the grid that layout=(8, 8) declares", xticks=[], yticks=[])
plt.show()

assert as_columns.locality_.verdict == as_matrices.locality_.verdict
np.testing.assert_array_equal(as_columns.predict(flat[200:]), as_matrices.predict(matrices[200:]))
