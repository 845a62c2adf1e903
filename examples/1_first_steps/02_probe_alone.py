"""The probe alone
==================

Claim: the probe tells pictures from the same pictures with scrambled cells, in seconds and without a label.

The verdict is a test: neighbouring cells are compared with what cells in any other order would give.
"""

import matplotlib.pyplot as plt

from autoarch import probe_locality
from autoarch.datasets import load_digits_grid, load_digits_scrambled

in_place, _ = load_digits_grid()
scrambled, _ = load_digits_scrambled()

report = probe_locality(in_place, random_state=0)
control = probe_locality(scrambled, layout=(8, 8), random_state=0)

print(report)
print()
print(control)

# %%
# The evidence as pictures, of the digits and of the scrambled ones (needs ``autoarch[plot]``).

report.plot()
control.plot()
plt.show()

assert report.verdict == "2d"
assert control.verdict == "none"
