"""Trees in files: boosters of other packages in their own formats, those of scikit-learn as a few arrays.

Trees are walked in compiled code that believes them. A child that is not there, or a column, would be read from beyond
the memory that belongs to the model: so those of scikit-learn are looked at when they are read.
"""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from autoarch._core.imports import require
from autoarch.exceptions import ModelFileError

SUFFIXES = {"lightgbm": "txt", "xgboost": "ubj", "catboost": "cbm"}
_BITS = ("raw_left_cat_bitsets", "binned_left_cat_bitsets")


def package_of(value: Any) -> str:
    """Package whose object this is."""
    return type(value).__module__.partition(".")[0]


def packed(value: Any) -> bytes | None:
    """The file of a booster; None for anything else."""
    package, kind = package_of(value), type(value).__name__
    if package == "lightgbm" and kind == "Booster":
        return value.model_to_string().encode()
    if package == "xgboost" and kind == "Booster":
        return bytes(value.save_raw(raw_format="ubj"))
    if package == "catboost" and kind in ("CatBoostClassifier", "CatBoostRegressor"):
        with tempfile.TemporaryDirectory() as folder:
            value.save_model(str(Path(folder) / "model.cbm"))
            return (Path(folder) / "model.cbm").read_bytes()
    return None


def unpacked(data: bytes, suffix: str, kind: str) -> Any:
    """The booster of a file; ``kind`` says which of CatBoost's estimators it was."""
    package = next(name for name, known in SUFFIXES.items() if known == suffix)
    library = require(package, extra="boost", purpose="this model")
    if package == "lightgbm":
        return library.Booster(model_str=data.decode())
    if package == "xgboost":
        booster = library.Booster()
        booster.load_model(bytearray(data))
        return booster
    model = getattr(library, "CatBoostClassifier" if kind.endswith("Classifier") else "CatBoostRegressor")()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.cbm"
        path.write_bytes(data)
        return model.load_model(str(path))


def is_boosting(model: Any) -> bool:
    """Tell whether a model is scikit-learn's boosting on histograms, with trees."""
    kinds = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
    return isinstance(model, kinds) and bool(getattr(model, "_predictors", None))


def without_trees(model: Any) -> tuple[Any, dict[str, Any]]:
    """The model without its trees, and these as a few arrays: skops takes seconds for a thousand of them."""
    bare = copy.copy(model)
    bare._predictors = []
    trees = [tree for trees in model._predictors for tree in trees]
    nodes = np.concatenate([tree.nodes for tree in trees])
    found = {
        "rounds": len(model._predictors),
        "dtype": repr(PREDICTOR_RECORD_DTYPE.descr),
        "nodes": nodes.view(np.uint8).reshape(len(nodes), -1),
        "counts": np.array([len(tree.nodes) for tree in trees]),
    }
    for name in _BITS:
        sets = [getattr(tree, name) for tree in trees]
        found[name] = np.concatenate(sets)
        found[f"{name}_counts"] = np.array([len(one) for one in sets])
    return bare, found


def with_trees(model: Any, found: dict[str, Any]) -> Any:
    """Give a model its trees back.

    Raises
    ------
    ModelFileError
        If their nodes are those of another version of scikit-learn, or point beyond the trees.
    """
    if found["dtype"] != repr(PREDICTOR_RECORD_DTYPE.descr):
        raise ModelFileError("its trees are those of another version of scikit-learn, which it names")
    nodes = np.ascontiguousarray(found["nodes"]).view(PREDICTOR_RECORD_DTYPE)[:, 0]
    parts = [np.split(nodes.copy(), np.cumsum(found["counts"])[:-1])]
    parts += [np.split(found[name], np.cumsum(found[f"{name}_counts"])[:-1]) for name in reversed(_BITS)]
    trees = [TreePredictor(*tree) for tree in zip(*parts, strict=True)]
    width = len(trees) // found["rounds"]
    model._predictors = [trees[start : start + width] for start in range(0, len(trees), width)]
    for tree in trees:
        inner = tree.nodes[tree.nodes["is_leaf"] == 0]
        children = np.concatenate([inner["left"], inner["right"]])
        sets = inner["bitset_idx"][inner["is_categorical"] == 1]
        most = min(len(tree.raw_left_cat_bitsets), len(tree.binned_left_cat_bitsets))
        _check(children, inner["feature_idx"], len(tree.nodes), model._bin_mapper.n_bins_non_missing_.shape[0])
        if not len(tree.nodes) or (sets >= most).any():
            raise ModelFileError("its trees point beyond themselves")
    return model


def checked_trees(model: Any) -> Any:
    """Return a model whose trees, if it has any, point to nothing beyond themselves."""
    if isinstance(model, BaseForest):
        for tree in (one.tree_ for one in model.estimators_):
            inner = np.flatnonzero(tree.children_left >= 0)
            children = np.concatenate([tree.children_left[inner], tree.children_right[inner]])
            _check(children, tree.feature[inner], tree.node_count, model.n_features_in_)
    return model


def _check(children: np.ndarray, columns: np.ndarray, n_nodes: int, n_columns: int) -> None:
    beyond = (children >= n_nodes).any() or (children < 1).any()
    if beyond or (columns < 0).any() or (columns >= n_columns).any():
        raise ModelFileError("its trees point beyond themselves")
