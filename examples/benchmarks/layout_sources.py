"""Where ``layout_inference`` takes its pictures, series and tables from: scikit-learn, generators, a folder.

The caller sets the thread counts before this module imports numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_sample_images, load_wine

from autoarch.datasets import make_alternating_texture

MOST_SOURCE_ROWS = 2_500
LINES = {"har_watch", "japanese_vowels", "osu_leaf", "tecator_fat", "italy_power"}
Draw = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Source:
    """Grids (n, C, H, W), and how they are flattened."""

    kind: str
    draw: Draw
    channels_last: bool = False


def load_arrays(folders: list[Path]) -> dict[str, np.ndarray]:
    """X of every file, at most 2,500 rows."""
    arrays = {"digits": load_digits().images}
    for path in sorted(path for folder in folders for path in folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as content:
            X = content["X"]
        rows = np.random.default_rng(0).permutation(len(X))[:MOST_SOURCE_ROWS]
        arrays[path.stem] = X[np.sort(rows)].astype(np.float32)
    return arrays


def pictures(arrays: dict[str, np.ndarray]) -> dict[str, Source]:
    """Grids with two axes: whole, cropped, resized, coloured, generated."""
    found: dict[str, Source] = {}
    for name, X in arrays.items():
        if "shuffled" in name or name in LINES or X.ndim not in (3, 4):
            continue
        if X.ndim == 4:
            for last in (False, True):
                order = "last" if last else "first"
                found[f"{name} {order}"] = Source("bands", _rows_of(X), last)
                found[f"{name} part {order}"] = Source("bands", _rows_of(X[:, 1:5, 1:8]), last)
            continue
        height, width = X.shape[1:]
        found[name] = Source("whole", _rows_of(X[:, None]))
        if min(height, width) >= 14:
            top, left = height // 4, width // 6
            found[f"{name} crop"] = Source(
                "crop", _rows_of(X[:, None, top : top + height // 2, left : left + 2 * width // 3])
            )
        if "fashion" in name or name == "digits":
            sides = ((20, 35), (14, 56), (56, 14), (24, 18), (16, 16), (32, 32), (7, 7), (40, 12), (10, 10))
            for h, w in sides if "fashion" in name else ((6, 10), (12, 5), (9, 13)):
                found[f"{name} {h}x{w}"] = Source("resized", _rows_of(_resize(X, h, w)))
    for h, w in ((16, 16), (10, 24), (30, 11)):
        found[f"photographs {h}x{w}"] = Source("grey photographs", _crops(h, w, grey=True))
    for h, w in ((16, 16), (12, 20), (8, 8)):
        for last in (False, True):
            found[f"colours {h}x{w} {last}"] = Source("colour photographs", _crops(h, w, grey=False), last)
    for c, h, w, spread in ((12, 8, 8, 1.5), (5, 10, 14, 1.0), (2, 14, 9, 1.0)):
        for last in (False, True):
            found[f"fields {c}x{h}x{w} {last}"] = Source("fields with channels", smooth_fields(c, h, w, spread), last)
    for h, w, spread in ((16, 16, 1.5), (9, 31, 1.0), (6, 40, 1.0), (11, 12, 1.0)):
        found[f"fields {h}x{w}"] = Source("fields", smooth_fields(1, h, w, spread))
    for h, w in ((8, 8), (12, 18)):
        found[f"alternating {h}x{w}"] = Source("alternating textures", _alternating(h, w))
    return found


def series(arrays: dict[str, np.ndarray]) -> dict[str, Source]:
    """Series of one and of several channels."""
    found = {f"AR {p}": Source("generated", _as_lines(_autoregressive(p, 0.8))) for p in (60, 97, 300)}
    for name in LINES & set(arrays):
        X = arrays[name]
        if X.ndim == 2:
            found[name] = Source("one channel", _rows_of(X[:, None, None]))
        else:
            for last in (False, True):
                found[f"{name} {last}"] = Source("several channels", _rows_of(X[:, :, None]), last)
            found[f"{name} one"] = Source("one channel", _rows_of(X[:, :1, None]))
    return found


def nulls(arrays: dict[str, np.ndarray]) -> dict[str, dict[str, Draw]]:
    """Data without a grid, by kind."""
    tables = {"breast_cancer": load_breast_cancer().data, "wine": load_wine().data, "diabetes": load_diabetes().data}
    tables |= {name: X for name, X in arrays.items() if X.ndim == 2 and name not in LINES and "optdigits" not in name}
    lines = {name: X.reshape(len(X), -1) for name, X in arrays.items() if name in LINES}
    grids = {name: X.reshape(len(X), -1) for name, X in arrays.items() if X.ndim > 2 and name not in LINES}
    return {
        "tables": {name: _rows_of(X) for name, X in tables.items()},
        "tables, columns permuted": {name: _permuted(X) for name, X in tables.items()},
        "series and spectra": {name: _rows_of(X) for name, X in lines.items()},
        "pictures, cells permuted": {name: _permuted(X) for name, X in grids.items()},
        "autoregressive": {f"{p} {a}": _autoregressive(p, a) for p in (64, 120, 400) for a in (0.5, 0.9, 0.99, 1.0)},
        "factor models": {f"{p} {k}": _factors(p, k) for p in (36, 100, 400) for k in (1, 3)},
        "noise": {str(p): (lambda rng, n, p=p: rng.normal(size=(n, p))) for p in (36, 64, 100, 144, 256, 600)},
    }


def flat(X: np.ndarray, last: bool) -> np.ndarray:
    return (np.moveaxis(X, 1, -1) if last else X).reshape(len(X), -1)


def _rows_of(X: np.ndarray) -> Draw:
    return lambda rng, n: X[rng.choice(len(X), n, replace=n > len(X))]


def _permuted(X: np.ndarray) -> Draw:
    return lambda rng, n: _rows_of(X)(rng, n)[:, rng.permutation(X.shape[1])[:900]]


def _as_lines(draw: Draw) -> Draw:
    return lambda rng, n: draw(rng, n)[:, None, None]


def _resize(X: np.ndarray, height: int, width: int) -> np.ndarray:
    return zoom(X, (1, height / X.shape[1], width / X.shape[2]), order=1)[:, None]


def _crops(height: int, width: int, *, grey: bool) -> Draw:
    photographs = [photograph.astype(np.float32) for photograph in load_sample_images().images]

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        out = np.empty((n, 3, height, width), dtype=np.float32)
        for crop in out:
            whole = photographs[rng.integers(len(photographs))]
            top, left = rng.integers(whole.shape[0] - height), rng.integers(whole.shape[1] - width)
            crop[:] = whole[top : top + height, left : left + width].transpose(2, 0, 1)
        return out.mean(axis=1, keepdims=True) if grey else out

    return draw


def smooth_fields(channels: int, height: int, width: int, spread: float) -> Draw:
    """Smoothed noise; channels share half of it."""

    def smooth(rng: np.random.Generator, n: int, c: int) -> np.ndarray:
        noise = rng.normal(size=(n, c, height + 8, width + 8))
        return gaussian_filter(noise, (0, 0, spread, spread))[:, :, 4:-4, 4:-4]

    if channels == 1:
        return lambda rng, n: smooth(rng, n, 1)
    return lambda rng, n: smooth(rng, n, channels) + smooth(rng, n, 1)


def _alternating(height: int, width: int) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return make_alternating_texture(n, (height, width), random_state=int(rng.integers(2**31)))[0][:, None]

    return draw


def _autoregressive(p: int, weight: float) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        X = rng.normal(size=(n, p + 50))
        for t in range(1, p + 50):
            X[:, t] += weight * X[:, t - 1]
        return X[:, 50:]

    return draw


def _factors(p: int, k: int) -> Draw:
    return lambda rng, n: rng.normal(size=(n, k)) @ rng.normal(size=(k, p)) + rng.normal(size=(n, p))
