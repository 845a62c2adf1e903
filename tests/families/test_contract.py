"""Every family keeps the contract that plug-in authors are asked to keep."""

import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from autoarch.exceptions import ParameterError
from autoarch.families import Family, Needs
from autoarch.families.registry import BUILT_IN, known_families, resolve_families
from autoarch.testing import check_family


class Nearest(Family):
    """A stranger's family with one parameter."""

    name = "nearest"

    def suggest(self, trial, problem):
        return {"k": trial.suggest_int("nearest.k", 1, 9)}

    def build(self, params, problem, seed):
        from sklearn.impute import SimpleImputer

        model = KNeighborsClassifier if problem.classification else KNeighborsRegressor
        return [("impute", SimpleImputer()), ("model", model(n_neighbors=params["k"]))]

    def defaults(self, problem):
        return [{"k": 5}]


class Unprefixed(Nearest):
    """A family whose parameter could collide with another's."""

    name = "unprefixed"

    def suggest(self, trial, problem):
        return {"k": trial.suggest_int("k", 1, 9)}


class Outside(Nearest):
    """A family whose default does not lie in its own space."""

    def defaults(self, problem):
        return [{"k": 5, "p": 2}]


@pytest.mark.parametrize("family", [*BUILT_IN, Nearest], ids=lambda family: family.name)
def test_a_family_keeps_the_contract(family):
    """Built-in families and a stranger's pass the same checks."""
    check_family(family)


@pytest.mark.parametrize(
    ("family", "complaint"),
    [
        pytest.param(Unprefixed, "must begin with 'unprefixed.'", id="no-prefix"),
        pytest.param(Outside, "lies outside", id="default-outside"),
    ],
)
def test_a_broken_family_is_told_what_is_wrong(family, complaint):
    """The contract kit names the breach."""
    with pytest.raises(AssertionError, match=complaint):
        check_family(family)


def test_families_are_found_by_name_class_and_object():
    """A user may mix names, classes and objects."""
    assert [f.name for f in resolve_families(["tree", Nearest, Nearest()][:2])] == ["tree", "nearest"]
    everything = [f.name for f in resolve_families("auto")]
    assert set(everything) <= set(known_families()) and everything[: len(BUILT_IN)] == [f.name for f in BUILT_IN]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param("tre", "Did you mean 'tree'", id="typo"),
        pytest.param([], "is empty", id="empty"),
        pytest.param(["tree", "tree"], "twice", id="twice"),
        pytest.param([3], "contains 3", id="no-family"),
    ],
)
def test_an_unknown_family_lists_the_known_ones(asked, message):
    """The message helps to repair the call."""
    with pytest.raises(ParameterError, match=message):
        resolve_families(asked)


def test_a_family_says_why_it_cannot_serve():
    """Each need that is not met gives its own reason."""
    from autoarch.families import Problem

    class Picky(Nearest):
        needs = Needs(tasks=("classification",), packages=("no_such_package",))

    table = Problem("classification", 10, 3, n_classes=2)
    assert "no_such_package" in Picky().unfit_for(table)
    assert "regression" in Picky().unfit_for(Problem("regression", 10, 3))
    (cnn,) = resolve_families("cnn")
    assert "layout" in cnn.unfit_for(table)
