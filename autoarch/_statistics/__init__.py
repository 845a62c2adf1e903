"""Pure functions of arrays: correlations on grids, permutation tests, ridge regression, random convolutions."""
