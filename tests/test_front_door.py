"""What ``import autoarch`` offers, what it does not load, and what the installation promises."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import autoarch
from autoarch._search.baseline import Baseline

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HEAVY = ("torch", "optuna", "sklearn", "pandas", "scipy", "skorch", "matplotlib", "joblib")


def loaded_after(statement: str) -> set[str]:
    """Top-level modules of a fresh interpreter after ``statement``."""
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def pins(name: str) -> dict[str, str]:
    """Versions of a constraints file, by package."""
    lines = (ROOT / ".ci" / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def floors(requirements: list[str]) -> dict[str, str]:
    """Lower bounds by package; anything but a lower bound is an error."""
    parsed = [re.fullmatch(r"([A-Za-z0-9_-]+)>=([0-9.]+)", requirement) for requirement in requirements]
    assert all(parsed), f"not a plain lower bound among {requirements}"
    return {match[1]: match[2] for match in parsed if match}


def test_the_front_door_is_short():
    """Few names, each of them there, and dir() lists them."""
    assert set(autoarch.__all__) == {
        "ApplicabilityDisplay",
        "AutoArchClassifier",
        "AutoArchRegressor",
        "ExplanationDisplay",
        "Layout",
        "LeaderboardDisplay",
        "LocalityDisplay",
        "SearchHistoryDisplay",
        "LocalityReport",
        "RowReport",
        "__version__",
        "load",
        "probe_locality",
        "probe_rows",
    }
    assert all(getattr(autoarch, name) is not None for name in autoarch.__all__)
    assert set(autoarch.__all__) <= set(dir(autoarch))


def test_an_unknown_name_lists_the_known_ones():
    """A slip of the pen is answered with what there is."""
    with pytest.raises(AttributeError, match="AutoArchClassifier"):
        autoarch.AutoArchTransformer  # noqa: B018  # touching the name is the test


def test_import_loads_nothing_heavy():
    """``import autoarch`` costs next to nothing."""
    assert not loaded_after("import autoarch").intersection(HEAVY)


def test_no_name_of_the_front_door_loads_torch():
    """torch and optuna wait for ``fit``, even where all names are imported."""
    names = ", ".join(name for name in autoarch.__all__ if name != "__version__")
    assert not loaded_after(f"from autoarch import {names}").intersection({"torch", "optuna", "skorch"})


def test_help_of_the_command_line_loads_nothing_heavy():
    """``autoarch --help`` answers at once."""
    assert not loaded_after("import autoarch.cli.main; autoarch.cli.main.build_parser()").intersection(HEAVY)


def test_the_version_is_the_installed_one():
    """One place says the version."""
    assert version("autoarch") == autoarch.__version__


def test_the_oldest_set_tests_the_lower_bounds():
    """A bound that is not tested is a guess; torch alone is excepted, and the file says why."""
    oldest = pins("constraints-oldest.txt")
    bounds = floors(PROJECT["dependencies"]) | floors(PROJECT["optional-dependencies"]["test"])
    assert bounds.pop("torch") == "2.4"
    assert "torch is the exception" in (ROOT / ".ci" / "constraints-oldest.txt").read_text(encoding="utf-8")
    for name, bound in bounds.items():
        wanted = tuple(map(int, bound.split(".")))
        assert tuple(map(int, oldest[name].split(".")))[: len(wanted)] == wanted, name


def test_both_sets_begin_with_the_torch_that_the_readme_installs():
    """torch comes first in every list, at one version."""
    asked = set(re.findall(r"pip install torch==(\S+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert len(asked) == 1
    for name in ("constraints.txt", "constraints-oldest.txt"):
        assert next(iter(pins(name).items())) == ("torch", *asked)


def test_every_extra_has_lower_bounds_only():
    """An upper bound here would be a conflict in somebody's environment later."""
    for extra, requirements in PROJECT["optional-dependencies"].items():
        if extra != "dev":
            assert floors(requirements), extra


def test_types_are_shipped():
    """A user's type checker finds the marker."""
    assert (Path(autoarch.__file__).parent / "py.typed").is_file()


def test_the_stories_know_the_baseline_by_its_name():
    """The row that is left out of comparisons is the one that the search calls so."""
    from autoarch.cli.demo import BASELINE

    assert Baseline.name == BASELINE
