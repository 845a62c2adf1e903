"""Support vector machines that end in time, give calibrated probabilities and are kept as plain arrays.

libsvm looks at no clock and offers no good probabilities. So the rows that there is time for are learned from timed
fits on few, and the probabilities from decisions on rows that were left out. What is left of a fit are its support
vectors and their weights, whose predictions are two products of matrices.
"""

from __future__ import annotations

import itertools
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.kernel_approximation import Nystroem
from sklearn.svm import SVC, SVR
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from autoarch._core.clock import Deadline, TooSlowError
from autoarch._training.pair_probabilities import PairProbabilities, spread
from autoarch._training.time_limited import affordable_rows, class_first_order

_MOST_KERNEL = 2**28  # bytes of a matrix of products between all rows, which fits on folds share
_BLOCK = 2**22  # values of such a matrix, or of kernels around rows, that are computed at once
_FOLDS = 3  # of which each is left out once
_SHARE = 0.2  # of the time left, for one fit on all rows; those on folds take as long again
_PRODUCTS = 3e9  # multiplications in a second, of products between rows
_FEWEST_ROWS = 50
_ITERATIONS = 100  # of libsvm at most, for each row; a fit that needs more has a cost that is too high
_LEAST_ITERATIONS = 100_000


class _KernelMachine(BaseEstimator):
    """Base of both machines: the kernel, the rows that there is time for, and sums over support vectors."""

    def __init__(self, kernel: str = "rbf", cost: float = 1.0, gamma: float = 1.0, seed: int = 0):
        self.kernel = kernel
        self.cost = cost
        self.gamma = gamma
        self.seed = seed

    def _fit(self, X: Any, y: np.ndarray, sample_weight: Any, deadline: Deadline | None) -> Self:
        """Fit on as many rows as there is time for; ``y`` are codes of classes or numbers around 0."""
        deadline = deadline or Deadline()
        X = _flat(X)
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.gamma_ = _scaled(self.gamma, X)
        rows = self._affordable(X, y, weight, deadline)
        self.complete_, self.n_rows_fitted_ = len(rows) == len(y), len(rows)
        X, y, weight = X[rows], y[rows], weight[rows] / weight[rows].mean()
        kernel = self._products(X, X) if 8 * len(X) ** 2 <= _MOST_KERNEL else None
        self._calibrate(X, y, weight, kernel)
        self._keep(self._machine(X, y, weight, kernel), X)
        return self

    def _affordable(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray, deadline: Deadline) -> np.ndarray:
        """Positions of the rows that there is time for."""
        if deadline.unlimited:
            return np.arange(len(y))
        most = int(np.sqrt(_SHARE * max(0.0, deadline.left) * _PRODUCTS / X.shape[1]))
        if most < min(len(y), _FEWEST_ROWS):
            raise TooSlowError(len(y) ** 2 * X.shape[1] / _PRODUCTS / _SHARE, deadline.left)
        some = np.sort(class_first_order(y, self.seed)[:most])
        timed = self._new(len(some), precomputed=False)
        return some[affordable_rows(timed, X[some], y[some], weight[some], deadline, self.seed, _SHARE, small=0)]

    def _calibrate(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray, kernel: np.ndarray | None) -> None:
        """Learn from rows that are left out; nothing by default."""

    def _new(self, n_rows: int, *, precomputed: bool) -> Any:
        """An unfitted machine of scikit-learn for so many rows."""
        raise NotImplementedError

    def _machine(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray, kernel: np.ndarray | None) -> Any:
        """A machine of scikit-learn, fitted on all of these rows."""
        machine = self._new(len(y), precomputed=kernel is not None)
        return machine.fit(X if kernel is None else kernel, y, sample_weight=weight)

    def _settings(self, n_rows: int, *, precomputed: bool) -> dict[str, Any]:
        kernel = "precomputed" if precomputed else self.kernel
        most = max(_LEAST_ITERATIONS, _ITERATIONS * n_rows)
        return {"kernel": kernel, "C": self.cost, "gamma": self.gamma_, "cache_size": 500, "max_iter": most}

    def _keep(self, machine: Any, X: np.ndarray) -> None:
        """Keep the support vectors of a fitted machine, and what they weigh."""
        self.vectors_ = X[machine.support_]
        self.squares_ = np.einsum("ij,ij->i", self.vectors_, self.vectors_)
        self.duals_ = np.asarray(machine.dual_coef_, dtype=np.float64)
        self.intercept_ = np.asarray(machine.intercept_, dtype=np.float64)

    def _products(self, X: np.ndarray, vectors: np.ndarray, squares: np.ndarray | None = None) -> np.ndarray:
        """Kernel between rows and vectors."""
        products = X @ vectors.T
        if self.kernel == "linear":
            return products
        squares = np.einsum("ij,ij->i", vectors, vectors) if squares is None else squares
        distances = np.einsum("ij,ij->i", X, X)[:, None] + squares - 2 * products
        return np.exp(-self.gamma_ * np.maximum(distances, 0.0))

    def _sums(self, X: Any) -> np.ndarray:
        """Sums over the support vectors, block by block of rows."""
        check_is_fitted(self, "vectors_")
        X = _flat(X)
        size = max(1, _BLOCK // max(1, len(self.vectors_)))
        blocks = [
            self._sums_of(self._products(X[rows], self.vectors_, self.squares_)) for rows in gen_batches(len(X), size)
        ]
        return np.concatenate(blocks)

    def _sums_of(self, kernel: np.ndarray) -> np.ndarray:
        return kernel @ self.duals_.T + self.intercept_


class KernelMachineRegressor(RegressorMixin, _KernelMachine):
    """Support vector regression in units of the deviation of y.

    Parameters
    ----------
    kernel : {"rbf", "linear"}, default="rbf"
        Of Gaussians, or products.
    cost : float, default=1.0
        Of a residual, against the curvature of the function.
    gamma : float, default=1.0
        Of Gaussians, in units of one over the number of columns times their variance.
    epsilon : float, default=0.1
        Residuals that cost nothing, in deviations of y.
    seed : int, default=0
        Of the rows that are taken where there is no time for all of them.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.kernel_machine import KernelMachineRegressor
    >>> X = np.linspace(-2, 2, 50)[:, None]
    >>> model = KernelMachineRegressor(cost=10.0).fit(X, X[:, 0] ** 2)
    >>> float(model.predict([[1.0]])[0].round(1))
    1.0
    """

    def __init__(self, kernel: str = "rbf", cost: float = 1.0, gamma: float = 1.0, epsilon: float = 0.1, seed: int = 0):
        super().__init__(kernel, cost, gamma, seed)
        self.epsilon = epsilon

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, deadline: Deadline | None = None
    ) -> KernelMachineRegressor:
        """Fit on as many rows as there is time for."""
        y = np.asarray(y, dtype=np.float64)
        self.y_mean_, self.y_scale_ = float(y.mean()), float(y.std()) or 1.0
        return self._fit(X, (y - self.y_mean_) / self.y_scale_, sample_weight, deadline)

    def predict(self, X: Any) -> np.ndarray:
        """Numbers in the units of y."""
        return self._sums(X)[:, 0] * self.y_scale_ + self.y_mean_

    def _new(self, n_rows: int, *, precomputed: bool) -> SVR:
        return SVR(epsilon=self.epsilon, **self._settings(n_rows, precomputed=precomputed))


