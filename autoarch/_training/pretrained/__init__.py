"""Nets that were trained on other data: read, fitted to another shape, measured and trained further.

Read ``inspect`` (the first convolution and the last layer of a net, found by running it), ``files`` (weights on disk,
without pickle), ``file_kinds`` (what else a file may be, and what to do then), ``source`` (a module with the known
facts about its data), ``adapt`` (other channels, sides and outputs), ``measures`` (LogME of features, shift of inputs)
and ``fine_tuning`` (the new head first; or all rows of old and new classes without forgetting).
"""
