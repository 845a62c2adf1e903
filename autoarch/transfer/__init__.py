"""Check whether a net that was trained on other data helps here, and train fitted estimators further.

Read ``strategies`` (as it is, frozen, fine-tuned, from scratch: one split), ``references`` (plain models of the raw
cells: the floor), ``check`` (all splits), ``comparison`` (scores, and the verdict that follows), ``report`` (sentences,
figure), ``features`` (frozen features as a transformer), ``fine_tuning`` (a fitted estimator goes on to new rows and
classes) and ``fine_tune_report`` (its scores on held-out rows). Nets are adapted and trained in
``autoarch._training.pretrained``, where the search can reach it.

Names are imported on first touch: they load torch.
"""

from typing import TYPE_CHECKING

from autoarch._core.imports import door

if TYPE_CHECKING:
    from autoarch._training.pretrained.measures import InputShift
    from autoarch._training.pretrained.source import Pretrained, load_pretrained, save_pretrained
    from autoarch.transfer.check import check_transfer
    from autoarch.transfer.comparison import Way
    from autoarch.transfer.features import TransferFeatures
    from autoarch.transfer.fine_tune_report import FineTuning
    from autoarch.transfer.fine_tuning import fine_tune
    from autoarch.transfer.report import TransferReport

__all__ = [
    "FineTuning",
    "InputShift",
    "Pretrained",
    "TransferFeatures",
    "TransferReport",
    "Way",
    "check_transfer",
    "fine_tune",
    "load_pretrained",
    "save_pretrained",
]

_HOMES = {
    "FineTuning": "autoarch.transfer.fine_tune_report",
    "InputShift": "autoarch._training.pretrained.measures",
    "Pretrained": "autoarch._training.pretrained.source",
    "TransferFeatures": "autoarch.transfer.features",
    "TransferReport": "autoarch.transfer.report",
    "Way": "autoarch.transfer.comparison",
    "check_transfer": "autoarch.transfer.check",
    "fine_tune": "autoarch.transfer.fine_tuning",
    "load_pretrained": "autoarch._training.pretrained.source",
    "save_pretrained": "autoarch._training.pretrained.source",
}

__getattr__, __dir__ = door(__name__, __all__, _HOMES)
