"""The contract of a family: what it needs, what it tries first, what it samples, and how it is built and fitted.

A plug-in author subclasses :class:`Family`, sets ``name`` and writes ``suggest`` and ``build``; everything else has a
default. ``autoarch.testing.check_family`` tests whether the result keeps the contract.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import has_fit_parameter

from autoarch._core.clock import Deadline
from autoarch._data.coordinates import MapColumns
from autoarch._data.layout import Layout
from autoarch._training.time_limited import fit_affordable_rows
from autoarch.families.landmarks import Check, Losses, Sample
from autoarch.families.objective import Objective

if TYPE_CHECKING:
    import optuna

Params = dict[str, Any]
Steps = list[tuple[str, BaseEstimator]]
Array = np.ndarray
Trial: TypeAlias = "optuna.Trial"  # a name alone: optuna is imported where it samples


@dataclass(frozen=True)
class Needs:
    """Requirements of a family.

    Parameters
    ----------
    grid : bool, default=False
        Whether columns must stand for the cells of a grid, or rows for the places of a lattice on a map.
    tasks : tuple of str, default=("classification", "regression")
        What it can learn.
    packages : tuple of str, default=()
        Modules that must be importable.
    """

    grid: bool = False
    tasks: tuple[str, ...] = ("classification", "regression")
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """Everything a family may know about the data before it is fitted; no data.

    Parameters
    ----------
    task : {"classification", "regression"}
        What is learned.
    n_samples, n_features : int
        Rows and columns that the pipeline's steps see.
    n_classes : int
        Classes, 0 for regression.
    smallest_class : int
        Rows of the rarest class, 0 for regression.
    layout : Layout or None
        Cells behind the columns.
    categorical : tuple of int
        Columns that hold codes of categories.
    cardinalities : tuple of int
        Categories of each of them.
    naming : tuple of int
        Columns of whole numbers that name things, as far as what is learned tells.
    has_missing : bool
        Whether cells are missing (as NaN).
    verdict : {"2d", "1d-rows", "1d-columns", "none"}
        What the probe found.
    symmetries : tuple of str
        Symmetries of the cells that the probe has answered with "yes"; those answered with "no" as "not shift". The
        part of a large grid that tells more than all of it, and "single cells" where these tell more than patterns.
    device : str
        Where nets are trained.
    coordinates : MapColumns or None
        Columns that hold the places of rows.
    objective : Objective
        What predictions are scored by; of several targets, each of them.
    """

    task: str
    n_samples: int
    n_features: int
    n_classes: int = 0
    smallest_class: int = 0
    layout: Layout | None = None
    categorical: tuple[int, ...] = ()
    cardinalities: tuple[int, ...] = ()
    naming: tuple[int, ...] = ()
    has_missing: bool = False
    verdict: str = "none"
    symmetries: tuple[str, ...] = ()
    device: str = "cpu"
    coordinates: MapColumns | None = None
    objective: Objective = field(default_factory=Objective)

    @property
    def n_targets(self) -> int:
        """Numbers, or labels of two classes, that are learned for each row.

        A model whose tags say that it takes several (``multi_output``, ``multi_label``) is fitted on all of them, any
        other on each alone.
        """
        return max(1, len(self.objective.each))

    @property
    def several_labels(self) -> bool:
        """Tell whether several labels are learned for each row."""
        return self.classification and self.n_targets > 1

    @property
    def n_outputs(self) -> int:
        """Numbers that a model gives for a row: one for each class or target."""
        return self.n_targets if self.n_targets > 1 else max(1, self.n_classes)

    @property
    def classification(self) -> bool:
        """Tell whether labels are learned, not numbers."""
        return self.task == "classification"

    @property
    def numeric(self) -> tuple[int, ...]:
        """Columns that hold numbers."""
        return tuple(sorted(set(range(self.n_features)) - set(self.categorical)))


class Family(ABC):
    """One kind of model: its defaults, its search space and how it is built.

    Parameters go by short names inside a family (``"lr"``); ``suggest`` samples each from the trial under exactly
    ``"<family>.<name>"`` (``"cnn.lr"``), so that families never share a parameter by accident and a default can be
    enqueued under its name.

    Attributes
    ----------
    name : str
        Unique, lower case; the prefix of its parameters and its name in the leaderboard.
    needs : Needs
        What the data and the machine must offer.
    anytime : bool
        Whether any time makes a model that is worth something, on fewer rows or with fewer rounds: where time is short,
        such families are tried before any is kept for a refit.
    averages_folds : bool
        Whether the mean of the models that were fitted on folds is as good as one fitted again on all rows, or better.
    averages_seeds : bool
        Whether the mean of fits on all rows with several seeds is worth their time.
    title : str
        The family in a sentence: "a CNN".
    landmark_title : str
        Its landmark model in a sentence: "random convolutions". Empty: it has none.
    landmark_offset : float
        How far the trained family lies above its landmark on average, in units of ``sqrt(s * (1 - s))`` for a best
        score ``s``.
    prior_odds : tuple of float
        Chance that it is the best family before any landmark, where neighbours depend on each other along both axes,
        along one, and along none. Families with a landmark have it.

    Examples
    --------
    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from autoarch.families import Family, Needs
    >>> class Bayes(Family):
    ...     name = "bayes"
    ...     needs = Needs(tasks=("classification",))
    ...
    ...     def suggest(self, trial, problem):
    ...         return {"smoothing": trial.suggest_float("bayes.smoothing", 1e-12, 1e-3, log=True)}
    ...
    ...     def build(self, params, problem, seed):
    ...         model = GaussianNB(var_smoothing=params["smoothing"])
    ...         return [("impute", SimpleImputer(keep_empty_features=True)), ("model", model)]
    """

    name: str = ""
    needs: Needs = Needs()
    anytime: bool = False
    averages_folds: bool = False
    averages_seeds: bool = False
    title: str = ""
    landmark_title: str = ""
    landmark_offset: float = 0.0
    prior_odds: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @abstractmethod
    def suggest(self, trial: optuna.Trial, problem: Problem) -> Params:
        """Sample one candidate's parameters from ``trial``."""

    @abstractmethod
    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Return the unfitted steps of a pipeline from ``(n, p)`` floats with NaN to labels or values.

        The last step is the model; ``params`` is what ``suggest`` returned.
        """

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """Candidates to try before any is sampled, the strongest first."""
        return ()

    def openings(self, problem: Problem) -> int:
        """Number of defaults that are tried before families compete."""
        return 1

    def follows(self, loss: str, params: Params, problem: Problem) -> bool:
        """Return whether the model of ``params`` can minimise the loss of ``problem.objective`` itself.

        Where it can, ``build`` may be given ``"loss"`` as the parameter ``target`` and is to set it. Other targets
        (logarithms, ranks) need nothing of a family.
        """
        return False

    def smoke_params(self, problem: Problem) -> Params:
        """Parameters that fit in a moment, for the contract tests: the first default, or what the space begins with."""
        import optuna

        defaults = self.defaults(problem)
        if defaults:
            return dict(defaults[0])
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        return self.suggest(study.ask(), problem)

    def unfit_for(self, problem: Problem) -> str | None:
        """Give the reason that the family cannot serve this problem, or None when it can."""
        if problem.task not in self.needs.tasks:
            return f"it does not do {problem.task}"
        if self.needs.grid and problem.layout is None:
            if problem.coordinates is None:
                return "it needs a grid, and the columns have no layout"
            if not problem.coordinates.on_lattice:
                return "it needs a grid, and the places stand on no lattice"
        missing = [package for package in self.needs.packages if find_spec(package) is None]
        return f"it needs {', '.join(missing)}, which is not installed" if missing else None

    def unpromising_for(self, problem: Problem) -> str | None:
        """Give the reason that a search leaves it out unless it is named, or None where it is worth its time."""
        return None

    def fit(
        self, model: BaseEstimator, X: Array, y: Array, *, sample_weight: Array | None, deadline: Deadline, seed: int
    ) -> BaseEstimator:
        """Fit the last step, whose earlier steps have made ``X``, before the deadline.

        By default a model whose ``fit`` takes a ``deadline`` is given it; any other is timed on few rows and fitted on
        as many as it can afford.
        """
        if sample_weight is not None and not has_fit_parameter(model, "sample_weight"):
            raise ValueError(f"{type(model).__name__} takes no weights, and weights were given")
        if has_fit_parameter(model, "deadline"):
            fitted = model.fit(X, y, sample_weight=sample_weight, deadline=deadline)
            fitted.n_rows_fitted_ = getattr(fitted, "n_rows_fitted_", len(X))
            return fitted
        return fit_affordable_rows(model, X, y, sample_weight, deadline, seed)

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate the seconds of one fit on all rows on an idle core, from sizes alone: nothing is timed.

        They order the candidates of a search before any is timed, and are their only cost where no clock runs. A factor
        of three is near enough, but twice the work should cost twice. By default the seconds of a model that looks
        some hundred times at every value.
        """
        return 0.05 + 3e-7 * problem.n_samples * problem.n_features

    def learned(self, models: Sequence[BaseEstimator]) -> Mapping[str, Any]:
        """Parameters that the fits on folds have settled (rounds, say), to be set on the last step for the refit."""
        return {}

    def landmark(self, sample: Sample, check: Check) -> Losses:
        """Losses of every row of ``sample`` by a cheap model of the family's kind, out of fold, under its name.

        ``check`` raises when the time is up and is to be called now and then. Losses of variants of interest may stand
        beside, under other names.
        """
        return {}

    def landmark_seconds(self, sample: Sample) -> float:
        """Estimate the seconds that ``landmark`` takes on a slow core, on the generous side."""
        return 0.0

    def cache_key(self) -> tuple[Any, ...]:
        """Give the key of its results in caches: the class and the values that the object holds."""
        return type(self).__module__, type(self).__qualname__, vars(self)


def is_foreign(family: Family) -> bool:
    """Return whether a family is not one of this package, so that it may do anything."""
    return type(family).__module__.partition(".")[0] != __name__.partition(".")[0]
