"""Few rows of each kind of X, with labels and numbers that depend on it."""

import numpy as np
import pandas as pd
from quick import QuickCNN, QuickMLP, QuickTree

from autoarch.families.kernels import Kernels
from autoarch.families.linear import Linear
from autoarch.families.tree import Tree

KINDS = ("flat", "single precision", "gaps", "table", "letters", "grid", "channels", "map")


class OneKind(Tree):
    """Trees of one kind, with few rounds."""

    def __init__(self, kind):
        self.kind = kind

    def defaults(self, problem):
        """The defaults of that kind."""
        if self.kind in ("lightgbm", "xgboost", "catboost"):
            return [self._plugged(self.kind, problem) | {"amount": 1.0, "view": "cells"}]
        return [params | {"view": "cells"} for params in super().defaults(problem) if params["kind"] == self.kind]


class QuickKernels(Kernels):
    """The family with few kernels."""

    def defaults(self, problem):
        """As those of the family, an eighth of the kernels."""
        return [{**params, "kernels": 32} for params in super().defaults(problem)]


class LinearLevels(Linear):
    """Linear models with one kind of columns for categories of many levels."""

    def __init__(self, categories):
        self.categories = categories

    def defaults(self, problem):
        """The defaults with those columns."""
        return [params for params in super().defaults(problem) if params["categories"] == self.categories]


def coded_shops(n=480, *, first=-300, step=13):
    """Whole numbers that name shops, beside a number, and numbers that follow both."""
    rng = np.random.default_rng(0)
    shop = rng.permutation(np.repeat(np.arange(n // 8), 8))
    X = pd.DataFrame({"shop": first + step * shop, "size": rng.normal(size=n).astype(np.float32).astype(float)})
    return X, 10 * rng.permutation(n // 8)[shop] + (X["size"] > 0)


def shops(n=240):
    """A category of many levels beside a number in single precision, and numbers that follow both."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"shop": rng.permutation(np.repeat([f"s{i}" for i in range(n // 4)], 4)), "size": rng.normal(size=n)}
    )
    X["size"] = X["size"].astype(np.float32).astype(float)
    return X, X["shop"].str[1:].astype(int) + (X["size"] > 0)


FAMILIES = {"linear": "linear", "tree": QuickTree, "mlp": QuickMLP, "cnn": QuickCNN, "kernels": QuickKernels}
FAMILIES |= {"svm": "svm"}


def sample(kind, n=60, seed=0):
    """X of a kind, labels, numbers, and settings of the estimator."""
    rng = np.random.default_rng(seed)
    settings = {}
    if kind in ("flat", "single precision"):
        X = rng.normal(size=(n, 5)).astype("f4" if kind == "single precision" else "f8")
        numbers = X[:, 0] + X[:, 1]
    elif kind == "gaps":
        X = rng.normal(size=(n, 5))
        numbers = X[:, 0] + X[:, 1]
        X[rng.random(X.shape) < 0.1] = np.nan
    elif kind == "table":
        colour = rng.choice(["red", "blue", "green", None], n)
        X = pd.DataFrame({"size": rng.normal(size=n), "colour": colour, "gap": rng.normal(size=n)})
        X["seen"] = pd.date_range("2024-01-01", periods=n, freq="31h")
        X.loc[::7, "gap"] = np.nan
        numbers = X["size"] + (X["colour"] == "red")
    elif kind == "letters":
        X = rng.choice(list("ACGT"), (n, 12))
        numbers = (X == "A").sum(axis=1) + rng.normal(size=n) / 10
    elif kind in ("grid", "channels"):
        X = rng.normal(size=(n, 6, 6) if kind == "grid" else (n, 2, 6, 6))
        numbers = X.reshape(n, -1)[:, :3].sum(axis=1)
    else:
        places = np.stack(np.meshgrid(np.arange(10.0), np.arange(n // 10)), -1).reshape(-1, 2)
        X = pd.DataFrame(places, columns=["x", "y"]).assign(value=rng.normal(size=len(places)))
        numbers, settings = X["value"] + X["x"] / 3, {"coordinates": ("x", "y")}
    numbers = np.asarray(numbers, dtype=float)
    return X, np.where(numbers > np.median(numbers), "high", "low"), numbers, settings
