"""The grid behind flat columns.

``infer`` finds the sides of columns that stand in order; read on in this order: ``table`` (sampled rows, and cells that
the names of columns give), ``pseudo_likelihood`` (candidate grids and their fit), ``ranking`` (best grids, outlier
columns set aside), ``alignment_tests`` (p-values of the axes), ``decision`` (grid, line or nothing, and the reason).

``recover`` finds the cells of columns that stand in no order: ``partial_correlation`` (comparable columns and their
affinities), ``region_growing`` (a lattice grown from four columns), ``local_search`` (likelihood of a layout, and swaps
that raise it), ``ruin_and_recreate`` (repeated growth; seriation of a line), ``channels`` (several columns per cell).

``restorer`` makes a scikit-learn transformer of both.
"""
