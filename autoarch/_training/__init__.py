"""Fitting one model well inside a deadline: nets (torch through skorch) and models that grow by rounds.

Read ``deadline`` (a clock that travels between processes), ``schedule`` (a learning rate that ends with it),
``growing`` (boosting and forests in steps), ``scaling`` (n-d scalers for nets), ``modules`` (the torch architectures),
``nets`` (skorch classes with our training loop), ``device`` (device and seeds). Only ``modules``, ``nets`` and
``device`` import torch; nothing else here does.
"""
