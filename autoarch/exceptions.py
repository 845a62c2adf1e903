"""Every error and warning that autoarch raises of its own accord.

The errors subclass the built-in that a scikit-learn user would catch (``ValueError``, ``TypeError``, ...), so existing
``except`` clauses keep working; ``AutoArchError`` catches all of them.
"""

__all__ = [
    "AutoArchError",
    "AutoArchWarning",
    "InputError",
    "InputTypeError",
    "LayoutError",
    "MissingExtraError",
    "ModelFileError",
    "NoModelError",
    "ParameterError",
    "SearchInterruptedWarning",
]


class AutoArchError(Exception):
    """Base class of all errors raised by autoarch."""


class InputError(AutoArchError, ValueError):
    """X, y, sample_weight or groups hold something that cannot be learned from."""


class InputTypeError(AutoArchError, TypeError):
    """X or y is of a kind that does not convert to numbers, categories or dates."""


class LayoutError(InputError):
    """The declared layout does not fit the columns of X."""


class ParameterError(AutoArchError, ValueError):
    """A parameter of an estimator or function has a value that makes no sense."""


class MissingExtraError(AutoArchError, ImportError):
    """A feature needs an optional package that is not installed; the message names the extra."""


class ModelFileError(AutoArchError, ValueError):
    """A file holds no model that can be loaded, or a model cannot be written to a file; the message says why."""


class NoModelError(AutoArchError, RuntimeError):
    """Not a single candidate could be fitted; the message gives the first reasons."""


class AutoArchWarning(UserWarning):
    """Base class of all warnings issued by autoarch."""


class SearchInterruptedWarning(AutoArchWarning):
    """The search was stopped by Ctrl-C; the best model so far was kept."""
