"""What the classifier and the regressor share: every step of ``fit`` but the reading of y."""

from __future__ import annotations

import time
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from autoarch._core.checks import check_budget, check_choice, check_whole
from autoarch._core.clock import Budget
from autoarch._data.canonical import Canonicaliser
from autoarch._data.overlaps import find_windows
from autoarch._data.row_splits import SplitPlan, is_plain, plan_splits
from autoarch._data.target import sample_weights
from autoarch._search.eligible import Request
from autoarch._search.memory import Past, as_memory, parts_of, same_search, seed_again
from autoarch._search.refit import changed_params
from autoarch._search.run import Found, run_search
from autoarch._search.scoring import resolve_scorer
from autoarch.exceptions import AutoArchWarning, ParameterError
from autoarch.families.base import MapColumns, Problem
from autoarch.families.fine_tuned import FineTuned
from autoarch.families.registry import resolve_families
from autoarch.geo.geometry import in_reference, reference_of
from autoarch.geo.space import look_over
from autoarch.locality import LayoutSearch

_CELLS_PER_SECOND = 6_600  # rows x columns per second of budget above which folds leave nets too little time


class BaseAutoArch(BaseEstimator, metaclass=ABCMeta):
    """What the classifier and the regressor share: every step but the reading of y."""

    _task: str

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, groups: Any, class_weight: Mapping[Any, float] | str | None = None
    ) -> None:
        started = time.monotonic()
        check_budget(self.time_budget, self.n_trials)
        check_choice("channels", self.channels, ("first", "last"))
        check_whole("verbose", int(self.verbose), least=0)
        check_whole("ensemble_size", self.ensemble_size, least=1)
        if self.patience is not None:
            check_whole("patience", self.patience, least=1)
        _check_device(self.device)
        families = resolve_families(self.families)
        resolve_scorer(self.scoring, self._task)
        canonical = Canonicaliser(self.layout, self.channels).speaking_for(self)
        values = canonical.fit_transform(X)
        target, codes, classes = self._read_target(y, len(values))
        weight = sample_weights(
            sample_weight, class_weight, codes if classes is not None else None, classes, len(codes)
        )
        past: Past | None = getattr(self, "_past", None) if self.warm_start else None
        again = seed_again(past, self.random_state)
        seed = _seed(self.random_state) if again is None else again
        problem = _describe(self._task, values, canonical, codes, classes, self.device)
        space = look_over(
            X,
            self.coordinates,
            canonical,
            values,
            codes,
            task=self._task,
            seed=seed,
            open_splits=groups is None and isinstance(self.cv, str),
            hurried=self._too_large_for_folds(values),
        )
        if space.located is not None:
            columns, geographic = space.located.columns, space.located.places.geographic
            problem = replace(problem, coordinates=MapColumns.of(columns, values, geographic=geographic), layout=None)
        if self.pretrained is not None:
            families.append(FineTuned(self.pretrained).for_layout(problem))
        plan = space.plan or self._plan_splits(X, values, codes, groups, problem, seed)
        if space.hint and self.verbose and groups is None and is_plain(self.cv):
            warnings.warn(f"{space.hint}.", AutoArchWarning, stacklevel=3)
        parts: dict[str, str] = {}
        if self.warm_start:
            data = {"X": values, "y": target, "sample_weight": weight, "splits": plan.splits}
            parts = parts_of(self.get_params(deep=False), seed, problem=problem, families=families, **data)
        found = run_search(
            Request(
                X=values,
                y=target,
                codes=codes,
                classes=classes,
                sample_weight=weight,
                problem=problem,
                families=families,
                chosen_by_user=not (isinstance(self.families, str) and self.families == "auto"),
                plan=plan,
                scoring=self.scoring,
                budget=Budget(self.time_budget, self.n_trials, started=started),
                seed=seed,
                n_jobs=self.n_jobs,
                memory=as_memory(self.memory),
                verbose=int(self.verbose),
                layouts=self._layouts_to_try(canonical),
                ensemble_size=self.ensemble_size,
                patience=self.patience,
                past=same_search(past, parts),
            )
        )
        self._keep(canonical, found, classes)
        self._whereabouts = None if space.located is None else space.located.whereabouts
        self._reference = reference_of(X)
        skipped = (*found.locality.skipped, *space.skipped)
        self.locality_ = replace(found.locality, space=space.evidence, skipped=skipped)
        self.splits_ = plan.description
        self.__dict__.pop("_past", None)
        if self.warm_start:
            self._past = found.past(parts)

    def _plan_splits(
        self, X: Any, values: np.ndarray, codes: np.ndarray, groups: Any, problem: Problem, seed: int
    ) -> SplitPlan:
        """Rows that train and rows that judge; windows of one record stay together unless the user decides."""
        look = groups is None and is_plain(self.cv)
        windows = find_windows(values, problem.layout, seed) if look else None
        plan = plan_splits(
            codes,
            cv=self.cv,
            groups=groups if windows is None else windows.groups,
            task=self._task,
            random_state=seed,
            X=X,
            prefer_holdout=self._too_large_for_folds(values),
        )
        if windows is None:
            return plan
        if self.verbose:
            warnings.warn(
                f"{windows}. Folds keep those of one record on one side, and so should a test set. Pass groups, or a "
                "splitter as cv, if you know better.",
                AutoArchWarning,
                stacklevel=4,
            )
        return replace(plan, description=f"{plan.description}; {windows}")

    def _layouts_to_try(self, canonical: Canonicaliser) -> LayoutSearch:
        """Flat columns may be read as a grid, an order that shows nothing may be changed; a declared one stands."""
        undeclared = isinstance(self.layout, str) and self.coordinates is None
        return LayoutSearch(
            infer=undeclared and canonical.undeclared_, recover=undeclared, names=canonical.column_names_
        )

    def _too_large_for_folds(self, values: np.ndarray) -> bool:
        return self.time_budget is not None and values.size > _CELLS_PER_SECOND * self.time_budget

    @abstractmethod
    def _read_target(self, y: Any, n_samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The target as models see it, as the probe sees it, and the labels."""

    def _keep(self, canonical: Canonicaliser, found: Found, classes: np.ndarray | None) -> None:
        """Turn what was found into fitted attributes."""
        self.n_features_in_ = canonical.n_features_in_
        self.__dict__.pop("feature_names_in_", None)
        if hasattr(canonical, "feature_names_in_"):
            self.feature_names_in_ = canonical.feature_names_in_
        if classes is not None:
            self.classes_ = classes
        self.layout_ = found.layout
        self.locality_ = found.locality
        self.study_ = found.study
        self.leaderboard_ = found.leaderboard
        self.best_family_ = found.best.family
        self.best_score_ = found.score
        self.estimated_score_, self.estimated_score_std_error_ = found.estimate
        self.best_estimator_ = Pipeline([("canonical", canonical), *found.pipeline.steps])
        self.best_params_ = changed_params(self.best_estimator_)
        self.ensemble_ = found.members
        self.temperature_ = found.temperature
        self.stopped_by_ = found.stopped_by
        self.fitted_on_ = found.fitted_on

    def _canonical(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "best_estimator_")
        values = self.best_estimator_[0].transform(in_reference(X, self._reference))
        if self._whereabouts is not None:
            self._whereabouts.check(values)
        return values

    def _ask(self, method: str, X: Any) -> np.ndarray:
        """Call the winner on canonical values; its packages may warn of names that those no longer carry."""
        values = self._canonical(X)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            return getattr(self.best_estimator_[1:], method)(values)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags


def _check_device(device: str) -> None:
    """Refuse a name that torch would refuse, before any work; the usual ones are known without torch."""
    if device in ("auto", "cpu"):
        return
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ParameterError(
            f"device={device!r} cannot be used: {str(error).partition(chr(10))[0]}. Pass 'auto', 'cpu', or a device "
            "that torch finds here, such as 'cuda'."
        ) from error


def _seed(random_state: Any) -> int:
    """An int from an int, a RandomState (which is advanced) or None; the global state is left alone."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0] % (2**31 - 1))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return check_whole("random_state", random_state, least=0)


def _describe(
    task: str, values: np.ndarray, canonical: Canonicaliser, codes: np.ndarray, classes: np.ndarray | None, device: str
) -> Problem:
    sizes = np.bincount(codes) if classes is not None else np.zeros(1, dtype=int)
    return Problem(
        task=task,
        n_samples=len(values),
        n_features=values.shape[1],
        n_classes=0 if classes is None else len(classes),
        smallest_class=int(sizes.min()),
        layout=canonical.layout_,
        categorical=canonical.categorical_,
        cardinalities=canonical.cardinalities_,
        has_missing=canonical.has_missing_,
        device=device,
    )
