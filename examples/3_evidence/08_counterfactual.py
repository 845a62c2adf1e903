"""Claim: shuffling the cells ruins a convolution where patterns carry the answer, and costs nothing where they do not.

Both data sets are as smooth as each other, so smoothness cannot tell them apart; the counterfactual can.
"""

from autoarch import probe_locality
from autoarch.datasets import make_cell_rule, make_textures


def cost_of_shuffling(X, y):
    """How much random convolutions lose when the cells are shuffled, and the standard error of that."""
    report = probe_locality(X, y, layout=(16, 16), random_state=0)
    kept, lost = report.landmarks["cnn"], report.landmarks["cnn_shuffled"]
    return report, kept.score - lost.score, (kept.std_error**2 + lost.std_error**2) ** 0.5


textures, on_textures, error = cost_of_shuffling(*make_textures(400, (16, 16), random_state=0))
rule, on_rule, rule_error = cost_of_shuffling(*make_cell_rule(400, (16, 16), random_state=0))

print(
    f"textures:  verdict {textures.verdict}, Moran's I {textures.morans_i:.2f}, cost {on_textures:+.3f} ± {error:.3f}"
)
print(f"cell rule: verdict {rule.verdict}, Moran's I {rule.morans_i:.2f}, cost {on_rule:+.3f} ± {rule_error:.3f}")
print(f"tried first: {textures.recommended_families[0]} on textures, {rule.recommended_families[0]} on the cell rule")

assert on_textures > 4 * error
assert on_rule < 4 * rule_error
assert textures.recommended_families[0] == "cnn"
assert rule.recommended_families[0] != "cnn"
