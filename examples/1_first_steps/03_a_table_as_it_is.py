"""A table as it is
===================

Claim: a DataFrame with text, dates and gaps goes in as it is, and predictions survive what new data do to it.

New rows may bring the columns in another order and categories that were never seen.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from autoarch import AutoArchRegressor

rng = np.random.default_rng(0)
n = 400
table = pd.DataFrame(
    {
        "area": rng.uniform(20, 200, n),
        "district": rng.choice(["north", "south", "harbour"], n),
        "built": pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 25_000, n), unit="D"),
        "balcony": rng.random(n) < 0.4,
    }
)
premium = table["district"].map({"north": 0, "south": 40, "harbour": 120})
rent = 9 * table["area"] + premium + 50 * table["balcony"] + rng.normal(0, 30, n)
table.loc[rng.random(n) < 0.1, "area"] = np.nan

model = AutoArchRegressor(time_budget=None, n_trials=2, families=["linear", "tree"], random_state=0, verbose=0)
model.fit(table[:300], rent[:300])
r2 = model.score(table[300:], rent[300:])
print(f"{model.best_family_} won; R2 {r2:.3f} on 100 unseen rows")

reordered = table[300:][["balcony", "built", "district", "area"]]
np.testing.assert_array_equal(model.predict(reordered), model.predict(table[300:]))
moved = model.predict(table[300:].assign(district="a new one"))

figure, axes = plt.subplots(figsize=(4, 4), layout="constrained")
axes.scatter(rent[300:], model.predict(table[300:]), s=10)
axes.axline((500, 500), slope=1, color="grey", linewidth=0.8)
axes.set(xlabel="rent", ylabel="predicted")
plt.show()

assert r2 > 0.7
assert np.isfinite(moved).all()
