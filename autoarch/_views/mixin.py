"""Methods and attributes that show what a fitted estimator is and how it was found; all follow from others."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator

from autoarch._core.quiet import filters_kept
from autoarch._views import facts


class ShownModel(BaseEstimator):
    """Summary, notebook view, report, and the tables of scikit-learn's searches."""

    def _fitted_or_missing(self, name: str) -> None:
        """Raise what makes ``hasattr`` say no before a fit."""
        if "leaderboard_" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r} before fit")

    @property
    def summary_(self) -> str:
        """The whole story in twelve lines."""
        self._fitted_or_missing("summary_")
        return "\n".join(facts.summary_lines(self))

    @property
    def cv_results_(self) -> dict[str, Any]:
        """Candidates as in scikit-learn's searches, in the order of the leaderboard; NaN where one was not judged."""
        self._fitted_or_missing("cv_results_")
        return facts.cv_results(self.leaderboard_)

    @property
    def best_index_(self) -> int:
        """Place of the winner in ``cv_results_``."""
        self._fitted_or_missing("best_index_")
        return 0

    @property
    def n_splits_(self) -> int:
        """Splits on which candidates were judged, at most."""
        self._fitted_or_missing("n_splits_")
        return int(self.leaderboard_["splits"].max())

    @filters_kept
    def report_dict(self) -> dict[str, Any]:
        """Give the contents of ``report`` as plain lists, numbers and texts, ready for ``json.dumps``.

        Returns
        -------
        dict
            Summary, score, verdict, symmetries, layout, leaderboard, time by family, data, and how to reproduce.
        """
        facts.check_fitted(self)
        return facts.report_facts(self)

    @filters_kept
    def report(self, path: Any) -> None:
        """Write one HTML page that tells what was found, what was tried and how to repeat it.

        The page is one file without scripts of others, links or requests; it can be sorted, printed and mailed.

        Parameters
        ----------
        path : str or Path
            Where to, such as ``"report.html"``. A file of that name is replaced.

        Raises
        ------
        NotFittedError
            If there is no fitted model.
        InputError
            If there is no folder for the file.
        """
        from autoarch._core.paths import check_place
        from autoarch._views.page import page

        facts.check_fitted(self)
        check_place(path).write_text(page(self), encoding="utf-8")

    def _repr_html_inner(self) -> str:
        """Notebook view: the winner, its score and the verdict above the pipeline as scikit-learn draws it."""
        if "leaderboard_" not in vars(self):
            return super()._repr_html_inner()
        from autoarch._views.page import box

        return box(self, self.best_estimator_._repr_html_inner())

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """Notebook view, as frontends ask for it first."""
        page = {"text/html": self._repr_html_inner()} if get_config()["display"] == "diagram" else {}
        return {"text/plain": repr(self), **page}


class LogProbabilities:
    """Logarithms of what ``predict_proba`` gives."""

    predict_proba: Any

    def predict_log_proba(self, X: Any) -> Any:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.

        Returns
        -------
        ndarray of shape (n, n_classes), or list of k arrays of shape (n, 2)
            Logarithms, in the order of ``classes_``.
        """
        proba = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return [np.log(pair) for pair in proba] if isinstance(proba, list) else np.log(proba)
