"""Find families: built in, given by the user, or installed under the entry point group ``autoarch.families``.

Never imports torch: built-ins load it when they build a net.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import entry_points
from importlib.util import find_spec

from autoarch._core.checks import check_sequence, shown
from autoarch._core.quiet import warn_user
from autoarch.exceptions import ParameterError
from autoarch.families.base import Family
from autoarch.families.cnn import CNN
from autoarch.families.foundation import FoundationModel, TabICL, TabPFN
from autoarch.families.kernels import Kernels
from autoarch.families.linear import Linear
from autoarch.families.mlp import MLP
from autoarch.families.neighbors import Neighbors
from autoarch.families.svm import SVM
from autoarch.families.tree import Tree

BUILT_IN: tuple[type[Family], ...] = (Linear, Tree, MLP, CNN, Kernels, Neighbors, SVM)
_OPTIONAL: tuple[type[FoundationModel], ...] = (TabPFN, TabICL)  # left out of "auto" where not installed
_RESERVED = ("baseline", "auto")  # the search's own
ENTRY_POINT_GROUP = "autoarch.families"


def known_families() -> dict[str, Family]:
    """Built-in and installed families by name; a broken plug-in warns and is skipped."""
    families = {family.name: family() for family in (*BUILT_IN, *_OPTIONAL)}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            family = entry.load()()
        except (Exception, SystemExit) as error:  # the import of a plug-in may raise anything
            warn_user(f"the family {entry.name!r} could not be loaded: {error!r}")
            continue
        families[family.name] = family
    return families


# what the probe compares: installed plug-ins too, where they bring a landmark
WITH_LANDMARK = {name: family for name, family in known_families().items() if family.landmark_title}
TITLES = {name: family.title for name, family in WITH_LANDMARK.items()}
LANDMARK_TITLES = {name: family.landmark_title for name, family in WITH_LANDMARK.items()}
LANDMARK_TITLES |= {"cnn_shuffled": "convolutions on shuffled cells", "tree_summaries": "small trees on parts"}


def resolve_families(given: str | Sequence[str | Family | type[Family]]) -> list[Family]:
    """Turn the parameter ``families`` into family objects.

    Raises
    ------
    ParameterError
        If a name is unknown, none is given, or two families share a name.
    """
    known = known_families()
    if isinstance(given, str) and given == "auto":
        missing = {name for name, family in known.items() if isinstance(family, _OPTIONAL) and find_spec(name) is None}
        return [family for name, family in known.items() if name not in {*_RESERVED, *missing}]
    expected = (
        f"'auto', one of {sorted(known)}, an object of a subclass of autoarch.families.Family, or several of these"
    )
    items = [given] if isinstance(given, (str, Family, type)) else check_sequence("families", given, expected)
    if not items:
        raise ParameterError(f"families={given!r} is empty; pass 'auto' or some of {sorted(known)}.")
    families = [_resolve_one(item, known) for item in items]
    names = [family.name for family in families]
    if bad := [name for name in names if not name or name in _RESERVED]:
        raise ParameterError(f"a family is named {bad[0]!r}; it needs a name of its own, and not one of {_RESERVED}.")
    if len(set(names)) < len(names):
        raise ParameterError(f"families={names} names a family twice; each may stand there once.")
    return families


def _resolve_one(item: str | Family | type[Family], known: dict[str, Family]) -> Family:
    if isinstance(item, type) and issubclass(item, Family):
        try:
            return item()
        except Exception as error:  # a class of the user's own may raise anything
            raise ParameterError(
                f"families contains the class {item.__name__}, which cannot be made without arguments ({error!r}). "
                "Pass an object of it."
            ) from error
    if isinstance(item, Family):
        return item
    if isinstance(item, str) and item in known:
        return known[item]
    guess = get_close_matches(item, known, n=1) if isinstance(item, str) else []
    hint = f" Did you mean {guess[0]!r}?" if guess else ""
    raise ParameterError(
        f"families contains {shown(item)}; expected 'auto', names out of {sorted(known)}, or objects of a subclass of "
        f"autoarch.families.Family.{hint}"
    )
