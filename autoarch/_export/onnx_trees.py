"""Forests and boosting as nodes of a graph that add up trees."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autoarch._export.onnx_graph import ML, Graph
from autoarch.exceptions import ModelFileError

_LEAF, _AT_MOST = "LEAF", "BRANCH_LEQ"


@dataclass
class Ensemble:
    """Nodes of trees, as ONNX lists them.

    Parameters
    ----------
    n_targets : int
        Sums that the trees make.
    """

    n_targets: int
    rows: dict[str, list[Any]] = field(default_factory=dict)
    leaves: dict[str, list[Any]] = field(default_factory=dict)
    n_trees: int = 0

    def add(
        self,
        *,
        left: np.ndarray,
        right: np.ndarray,
        column: np.ndarray,
        threshold: np.ndarray,
        missing_left: np.ndarray,
        leaf: np.ndarray,
        values: np.ndarray,
        target: int = 0,
    ) -> None:
        """Add a tree; ``values`` has a row for each node, and a column for each target from ``target`` on."""
        n, tree = len(left), self.n_trees
        self.n_trees += 1
        facts: dict[str, Any] = {
            "treeids": np.full(n, tree),
            "nodeids": np.arange(n),
            "featureids": np.where(leaf, 0, column),
            "modes": [_LEAF if one else _AT_MOST for one in leaf],
            "truenodeids": np.where(leaf, 0, left),
            "falsenodeids": np.where(leaf, 0, right),
            "missing_value_tracks_true": missing_left.astype(int),
            "values": _rounded_down(np.where(leaf, 0.0, threshold)),
        }
        for name, listed in facts.items():
            self.rows.setdefault(name, []).extend(listed)
        places = np.flatnonzero(leaf)
        width = values.shape[1]
        for name, found in (
            ("treeids", np.full(len(places) * width, tree)),
            ("nodeids", np.repeat(places, width)),
            ("ids", np.tile(np.arange(target, target + width), len(places))),
            ("weights", values[places].ravel()),
        ):
            self.leaves.setdefault(name, []).extend(found)

    def sums(self, graph: Graph, values: str) -> str:
        """Sums of the trees for single-precision values, (rows, targets), in single precision."""
        attributes: dict[str, Any] = {}
        for prefix, found in (("nodes_", self.rows), ("target_", self.leaves)):
            for name, listed in found.items():
                kind = float if name in ("values", "weights") else str if name == "modes" else int
                attributes[prefix + name] = [kind(one) for one in listed]
        return graph.op("TreeEnsembleRegressor", values, domain=ML, n_targets=self.n_targets, **attributes)


def _rounded_down(thresholds: np.ndarray) -> np.ndarray:
    """The greatest numbers of single precision that are not above: such numbers fall on the same side of them."""
    with np.errstate(over="ignore"):  # beyond single precision everything is below
        single = thresholds.astype(np.float32)
        return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)


def forest(graph: Graph, model: Any, values: str) -> str:
    """Mean probabilities or values of a forest."""
    n_classes = len(model.classes_) if hasattr(model, "classes_") else 1
    made = Ensemble(n_classes)
    for tree in (one.tree_ for one in model.estimators_):
        found = tree.value[:, 0, :]
        shares = found / found.sum(axis=1, keepdims=True) if n_classes > 1 else found
        missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count))
        made.add(
            left=tree.children_left,
            right=tree.children_right,
            column=tree.feature,
            threshold=tree.threshold,
            missing_left=np.asarray(missing),
            leaf=tree.children_left < 0,
            values=shares / len(model.estimators_),
        )
    return graph.cast(made.sums(graph, graph.cast(values, np.float32)), np.float64)


def boosting(graph: Graph, model: Any, values: str) -> str:
    """Raw sums of scikit-learn's boosting on histograms; sets of categories become columns of 0 and 1."""
    values, codes, known = _ordered(graph, model, values)
    width = model.n_trees_per_iteration_
    made = Ensemble(width)
    n_columns = model._bin_mapper.n_bins_non_missing_.shape[0]
    tables: dict[int, Any] = {}
    columns: dict[tuple[int, bytes], int] = {}
    for trees in model._predictors:
        for target, tree in enumerate(trees):
            nodes = tree.nodes
            column, threshold = nodes["feature_idx"].astype(int), nodes["num_threshold"].copy()
            goes_left = nodes["missing_go_to_left"].astype(bool)
            for place in np.flatnonzero((nodes["is_categorical"] == 1) & (nodes["is_leaf"] == 0)):
                at = int(column[place])
                bits = tree.raw_left_cat_bitsets[nodes["bitset_idx"][place]]
                left = _bits(bits, known[at]) | (~_bits(known[at][1], known[at]) & goes_left[place])
                member = np.array([*left, goes_left[place]])  # the last one is missing
                key = (at, member.tobytes())
                if key not in columns:
                    columns[key] = n_columns + len(columns)
                    tables.setdefault(at, []).append((columns[key], member))
                column[place], threshold[place], goes_left[place] = columns[key], 0.5, False
                nodes = nodes.copy()
                nodes["left"][place], nodes["right"][place] = tree.nodes["right"][place], tree.nodes["left"][place]
            made.add(
                left=nodes["left"].astype(int),
                right=nodes["right"].astype(int),
                column=column,
                threshold=threshold,
                missing_left=goes_left,
                leaf=nodes["is_leaf"].astype(bool),
                values=nodes["value"][:, None],
                target=target,
            )
    return _raw(graph, model, made, _with_sets(graph, values, codes, tables, n_columns))


