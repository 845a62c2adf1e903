"""Import optional packages where they are used, and name the extra that brings them.

Imports: ``autoarch.exceptions``.
"""

from importlib import import_module
from types import ModuleType

from autoarch.exceptions import MissingExtraError


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import ``module`` or say which extra of autoarch installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the package {module!r}, which could not be imported ({error}). "
            f"Install it with: pip install 'autoarch[{extra}]'"
        ) from error
