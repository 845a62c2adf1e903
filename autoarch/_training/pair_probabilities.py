"""Probabilities of classes out of decisions between each pair of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, softmax

_MOST_DECISIONS, _FEWEST_ROWS = 400_000, 1_000  # that slopes and offsets are fitted to
_LARGEST_SLOPE = 5.0  # logarithm


@dataclass(frozen=True, eq=False)
class PairProbabilities:
    """Logistic functions of the decisions, whose logarithms are summed up for each class, scaled and shifted.

    Parameters
    ----------
    inner : float
        Slope of the logistic functions.
    outer : float
        Weight of the sums; 1 where there are two classes.
    offsets : ndarray of shape (n_classes,)
        Added to the sums.
    """

    inner: float
    outer: float
    offsets: np.ndarray

    @classmethod
    def fit(cls, decisions: np.ndarray, y: np.ndarray, weight: np.ndarray, n_classes: int) -> PairProbabilities:
        """Find the slopes and offsets that make codes of classes likeliest, all drawn a little to 1 and 0.

        Parameters
        ----------
        decisions : ndarray of shape (n, n_classes * (n_classes - 1) / 2)
            Above 0 for the first class of a pair, on rows that had no say in them; pairs in the order of
            ``combinations``.
        y, weight : ndarray of shape (n,)
            Codes, and what each row counts.
        n_classes : int
            Number of classes.
        """
        most = max(_FEWEST_ROWS, _MOST_DECISIONS // decisions.shape[1])
        if len(y) > most:
            some = np.random.default_rng(0).permutation(len(y))[:most]
            decisions, y, weight = decisions[some], y[some], weight[some]
        first, second = np.array(list(combinations(range(n_classes), 2))).T
        several, rows = float(n_classes > 2), np.arange(len(y))

        def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
            found = cls(float(np.exp(values[0])), float(np.exp(values[1])), values[2:])
            sums = found._sums(decisions)
            proba = softmax(found.outer * sums + found.offsets, axis=1)
            away = proba * weight[:, None]
            away[rows, y] -= weight
            z = found.inner * decisions
            of_pairs = found.outer * (away[:, first] * expit(-z) - away[:, second] * expit(z))
            gradient = [np.sum(of_pairs * z), several * found.outer * np.sum(away * sums), *away.sum(axis=0)]
            likelihood = float(np.log(np.maximum(proba[rows, y], 1e-300)) @ weight)
            return float(values @ values) - likelihood, np.array(gradient) + 2 * values

        bounds = [(-_LARGEST_SLOPE, _LARGEST_SLOPE)] * 2 + [(None, None)] * n_classes
        values = minimize(loss, np.zeros(2 + n_classes), jac=True, method="L-BFGS-B", bounds=bounds).x
        return cls(float(np.exp(values[0])), float(np.exp(values[1])), values[2:])

    def of(self, decisions: np.ndarray) -> np.ndarray:
        """Probabilities, a column for each class."""
        return softmax(self.outer * self._sums(decisions) + self.offsets, axis=1)

    def _sums(self, decisions: np.ndarray) -> np.ndarray:
        """Sums over its pairs of the logarithm of the chance of each class."""
        sums = np.zeros((len(decisions), len(self.offsets)))
        z = self.inner * decisions
        for_first, for_second = log_expit(z), log_expit(-z)
        for place, (i, j) in enumerate(combinations(range(len(self.offsets)), 2)):
            sums[:, i] += for_first[:, place]
            sums[:, j] += for_second[:, place]
        return sums


def spread(decisions: np.ndarray, seen: np.ndarray, n_classes: int) -> np.ndarray:
    """Decisions between the classes ``seen`` as those between all; a class that was not seen loses against others.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.pair_probabilities import spread
    >>> spread(np.array([[0.5]]), np.array([0, 2]), 3).tolist()
    [[1.0, 0.5, -1.0]]
    """
    if len(seen) == n_classes:
        return decisions
    known = {pair: place for place, pair in enumerate(combinations(seen.tolist(), 2))}
    columns = []
    for pair in combinations(range(n_classes), 2):
        if pair in known:
            columns.append(decisions[:, known[pair]])
        else:
            there = [one in seen for one in pair]
            columns.append(np.full(len(decisions), float(there[0]) - float(there[1])))
    return np.stack(columns, axis=1)
