"""Convolutional nets, for grids whose neighbouring cells resemble each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from autoarch._statistics import random_convolutions
from autoarch._statistics.random_convolutions import Bank
from autoarch._statistics.ridge import gram
from autoarch._training.grid_extents import EXTENTS, GridExtent, is_large
from autoarch.families import preprocessing
from autoarch.families.base import Family, Needs, Params, Problem, Steps, Trial
from autoarch.families.landmarks import Check, Losses, Sample, best_variant, ridge_losses
from autoarch.families.net_settings import (
    CONVOLUTIONS,
    LARGEST_BATCH,
    TRAINING,
    batch_rows,
    closed_axes,
    epochs,
    make_net,
    mirrors,
    most_shift,
    suggest_effort,
    suggest_training,
    training_seconds,
    training_settings,
)

KERNELS = {
    "square": (3, 3),
    "rows": (1, 7),
    "columns": (7, 1),
    "row lanes": (1, 7),  # the axis of rows serves as channels of one line
    "column lanes": (7, 1),
    "row sets": (7, 1),  # each row is read alone, and all of them are pooled
    "column sets": (1, 7),
}
_MODULE = ("filters", "stages", "head", "dropout", "scales", "attention", "stem")  # of the module, as they are
_SETS = {"row sets": "exchangeable_rows", "column sets": "exchangeable_columns"}
_ORDERED = [kernel for kernel in KERNELS if kernel not in _SETS]
_CELLS = 256  # of a grid behind the first layer, at most
_EXTRA = 4  # channels that a layer seems to have beside its own, by the time that it takes
_MOST_LANES = 128  # channels that they make together
_PER_VALUE = 3e-8  # seconds that a landmark takes to read a cell
_TIMED_ROWS = 256  # by which a landmark chooses where to convolve


class CNN(Family):
    """Small residual nets with k x k, 1 x k or k x 1 kernels, under both scalings; an axis may serve as channels."""

    name = "cnn"
    needs = Needs(grid=True, packages=("torch", "skorch"))
    averages_seeds = True
    title, landmark_title = "a CNN", "random convolutions"
    landmark_offset = 0.101
    prior_odds = (0.50, 0.35, 0.05)

    def kernels(self, problem: Problem) -> list[str]:
        """Kernels that the layout allows, the one that the probe proposes first."""
        if problem.layout is None:
            return ["square"]
        if problem.layout.height == 1:
            return ["rows"]
        if problem.layout.width == 1:
            return ["columns"]
        channels, height, width = problem.layout.shape
        lanes = {"row lanes": channels * height, "column lanes": channels * width}
        lanes |= {"row sets": channels * width, "column sets": channels * height}
        able = [kernel for kernel in (*self._sets(problem), *_ORDERED) if lanes.get(kernel, 0) <= _MOST_LANES]
        proposed = {"1d-rows": ("row lanes", "rows"), "1d-columns": ("column lanes", "columns")}
        first = [kernel for kernel in proposed.get(problem.verdict, ()) if kernel in able]
        if f"exchangeable_{problem.verdict.removeprefix('1d-')}" in problem.symmetries:
            first.reverse()  # lines in no order are read alike
        return [*first, *(kernel for kernel in able if kernel not in first)]

    def _sets(self, problem: Problem) -> list[str]:
        """Kernels for lines that stand in no order; of a relation, the cells of a line have no order either."""
        if "symmetric" in problem.symmetries:
            return []
        return [kernel for kernel, symmetry in _SETS.items() if symmetry in problem.symmetries]

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """The proposed kernel, with changed samples; square kernels, another head, more filters, mixed samples.

        Samples are mirrored where that leaves likelihood and label alone; the head forgets places first where these
        carry no label. Unless the probe knows better, differences of neighbours come second where levels wander, and
        the cells as they are where long tails have logarithms first. Lines in no order are read alone and pooled at
        first. Other scalings come last.
        """
        kernel, *others = self.kernels(problem)
        around = preprocessing.neighborhood_default(problem)
        scaling, *further = preprocessing.grid_scalings(problem)
        rivals = sorted(preprocessing.rival_scalings(problem), key=lambda name: name != "codes")
        heads = ["regions", "global"]
        if "place_free" in problem.symmetries or kernel in _SETS:
            heads.reverse()
        base = {"kernel": kernel, "scaling": scaling, "head": heads[0], "filters": 16, "stages": 3, "dropout": 0.2}
        extent = preprocessing.extent_default(problem)
        base |= {**TRAINING, "scales": 1, "attention": False, "stem": "pooled", "effort": 0.5, **around, **extent}
        large = {"filters": 32, "lr": 5e-3, "effort": 2.0}
        changed: Params = {"shift": min(1, most_shift(problem)), **({"mirror": True} if mirrors(problem) else {})}
        square = {"kernel": "square"} if kernel in _SETS and "codes" in rivals else {}
        scales = 3 if 1 in KERNELS[kernel] else 1
        variants: list[Params] = [
            *({"scaling": other, "effort": 2.0, **square} for other in rivals if other in further),
            *([{"kernel": "square"}] if kernel in _SETS and self._of_codes(problem) else []),
            *({"kernel": other, "head": "global"} for other in others if other in _SETS),
            *([{"kernel": "square"}] if kernel in _SETS and not self._of_codes(problem) else []),
            {**changed, "effort": 2.0},
            *([{"extent": "whole"}] if extent else []),
            *([{"kernel": "square"}] if problem.verdict.startswith("1d") and "square" in others else []),
            *([{"hidden": False, "effort": 2.0}] if around else []),
            *([] if kernel in _SETS else [{"head": heads[1], "effort": 2.0, "scales": scales}]),
            {**large, **changed},
            {**large, "cutout": 0.3},
            {**changed, "mixup": 0.2, "attention": True, "effort": 2.0},
            *([] if around else [{"scaling": other, "effort": 2.0} for other in further if other not in rivals]),
        ]
        return [base, *({**base, **variant} for variant in variants)]

    def openings(self, problem: Problem) -> int:
        """The first one; square kernels, too, where lines of codes seem to stand in no order.

        A few pieces on a large board move little of what the test of that looks at.
        """
        return 2 if self._of_codes(problem) and self.kernels(problem)[0] in _SETS else 1

    def _of_codes(self, problem: Problem) -> bool:
        return not {"codes", "perhaps codes"}.isdisjoint(problem.symmetries)

    def smoke_params(self, problem: Problem) -> Params:
        """One narrow stage."""
        return {**self.defaults(problem)[0], "filters": 8, "stages": 1, "lr": 1e-2, "dropout": 0.0, "smoothing": 0.0}

    def suggest(self, trial: Trial, problem: Problem) -> Params:
        """Sample kernel, scaling, head, size, augmentation and regularisation."""
        return {
            "kernel": trial.suggest_categorical("cnn.kernel", self.kernels(problem)),
            "scaling": trial.suggest_categorical("cnn.scaling", preprocessing.grid_scalings(problem)),
            "head": trial.suggest_categorical("cnn.head", ["regions", "global"]),
            "filters": trial.suggest_int("cnn.filters", 8, 64, step=8),
            "stages": trial.suggest_int("cnn.stages", 1, 4),
            "dropout": trial.suggest_float("cnn.dropout", 0.0, 0.5),
            **suggest_training(trial, self.name, problem),
            "scales": trial.suggest_int("cnn.scales", 1, 3),
            "attention": trial.suggest_categorical("cnn.attention", [False, True]),
            "stem": trial.suggest_categorical("cnn.stem", ["pooled", "strided"]),
            "effort": suggest_effort(trial, self.name),
            **preprocessing.suggest_extent(trial, self.name, problem),
            **preprocessing.suggest_neighborhood(trial, self.name, problem),
        }

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Make grids, then the net."""
        from autoarch._training.conv_net import ConvNet
        from autoarch._training.muon import Muon

        kernel, alone = KERNELS[params["kernel"]], params["kernel"] in _SETS
        net = make_net(
            problem,
            ConvNet,
            seed=seed,
            optimizer=Muon,
            **training_settings(params, problem, (1, 1) if alone else kernel),
            module__kernel=kernel,
            module__axis_as_channels=params["kernel"].endswith(("lanes", "sets")),
            module__alone=alone,
            module__wrap=(False, False) if preprocessing.reads_part(params) else closed_axes(problem),
            **{f"module__{name}": params[name] for name in _MODULE},
        )
        return [*preprocessing.grid_steps(params, problem), ("model", net)]

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate by the products of the convolutions, stage by stage."""
        n = problem.n_samples
        products = _convolution_products(params, preprocessing.grid_shape(params, problem))
        batch = batch_rows(n, largest=LARGEST_BATCH)
        return training_seconds(n, epochs(n, params["effort"]), batch, products, CONVOLUTIONS)

    def landmark(self, sample: Sample, check: Check) -> Losses:
        """Ridge on random convolutions of the grid; also with one kind of features, and under one scaling, only.

        Large grids are read by a quarter of their cells, too.
        """
        assert sample.layout is not None  # the probe runs landmarks that need a grid on grids alone
        variants, parts, device = [], {}, "cpu"
        for number, values in enumerate((sample.overall, sample.per_column)):
            grid = np.nan_to_num(sample.layout.to_grid(values))
            rng = np.random.default_rng([sample.seed, 2, number])
            banks = random_convolutions.random_banks(grid, rng, coarse=True)
            device = device if number else _device_for(grid, banks, sample.device, check)
            placed, anywhere = _products(grid, banks, device, check)
            for kernel in (placed, anywhere, (placed + anywhere + sample.products) / 3):
                check()
                variants.append(ridge_losses(kernel, sample))
            for extent in EXTENTS if number == 0 and is_large(grid.shape[2:]) else ():
                part = GridExtent(extent).fit_transform(grid)
                banks = random_convolutions.random_banks(part, rng, coarse=True)
                placed, anywhere = _products(part, banks, device, check)
                kernels = (placed, anywhere, (placed + anywhere) / 2)
                parts[f"cnn_{extent}"] = [ridge_losses(kernel, sample) for kernel in kernels]
        every = [*variants, *chain.from_iterable(parts.values())]
        kinds = {"cnn": every, "cnn_placed": variants[0::3], "cnn_anywhere": variants[1::3], **parts}
        kinds |= {"cnn_overall": variants[:3], "cnn_per_cell": variants[3:]}
        return {name: best_variant(chosen, sample.folds) for name, chosen in kinds.items()}

    def landmark_seconds(self, sample: Sample) -> float:
        """Estimate by the inverses and the responses of the kernels."""
        assert sample.layout is not None
        responses = random_convolutions.n_responses(len(sample), sample.layout.shape)
        times = 2.0 if is_large(sample.layout.shape[1:]) else 1.0
        reading = _PER_VALUE * sample.expanded.size
        return 0.2 + reading + times * (6 * sample.solving_seconds + 120 * responses / 1e10)


def _products(grid: np.ndarray, banks: list[Bank], device: str, check: Check) -> tuple[np.ndarray, ...]:
    """Gram matrices of both kinds of features of the kernels' responses."""
    return tuple(gram(part) for part in random_convolutions.pooled_features(grid, banks, check, device=device))


