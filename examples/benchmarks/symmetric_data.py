"""Data whose lines stand in no order: a search beside boosting, logistic regression and a small net on the cells.

    python symmetric_data.py                     # every source, two draws, a search of 20 s
    python symmetric_data.py --only sbm bag_max --draws 5 --budget 60
    python symmetric_data.py --candidates        # no search: the candidates on summaries, fitted as they are

Three kinds of sources, none of them a file. Graphs and other relations, whose things are numbered anew in each sample:
two communities against none at the same density, four against two, geometric graphs against coin flips, communities in
weights, correlations of items that share one factor or three, distances between points in one cloud or two. Bags, whose
rows stand in no order: the label follows a mean, a deviation, the greatest value, a correlation, one odd row, clusters,
the share of rows in a ball, or the tails of the columns. Plain tables, where nothing of this holds and nothing may be
lost. Every accuracy is that on rows that were drawn apart; "spectrum" is boosting on the eigenvalues alone.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_wine, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autoarch import AutoArchClassifier, Layout
from autoarch._core.clock import Deadline
from autoarch.families import Problem
from autoarch.families.linear import Linear
from autoarch.families.tree import Tree
from plain_cnn import PlainCNN

Sample = tuple[np.ndarray, np.ndarray]
SIDE, LINES, PLACES = 16, 16, 8  # of graphs; of bags
N_TRAIN, N_TEST = 800, 1_000
CNN_SECONDS, CORES = 20.0, 2
CANDIDATE_SYMMETRIES = {"graph": ("symmetric",), "bag": ("exchangeable_rows",), "table": ()}


def main() -> None:
    """Draw, fit, and print one line for each draw, then the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(SOURCES), choices=SOURCES, metavar="SOURCE")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--candidates", action="store_true", help="fit the candidates on summaries instead of a search")
    arguments = parser.parse_args()
    rows = []
    for name in arguments.only:
        kind, make = SOURCES[name]
        for draw in range(arguments.draws):
            X, y = make(np.random.default_rng(draw), N_TRAIN + N_TEST)
            n = min(N_TRAIN, len(X) // 2)
            rows.append({"kind": kind, "source": name, "draw": draw, **rivals(kind, X, y, n)})
            ours = candidates if arguments.candidates else searched
            rows[-1] |= ours(kind, X, y, n, arguments.budget)
            line = pd.DataFrame(rows[-1:])
            print(line.to_string(index=False, float_format="%.3f", header=len(rows) == 1), flush=True)
    table = pd.DataFrame(rows).drop(columns=["draw"])
    numbers = table.select_dtypes("number").columns
    means = table.groupby(["kind", "source"], sort=False)[list(numbers)].mean()
    mine = means["candidates" if arguments.candidates else "autoarch"]
    means["against best"] = mine - means[["boosting", "logistic", "cnn"]].max(axis=1)
    print(f"\n{means.to_string(float_format='%.3f')}")


def rivals(kind: str, X: np.ndarray, y: np.ndarray, n: int) -> dict[str, float]:
    """Accuracies of models on the cells and, of relations, on the spectrum."""
    flat = X.reshape(len(X), -1)
    plain = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    logistic = GridSearchCV(plain, {"logisticregression__C": np.logspace(-4, 1, 6)})
    found = {
        "boosting": HistGradientBoostingClassifier(random_state=0).fit(flat[:n], y[:n]).score(flat[n:], y[n:]),
        "logistic": logistic.fit(flat[:n], y[:n]).score(flat[n:], y[n:]),
        "cnn": np.nan,
        "spectrum": np.nan,
    }
    if X.ndim == 3:
        part = 4 * n // 5
        net = PlainCNN(int(y.max()) + 1, seconds=CNN_SECONDS, seed=0, threads=CORES)
        scaled = X.astype(np.float32)
        net.fit(scaled[:part], y[:part], scaled[part:n], y[part:n])
        found["cnn"] = float(np.mean(net.predict(scaled[n:]) == y[n:]))
    if kind == "graph":
        values = np.linalg.eigvalsh(X)
        model = HistGradientBoostingClassifier(random_state=0).fit(values[:n], y[:n])
        found["spectrum"] = model.score(values[n:], y[n:])
    return found


def searched(kind: str, X: np.ndarray, y: np.ndarray, n: int, budget: float) -> dict[str, object]:
    """Accuracy of a search, and what it found."""
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = AutoArchClassifier(time_budget=budget, random_state=0, verbose=0).fit(X[:n], y[:n])
    seconds = time.perf_counter() - began
    told = {name for name, found in model.locality_.symmetries.items() if found.answer == "yes"}
    facts = {"seconds": seconds, "verdict": model.locality_.verdict, "family": model.best_family_}
    return {"autoarch": model.score(X[n:], y[n:]), **facts, "symmetries": ", ".join(sorted(told))}


def candidates(kind: str, X: np.ndarray, y: np.ndarray, n: int, budget: float) -> dict[str, object]:
    """The best accuracy of the first candidates of trees and linear models, told that the symmetry holds."""
    flat = X.reshape(len(X), -1).astype(np.float32)
    layout = Layout(*X.shape[1:]) if X.ndim == 3 else None
    classes = np.bincount(y[:n])
    problem = Problem("classification", n, flat.shape[1], len(classes), classes.min(), layout)
    problem = Problem(**vars(problem) | {"symmetries": CANDIDATE_SYMMETRIES[kind]})
    found, best = {}, ("", 0.0)
    for family in (Tree(), Linear()):
        for params in family.defaults(problem)[: family.openings(problem)]:
            steps, values = family.build(params, problem, 0), flat
            for _, step in steps[:-1]:
                values = np.concatenate([step.fit_transform(values[:n], y[:n]), step.transform(values[n:])])
            model = steps[-1][1]
            limits = {"sample_weight": None, "deadline": Deadline(), "seed": 0}
            model = family.fit(model, values[:n], y[:n], **limits) or model
            name = f"{params.get('kind', family.name)}, {params.get('view', 'cells')}"
            found[name] = max(found.get(name, 0.0), float(np.mean(model.predict(values[n:]) == y[n:])))
            best = max(best, (name, found[name]), key=lambda pair: pair[1])
    return {"candidates": best[1], "which": best[0]}


def symmetric(values: np.ndarray) -> np.ndarray:
    """The part above the diagonal, and the same below."""
    above = np.triu(values, 1)
    return above + above.transpose(0, 2, 1)


def renumbered(matrices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Things in another order in each sample."""
    orders = rng.permuted(np.tile(np.arange(matrices.shape[1]), (len(matrices), 1)), axis=1)
    rows = np.take_along_axis(matrices, orders[:, :, None], axis=1)
    return np.take_along_axis(rows, orders[:, None, :], axis=2)


def same_group(rng: np.random.Generator, n: int, groups: np.ndarray) -> np.ndarray:
    """Whether two things of a sample belong to the same of its ``groups`` groups, shape (n, SIDE, SIDE)."""
    members = (rng.random((n, SIDE)) * groups[:, None]).astype(int)
    return members[:, :, None] == members[:, None, :]


def sbm(rng: np.random.Generator, n: int) -> Sample:
    """Two communities against none, at any density."""
    y = rng.integers(0, 2, n)
    signs = np.where(same_group(rng, n, np.full(n, 2)), 1, -1)
    chance = rng.uniform(0.25, 0.5, (n, 1, 1)) * (1 + 0.8 * y[:, None, None] * signs)
    return renumbered(symmetric((rng.random(signs.shape) < chance).astype(float)), rng), y


def communities(rng: np.random.Generator, n: int) -> Sample:
    """Two or four communities at the same density."""
    y = rng.integers(0, 2, n)
    groups = np.where(y == 1, 4, 2)
    outside = np.maximum((0.3 - 0.5 / groups) / (1 - 1 / groups), 0)[:, None, None]
    chance = np.where(same_group(rng, n, groups), 0.5, outside)
    return renumbered(symmetric((rng.random(chance.shape) < chance).astype(float)), rng), y


def geometric(rng: np.random.Generator, n: int) -> Sample:
    """Links between things that are near each other, some of them rewired, against coin flips."""
    y = rng.integers(0, 2, n)
    points = rng.random((n, SIDE, 2))
    distances = np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)
    density = rng.uniform(0.15, 0.4, (n, 1, 1))
    limits = np.array([np.quantile(row, share) for row, share in zip(distances.reshape(n, -1), density, strict=True)])
    coins = rng.random(distances.shape) < density
    near = np.where(rng.random(distances.shape) < 0.25, coins, distances < limits.reshape(n, 1, 1))
    return renumbered(symmetric(np.where(y[:, None, None] == 1, near, coins).astype(float)), rng), y


def weighted(rng: np.random.Generator, n: int) -> Sample:
    """Two communities in the weights of links that are all there, against none."""
    y = rng.integers(0, 2, n)
    signs = np.where(same_group(rng, n, np.full(n, 2)), 1, -1)
    weights = rng.exponential(1, signs.shape) * np.exp(0.45 * y[:, None, None] * signs)
    return renumbered(symmetric(weights), rng), y


def correlations(rng: np.random.Generator, n: int) -> Sample:
    """Correlations of items that share one factor or three."""
    y = rng.integers(0, 2, n)
    found = np.empty((n, SIDE, SIDE))
    for sample, label in enumerate(y):
        factors = 3 if label else 1
        loadings = rng.normal(size=(SIDE, factors)) * np.sqrt(0.5 / factors)
        found[sample] = np.corrcoef(loadings @ rng.normal(size=(factors, 40)) + rng.normal(size=(SIDE, 40)))
    return renumbered(found, rng), y


def distances(rng: np.random.Generator, n: int) -> Sample:
    """Distances between points in one cloud or in two of them, as a share of their mean."""
    y = rng.integers(0, 2, n)
    points, centres = rng.normal(size=(n, SIDE, 3)), 1.5 * rng.normal(size=(n, 2, 3))
    points += y[:, None, None] * np.take_along_axis(centres, rng.integers(0, 2, (n, SIDE))[:, :, None], axis=1)
    found = np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)
    return renumbered(found / found.mean(axis=(1, 2), keepdims=True), rng), y


def bag(rule: Callable[[np.random.Generator, np.ndarray], np.ndarray]) -> Callable[[np.random.Generator, int], Sample]:
    """Bags of rows in no order, and a label that a rule gives them, possibly changing them."""

    def draw(rng: np.random.Generator, n: int) -> Sample:
        X = rng.normal(size=(n, LINES, PLACES))
        y = rule(rng, X).astype(int)
        return X, y

    return draw


def by_mean(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """Of two columns."""
    return X[:, :, 0].mean(axis=1) + 0.5 * X[:, :, 1].mean(axis=1) > 0


def by_deviation(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """Of one column against another."""
    return X[:, :, 0].std(axis=1) > X[:, :, 1].std(axis=1)


def by_maximum(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """Of one column against another."""
    return X[:, :, 0].max(axis=1) > X[:, :, 1].max(axis=1)


def by_correlation(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """Of two columns over the rows."""
    strength = rng.uniform(-0.9, 0.9, (len(X), 1))
    X[:, :, 1] = strength * X[:, :, 0] + np.sqrt(1 - strength**2) * X[:, :, 1]
    return strength[:, 0] > 0


def by_odd_row(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """One row lies aside, in all columns."""
    y = rng.random(len(X)) < 0.5
    X[np.arange(len(X)), rng.integers(0, LINES, len(X))] += 1.5 * y[:, None]
    return y


def by_clusters(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """Rows in two clusters, or in one that is as wide."""
    y = rng.random(len(X)) < 0.5
    centres = 0.6 * rng.normal(size=(len(X), 2, PLACES))
    moved = 0.8 * X + np.take_along_axis(centres, rng.integers(0, 2, (len(X), LINES))[:, :, None], axis=1)
    X[:] = np.where(y[:, None, None], moved, X)
    return y


def by_ball(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """Share of rows whose first two columns lie within a circle."""
    share = (np.square(X[:, :, :2]).sum(axis=2) < 1).mean(axis=1)
    return share > np.median(share)


def by_tails(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """Of all columns, at the same deviation."""
    y = rng.random(len(X)) < 0.5
    X[y] = rng.standard_t(4, size=X[y].shape) / np.sqrt(2)
    return y


def table_of(load: Callable[..., Sample]) -> Callable[[np.random.Generator, int], Sample]:
    """Rows of a table of scikit-learn, in another order for each draw."""

    def draw(rng: np.random.Generator, n: int) -> Sample:
        X, y = load(return_X_y=True)
        order = rng.permutation(len(X))
        return X[order], y[order]

    return draw


def informative(rng: np.random.Generator, n: int) -> Sample:
    """Columns of one kind that each mean something else."""
    seed = int(rng.integers(2**31))
    return make_classification(n, 20, n_informative=8, n_redundant=4, flip_y=0.05, random_state=seed)


SOURCES: dict[str, tuple[str, Callable[[np.random.Generator, int], Sample]]] = {
    "sbm": ("graph", sbm),
    "communities": ("graph", communities),
    "geometric": ("graph", geometric),
    "weighted": ("graph", weighted),
    "correlations": ("graph", correlations),
    "distances": ("graph", distances),
    "bag_mean": ("bag", bag(by_mean)),
    "bag_deviation": ("bag", bag(by_deviation)),
    "bag_max": ("bag", bag(by_maximum)),
    "bag_correlation": ("bag", bag(by_correlation)),
    "bag_odd_row": ("bag", bag(by_odd_row)),
    "bag_clusters": ("bag", bag(by_clusters)),
    "bag_ball": ("bag", bag(by_ball)),
    "bag_tails": ("bag", bag(by_tails)),
    "breast_cancer": ("table", table_of(load_breast_cancer)),
    "wine": ("table", table_of(load_wine)),
    "informative": ("table", informative),
}

if __name__ == "__main__":
    main()
