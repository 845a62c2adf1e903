"""Measure the answers of "Does a CNN make sense for my data?" and write the outputs that the page quotes.

python docs/make_cnn_answers.py                  # all parts, about five minutes on one core
python docs/make_cnn_answers.py concepts rows    # some of them

Each part is a function; what it prints goes to docs/cnn_answers/PART.txt. All data are generated or come with
scikit-learn, seeds are fixed and no clock decides, so the numbers repeat but for the rounding of other processors.
"""

import contextlib
import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline

from autoarch import AutoArchClassifier, probe_locality, probe_rows
from autoarch.datasets import load_digits_grid, make_cell_rule, make_planted, make_textures
from autoarch.explain import explain
from autoarch.geo import NeighborhoodGrid
from autoarch.transfer import Pretrained, check_transfer

FOLDER = Path(__file__).parent / "cnn_answers"


def estimator(family, **parameters):
    """One family with its first default, judged on one split: no clock, no luck in the search."""
    one_split = ShuffleSplit(1, test_size=0.2, random_state=0)
    settings = {"time_budget": None, "n_trials": 1, "cv": one_split, "random_state": 0, "verbose": 0}
    return AutoArchClassifier(families=family, **settings, **parameters)


def accuracy(family, X, y, n_train, **parameters):
    """Accuracy on the rows behind the first n_train."""
    model = estimator(family, **parameters).fit(X[:n_train], y[:n_train])
    return model.score(X[n_train:], y[n_train:])


def row(name, *cells, last=""):
    """One line of a table in plain text, narrow enough for a page."""
    print(f"{name:<28}" + "".join(f"{cell:>9}" for cell in cells) + f"  {last}")


def shuffled_digits():
    """Digits, and the same with one permutation of the cells for all of them; rows in a random order."""
    X, y = load_digits_grid()
    rows = np.random.default_rng(1).permutation(len(X))  # as they come, neighbouring rows are of the same writer
    X, y = X[rows], y[rows]
    cells = np.random.default_rng(0).permutation(64)
    return X, X.reshape(len(X), 64)[:, cells].reshape(X.shape), y


def neighbours():
    """Correlated neighbours: the same numbers in place and with their cells scrambled."""
    X, scrambled, y = shuffled_digits()
    row("600 digits of 8 x 8", "verdict", "p-value", "near |r|", "any |r|", "cnn", "tree")
    for name, cells in (("cells in place", X), ("the same cells, scrambled", scrambled)):
        report = probe_locality(cells[:600], layout=(8, 8), random_state=0)
        sizes = f"{report.neighbour_size:.2f}", f"{report.expected_size:.2f}"
        scores = (f"{accuracy(family, cells, y, 600, layout=(8, 8)):.3f}" for family in ("cnn", "tree"))
        row(name, report.verdict, f"{report.p_value:.4f}", *sizes, *scores)


def patterns():
    """Enough patterns: from how many matrices, and from matrices of which size, a convolution learns."""
    row("textures to learn from", "cnn", "tree")
    for n in (25, 50, 100, 200, 400):
        X, y = make_textures(n + 500, (16, 16), random_state=0)
        row(f"{n} matrices of 16 x 16", *(f"{accuracy(f, X, y, n, layout=(16, 16)):.3f}" for f in ("cnn", "tree")))
    for side in (4, 8, 16):
        X, y = make_textures(700, (side, side), random_state=0)
        scores = [f"{accuracy(f, X, y, 200, layout=(side, side)):.3f}" for f in ("cnn", "tree")]
        row(f"200 matrices of {side} x {side}", *scores)


LANDMARKS = {"cnn": "cnn", "cnn_shuffled": "shuffled", "mlp": "mlp", "tree": "tree", "linear": "linear"}


def landmarks(name, X, y, layout):
    """One line with the verdict and the cross-validated scores of the landmarks, cheap models of each family."""
    report = probe_locality(X, y, layout=layout, random_state=0)
    p_value = "-" if report.p_value is None else f"{report.p_value:.4f}"
    found = report.landmarks
    scores = (f"{found[key].score:.3f}" if key in found else "-" for key in LANDMARKS)
    row(name, report.verdict, p_value, *scores)
    return report


def anywhere():
    """Patterns that mean the same anywhere: two labels of equally smooth fields."""
    row("400 fields, y depends on", "verdict", "p-value", *LANDMARKS.values())
    costs = {}
    for name, make in (("the texture, wherever it is", make_textures), ("one cell, always the same", make_cell_rule)):
        X, y = make(400, (16, 16), random_state=0)
        costs[name] = landmarks(name, X, y, (16, 16)).gains["layout"]
    for name, cost in costs.items():
        print(f"{name}: shuffling costs the cnn {cost.difference:+.3f} ± {cost.std_error:.3f}")


def concepts():
    """Columns of different concepts: a table is no line, and reordering its columns costs a convolution nothing."""
    row("tables read as lines", "verdict", "p-value", *LANDMARKS.values())
    for name, load in (("wine, 13 columns", load_wine), ("breast cancer, 30 columns", load_breast_cancer)):
        X, y = load(return_X_y=True)
        landmarks(name, X, y, (1, X.shape[1]))
        order = np.random.default_rng(0).permutation(X.shape[1])
        landmarks("  columns in random order", X[:, order], y, (1, X.shape[1]))


