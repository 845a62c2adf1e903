"""Scores of the ways to use a pretrained net and of the floor, and the choice that follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from autoarch._search.compare import row_variance
from autoarch._search.scoring import Predictions, Scorer, per_unit

VERDICTS = {"as is": "reuse", "frozen": "reuse", "fine-tuned": "fine-tune", "from scratch": "train from scratch"}
NONE = "none of these"
_TIE = 1.0  # standard errors that the net as it is may lie behind; not more ways, for trainings gain by the full rows
SURE = 2.0  # standard errors by which a margin is more than chance
# A score that counts rows as right or wrong needs many to be sure of a lead; their log-loss shows it with fewer.
_COUNTED = ("accuracy", "balanced_accuracy")
_TEMPERATURES = (-3.0, 4.0)  # natural logarithms
_LEAST = 1e-3  # probability of all classes together that no tree of a small forest has seen
_DOUBT = 0.02  # of any label; without it a single row could decide
_NAMES = {"r2": "R2"}  # of scores that a sentence calls otherwise


def named(metric: str) -> str:
    """A score in a sentence."""
    return _NAMES.get(metric, metric)


@dataclass(frozen=True)
class Way:
    """Scores of one way of using a net, or of a plain model of the raw cells.

    Parameters
    ----------
    scores : tuple of float
        On each fold; greater is better.
    seconds : float
        Fitting and predicting, all folds together.
    floor_error : float
        Standard error of the distance to the floor, paired over the rows; NaN where there is none.
    inputs : str
        Scale of the inputs, in words.
    evidence : float
        How much more its calibrated probabilities tell than those of the plain model that tells most: the gain in
        log-loss, in standard errors. NaN where the score is not one that counts rows.
    """

    scores: tuple[float, ...]
    seconds: float = 0.0
    floor_error: float = float("nan")
    inputs: str = ""
    evidence: float = float("nan")

    @property
    def score(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.scores))


@dataclass(frozen=True)
class Comparison:
    """The four ways to use a pretrained net beside plain models of the raw cells, and which of all is chosen.

    Parameters
    ----------
    ways : mapping of str to Way
        ``"as is"`` (where the net knows all labels), ``"frozen"``, ``"fine-tuned"``, ``"from scratch"``.
    references : mapping of str to Way
        ``"constant"``, ``"linear"``, ``"forest"``, ``"boosting"``: what was learned from the raw cells alone. The best
        is the floor. Without any, the ways are compared with each other only.
    metric : str
        Name of the score.
    n_samples : int
        Rows of X.
    test_share : float
        Held-out rows for each training row, mean over the folds.
    """

    ways: Mapping[str, Way]
    references: Mapping[str, Way] = field(default_factory=dict)
    metric: str = "accuracy"
    n_samples: int = 0
    test_share: float = 0.25

    @cached_property
    def floor(self) -> str | None:
        """The best of the references, which a way has to beat; None without any."""
        return max(self.references, key=lambda name: self.references[name].score, default=None)

    def over_floor(self, name: str) -> tuple[float, float]:
        """Score of a way less that of the floor, and the standard error of this difference, paired over the rows."""
        if self.floor is None:
            return float("nan"), float("nan")
        return self._every[name].score - self.references[self.floor].score, self._every[name].floor_error

    def beats_floor(self, name: str) -> bool:
        """Tell whether a way is surely better than the floor, or nothing is there to beat.

        Its score is better by more than two standard errors, or it is better and the log-loss of its calibrated
        probabilities by more than two.
        """
        return self.floor is None or self.leads_by_score(name) or self.leads_by_evidence(name)

    def leads_by_score(self, name: str) -> bool:
        """Tell whether its score alone is better than that of the floor by more than two standard errors."""
        lead, error = self.over_floor(name)
        return lead > SURE * error

    def leads_by_evidence(self, name: str) -> bool:
        """Tell whether its score is better than that of the floor, and its log-loss by two standard errors."""
        return self.over_floor(name)[0] > 0 and self._every[name].evidence > SURE

    @cached_property
    def chosen(self) -> str:
        """The best way that beats the floor; the floor where none does.

        The net as it is is preferred where it lies behind by a standard error at most, for it needs no training.
        """
        over = [name for name in self.ways if self.beats_floor(name)]
        if not over:
            return str(self.floor)
        best = self._best(over)
        if "as is" not in over:
            return best
        behind, error = self.difference(best, "as is")
        return "as is" if behind <= _TIE * error else best

    @property
    def verdict(self) -> str:
        """One of "reuse", "fine-tune", "train from scratch" and "none of these"."""
        return VERDICTS.get(self.chosen, NONE)

    @property
    def rival(self) -> str:
        """The best way with another verdict, of those that beat the floor, where there are any."""
        others = [name for name in self.ways if VERDICTS[name] != self.verdict]
        return self._best([name for name in others if self.beats_floor(name)] or others)

    @property
    def margin(self) -> float:
        """Score of the chosen way, or of the floor where none is chosen, less that of the rival."""
        return self._margin[0]

    @property
    def margin_std_error(self) -> float:
        """Its standard error: from its spread over the folds, which share training rows, or over rows for the floor."""
        return self._margin[1]

    @property
    def _margin(self) -> tuple[float, float]:
        if self.verdict != NONE:
            return self.difference(self.chosen, self.rival)
        lead, error = self.over_floor(self.rival)
        return -lead, error

    @property
    def sure(self) -> bool:
        """True if the margin is more than two standard errors."""
        return self.margin > SURE * self.margin_std_error

    @property
    def enough_rows(self) -> float:
        """Rows with which the best way would beat the floor if its lead stayed what it is; infinite where it has none.

        A standard error falls with the root of the number of rows.
        """
        best = self._best(list(self.ways))
        lead, error = self.over_floor(best)
        return self.n_samples * (SURE * error / lead) ** 2 if lead > 0 else float("inf")

    def difference(self, one: str, other: str) -> tuple[float, float]:
        """Mean difference of two ways or references over the folds, and its standard error."""
        by_fold = np.subtract(self._every[one].scores, self._every[other].scores)
        return float(by_fold.mean()), self._std_error(by_fold)

    @property
    def _every(self) -> dict[str, Way]:
        return {**self.ways, **self.references}

    def _best(self, names: Sequence[str]) -> str:
        return max(names, key=lambda name: self._every[name].score)

    def _std_error(self, by_fold: Sequence[float] | np.ndarray) -> float:
        if len(by_fold) < 2:
            return float("nan")
        return float(np.sqrt(np.var(by_fold, ddof=1) * (1 / len(by_fold) + self.test_share)))


def evidence_of(
    parts: Mapping[str, Sequence[Predictions]], references: Sequence[str], scorer: Scorer, units: np.ndarray
) -> dict[str, float]:
    """Compute the lead of each that is no reference, in log-loss, over the reference whose probabilities tell most.

    Parameters
    ----------
    parts : mapping of str to sequence of Predictions
        Predictions of the same held-out rows of each fold.
    references : sequence of str
        Names of those that have to be beaten.
    scorer : Scorer
        Score and labels.
    units : ndarray of int of shape (n,)
        Group of each row of the data.

    Returns
    -------
    dict of str to float
        In standard errors; empty where the score is none that counts rows.
    """
    if scorer.name not in _COUNTED or scorer.classes is None:
        return {}
    losses = {name: calibrated_losses(of_way, scorer.y, scorer.classes) for name, of_way in parts.items()}
    best = min(references, key=lambda name: float(losses[name].mean()))
    of_rows = units[np.concatenate([part.rows for part in parts[best]])]
    gains = {name: per_unit(losses[best] - loss, of_rows) for name, loss in losses.items() if name not in references}
    return {name: float(gain.mean() / np.sqrt(row_variance(gain, abs(gain.mean())))) for name, gain in gains.items()}


def calibrated_losses(parts: Sequence[Predictions], y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Log-loss of each held-out row, fold after fold, at the temperature that is best for the other folds.

    A model that is too sure of itself, or too little, as forests are, is judged by what it tells, not how surely.

    Parameters
    ----------
    parts : sequence of Predictions
        Probabilities of the held-out rows of each fold, two at least.
    y : ndarray of shape (n,)
        Labels of all rows.
    classes : ndarray
        Sorted labels.

    Returns
    -------
    ndarray of shape (held-out rows of all folds,)

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._search.scoring import Predictions
    >>> from autoarch.transfer.comparison import calibrated_losses
    >>> too_sure = np.array([[0.999, 0.001]] * 4)  # and right in three of four rows
    >>> parts = [Predictions(np.arange(4), too_sure), Predictions(np.arange(4, 8), too_sure)]
    >>> calibrated_losses(parts, np.array([0, 0, 0, 1] * 2), np.array([0, 1])).round(2).tolist()[:4]
    [0.29, 0.29, 0.29, 1.39]
    """
    logs = [np.log(np.maximum(part.values, _LEAST / len(classes))) for part in parts]
    codes = [np.searchsorted(classes, y[part.rows]) for part in parts]
    losses = []
    for fold in range(len(parts)):
        others = [each for each in range(len(parts)) if each != fold]
        known = np.concatenate([logs[each] for each in others]), np.concatenate([codes[each] for each in others])
        losses.append(_losses(_best_temperature(*known), logs[fold], codes[fold]))
    return np.concatenate(losses)


def _best_temperature(logs: np.ndarray, codes: np.ndarray) -> float:
    def loss(log: float) -> float:
        return float(_losses(float(np.exp(log)), logs, codes).mean())

    return float(np.exp(minimize_scalar(loss, bounds=_TEMPERATURES, method="bounded").x))


def _losses(temperature: float, logs: np.ndarray, codes: np.ndarray) -> np.ndarray:
    chances = np.exp(log_softmax(logs / temperature, axis=1)[np.arange(len(codes)), codes])
    return -np.log((1 - _DOUBT) * chances + _DOUBT / logs.shape[1])
