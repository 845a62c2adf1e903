"""Which grid, if any, stands behind flat columns; ``infer`` is the entrance."""