def _raw(graph: Graph, model: Any, made: Ensemble, values: str) -> str:
    sums = graph.cast(made.sums(graph, graph.cast(values, np.float32)), np.float64)
    return graph.binary("Add", sums, np.asarray(model._baseline_prediction, dtype=np.float64).reshape(1, -1))


def _bits(bits: np.ndarray, known: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Tell which codes of a column are in a set; ``known`` begins with what the model calls each code, or NaN."""
    names = known[0]
    place = np.nan_to_num(names).astype(int)
    return (((bits[place // 32] >> (place % 32).astype(np.uint32)) & 1) == 1) & ~np.isnan(names)


def _ordered(graph: Graph, model: Any, values: str) -> tuple[str, dict[int, str], dict[int, Any]]:
    """Columns in the order in which the trees know them; codes of categorical ones, and what trees call each code."""
    encoder = getattr(model, "_preprocessor", None)
    if encoder is None:
        return values, {}, {}
    (_, categories, coded), (_, _, others) = encoder.transformers_[:2]
    bitsets, place = model._bin_mapper.make_known_categories_bitsets()
    codes, known = {}, {}
    order = [*_places(coded), *_places(others)]
    for at, levels in enumerate(categories.categories_):
        found = np.asarray(levels, dtype=np.float64)
        most = int(np.nanmax(found, initial=0)) + 1
        names = np.full(most + 1, np.nan)  # the last code is one that no tree knows
        names[found[~np.isnan(found)].astype(int)] = np.flatnonzero(~np.isnan(found))
        known[at] = names, bitsets[place[at]]
        fed = graph.take(values, [order[at]])
        clipped = graph.clip(graph.known(fed, -1.0), -1.0, float(most))
        codes[at] = graph.op("Where", graph.binary("Less", clipped, 0.0), graph.const(float(most + 1)), clipped)
    return graph.take(values, order), codes, known


def _places(columns: Any) -> np.ndarray:
    columns = np.asarray(columns)
    return np.flatnonzero(columns) if columns.dtype == bool else columns.astype(int)


def _with_sets(graph: Graph, values: str, codes: dict[int, str], tables: dict[int, Any], n_columns: int) -> str:
    """Values, followed by a column for each set of categories: whether the row's category is in it."""
    made, order = [values], list(range(n_columns))
    for at, sets in tables.items():
        table = np.array([member for _, member in sets], dtype=np.float64).T
        rows = graph.reshape(graph.cast(codes[at], np.int64))
        made.append(graph.op("Gather", graph.const(table), rows, axis=0))
        order += [column for column, _ in sets]
    return graph.take(graph.concat(made), np.argsort(order)) if tables else values


def lightgbm(graph: Graph, model: Any, values: str) -> str:
    """Raw sums of LightGBM on numbers."""
    found = model.booster_.dump_model()
    width = found["num_tree_per_iteration"]
    made = Ensemble(width)
    for number, tree in enumerate(found["tree_info"]):
        nodes: list[dict[str, Any]] = []
        _listed(tree["tree_structure"], nodes)
        table = {name: np.array([node[name] for node in nodes]) for name in nodes[0]}
        values_of = table.pop("value")[:, None]
        made.add(**table, values=values_of, target=number % width)
    return graph.cast(made.sums(graph, graph.cast(values, np.float32)), np.float64)


def _listed(node: dict[str, Any], nodes: list[dict[str, Any]]) -> int:
    """Add a node of LightGBM and those below it to a list; return its place."""
    place = len(nodes)
    if "split_feature" not in node:
        leaf = {"left": 0, "right": 0, "column": 0, "threshold": 0.0, "missing_left": False, "leaf": True}
        nodes.append({**leaf, "value": node["leaf_value"]})
        return place
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise ModelFileError("its trees split sets of categories or zeros, which ONNX does not tell apart")
    nan_left = node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0  # else NaN counts as 0
    nodes.append({})
    left, right = (_listed(node[side], nodes) for side in ("left_child", "right_child"))
    nodes[place] = {"left": left, "right": right, "column": node["split_feature"], "threshold": node["threshold"]}
    nodes[place] |= {"missing_left": nan_left, "leaf": False, "value": 0.0}
    return place


def xgboost(graph: Graph, model: Any, values: str) -> str:
    """Raw sums of XGBoost, whose nodes ask for less than a number: at most the one before it in single precision."""
    booster = model.get_booster()
    dumped = [json.loads(tree) for tree in booster.get_dump(dump_format="json")]
    width = max(1, len(dumped) // booster.num_boosted_rounds())
    made, at_nothing = Ensemble(width), np.zeros(width)
    for number, tree in enumerate(dumped):
        nodes: dict[int, dict[str, Any]] = {}
        _of_xgboost(tree, nodes)
        table = {name: np.array([nodes[place][name] for place in sorted(nodes)]) for name in nodes[0]}
        leaf = table.pop("value")
        made.add(**table, values=leaf[:, None], target=number % width)
        place = 0
        while not table["leaf"][place]:  # where everything is missing
            place = table["left" if table["missing_left"][place] else "right"][place]
        at_nothing[number % width] += leaf[place]
    nothing = np.full((1, model.n_features_in_), np.nan)
    base = np.asarray(booster.inplace_predict(nothing, predict_type="margin")).reshape(1, -1) - at_nothing
    return graph.binary("Add", graph.cast(made.sums(graph, graph.cast(values, np.float32)), np.float64), base)


def _of_xgboost(node: dict[str, Any], nodes: dict[int, dict[str, Any]]) -> None:
    place = node["nodeid"]
    if "leaf" in node:
        facts = {"left": 0, "right": 0, "column": 0, "threshold": 0.0, "missing_left": False, "leaf": True}
        nodes[place] = {**facts, "value": node["leaf"]}
        return
    before = float(np.nextafter(np.float32(node["split_condition"]), np.float32(-np.inf)))
    facts = {"left": node["yes"], "right": node["no"], "column": int(node["split"][1:]), "threshold": before}
    nodes[place] = {**facts, "missing_left": node["missing"] == node["yes"], "leaf": False, "value": 0.0}
    for child in node["children"]:
        _of_xgboost(child, nodes)


def catboost(graph: Graph, model: Any, values: str) -> str:
    """Raw sums of CatBoost's symmetric trees on numbers: each level asks one question, whose answers number the leaves.

    Raises
    ------
    ModelFileError
        If its trees are not symmetric, or ask for anything but numbers.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        found = json.loads(path.read_text(encoding="utf-8"))
    features = found["features_info"].get("float_features", [])
    scale, base = found["scale_and_bias"]
    if "oblivious_trees" not in found:
        raise ModelFileError("its trees are not symmetric, as those of CatBoost are elsewhere")
    width = len(np.atleast_1d(base))
    made = Ensemble(width)
    for tree in found["oblivious_trees"]:
        splits = tree["splits"] or []
        if any(split["split_type"] != "FloatFeature" for split in splits):
            raise ModelFileError("its trees ask for categories, which ONNX does not tell apart")
        made.add(**_symmetric(splits, features), values=_symmetric_values(tree["leaf_values"], len(splits), width))
    sums = graph.cast(made.sums(graph, graph.cast(values, np.float32)), np.float64)
    return graph.binary("Add", graph.binary("Mul", sums, float(scale)), np.atleast_1d(base).astype(float)[None])


def _symmetric(splits: list[dict[str, Any]], features: list[dict[str, Any]]) -> dict[str, Any]:
    """Nodes of a complete tree, level by level; the last question is asked first, as its answer counts most."""
    depth = len(splits)
    n_inner = 2**depth - 1
    n_nodes = 2 * n_inner + 1
    level = np.floor(np.log2(np.arange(n_nodes) + 1)).astype(int)
    asked = [splits[depth - 1 - one] for one in level[:n_inner]]
    known = [features[split["float_feature_index"]] for split in asked]
    rest = [0] * (n_nodes - n_inner)
    places = np.arange(n_inner)
    return {
        "left": np.array([*(2 * places + 1), *rest]),
        "right": np.array([*(2 * places + 2), *rest]),
        "column": np.array([*(one["flat_feature_index"] for one in known), *rest]),
        "threshold": np.array([*(float(split["border"]) for split in asked), *map(float, rest)]),
        "missing_left": np.array([*(one.get("nan_value_treatment") != "AsTrue" for one in known), *rest], dtype=bool),
        "leaf": np.arange(n_nodes) >= n_inner,
    }


def _symmetric_values(leaves: list[float], depth: int, width: int) -> np.ndarray:
    values = np.zeros((2 ** (depth + 1) - 1, width))
    values[2**depth - 1 :] = np.reshape(leaves, (-1, width))
    return values
