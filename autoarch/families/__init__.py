"""What is searched: one file per family of models, a contract they share, and a registry that finds them.

Read ``base`` (the words a family is written in), then any family, then ``registry`` (built-ins, the user's own, entry
points). Importing this package loads neither torch nor a booster.
"""

from autoarch.families.base import Family, Needs, Problem

__all__ = ["Family", "Needs", "Problem"]
