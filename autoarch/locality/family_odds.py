"""From landmarks to the chance that each family wins, and to the families worth searching.

A landmark is a noisy reading of what the full family would reach. The full family lies above it by an offset of its
own (trees gain most from more rows and rounds), give or take the landmark's sampling error (``std_error``) and a
spread. Offset and spread shrink as scores near 1: they are ``Family.landmark_offset`` and ``landmark_spread`` times
the square root of best x (1 - best). The chance to win is the chance that a normal variable with that mean and spread
is the largest of all. Families whose landmark was not measured keep the share that the verdict alone gives them. No
chance is below ``probability_floor``: the search may always be surprised. A family is worth searching if its chance to
win, among those that have a landmark and are not linear, is at least ``worth_chance``.

The other numbers stand in ``constants.json``. ``examples/benchmarks/family_choice.py`` learns them on tasks whose
families were trained in full, and tests them with each source of data left out in turn; the documentation has its
tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from autoarch.families.registry import WITH_LANDMARK
from autoarch.locality.constants import CONSTANTS

if TYPE_CHECKING:
    from autoarch.locality.measurements import Landmark

FAMILIES = tuple(reversed(WITH_LANDMARK))  # of two with equal chances, the more special one comes first


def prior(verdict: str, has_grid: bool) -> dict[str, float]:
    """Chance of each family before any landmark, by the verdict alone."""
    n_axes = {"2d": 2, "none": 0}.get(verdict, 1)
    possible = {name: has_grid or not WITH_LANDMARK[name].needs.grid for name in FAMILIES}
    return _bounded({name: WITH_LANDMARK[name].prior_odds[2 - n_axes] * possible[name] for name in FAMILIES})


def win_probabilities(
    landmarks: Mapping[str, Landmark], verdict: str, has_grid: bool, *, margin: float = 0.0
) -> dict[str, float]:
    """Chance that each family is the best one; sums to 1.

    With a ``margin`` above 0: the chance that it leads by more than that, which sums to less.
    """
    shares = prior(verdict, has_grid)
    measured = [name for name in FAMILIES if name in landmarks]
    if not comparable(landmarks):
        return shares
    means = np.array([landmarks[name].score for name in measured])
    best = float(np.clip(means.max(), 0.0, 1.0))
    unit = np.sqrt(best * (1 - best) + 1e-4)
    means = means + unit * np.array([WITH_LANDMARK[name].landmark_offset for name in measured])
    spreads = np.hypot([landmarks[name].std_error for name in measured], CONSTANTS["landmark_spread"] * unit)
    points = np.linspace((means - 5 * spreads).min(), (means + 5 * spreads).max(), 2_001)
    standard = (points[None, :] - means[:, None]) / spreads[:, None]
    density = np.exp(-0.5 * standard**2) / spreads[:, None]
    below = ndtr(standard - margin / spreads[:, None])
    wins = [(density[k] * np.prod(np.delete(below, k, axis=0), axis=0)).sum() for k in range(len(measured))]
    to_share = sum(shares[name] for name in measured)
    for name, win in zip(measured, wins, strict=True):
        shares[name] = to_share * float(win / (density[0].sum() if margin else np.sum(wins)))
    return shares if margin else _bounded(shares)


def comparable(landmarks: Mapping[str, Landmark]) -> bool:
    """Tell whether enough landmarks were run to compare nets with trees."""
    return "tree" in landmarks and ("cnn" in landmarks or "mlp" in landmarks)


def worth_searching(landmarks: Mapping[str, Landmark], verdict: str, has_grid: bool) -> tuple[str, ...]:
    """Families with a fair chance to win, likeliest first; without landmarks by the verdict alone."""
    chances = win_probabilities(landmarks, verdict, has_grid)
    ranked = sorted(FAMILIES, key=lambda name: -chances[name])
    if not comparable(landmarks):
        return tuple(name for name in ranked if chances[name] >= CONSTANTS["prior_worth_trying"])
    others = {name: mark for name, mark in landmarks.items() if name != "linear"}
    among = win_probabilities(others, verdict, has_grid)
    total = sum(among[name] for name in FAMILIES if name in others)
    worth = {name: among[name] / total >= CONSTANTS["worth_chance"] for name in FAMILIES if name in others}
    worth["linear"] = chances["linear"] >= CONSTANTS["worth_chance"]
    for name in FAMILIES:
        worth.setdefault(name, chances[name] >= CONSTANTS["prior_worth_trying"])
    return tuple(name for name in ranked if worth[name] or name == ranked[0])


def _bounded(shares: Mapping[str, float]) -> dict[str, float]:
    """Raise every share to the least chance and scale the rest so that all add up to 1."""
    least = CONSTANTS["probability_floor"]
    total = sum(shares.values())
    spare = 1.0 - least * len(shares)
    return {name: least + spare * share / total for name, share in shares.items()}
