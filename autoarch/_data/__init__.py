"""From any accepted ``X`` and ``y`` to plain arrays: the only room that knows pandas.

Read ``layout`` (which cell a column stands for), ``columns`` (roles and encoding of a table's columns), ``canonical``
(any X -> a float matrix and a layout), ``target`` (labels and weights), ``row_splits`` (holdout and folds).
"""
