"""Claim: where a house stands tells its price beyond what it is like, if the search knows that it stands on a map.

Sales of 211 houses in Baltimore, with their places in feet (from the package libpysal, which esda brings). The search
that knows that the rows stand on a map sees the neighbours of a house; its report says how far prices resemble each
other and what the winner is worth where nothing was sold nearby.
"""

from pathlib import Path

import geopandas
import libpysal
import numpy as np
from sklearn.model_selection import train_test_split

from autoarch import AutoArchRegressor

folder = Path(libpysal.__file__).parent / "examples" / "baltim"
houses = geopandas.read_file(folder / "baltim.shp").drop(columns=["STATION", "geometry"])
prices = np.log(houses.pop("PRICE"))

settings = {"time_budget": None, "n_trials": 8, "families": ["linear", "tree"], "random_state": 0, "verbose": 0}
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

assert known.locality_.space[0].alike
assert np.mean(errors["with coordinates"]) < np.mean(errors["without"])
assert {each.folds for each in known.locality_.fold_scores} == {"blocks", "random"}
