"""Families of models: one file each, a contract they share, and a registry that finds them.

Read ``base`` (the contract), then any family, then ``registry`` (built-ins, the user's own, entry points) and
``landmarks`` (the cheap models by which the probe compares families). Importing this package loads neither torch nor a
booster.
"""

from autoarch._data.coordinates import MapColumns
from autoarch.families.base import Family, Needs, Problem

__all__ = ["Family", "MapColumns", "Needs", "Problem"]
