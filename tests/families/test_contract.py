"""Every family keeps the contract that plug-in authors are asked to keep."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from autoarch._data.layout import Layout
from autoarch.exceptions import ParameterError
from autoarch.families import Family, MapColumns, Needs, Problem
from autoarch.families.landmarks import N_FOLDS, prepare
from autoarch.families.registry import BUILT_IN, WITH_LANDMARK, known_families, resolve_families
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

    class Picky(Nearest):
        needs = Needs(tasks=("classification",), packages=("no_such_package",))

    table = Problem("classification", 10, 3, n_classes=2)
    assert "no_such_package" in Picky().unfit_for(table)
    assert "regression" in Picky().unfit_for(Problem("regression", 10, 3))
    (cnn,) = resolve_families("cnn")
    assert "layout" in cnn.unfit_for(table)
    assert "lattice" in cnn.unfit_for(Problem("regression", 10, 3, coordinates=MapColumns(0, 1)))
    assert cnn.unfit_for(Problem("regression", 10, 3, coordinates=MapColumns(0, 1, on_lattice=True))) is None


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("family", WITH_LANDMARK.values(), ids=lambda family: family.name)
def test_a_landmark_gives_a_loss_for_every_row(family, task):
    """Under the family's name, the same again under the same seed; the clock is looked at where it takes long."""
    rng = np.random.default_rng(0)
    values, y = rng.normal(size=(60, 16)), np.sort(rng.integers(3, size=60)).astype(float)
    facts = {"task": task, "layout": Layout(4, 4), "categorical": (), "seed": 3, "n_jobs": None}
    looks = []
    first, again = (family.landmark(prepare(values, y, **facts), lambda: looks.append(1)) for _ in range(2))

    assert first[family.name].shape == (60,) and (first[family.name] >= 0).all()
    np.testing.assert_array_equal(again[family.name], first[family.name])
    assert looks or family.name == "linear"
    assert 0 < family.landmark_seconds(prepare(values, y, **facts)) < 60
    assert len(np.unique(prepare(values, y, **facts).folds)) == N_FOLDS


def test_prior_odds_of_families_with_a_landmark_add_up():
    """One of them is the best whatever the verdict, so the odds are probabilities."""
    odds = np.array([family.prior_odds for family in WITH_LANDMARK.values()])
    np.testing.assert_allclose(odds.sum(axis=0), 1.0)
    assert all(family.title and family.landmark_title for family in WITH_LANDMARK.values())
