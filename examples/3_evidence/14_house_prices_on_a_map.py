"""House prices on a map
========================

Claim: where a house stands tells its price beyond what it is like, if the search knows that it stands on a map.

Sales of 211 houses in Baltimore, with their places in feet (from the package libpysal, which esda brings). The search
that knows that the rows stand on a map sees the neighbours of a house; its report says how far prices resemble each
other and what the winner is worth where nothing was sold nearby. What it leaves unexplained hardly resembles its
neighbours any more. ``--picture FILE`` keeps the maps in a file. Needs ``autoarch[plot,geo]`` and esda.
"""

import sys
from pathlib import Path

import geopandas
import libpysal
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import KFold, cross_validate, train_test_split

from autoarch import AutoArchRegressor
from autoarch.geo import fit_variogram, morans_i, plot_map, read_places

folder = Path(libpysal.__file__).parent / "examples" / "baltim"
houses = geopandas.read_file(folder / "baltim.shp").drop(columns=["STATION", "geometry"])
prices = np.log(houses.pop("PRICE"))

settings = {"time_budget": None, "n_trials": 4, "families": ["linear", "svm"], "random_state": 0, "verbose": 0}
errors = {"with coordinates": [], "without": []}
for seed in range(4):
    X_train, X_test, y_train, y_test = train_test_split(houses, prices, test_size=0.3, random_state=seed)
    for name, coordinates in (("with coordinates", ("X", "Y")), ("without", None)):
        model = AutoArchRegressor(coordinates=coordinates, **settings).fit(X_train, y_train)
        errors[name].append(1 - model.score(X_test, y_test))
for name, each in errors.items():
    print(f"unexplained variance of prices, {name}: {np.mean(each):.3f} ({', '.join(f'{e:.2f}' for e in each)})")

known = AutoArchRegressor(coordinates=("X", "Y"), **settings).fit(houses, prices)
print(known.locality_)
print(known.splits_)

folds = list(KFold(5, shuffle=True, random_state=0).split(houses))
models = cross_validate(known.best_estimator_, houses, prices, cv=folds, return_estimator=True)["estimator"]
by_model = np.column_stack([model.predict(houses) for model in models])
predicted = np.empty(len(houses))
for fold, (_, left_out) in enumerate(folds):
    predicted[left_out] = by_model[left_out, fold]
places = read_places(houses, ("X", "Y"))
before, after = morans_i(places, prices), morans_i(places, prices - predicted)
print(f"Moran's I of prices {before.statistic:.2f}, of what the winner leaves unexplained {after.statistic:.2f}")

figure = plt.figure(figsize=(13, 7), layout="constrained")
axes = figure.subplots(2, 3).ravel()
plot_map(places, predicted, ax=axes[0])
plot_map(places, prices - predicted, kind="residual", ax=axes[1])
plot_map(places, by_model, kind="uncertainty", ax=axes[2])
before.plot(axes[3])
after.plot(axes[4])
fit_variogram(places, prices, random_state=0).plot(axes[5])
plt.show()
if "--picture" in sys.argv:
    figure.savefig(sys.argv[sys.argv.index("--picture") + 1], dpi=60)

assert known.locality_.space[0].autocorrelated
assert np.mean(errors["with coordinates"]) < np.mean(errors["without"])
assert set(known.scores_["question"]) == {"new places", "new rows"}
assert abs(after.statistic) < before.statistic / 2
