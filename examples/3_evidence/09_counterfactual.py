"""The counterfactual
=====================

Claim: shuffling the cells ruins a convolution where patterns carry the answer, and costs nothing where they do not.

Both data sets are as smooth as each other, so smoothness cannot tell them apart; the counterfactual can.
"""

import matplotlib.pyplot as plt

from autoarch import probe_locality
from autoarch.datasets import make_cell_rule, make_textures

textures = probe_locality(*make_textures(400, (16, 16), random_state=0), random_state=0)
rule = probe_locality(*make_cell_rule(400, (16, 16), random_state=0), random_state=0)

for name, report in (("textures", textures), ("cell rule", rule)):
    cost = report.gains["layout"]
    print(
        f"{name}: verdict {report.verdict}, Moran's I {report.morans_i:.2f}, shuffling costs {cost.difference:+.3f} "
        f"± {cost.std_error:.3f}; worth searching: {', '.join(report.recommended_families)}"
    )

textures.plot()
rule.plot()
plt.show()

assert textures.gains["layout"].difference > 4 * textures.gains["layout"].std_error
assert rule.gains["layout"].difference < 4 * rule.gains["layout"].std_error
assert next(iter(textures.recommended_families)) == "cnn"
assert next(iter(rule.recommended_families)) != "cnn"