class KernelMachineClassifier(ClassifierMixin, _KernelMachine):
    """Support vector classification, each class against each other, with probabilities learned on left-out rows.

    A pair of classes has a logistic function of its decision; the logarithms of a class's chances against all others
    are summed up, scaled and shifted, by one slope and an offset for each class that left-out rows fit best.

    Parameters
    ----------
    kernel : {"rbf", "linear"}, default="rbf"
        Of Gaussians, or products.
    cost : float, default=1.0
        Of a row on the wrong side, against the curvature of the function.
    gamma : float, default=1.0
        Of Gaussians, in units of one over the number of columns times their variance.
    seed : int, default=0
        Of the folds, and of the rows that are taken where there is no time for all of them.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.kernel_machine import KernelMachineClassifier
    >>> X = np.linspace(-2, 2, 60)[:, None]
    >>> model = KernelMachineClassifier(cost=10.0).fit(X, np.where(abs(X[:, 0]) < 1, "in", "out"))
    >>> model.predict([[0.0], [1.9]]).tolist()
    ['in', 'out']
    """

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, deadline: Deadline | None = None
    ) -> KernelMachineClassifier:
        """Fit on as many rows as there is time for, then once for each part of them that is left out."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        return self._fit(X, codes, sample_weight, deadline)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities in the order of ``classes_``."""
        return self.probabilities_.of(self._sums(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _new(self, n_rows: int, *, precomputed: bool) -> SVC:
        return SVC(decision_function_shape="ovo", **self._settings(n_rows, precomputed=precomputed))

    def _keep(self, machine: Any, X: np.ndarray) -> None:
        super()._keep(machine, X)
        self.n_support_ = np.asarray(machine.n_support_)

    def _sums_of(self, kernel: np.ndarray) -> np.ndarray:
        """Decision of each pair of classes, above 0 for the first of both."""
        if len(self.classes_) == 2:
            return -super()._sums_of(kernel)
        ends = np.cumsum([0, *self.n_support_])
        parts = [kernel[:, a:b] @ self.duals_[:, a:b].T for a, b in itertools.pairwise(ends)]
        pairs = itertools.combinations(range(len(self.classes_)), 2)
        return np.stack([parts[i][:, j - 1] + parts[j][:, i] for i, j in pairs], axis=1) + self.intercept_

    def _calibrate(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray, kernel: np.ndarray | None) -> None:
        """Learn probabilities from the decisions on each fold, by machines fitted on the other folds."""
        n_classes, folds = len(self.classes_), _folds_of(y, self.seed)
        decisions = np.zeros((len(y), n_classes * (n_classes - 1) // 2))
        known = np.zeros(len(y), dtype=bool)
        for fold in range(_FOLDS):
            train, valid = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            seen = np.unique(y[train])
            if len(seen) < 2 or not len(valid):
                continue
            part = None if kernel is None else kernel[np.ix_(train, train)]
            machine = self._machine(X[train], y[train], weight[train], part)
            found = machine.decision_function(X[valid] if kernel is None else kernel[np.ix_(valid, train)])
            decisions[valid] = spread(-found[:, None] if found.ndim == 1 else found, seen, n_classes)
            known[valid] = np.isin(y[valid], seen)
        self.probabilities_ = PairProbabilities.fit(decisions[known], y[known], weight[known], n_classes)


class KernelFeatures(TransformerMixin, BaseEstimator):
    """Gaussian kernels around some of the rows, made as good as orthogonal: a kernel machine on them is a linear model.

    Parameters
    ----------
    n_components : int, default=300
        Rows that are taken.
    gamma : float, default=1.0
        Of Gaussians, in units of one over the number of columns times their variance.
    seed : int, default=0
        Of the rows.
    """

    def __init__(self, n_components: int = 300, gamma: float = 1.0, seed: int = 0):
        self.n_components = n_components
        self.gamma = gamma
        self.seed = seed

    def fit(self, X: Any, y: Any = None) -> KernelFeatures:
        """Take the rows, and the scale of the kernel from all of them."""
        X = _flat(X)
        most = min(self.n_components, len(X))
        nystroem = Nystroem(gamma=_scaled(self.gamma, X), n_components=most, random_state=self.seed)
        self.features_ = nystroem.fit(X)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the features."""
        check_is_fitted(self)
        features = np.empty((len(X), len(self.features_.components_)))
        for rows in gen_batches(len(X), max(1, _BLOCK // features.shape[1])):  # distances take several times the room
            features[rows] = self.features_.transform(_flat(X[rows]))
        return features


def _flat(X: Any) -> np.ndarray:
    """Rows of flat cells in double precision."""
    X = np.asarray(X, dtype=np.float64)
    return np.ascontiguousarray(X.reshape(len(X), -1))


def _scaled(gamma: float, X: np.ndarray) -> float:
    return gamma / max(X.shape[1] * float(X.var()), 1e-12)


def _folds_of(y: np.ndarray, seed: int) -> np.ndarray:
    """Fold of each row, classes spread evenly over them."""
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    folds = np.empty(len(y), dtype=int)
    folds[order] = np.arange(len(y)) % _FOLDS
    return folds
