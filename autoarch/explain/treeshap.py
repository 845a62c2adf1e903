"""Shapley values of trees, exact and fast, by the package shap [1]_.

References
----------
.. [1] S. M. Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature
   Machine Intelligence 2, 56-67, 2020.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from autoarch._core.imports import require
from autoarch._core.progress import Progress
from autoarch._training.boosters import CodedClassifier
from autoarch.explain.model import Subject
from autoarch.explain.pullback import Attribution, Member, UntraceableError, back, members_of

_VOTING = (ExtraTreesClassifier, RandomForestClassifier, DecisionTreeClassifier, ExtraTreeClassifier)
_HISTOGRAM = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
_ADDING = (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    ExtraTreesRegressor,
    RandomForestRegressor,
    DecisionTreeRegressor,
    ExtraTreeRegressor,
)
_PACKAGES = ("lightgbm", "xgboost", "catboost")


def trees_of(subject: Subject) -> list[Member]:
    """The models behind the answers, if all of them are trees that shap reads rightly.

    Raises
    ------
    UntraceableError
        If one is not.
    """
    members = members_of(subject)
    for member in members:
        model = _bare(member.model)
        known = isinstance(model, (*_VOTING, *_HISTOGRAM, *_ADDING))
        if not known and type(model).__module__.partition(".")[0] not in _PACKAGES:
            raise UntraceableError(f"{type(model).__name__} has no trees")
        if isinstance(model, _HISTOGRAM) and getattr(model, "is_categorical_", None) is not None:
            raise UntraceableError("shap does not read the splits of scikit-learn's boosting on categories")
    if len({isinstance(_bare(member.model), _VOTING) for member in members}) > 1:
        raise UntraceableError("some of its trees speak of probabilities and some of log-odds")
    return members


def shapley(subject: Subject, target: np.ndarray, progress: Progress) -> Attribution:
    """Shapley values of the target's margin, or of its probability where forests vote, or of the prediction.

    Raises
    ------
    UntraceableError
        If the winner is no tree, or its columns cannot be handed back to those of X.
    MissingExtraError
        If shap is not installed.
    """
    members = trees_of(subject)
    shares = [back(member, subject) for member in members]
    require("shap", extra="explain", purpose="method='shap'")
    n, parts = len(subject.pool), []
    outputs, base = np.zeros(n), np.zeros(n)
    for number, (member, share) in enumerate(zip(members, shares, strict=True)):
        progress.say(f"explaining, model {number + 1} of {len(members)}")
        values, expected = _of_one(member, subject, target)
        parts.append(share.T.dot(values.T).T)
        outputs += member.weight * (expected + values.sum(axis=1))
        base += member.weight * expected
    units = "units of y"
    if subject.classes is None:
        said = subject.answers(subject.pool.given())[:, 0]
        if not np.allclose(outputs, said, rtol=1e-3, atol=1e-3 * max(float(np.ptp(said)), 1e-12)):
            raise UntraceableError(
                "its trees do not add up to what it predicts, but to a logarithm of that or the like"
            )
    else:
        units = f"{'probability' if isinstance(_bare(members[0].model), _VOTING) else 'log-odds'} of the target"
    return Attribution(np.stack(parts), np.array([member.weight for member in members]), outputs, base, units)


def _of_one(member: Member, subject: Subject, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (n, columns that the trees see) for the target of each row, and what they start from."""
    import shap

    model = _bare(member.model)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of shap on its own ways
            explainer = shap.TreeExplainer(model)
            values = explainer.shap_values(member.sees(subject.pool.given()))
    except Exception as error:  # shap raises bare exceptions for what it does not know
        raise UntraceableError(f"shap cannot read {type(model).__name__}: {error}") from error
    values = np.stack(values, axis=-1) if isinstance(values, list) else np.asarray(values)
    expected = np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64))
    rows = np.arange(len(values))
    if subject.classes is None:
        return values.reshape(len(values), -1), np.full(len(values), expected[0])
    if values.ndim == 2:  # the margin of the second of two classes
        values, expected = np.stack([-values, values], axis=-1), np.array([-expected[-1], expected[-1]])
    known = np.asarray(member.model.classes_)
    places = np.minimum(np.searchsorted(known, subject.classes[target]), len(known) - 1)
    there = known[places] == subject.classes[target]
    return values[rows, :, places] * there[:, None], expected[places] * there


def _bare(model: Any) -> Any:
    return model.estimator_ if isinstance(model, CodedClassifier) else model
