"""Fine-tuning of a net that was trained on other data: the family that ``pretrained=`` adds to a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autoarch._training.time_limited import LEAST_SHARE
from autoarch.exceptions import InputError, ParameterError
from autoarch.families.base import Family, Needs, Params, Problem, Steps, Trial
from autoarch.families.net_settings import (
    LARGEST_BATCH,
    TRAINING,
    batch_rows,
    epochs,
    suggest_effort,
    suggest_training,
    training_seconds,
    training_settings,
)

_PLACES = 0.1  # of the cells that a weight is used at: most weights stand in layers that see few


class FineTuned(Family):
    """A pretrained net with a new last layer, trained on at a rate of its own for the layers below.

    Parameters
    ----------
    pretrained : torch.nn.Module, Pretrained, str or Path
        The net. Files are read without pickle, see :func:`autoarch.transfer.load_pretrained`.

    Raises
    ------
    ParameterError
        If it is an estimator, which ``clone`` would rob of its weights.
    InputError
        If it cannot be read.
    """

    name = "fine_tuned"
    needs = Needs(grid=True, packages=("torch", "skorch"))
    averages_seeds = True
    title = "a fine-tuned net"

    def __init__(self, pretrained: Any):
        if hasattr(pretrained, "get_params"):
            raise ParameterError(
                f"pretrained={type(pretrained).__name__}(...) was given. clone() drops what an estimator has learned; "
                "pass autoarch.transfer.Pretrained.of(it), a torch module, or a path."
            )
        from autoarch._training.pretrained.source import Pretrained

        self.source = Pretrained.of(pretrained)

    def for_layout(self, problem: Problem) -> FineTuned:
        """The family itself, after a check that the net can be fitted to a layout that is known already.

        Raises
        ------
        ParameterError
            If the columns have no layout.
        InputError
            If the net cannot read so many channels, or grids so small.
        """
        from autoarch._training.pretrained.adapt import adapt

        if problem.layout is None:
            raise ParameterError(
                "pretrained= was given, but the columns of X have no layout. Pass layout=(height, width)."
            )
        if not problem.layout.is_bare_line:
            adapt(self.source, problem.layout.shape, max(1, problem.n_classes), head="new")
        return self

    def unfit_for(self, problem: Problem) -> str | None:
        """Give the usual reasons, and: the net does not fit the layout, or rows stand on a map."""
        if reason := super().unfit_for(problem):
            return reason
        try:
            self.for_layout(problem)
        except (InputError, ParameterError) as error:
            return str(error)
        return None

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """Inputs as the net knows them, scaled by the data's own statistics, and scaled sample by sample."""
        base = {"inputs": "source", "body_rate": 0.5, "head_only": 0.1, **TRAINING, "effort": 1.0}
        return [base, {**base, "inputs": "own"}, {**base, "inputs": "sample"}]

    def suggest(self, trial: Trial, problem: Problem) -> Params:
        """Sample scale, rates, augmentation and regularisation."""
        return {
            "inputs": trial.suggest_categorical("fine_tuned.inputs", ["source", "own", "sample"]),
            "body_rate": trial.suggest_float("fine_tuned.body_rate", 0.01, 1.0, log=True),
            "head_only": trial.suggest_float("fine_tuned.head_only", 0.0, 0.5),
            **suggest_training(trial, self.name, problem),
            "effort": suggest_effort(trial, self.name),
        }

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Shape and scale, then the net with the pretrained weights."""
        from autoarch._training.device import resolve_device
        from autoarch._training.pretrained import fine_tuning

        assert problem.layout is not None  # unfit_for has seen to it
        kind = fine_tuning.FineTuneClassifier if problem.classification else fine_tuning.FineTuneRegressor
        net = kind(
            fine_tuning.transfer_net,
            module__source=self.source,
            module__n_cells=problem.layout.channels,
            module__head="new",
            body_rate=params["body_rate"],
            head_only=params["head_only"],
            least_share=LEAST_SHARE,
            seed=seed,
            device=resolve_device(problem.device),
            **training_settings(params, problem, problem.layout.shape[1:]),
        )
        scaler = fine_tuning.scaler_for(params["inputs"], problem.layout, self.source, problem.categorical)
        return [("scale", scaler), ("model", net)]

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate by the weights of the net, each of which is used in a part of the cells."""
        assert problem.layout is not None  # unfit_for has seen to it
        n = problem.n_samples
        weights = sum(weight.numel() for weight in self.source.module.parameters())
        products = weights * max(1.0, problem.layout.height * problem.layout.width * _PLACES)
        return training_seconds(n, epochs(n, params["effort"]), batch_rows(n, largest=LARGEST_BATCH), products)

    def cache_key(self) -> tuple[Any, ...]:
        """The class and the digest of the net, because pickles of equal nets differ."""
        return (*super().cache_key()[:2], self.source.digest)
