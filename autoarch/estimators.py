"""The two estimators: their parameters, the order of the steps of ``fit``, what is fitted.

Imports: everything below; torch and optuna only while fitting.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from autoarch._checks import check_budget, check_choice, check_whole
from autoarch._data.canonical import Canonicaliser
from autoarch._data.splits import plan_splits
from autoarch._data.targets import encode_labels, numeric_target, sample_weights
from autoarch._search.budget import Budget
from autoarch._search.cache import as_memory
from autoarch._search.evaluate import aligned
from autoarch._search.refit import changed_params
from autoarch._search.run import Found, Request, run_search
from autoarch._search.scoring import resolve_scorer
from autoarch.exceptions import ParameterError
from autoarch.families.base import Family, Problem
from autoarch.families.registry import resolve_families

_CELLS_PER_SECOND = 6_600  # rows x columns per second of budget above which folds leave nets too little time


class _BaseAutoArch(BaseEstimator):
    """What the classifier and the regressor share: every step but the reading of y."""

    _task: str

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, groups: Any, class_weight: Mapping[Any, float] | str | None = None
    ) -> None:
        started = time.monotonic()
        check_budget(self.time_budget, self.n_trials)
        check_choice("channels", self.channels, ("first", "last"))
        check_whole("verbose", int(self.verbose), least=0)
        _check_device(self.device)
        families = resolve_families(self.families)
        resolve_scorer(self.scoring, self._task)
        canonical = Canonicaliser(self.layout, self.channels).speaking_for(self)
        values = canonical.fit_transform(X)
        target, codes, classes = self._read_target(y, len(values))
        weight = sample_weights(
            sample_weight, class_weight, codes if classes is not None else None, classes, len(codes)
        )
        seed = _seed(self.random_state)
        problem = _describe(self._task, values, canonical, codes, classes, self.device)
        plan = plan_splits(
            codes,
            cv=self.cv,
            groups=groups,
            task=self._task,
            random_state=seed,
            X=X,
            prefer_holdout=self._too_large_for_folds(values),
        )
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
            )
        )
        self._keep(canonical, found, classes)

    def _too_large_for_folds(self, values: np.ndarray) -> bool:
        return self.time_budget is not None and values.size > _CELLS_PER_SECOND * self.time_budget

    def _read_target(self, y: Any, n_samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The target as models see it, as the probe sees it, and the labels."""
        raise NotImplementedError

    def _keep(self, canonical: Canonicaliser, found: Found, classes: np.ndarray | None) -> None:
        """Turn what was found into fitted attributes."""
        self.n_features_in_ = canonical.n_features_in_
        self.__dict__.pop("feature_names_in_", None)
        if hasattr(canonical, "feature_names_in_"):
            self.feature_names_in_ = canonical.feature_names_in_
        if classes is not None:
            self.classes_ = classes
        self.layout_ = canonical.layout_
        self.locality_ = found.locality
        self.study_ = found.study
        self.leaderboard_ = found.leaderboard
        self.best_family_ = found.best.family
        self.best_score_ = found.best.score
        self.estimated_score_, self.estimated_score_std_error_ = found.estimate
        self.best_estimator_ = Pipeline([("canonical", canonical), *found.pipeline.steps])
        self.best_params_ = changed_params(self.best_estimator_)
        self.stopped_by_ = found.stopped_by
        self.fitted_on_ = found.fitted_on

    def _canonical(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_[0].transform(X)

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


class AutoArchClassifier(ClassifierMixin, _BaseAutoArch):
    """Pick a CNN, an MLP, trees or a linear model for ``X``, after testing whether its columns form a grid.

    Parameters
    ----------
    time_budget : float or None, default=120
        Wall-clock seconds for the whole of ``fit``: probe, search and refit. With None, ``n_trials`` alone ends the
        search and nothing depends on the clock.
    n_trials : int or None, default=None
        Candidates to try at most.
    families : "auto", str, Family or sequence of these, default="auto"
        What is searched: ``"linear"``, ``"tree"``, ``"mlp"``, ``"cnn"``, installed plug-ins, or objects of your own
        subclass of :class:`autoarch.families.Family`.
    layout : tuple of int, "auto" or None, default="auto"
        Cells behind the columns, as ``(height, width)`` or ``(channels, height, width)``. ``"auto"`` takes the shape of
        X; ``None`` says that there is no grid.
    scoring : str, callable or None, default=None
        What candidates are chosen by, as in scikit-learn. None is accuracy; ties go to the lower log-loss.
    cv : "auto", int, splitter or iterable, default="auto"
        Rows that candidates are judged on. "auto" takes a holdout for many rows and folds for few.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, in training and in the score.
    channels : {"first", "last"}, default="first"
        Where 4-D X has its channels.
    device : str, default="auto"
        Where nets are trained: an accelerator if there is one, or as torch names it.
    n_jobs : int or None, default=None
        Trials at a time, over joblib's backend. None is 1, which leaves all cores to each trial.
    memory : str, joblib.Memory or None, default=None
        Where probe and trials are kept for later fits on the same data.
    random_state : int, RandomState instance or None, default=None
        Seed of splits, sampler and weights. Equal seeds give equal results with ``time_budget=None`` on one worker.
    verbose : int, default=1
        0 is silent, 1 shows one line to people, 2 prints every trial.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels seen in ``y``, sorted.
    best_estimator_ : Pipeline
        The winner: takes X as ``fit`` did, returns labels. ``best_estimator_[-1]`` is the bare model.
    best_family_ : str
        Its family.
    best_params_ : dict
        Its parameters, as ``best_estimator_.set_params`` takes them.
    best_score_ : float
        Its score in the search. It is the largest of many, hence optimistic.
    estimated_score_, estimated_score_std_error_ : float
        The score to expect, from rows that had no say in the choice, and its standard error.
    leaderboard_ : DataFrame
        Every trial: rank, family, params, score, score_std, seconds, status, reason.
    locality_ : LocalityReport
        Evidence for or against a grid.
    layout_ : Layout or None
        Cells behind the columns.
    study_ : optuna.Study
        The search as Optuna saw it.
    stopped_by_ : {"time_budget", "n_trials", "interrupt"}
        What ended the search.
    fitted_on_ : str
        Whether the winner was fitted again on all rows.
    n_features_in_ : int
        ``X.shape[1]``.
    feature_names_in_ : ndarray of str
        Column names, when X was a DataFrame with names.

    Examples
    --------
    >>> from autoarch import AutoArchClassifier
    >>> from autoarch.datasets import make_stripes
    >>> X, y = make_stripes(n_samples=120, shape=(8, 8), random_state=0)
    >>> clf = AutoArchClassifier(n_trials=3, time_budget=None, layout=(8, 8), random_state=0).fit(X, y)
    >>> clf.layout_.shape, clf.predict(X[:2]).shape
    ((1, 8, 8), (2,))
    """

    _task = "classification"

    def __init__(
        self,
        time_budget: float | None = 120,
        *,
        n_trials: int | None = None,
        families: str | Family | Sequence[str | Family | type[Family]] = "auto",
        layout: Sequence[int] | str | None = "auto",
        scoring: str | Callable[..., float] | None = None,
        cv: Any = "auto",
        class_weight: Mapping[Any, float] | str | None = None,
        channels: str = "first",
        device: str = "auto",
        n_jobs: int | None = None,
        memory: Any = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 1,
    ):
        self.time_budget = time_budget
        self.n_trials = n_trials
        self.families = families
        self.layout = layout
        self.scoring = scoring
        self.cv = cv
        self.class_weight = class_weight
        self.channels = channels
        self.device = device
        self.n_jobs = n_jobs
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> AutoArchClassifier:
        """Probe X, search, and fit the winner.

        Parameters
        ----------
        X : array-like of shape (n, p), (n, H, W) or (n, C, H, W), DataFrame or sparse matrix
            Rows to learn from. Missing cells are allowed.
        y : array-like of shape (n,)
            Labels: strings, integers or booleans.
        sample_weight : array-like of shape (n,) or None
            Weights of the rows, in training and in the score.
        groups : array-like of shape (n,) or None
            Rows of one group are never split between training and validation.

        Returns
        -------
        AutoArchClassifier
            Itself.

        Raises
        ------
        InputError
            If X or y cannot be learned from; before any work starts.
        ParameterError
            If a parameter makes no sense.
        """
        self._fit(X, y, sample_weight, groups, self.class_weight)
        return self

    def _read_target(self, y: Any, n_samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        codes, classes = encode_labels(y, n_samples=n_samples, estimator_name=type(self).__name__)
        return classes[codes], codes, classes

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.

        Returns
        -------
        ndarray of shape (n,)
            Labels.
        """
        return self._ask("predict", X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.

        Returns
        -------
        ndarray of shape (n, n_classes)
            Probabilities, in the order of ``classes_``.
        """
        proba = self._ask("predict_proba", X)
        return aligned(proba, self.best_estimator_.classes_, self.classes_)


class AutoArchRegressor(RegressorMixin, _BaseAutoArch):
    """Pick a CNN, an MLP, trees or a linear model for ``X``, after testing whether its columns form a grid.

    Parameters
    ----------
    time_budget, n_trials, families, layout, cv, channels, device, n_jobs, memory, random_state, verbose
        As for :class:`AutoArchClassifier`.
    scoring : str, callable or None, default=None
        What candidates are chosen by. None is R2; ties go to the lower mean squared error.

    Attributes
    ----------
    best_estimator_, best_family_, best_params_, best_score_, estimated_score_, estimated_score_std_error_, leaderboard_
        As for :class:`AutoArchClassifier`.
    locality_, layout_, study_, stopped_by_, fitted_on_, n_features_in_, feature_names_in_
        As for :class:`AutoArchClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from autoarch import AutoArchRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = AutoArchRegressor(n_trials=1, time_budget=None, families="linear", random_state=0).fit(X, y)
    >>> reg.best_family_, bool(reg.best_score_ > 0.4)
    ('linear', True)
    """

    _task = "regression"

    def __init__(
        self,
        time_budget: float | None = 120,
        *,
        n_trials: int | None = None,
        families: str | Family | Sequence[str | Family | type[Family]] = "auto",
        layout: Sequence[int] | str | None = "auto",
        scoring: str | Callable[..., float] | None = None,
        cv: Any = "auto",
        channels: str = "first",
        device: str = "auto",
        n_jobs: int | None = None,
        memory: Any = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 1,
    ):
        self.time_budget = time_budget
        self.n_trials = n_trials
        self.families = families
        self.layout = layout
        self.scoring = scoring
        self.cv = cv
        self.channels = channels
        self.device = device
        self.n_jobs = n_jobs
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> AutoArchRegressor:
        """Probe X, search, and fit the winner.

        Parameters
        ----------
        X : array-like of shape (n, p), (n, H, W) or (n, C, H, W), DataFrame or sparse matrix
            Rows to learn from. Missing cells are allowed.
        y : array-like of shape (n,)
            Numbers.
        sample_weight : array-like of shape (n,) or None
            Weights of the rows, in training and in the score.
        groups : array-like of shape (n,) or None
            Rows of one group are never split between training and validation.

        Returns
        -------
        AutoArchRegressor
            Itself.

        Raises
        ------
        InputError
            If X or y cannot be learned from; before any work starts.
        ParameterError
            If a parameter makes no sense.
        """
        self._fit(X, y, sample_weight, groups)
        return self

    def _read_target(self, y: Any, n_samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        values = numeric_target(y, n_samples=n_samples, estimator_name=type(self).__name__)
        return values, values, None

    def predict(self, X: Any) -> np.ndarray:
        """Predict numbers.

        Parameters
        ----------
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.

        Returns
        -------
        ndarray of shape (n,)
            Predictions, in the units of y.
        """
        return self._ask("predict", X)
