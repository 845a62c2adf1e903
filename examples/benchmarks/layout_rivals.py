"""Other recipes for a layout beside ours: embed the columns in the plane and assign them to cells, or swap ranks.

    python layout_rivals.py                       # scikit-learn's digits
    python layout_rivals.py --data DIR            # and Fashion-MNIST, where a folder has it

DeepInsight [1]_ and REFINED [2]_ embed columns by their similarity; here each column then gets a cell of its own by
optimal assignment. IGTD [3]_ swaps columns so that the ranks of their distances match those of the cells. None of them
claims to find the true grid; the table says how much of it they find: the share of true neighbours that are neighbours.

References
----------
.. [1] A. Sharma et al., "DeepInsight", Scientific Reports 9, 11399, 2019.
.. [2] O. Bazgir et al., "REFINED", Nature Communications 11, 4391, 2020.
.. [3] Y. Zhu et al., "Converting tabular data into images for deep learning", Scientific Reports 11, 11325, 2021.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata
from sklearn.datasets import load_digits
from sklearn.manifold import MDS, TSNE, Isomap

from autoarch.locality import recover_layout
from layout_recovery import shared

IGTD_STEPS = 6_000


def main() -> None:
    """One line per set and recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=[], metavar="DIR")
    arguments = parser.parse_args()
    sets = {"digits 8 x 8, 1,797 rows": load_digits().images}
    for path in (Path(folder) / "fashion_mnist.npz" for folder in arguments.data):
        if path.is_file():
            with np.load(path) as arrays:
                sets["fashion_mnist 28 x 28, 5,000 rows"] = arrays["X"][:5_000]
    rows = []
    for name, X in sets.items():
        shape = X.shape[1:]
        shuffle = np.random.default_rng(0).permutation(shape[0] * shape[1])
        flat = np.ascontiguousarray(X.reshape(len(X), -1)[:, shuffle]).astype(np.float32)
        truth = np.arange(flat.shape[1]).reshape(shape)
        for recipe, lay_out in RECIPES.items():
            started = time.process_time()
            order = lay_out(flat, shape)
            seconds = time.process_time() - started
            cells = shuffle[order].reshape(shape)
            rows.append({"data": name, "recipe": recipe, "true pairs": shared(truth, cells), "seconds": seconds})
            print(rows[-1], flush=True)
    print(pd.DataFrame(rows).round(3).to_string(index=False))


def ours(X: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Partial correlations, lattice growth, repairs."""
    return recover_layout(X, shape, random_state=0).order


def embedded(embed: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, tuple[int, int]], np.ndarray]:
    """Put columns into the plane by their distances, stretch to the box, give each the nearest cell of its own."""

    def lay_out(X: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        points = embed(distances(X))
        places = np.stack([rankdata(axis) for axis in points.T], axis=1) / len(points)
        cells = np.stack(np.divmod(np.arange(len(points)), shape[1]), axis=1) / np.array(shape)
        squared = ((cells[:, None] - places[None]) ** 2).sum(axis=2)
        return linear_sum_assignment(squared)[1]

    return lay_out


def distances(X: np.ndarray) -> np.ndarray:
    """One minus the size of the correlation; columns that never vary are far from all."""
    scaled = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
    return np.clip(1.0 - np.abs(scaled.T @ scaled) / len(X), 0.0, 1.0) * (1 - np.eye(X.shape[1]))


def igtd(X: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Swap the column that was longest left alone with the one that lowers the difference of ranks most."""
    p = X.shape[1]
    where = np.stack(np.divmod(np.arange(p), shape[1]), axis=1)
    R, Q = (ranks(D) for D in (distances(X), np.linalg.norm(where[:, None] - where[None], axis=2)))
    order, touched = np.arange(p), np.full(p, -1)
    for step in range(IGTD_STEPS):
        i = int(touched.argmin())
        touched[i] = step
        now = R[np.ix_(order, order)]
        cost = np.abs(now - Q).sum(axis=1)
        swapped = np.abs(now[i][None, :] - Q).sum(axis=1) + np.abs(now - Q[i][None, :]).sum(axis=1)
        gain = cost[i] + cost - swapped
        gain[i] = 0.0
        j = int(gain.argmax())
        if gain[j] > 0:
            order[[i, j]] = order[[j, i]]
            touched[j] = step
    return order


def ranks(D: np.ndarray) -> np.ndarray:
    """Ranks of all distances, between 0 and 1."""
    return (rankdata(D.ravel()).reshape(D.shape) / D.size).astype(np.float32)


RECIPES: dict[str, Callable[[np.ndarray, tuple[int, int]], np.ndarray]] = {
    "autoarch": ours,
    "t-SNE and assignment (DeepInsight)": embedded(
        lambda D: TSNE(metric="precomputed", init="random", random_state=0, perplexity=15).fit_transform(D)
    ),
    "MDS and assignment (REFINED)": embedded(
        lambda D: MDS(metric="precomputed", init="random", n_init=1, random_state=0).fit_transform(D)
    ),
    "Isomap and assignment": embedded(lambda D: Isomap(n_neighbors=6, metric="precomputed").fit_transform(D)),
    "IGTD": igtd,
}


if __name__ == "__main__":
    main()