def series(n, rng):
    """Matrices of 6 stations in no order by 32 hours; the label is how fast all of them swing."""
    y = rng.integers(2, size=n)
    phase = rng.uniform(0, 2 * np.pi, size=(n, 6, 1))
    wave = np.sin(2 * np.pi * np.arange(32) / np.where(y == 1, 8, 12)[:, None, None] + phase)
    return (wave + rng.normal(scale=1.5, size=wave.shape)).astype(np.float32), y


def rows():
    """Rows without relation: lines of a matrix, and rows of a table."""
    X, y = series(400, np.random.default_rng(0))
    row("6 stations x 32 hours", "verdict", "p-value", *LANDMARKS.values())
    rng = np.random.default_rng(1)
    report = landmarks("as they are", X, y, (6, 32))
    landmarks("stations in another order", X[:, rng.permutation(6)], y, (6, 32))
    landmarks("hours in another order", X[:, :, rng.permutation(32)], y, (6, 32))
    print(f"kernels worth trying on them as they are: {', '.join(report.kernel_shapes)}")

    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(60), 8)
    visits = pd.DataFrame(rng.normal(size=(60, 5))[patients] * 3 + rng.normal(size=(480, 5)), columns=list("abcde"))
    ill = rng.integers(2, size=60)[patients]
    visits["patient"] = [f"p{number}" for number in patients]
    alone = pd.DataFrame(rng.normal(size=(480, 5)), columns=list("abcde"))
    print("\nrows of a table")
    for name, table in (("480 visits of 60 patients", visits), ("480 rows of nobody twice", alone)):
        row(name, last=f"probe_rows finds {probe_rows(table, ill, random_state=0).found}")


def reuse():
    """Reuse of a trained net: the same digits, and the same digits scrambled."""
    X, scrambled, y = shuffled_digits()
    net = Pretrained.of(estimator("cnn").fit(X[:600], y[:600]))
    few = slice(600, 680)
    ways = {"as is": "as is", "frozen": "frozen", "fine-tuned": "tuned", "from scratch": "scratch"}
    row("net of 600 digits, asked 80", *ways.values(), last="verdict")
    for name, cells in (("other digits", X), ("the same, scrambled", scrambled)):
        report = check_transfer(net, cells[few], y[few], cv=2, steps=100)
        scores = (f"{report.ways[way].score:.3f}" if way in report.ways else "-" for way in ways)
        row(name, *scores, last=report.verdict)


def interpretation():
    """Interpretation: does the explanation of a convolution point at the pattern?"""
    X, y, truth = make_planted(860, (12, 12), cause="texture", random_state=0)
    model = estimator("cnn").fit(X[:800], y[:800])
    found = explain(model, X[800:], patch=5, random_state=0, verbose=0)
    values = found.values[:, 0]
    highest = values == values.max(axis=(1, 2), keepdims=True)
    hit = (highest & truth[800:]).any(axis=(1, 2)).mean()
    print(
        f"accuracy of the cnn on 60 unseen matrices                                {model.score(X[800:], y[800:]):.3f}"
    )
    print(f"the highest value of the explanation lies within the square in         {hit:5.0%}")
    print(f"a cell drawn by chance would in                                        {truth[800:].mean():5.0%}")


def geospatial():
    """Geospatial tables: what lies around a row, and what scores from random folds are worth."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 20, size=(2, 1200))
    hollow = np.sin(x) * np.cos(y)
    table = pd.DataFrame({"x": x, "y": y, "height": 0.3 * x + hollow + rng.normal(scale=0.1, size=1200)})
    wet = np.where(hollow < 0, "wet", "dry")
    train, test = slice(0, 800), slice(800, None)
    by_height = estimator("tree").fit(table[["height"]][train], wet[train])
    by_picture = make_pipeline(NeighborhoodGrid(size=7), estimator("cnn")).fit(table[train], wet[train])
    by_place = AutoArchClassifier(
        coordinates=("x", "y"), families="tree", time_budget=None, n_trials=1, random_state=0, verbose=0
    ).fit(table[train], wet[train])
    row("800 places, 400 new ones", "accuracy")
    row("trees on the height alone", f"{by_height.score(table[['height']][test], wet[test]):.3f}")
    row("cnn on pictures of heights", f"{by_picture.score(table[test], wet[test]):.3f}")
    row("trees with neighbours", f"{by_place.score(table[test], wet[test]):.3f}")
    print("\nwhat the last one expects of itself")
    print(by_place.scores_[["question", "score", "std_error"]].round(3).to_string(index=False))


PARTS = (neighbours, patterns, anywhere, concepts, rows, reuse, interpretation, geospatial)


def main() -> None:
    """Run the parts that are asked for, and keep what each prints."""
    FOLDER.mkdir(exist_ok=True)
    for part in PARTS:
        if part.__name__ in (sys.argv[1:] or [part.__name__]):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                part()
            text = "\n".join(line.rstrip() for line in printed.getvalue().splitlines()) + "\n"
            (FOLDER / f"{part.__name__}.txt").write_text(text, encoding="utf-8")
            print(f"--- {part.__name__}\n{text}", flush=True)


if __name__ == "__main__":
    main()
