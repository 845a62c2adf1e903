"""Fine-tuning as one more candidate of the cnn family, where the user has given a pretrained net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autoarch.exceptions import ParameterError
from autoarch.families.base import Family, Params, Problem, Steps
from autoarch.families.net_settings import TRAINING, suggested_effort, suggested_training, training_settings

if TYPE_CHECKING:
    import optuna

START = "start"  # the parameter that tells fine-tuning from a net with random weights


def with_pretrained(problem: Problem, given: Any, families: Sequence[Family]) -> Problem:
    """Tell families of a pretrained net, after seeing that it can be used.

    Raises
    ------
    ParameterError
        If no family can use it, or it is an estimator, which ``clone`` would rob of its weights.
    InputError
        If it cannot be read, or not be fitted to a layout that is known already.
    """
    if hasattr(given, "get_params"):
        raise ParameterError(
            f"pretrained={type(given).__name__}(...) was given. clone() drops what an estimator has learned; pass "
            "autoarch.transfer.Pretrained.of(it), a torch module, or a path."
        )
    if all(family.name != "cnn" for family in families):
        names = [family.name for family in families]
        raise ParameterError(f"pretrained= was given, but families={names} lacks 'cnn', which alone can fine-tune it.")
    if problem.layout is None:
        raise ParameterError("pretrained= was given, but the columns of X have no layout. Pass layout=(height, width).")
    from autoarch._training.pretrained.adapt import adapt
    from autoarch._training.pretrained.source import Pretrained

    source = Pretrained.of(given)
    if not problem.layout.is_bare_line:
        adapt(source, problem.layout.shape, max(1, problem.n_classes), head="new")
    return replace(problem, pretrained=source)


def fine_tuning_defaults(problem: Problem) -> Sequence[Params]:
    """Inputs as the net knows them, and inputs scaled by the data's own statistics."""
    base = {
        START: "pretrained",
        "inputs": "own",
        "body_rate": 0.5,
        "thaw": 0.1,
        **TRAINING,
        "effort": 1.0,
    }
    return [{**base, "inputs": "source"}, base]


def suggest_fine_tuning(trial: optuna.Trial) -> Params:
    """Sample scale, rates, augmentation and regularisation."""
    return {
        START: "pretrained",
        "inputs": trial.suggest_categorical("cnn.inputs", ["source", "own"]),
        "body_rate": trial.suggest_float("cnn.body_rate", 0.01, 1.0, log=True),
        "thaw": trial.suggest_float("cnn.thaw", 0.0, 0.5),
        **suggested_training(trial),
        "effort": suggested_effort(trial),
    }


def build_fine_tuning(params: Params, problem: Problem, seed: int) -> Steps:
    """Shape and scale, then the net with the pretrained weights."""
    from autoarch._training.device import resolve_device
    from autoarch._training.pretrained.fine_tuning import (
        FineTuneClassifier,
        FineTuneRegressor,
        scaler_for,
        transfer_net,
    )

    source, layout = problem.pretrained, problem.layout
    assert source is not None
    assert layout is not None
    kind = FineTuneClassifier if problem.classification else FineTuneRegressor
    net = kind(
        transfer_net,
        module__source=source,
        module__n_cells=layout.channels,
        module__head="new",
        body_rate=params["body_rate"],
        head_only=params["thaw"],
        seed=seed,
        device=resolve_device(problem.device),
        **training_settings(params, problem, layout.shape[1:]),
    )
    return [("scale", scaler_for(params["inputs"], layout, source, problem.categorical)), ("model", net)]
