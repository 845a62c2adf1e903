"""Convolutional nets, for grids whose neighbouring cells resemble each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from autoarch._training.scalers import GridScaler
from autoarch.families import spatial_steps
from autoarch.families.base import Needs, Params, Problem, Steps
from autoarch.families.fine_tuned import START, build_fine_tuning, fine_tuning_defaults, suggest_fine_tuning
from autoarch.families.net_settings import (
    TRAINING,
    NetFamily,
    make_net,
    suggested_effort,
    suggested_training,
    training_settings,
)

if TYPE_CHECKING:
    import optuna

KERNELS = {
    "square": (3, 3),
    "rows": (1, 7),
    "columns": (7, 1),
    "row lanes": (1, 7),  # the rows are channels of one line
    "column lanes": (7, 1),
}
_MOST_LANES = 128  # channels that they make together


class CNN(NetFamily):
    """Small residual nets with k x k, 1 x k or k x 1 kernels, under both scalings; lines may be channels.

    Where the problem brings a pretrained net, fine-tuning it is one more way to begin.
    """

    name = "cnn"
    needs = Needs(grid=True, packages=("torch", "skorch"))
    averages_seeds = True

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
        able = [kernel for kernel in KERNELS if lanes.get(kernel, 0) <= _MOST_LANES]
        proposed = {"1d-rows": ("row lanes", "rows"), "1d-columns": ("column lanes", "columns")}
        first = [kernel for kernel in proposed.get(problem.verdict, ()) if kernel in able]
        return [*first, *(kernel for kernel in able if kernel not in first)]

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """The proposed kernel, with shifts; another head, more filters, mixed samples; the other scaling last."""
        kernel, *others = self.kernels(problem)
        base = {
            "kernel": kernel,
            "scaling": "global",
            "head": "regions",
            "filters": 16,
            "stages": 3,
            "dropout": 0.2,
            **TRAINING,
            "scales": 1,
            "attention": False,
            "effort": 1.0,
            **spatial_steps.pictures_first(problem),
        }
        large = {"filters": 32, "lr": 5e-3, "effort": 2.0}
        whole = spatial_steps.pictures_whole(problem)
        variants: list[Params] = [
            {"shift": 1, "effort": 2.0},
            *([{**whole, "effort": 2.0}] if whole else []),
            {"head": "global", "effort": 2.0, "scales": 3 if 1 in KERNELS[kernel] else 1},
            {**large, "shift": 1},
            {**large, "cutout": 0.3},
            {"shift": 1, "mixup": 0.2, "attention": True, "effort": 2.0},
            *([] if whole else [{"scaling": "cell", "effort": 2.0}]),
        ]
        if problem.verdict.startswith("1d") and "square" in others:
            variants.append({"kernel": "square"})
        own = [base, *({**base, **variant} for variant in variants)]
        if problem.pretrained is None:
            return own
        tuned, *also = fine_tuning_defaults(problem)
        default, *rest = [{START: "random", **params} for params in own]
        return [tuned, default, *also, *rest]

    def openings(self, problem: Problem) -> int:
        """A pretrained net and one with random weights have their first turn together."""
        return 1 if problem.pretrained is None else 2

    def smoke_params(self, problem: Problem) -> Params:
        """One narrow stage."""
        return {
            **self.defaults(replace(problem, pretrained=None))[0],
            "filters": 8,
            "stages": 1,
            "lr": 1e-2,
            "dropout": 0.0,
            "smoothing": 0.0,
        }

    def suggest(self, trial: optuna.Trial, problem: Problem) -> Params:
        """Sample kernel, scaling, head, size, augmentation and regularisation."""
        start: Params = {}
        if problem.pretrained is not None:
            start[START] = trial.suggest_categorical("cnn.start", ["pretrained", "random"])
            if start[START] == "pretrained":
                return suggest_fine_tuning(trial)
        return {
            **start,
            "kernel": trial.suggest_categorical("cnn.kernel", self.kernels(problem)),
            "scaling": trial.suggest_categorical("cnn.scaling", ["global", "cell"]),
            "head": trial.suggest_categorical("cnn.head", ["regions", "global"]),
            "filters": trial.suggest_int("cnn.filters", 8, 64, step=8),
            "stages": trial.suggest_int("cnn.stages", 1, 4),
            "dropout": trial.suggest_float("cnn.dropout", 0.0, 0.5),
            **suggested_training(trial),
            "scales": trial.suggest_int("cnn.scales", 1, 3),
            "attention": trial.suggest_categorical("cnn.attention", [False, True]),
            "effort": suggested_effort(trial),
            **spatial_steps.pictures_suggested(trial, self.name, problem),
        }

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Shape and scale, or look around, then the net."""
        if params.get(START) == "pretrained":
            return build_fine_tuning(params, problem, seed)
        from autoarch._training.conv_net import ConvNet

        kernel = KERNELS[params["kernel"]]
        net = make_net(
            problem,
            ConvNet,
            seed=seed,
            **training_settings(params, problem, kernel),
            module__filters=params["filters"],
            module__stages=params["stages"],
            module__kernel=kernel,
            module__axis_as_channels=params["kernel"].endswith("lanes"),
            module__head=params["head"],
            module__dropout=params["dropout"],
            module__scales=params["scales"],
            module__attention=params["attention"],
        )
        if problem.layout is None:
            return [("around", spatial_steps.pictures(params, problem)), ("model", net)]
        scaler = GridScaler(problem.layout, scaling=params["scaling"], categorical=problem.categorical)
        return [("scale", scaler), ("model", net)]
