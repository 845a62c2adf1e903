"""Trainings of single models inside a deadline: nets (torch through skorch) and models that grow by rounds.

Read ``time_limited`` (boosting and forests in steps, a learning rate that ends with the time),
``scalers`` (grids and tables for nets), ``grid_extents`` (a quarter of their cells), ``grid_summaries`` and
``interval_quantiles`` (grids for trees) and ``order_free`` (grids whose lines stand in no order), ``conv_net`` and
``table_net`` (the architectures), ``augment`` (changed batches), ``loop`` (skorch classes with our training loop) and
``device`` (device, seeds, precision). ``time_limited``, ``scalers``, ``grid_extents``, ``grid_summaries``,
``interval_quantiles``, ``order_free`` and ``device`` import without torch.
"""
