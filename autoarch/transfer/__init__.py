"""Whether a net that was trained on other data serves these, measured, and how to go on with it.

Read ``ways`` (as it is, frozen, fine-tuned, from scratch: one split), ``check`` (all splits), ``report`` with ``plot``
(what they say), ``features`` (frozen features as a transformer) and ``onward`` with ``judgement`` and ``outcome`` (a
fitted estimator goes on to new rows and classes). What adapts and trains nets lies in ``autoarch._training.transfer``,
where the search can reach it.

Names are imported on first touch: they load torch.

Imports: numpy, scikit-learn, torch, ``autoarch`` below.
"""

from typing import TYPE_CHECKING

from autoarch._lazy import door

if TYPE_CHECKING:
    from autoarch._training.transfer.files import load_pretrained, save_pretrained
    from autoarch._training.transfer.pretrained import Pretrained
    from autoarch._training.transfer.shift import InputShift
    from autoarch.transfer.check import check_transfer
    from autoarch.transfer.features import TransferFeatures
    from autoarch.transfer.onward import fine_tune
    from autoarch.transfer.outcome import FineTuning
    from autoarch.transfer.report import TransferReport, Way

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
    "FineTuning": "autoarch.transfer.outcome",
    "InputShift": "autoarch._training.transfer.shift",
    "Pretrained": "autoarch._training.transfer.pretrained",
    "TransferFeatures": "autoarch.transfer.features",
    "TransferReport": "autoarch.transfer.report",
    "Way": "autoarch.transfer.report",
    "check_transfer": "autoarch.transfer.check",
    "fine_tune": "autoarch.transfer.onward",
    "load_pretrained": "autoarch._training.transfer.files",
    "save_pretrained": "autoarch._training.transfer.files",
}

__getattr__, __dir__ = door(__name__, __all__, _HOMES)