def _device_for(grid: np.ndarray, banks: list[Bank], device: str, check: Check) -> str:
    """An accelerator, where the kernels of one bank take less time there on a few rows."""
    if device == "cpu":
        return device
    from autoarch._training.device import quicker_device

    some = grid[:_TIMED_ROWS]
    return quicker_device(
        device, lambda place: random_convolutions.pooled_features(some, banks[:1], check, device=place)
    )


def _convolution_products(params: Params, shape: tuple[int, int, int]) -> float:
    """Products of a forward pass of one grid; those of small layers are slow, as if they had more channels."""
    (channels, height, width), (down, across) = shape, KERNELS[params["kernel"]]
    if params["kernel"] in ("row lanes", "column sets"):
        channels, height = channels * height, 1
    if params["kernel"] in ("column lanes", "row sets"):
        channels, width = channels * width, 1
    alone = params["kernel"] in _SETS
    down, across = (1, 1) if alone else (down, across)
    cells, height, width = ([height * width], height, width) if alone else _stem_cells(height, width, params["stem"])
    inside, total = channels, 0.0
    for number, count in enumerate(cells, start=1):
        out = params["filters"] // 2 ** (len(cells) - number)
        total += 4.0 * count * (inside + _EXTRA) * (out + _EXTRA) * down * across
        inside = out
    for stage in range(params["stages"]):
        out = params["filters"] * 2**stage
        if stage and not alone:
            height, width = (-(-side // 2) if side >= 4 else side for side in (height, width))
        total += height * width * down * across * (inside + out + _EXTRA) * (out + _EXTRA)
        inside = out
    return total


def _stem_cells(height: int, width: int, stem: str) -> tuple[list[int], int, int]:
    """Cells behind each convolution in front of the first stage, and the sides behind them all."""
    sides, halved = [height, width], [0, 0]
    while sides[0] * sides[1] > _CELLS:
        longer = int(sides[0] <= sides[1])
        sides[longer], halved[longer] = -(-sides[longer] // 2), halved[longer] + 1
    if stem == "strided":
        return [sides[0] * sides[1]], sides[0], sides[1]
    strides = ([2 ** min(number + 1, most) for most in halved] for number in range(0, max(1, *halved), 2))
    return [-(-height // down) * -(-width // right) for down, right in strides], sides[0], sides[1]
