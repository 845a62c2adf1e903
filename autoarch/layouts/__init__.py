"""Find the grid behind flat columns.

``infer`` finds the sides of columns in order, ``recover`` the cells of columns in no order, and ``restorer`` makes a
scikit-learn transformer of both.
"""
