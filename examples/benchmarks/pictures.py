"""Pictures that are made here: outlines on clouds, and textures too fine for a coarse look."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

SHAPES = ("disc", "ring", "square", "frame", "triangle", "cross", "bar", "crescent", "pair", "star")
TEXTURES = ("rows", "columns", "checks", "dots", "grains")


def shapes(n: int, side: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """One of ten outlines at any place, size and angle, brighter than the clouds around it, with noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(len(SHAPES), size=n)
    X = np.stack([_picture(SHAPES[label], side, rng) for label in y])
    return X.astype(np.float32), y


def textures(n: int, side: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """One of five patterns with a period of two cells and the same mean, on a patch somewhere in clouds."""
    rng = np.random.default_rng(seed)
    y = rng.integers(len(TEXTURES), size=n)
    X = np.stack([_textured(TEXTURES[label], side, rng) for label in y])
    return X.astype(np.float32), y


def _picture(shape: str, side: int, rng: np.random.Generator) -> np.ndarray:
    radius = side * rng.uniform(0.18, 0.3)
    centre = rng.uniform(radius, side - radius, 2)
    down, right = (np.indices((side, side)) - centre[:, None, None]) / radius
    angle = rng.uniform(0, 2 * np.pi)
    v, u = np.cos(angle) * down - np.sin(angle) * right, np.sin(angle) * down + np.cos(angle) * right
    inside = _inside(shape, u, v)
    drawn = rng.uniform(1.0, 1.6) * gaussian_filter(inside.astype(float), 0.7)
    return 0.3 * _clouds(side, rng) + drawn + rng.normal(0, 0.2, (side, side))


def _inside(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    far, box = np.hypot(u, v), np.maximum(abs(u), abs(v))
    angle = np.arctan2(v, u)
    return {
        "disc": far < 0.85,
        "ring": (far < 1) & (far > 0.6),
        "square": box < 0.75,
        "frame": (box < 0.85) & (box > 0.5),
        "triangle": (v > -0.5) & (v < 1 - 1.7 * abs(u)),
        "cross": (box < 1) & (np.minimum(abs(u), abs(v)) < 0.25),
        "bar": (abs(u) < 1) & (abs(v) < 0.3),
        "crescent": (far < 1) & (np.hypot(u - 0.5, v) > 0.8),
        "pair": np.hypot(abs(u) - 0.6, v) < 0.4,
        "star": far < 0.65 + 0.35 * np.cos(5 * angle),
    }[shape]


def _textured(texture: str, side: int, rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.indices((side, side)) + rng.integers(2, size=2)[:, None, None]
    pattern = {
        "rows": rows % 2 * 2 - 1,
        "columns": columns % 2 * 2 - 1,
        "checks": (rows + columns) % 2 * 2 - 1,
        "dots": 4 * (rows % 2 * (columns % 2)) - 1,
        "grains": rng.choice((-1, 1), (side, side)),
    }[texture]
    extent = side // 4
    top, left = rng.integers(side - extent + 1, size=2)
    patch = np.zeros((side, side))
    patch[top : top + extent, left : left + extent] = 1.0
    pattern = pattern / pattern.std()
    return _clouds(side, rng) + 0.5 * patch * pattern + rng.normal(0, 0.4, (side, side))


def _clouds(side: int, rng: np.random.Generator) -> np.ndarray:
    clouds = gaussian_filter(rng.normal(size=(side, side)), side / 12, mode="wrap")
    return clouds / clouds.std()
