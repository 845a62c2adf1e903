"""Points on a map in a table: where they are, how far apart, and what follows for models and folds.

Read ``places`` first: every other module speaks of points through it.
"""
