"""The two estimators: their parameters, their attributes, how y is read and what is predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin

from autoarch._base import BaseAutoArch
from autoarch._data.target import Target
from autoarch._search.calibration import tempered
from autoarch._search.predicted import aligned
from autoarch._views.mixin import LogProbabilities
from autoarch.families.base import Family


class AutoArchClassifier(ClassifierMixin, BaseAutoArch, LogProbabilities):
    """Pick nets, random convolutions, trees or a linear model for ``X``, after testing whether it is a grid.

    Parameters
    ----------
    time_budget : float or None, default=120
        Wall-clock seconds for the whole of ``fit``: probe, search and refit. With None, ``n_trials`` alone ends the
        search and nothing depends on the clock.
    n_trials : int or None, default=None
        Candidates to try at most.
    families : "auto", str, Family or sequence of these, default="auto"
        Families to search: ``"linear"``, ``"tree"``, ``"mlp"``, ``"cnn"``, ``"kernels"``, ``"svm"``, installed
        plug-ins, or objects of your own subclass of :class:`autoarch.families.Family`.
    layout : tuple of int, "auto" or None, default="auto"
        Cells behind the columns, as ``(height, width)`` or ``(channels, height, width)``. ``"auto"`` takes the shape of
        X, infers the grid behind flat columns, and tries to recover the order of scrambled ones; what it finds must
        prove itself on the landmarks. ``None`` says that there is no grid.
    scoring : str, callable or None, default=None
        Score that candidates are chosen by, as in scikit-learn. None is accuracy; ties go to the lower log-loss.
    cv : "auto", int, splitter or iterable, default="auto"
        Rows that candidates are judged on. "auto" takes a holdout for many rows and folds for few.
        "time" judges on later rows, in the order of the only date in X, or in the order given.
    class_weight : dict, "balanced", list of dict or None, default=None
        Weights of the classes, in training and in the score; of several labels, whose weights multiply, a dict each.
    threshold : "auto", "default" or float, default="auto"
        Probability from which on the second of two classes is predicted. "auto" chooses it on left-out rows where
        ``scoring`` depends on labels and is not accuracy, "default" is one half.
    channels : {"first", "last"}, default="first"
        Where 4-D X has its channels.
    coordinates : pair of str or pair of int, or None, default=None
        Columns of a table with the x and y, or the longitude and latitude, of each row's place. Names such as ``lon``
        and ``latitude`` mean degrees; columns without names are a plane. Anything but None, such as ``"geometry"``,
        takes the points of a GeoDataFrame. Candidates then also use the neighbourhood of each row, and folds are blocks
        of the map where the label is spatially autocorrelated.
    rows : {"auto", "independent"}, default="auto"
        "auto" asks how the rows hang together (copies, windows, groups, time, places) and plans folds for what is
        certain. "independent" asks nothing.
    time : str, int or None, default=None
        Column that orders the rows: candidates are trained on earlier rows and judged on later ones.
    device : str, default="auto"
        Where nets are trained and grids convolved: an accelerator if there is one, or as torch names it.
    ensemble_size : int or "auto", default="auto"
        Candidates that the final model may consist of. 1 is the winner alone; with more, those that predict left-out
        rows best together. "auto" allows five where they prove better on rows that had no say in choosing them
        and predict 1,000 rows in 0.3 s or three times the winner's time; of a net on a grid that wins, several seeds.
    max_predict_seconds : float or None, default=None
        Wall seconds for one ``predict`` of 1,000 rows on this machine, idle; bounds candidates and members.
    patience : int or None, default=None
        Trials without a better one after which the search stops before its budget is spent. None never does.
    trial_timeout : float or None, default=None
        Seconds of one step (a candidate on a split). Built-in families stop in time; the process of any other is ended.
    memory_limit : float or None, default=None
        Bytes that ``fit`` and its processes may take beyond what this process holds, or a share (up to 1) of what is
        free by the machine and its control groups. None is nine tenths of that. Steps that need more are not begun or
        are ended. Linux only.
    pretrained : torch.nn.Module, Pretrained, str, Path or None, default=None
        A net that was trained on other data. To fine-tune it becomes one more candidate of the cnn family, which wins
        only if it is better. Files are read without pickle, see :func:`autoarch.transfer.load_pretrained`.
    warm_start : bool, default=False
        Whether another ``fit`` on the same data goes on with the search, with ``time_budget`` and ``n_trials`` anew.
        Other data, or other parameters that change the problem, begin anew, with a warning.
    n_jobs : int or None, default=None
        Trials at a time, over joblib's backend. None is 1, which leaves all cores to each trial.
    memory : str, joblib.Memory or None, default=None
        Where probe and trials are kept for later fits on the same data.
    storage : str, Path, optuna.storages.BaseStorage, pair of one of these and a str, or None, default=None
        Where the search is kept: a journal file, or an Optuna storage or its URL. A fit that was killed goes on when it
        is called again, and a second process helps. Each problem has a study of its own; a pair pins its name, and
        another problem is an error then. Predictions and models lie beside it as pickles: use folders that you trust.
    random_state : int, RandomState instance or None, default=None
        Seed of splits, sampler and weights. Equal seeds give equal results with ``time_budget=None`` on one worker.
    verbose : int, default=1
        0 is silent, 1 shows one line to people, 2 prints every step; each is logged under ``autoarch``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of k arrays
        Labels seen in ``y``, sorted; of several labels a list with those of each.
    best_estimator_ : Pipeline
        The winner: takes X as ``fit`` did, returns labels. ``best_estimator_[-1]`` is the bare model, or those that
        are averaged or vote.
    best_family_ : str
        Family of the best candidate.
    ensemble_ : DataFrame
        Members of the final model: family, params, score alone, weight.
    temperature_ : float
        Divisor of the logarithms of the probabilities of ``best_estimator_`` in ``predict_proba``: learned on left-out
        rows, and 1 where that does not lower their log-loss.
    decision_threshold_ : float or ndarray of shape (k,)
        Of two classes: probability from which on ``predict`` says the second one; of several labels that of each.
    best_params_ : dict
        Its parameters, as ``best_estimator_.set_params`` takes them.
    best_score_ : float
        Its score in the search. It is the largest of many, hence optimistic.
    estimated_score_, estimated_score_std_error_ : float
        The score to expect, from rows that did not take part in the choice, and its standard error.
    scores_ : DataFrame
        One row per question, the one that was searched for first (question, score, std_error, n_units, how): new rows,
        new groups, later rows, new places.
    left_out_predictions_ : ndarray of shape (n, n_classes), or (n, k) for several labels
        Probabilities from models that did not know the row, NaN where a row was never left out. In memory only.
    leaderboard_ : DataFrame
        Every candidate: rank, family, params, score, score_std, splits (judged on), rows (trained on), rounds, seconds,
        predict_seconds (for 1,000 rows), cut (whether the clock shortened a training), status, reason.
    locality_ : LocalityReport
        Evidence for or against a grid.
    rows_ : RowReport
        Evidence on how the rows hang together.
    layout_ : Layout or None
        Cells behind the columns: sides, order, ``origin`` ("given", "shape", "names", "inferred", "recovered") and
        confidence.
    study_ : optuna.Study
        The search as Optuna saw it.
    stopped_by_ : {"time_budget", "n_trials", "patience", "interrupt", "callback"}
        Reason for the end of the search.
    splits_, fitted_on_ : str
        Rows on which candidates were validated, and on which the final model was fitted, in words and numbers.
    feature_importances_ : ndarray of shape (n_features,), or of the shape of a row
        Fall of the score where a column (a cell) of X is permuted among left-out rows, by the winner's models of the
        splits. It takes at most 2 % of ``time_budget``; absent where that, or the models kept, do not suffice.
    summary_ : str
        The whole story in twelve lines, to print.
    cv_results_, best_index_, n_splits_ : dict, int, int
        Candidates as in scikit-learn's searches, NaN where one was not judged; the winner's place; splits at most.
    n_features_in_, n_targets_ : int
        ``X.shape[1]``, and the number of targets of a row.
    feature_names_in_ : ndarray of str
        Column names, when X was a DataFrame with names.

    Examples
    --------
    >>> from autoarch import AutoArchClassifier
    >>> from autoarch.datasets import make_stripes
    >>> X, y = make_stripes(n_samples=120, shape=(8, 8), random_state=0)
    >>> clf = AutoArchClassifier(n_trials=2, time_budget=None, families=["linear", "kernels"]).fit(X, y)
    >>> clf.layout_.shape, clf.predict(X[:2]).shape
    ((1, 8, 8), (2,))
    """

    _task = "classification"
    score = BaseAutoArch.score

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
        threshold: float | str = "auto",
        channels: str = "first",
        coordinates: Sequence[str] | Sequence[int] | None = None,
        rows: str = "auto",
        time: str | int | None = None,
        device: str = "auto",
        ensemble_size: int | str = "auto",
        max_predict_seconds: float | None = None,
        patience: int | None = None,
        trial_timeout: float | None = None,
        memory_limit: float | None = None,
        pretrained: Any = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
        memory: Any = None,
        storage: Any = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 1,
    ):
        super().__init__(
            time_budget=time_budget,
            n_trials=n_trials,
            families=families,
            layout=layout,
            scoring=scoring,
            cv=cv,
            class_weight=class_weight,
            threshold=threshold,
            channels=channels,
            coordinates=coordinates,
            rows=rows,
            time=time,
            device=device,
            ensemble_size=ensemble_size,
            max_predict_seconds=max_predict_seconds,
            patience=patience,
            trial_timeout=trial_timeout,
            memory_limit=memory_limit,
            pretrained=pretrained,
            warm_start=warm_start,
            n_jobs=n_jobs,
            memory=memory,
            storage=storage,
            random_state=random_state,
            verbose=verbose,
        )

    def _read_target(self, y: Any, n_samples: int) -> Target:
        return Target.of_labels(y, n_samples, type(self).__name__)

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.

        Returns
        -------
        ndarray of shape (n,) or (n, k)
            Labels, or indicators of several.
        """
        labels = self._predictions("predict", X)
        return self.classes_[0][labels] if isinstance(self.classes_, list) else labels

    def predict_proba(self, X: Any) -> Any:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.

        Returns
        -------
        ndarray of shape (n, n_classes), or list of k arrays of shape (n, 2)
            Probabilities, in the order of ``classes_``; of several labels a list with an array for each.
        """
        proba = self._predictions("predict_proba", X)
        if isinstance(self.classes_, list):
            return [tempered(pair, self.temperature_) for pair in proba]
        return aligned(tempered(proba, self.temperature_), self.best_estimator_.classes_, self.classes_)

    def predict_set(self, X: Any, coverage: float = 0.9) -> Any:
        """Predict sets of classes that hold the true one as often as ``coverage`` says, for rows like those left out.

        Parameters
        ----------
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.
        coverage : float, default=0.9
            Share of rows whose class is to be in the set.

        Returns
        -------
        ndarray of bool of shape (n, n_classes), or list of k arrays of shape (n, 2)
            Classes in the set, in the order of ``classes_``; one at least. Each of several labels is covered by itself.
        """
        return self._known().sets(self.predict_proba(X), coverage)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class AutoArchRegressor(RegressorMixin, BaseAutoArch):
    """Pick nets, random convolutions, trees or a linear model for ``X``, after testing whether it is a grid.

    Parameters
    ----------
    time_budget, n_trials, families, layout, cv, channels, coordinates, rows, time, device
        As for :class:`AutoArchClassifier`.
    ensemble_size, max_predict_seconds, patience, trial_timeout, memory_limit
        As for :class:`AutoArchClassifier`.
    pretrained, warm_start, n_jobs, memory, storage, random_state, verbose
        As for :class:`AutoArchClassifier`.
    scoring : str, callable or None, default=None
        What candidates are chosen by. None is R2; ties go to the lower mean squared error.

    Attributes
    ----------
    best_estimator_, best_family_, best_params_, best_score_, estimated_score_, estimated_score_std_error_, scores_
        As for :class:`AutoArchClassifier`.
    left_out_predictions_, leaderboard_, ensemble_, locality_, rows_, layout_, study_, stopped_by_, splits_, fitted_on_
        As for :class:`AutoArchClassifier`.
    n_features_in_, n_targets_, feature_names_in_, feature_importances_, summary_, cv_results_, best_index_, n_splits_
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
    score = BaseAutoArch.score

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
        coordinates: Sequence[str] | Sequence[int] | None = None,
        rows: str = "auto",
        time: str | int | None = None,
        device: str = "auto",
        ensemble_size: int | str = "auto",
        max_predict_seconds: float | None = None,
        patience: int | None = None,
        trial_timeout: float | None = None,
        memory_limit: float | None = None,
        pretrained: Any = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
        memory: Any = None,
        storage: Any = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 1,
    ):
        super().__init__(
            time_budget=time_budget,
            n_trials=n_trials,
            families=families,
            layout=layout,
            scoring=scoring,
            cv=cv,
            channels=channels,
            coordinates=coordinates,
            rows=rows,
            time=time,
            device=device,
            ensemble_size=ensemble_size,
            max_predict_seconds=max_predict_seconds,
            patience=patience,
            trial_timeout=trial_timeout,
            memory_limit=memory_limit,
            pretrained=pretrained,
            warm_start=warm_start,
            n_jobs=n_jobs,
            memory=memory,
            storage=storage,
            random_state=random_state,
            verbose=verbose,
        )

    def _read_target(self, y: Any, n_samples: int) -> Target:
        return Target.of_numbers(y, n_samples, type(self).__name__)

    def predict(self, X: Any) -> np.ndarray:
        """Predict numbers.

        Parameters
        ----------
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.

        Returns
        -------
        ndarray of shape (n,) or (n, k)
            Predictions, in the units of y.
        """
        return self._predictions("predict", X)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> np.ndarray:
        """Predict intervals that hold the true number as often as ``coverage`` says, for rows like those left out.

        Parameters
        ----------
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.
        coverage : float, default=0.9
            Share of rows whose number is to be inside, half of the others on either side.

        Returns
        -------
        ndarray of shape (n, 2) or (n, 2, k)
            Lower and upper ends; of several targets each holds the truth as often by itself.
        """
        return self._known().interval(self.predict(X), coverage)
