"""Types that a model file may hold: whatever is not in these lists is neither written nor read.

A file names types by module and name. Objects of ``OBJECTS`` and the data classes of autoarch are plain data: they are
made without calling anything of theirs, and given their attributes. ``REDUCED`` is what skops may build beyond the
types that it trusts by itself, which are those of scikit-learn, numpy and scipy. ``LAYERS`` are the modules of torch
whose layers are known; ``CLASSES`` may be named as settings of nets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import is_dataclass
from importlib import import_module
from types import FunctionType

from autoarch.exceptions import ModelFileError

_OWN = "autoarch"
ESTIMATORS = ("autoarch.estimators:AutoArchClassifier", "autoarch.estimators:AutoArchRegressor")
OBJECTS = frozenset(
    {
        "autoarch._data.canonical:Canonicaliser",
        "autoarch._search.averages:FoldEnsembleClassifier",
        "autoarch._search.averages:FoldEnsembleLabels",
        "autoarch._search.averages:FoldEnsembleRegressor",
        "autoarch._search.averages:MeanOfLabels",
        "autoarch._search.averages:MeanOfTargets",
        "autoarch._training.boosters:CodedClassifier",
        "autoarch._training.crossed_columns:CrossedColumns",
        "autoarch._training.difference_scaler:DifferenceScaler",
        "autoarch._training.grid_extents:GridExtent",
        "autoarch._training.grid_summaries:GridSummaries",
        "autoarch._training.interval_quantiles:IntervalQuantiles",
        "autoarch._training.kernel_machine:KernelFeatures",
        "autoarch._training.kernel_machine:KernelMachineClassifier",
        "autoarch._training.kernel_machine:KernelMachineRegressor",
        "autoarch._training.labels:LabelThresholds",
        "autoarch._training.log_scaler:LogScaler",
        "autoarch._training.order_free:OrderFreeSummaries",
        "autoarch._training.scalers:CodeChannels",
        "autoarch._training.scalers:GridScaler",
        "autoarch._training.scalers:SampleScaler",
        "autoarch._training.scalers:SourceScaler",
        "autoarch._training.scalers:_Planes",
        "autoarch._training.table_scalers:LevelCounts",
        "autoarch._training.table_scalers:RobustClip",
        "autoarch._training.table_scalers:SmallUnits",
        "autoarch._training.table_scalers:ToFloat32",
        "autoarch._training.table_scalers:WithheldColumns",
        "autoarch.families.objective:OnTarget",
        "autoarch.families.several_targets:EachTargetClassifier",
        "autoarch.families.several_targets:EachTargetRegressor",
        "autoarch.families.several_targets:OnTargets",
        "autoarch.families.kernels:WrapAround",
        "autoarch.families.preprocessing:NeighborhoodPictures",
        "autoarch.families.random_convolutions:RandomConvolutionClassifier",
        "autoarch.families.random_convolutions:RandomConvolutionRegressor",
        "autoarch.geo.features:SpatialFeatures",
        "autoarch.geo.patches:Known",
        "autoarch.geo.points:MapPoints",
        "lightgbm.sklearn:LGBMClassifier",
        "lightgbm.sklearn:LGBMRegressor",
        "sklearn.ensemble._voting:VotingClassifier",
        "sklearn.ensemble._voting:VotingRegressor",
        "sklearn.pipeline:Pipeline",
        "xgboost.sklearn:XGBClassifier",
        "xgboost.sklearn:XGBRegressor",
    }
)
NETS = frozenset(
    {
        "autoarch._training.loop:ArrayNetClassifier",
        "autoarch._training.loop:ArrayNetLabels",
        "autoarch._training.loop:ArrayNetRegressor",
        "autoarch._training.pretrained.fine_tuning:FineTuneClassifier",
        "autoarch._training.pretrained.fine_tuning:FineTuneRegressor",
    }
)
IN_CONTEXT = frozenset(
    {
        "autoarch._training.in_context:InContextClassifier",
        "autoarch._training.in_context:InContextRegressor",
    }
)
LAYERS = ("autoarch._training.conv_net:", "autoarch._training.table_net:", "torch.nn.modules.")
OWN_LAYERS = frozenset({"autoarch._training.pretrained.inspect:TransferNet"})
CLASSES = frozenset(
    {
        "autoarch._training.conv_net:ConvNet",
        "autoarch._training.muon:Muon",
        "autoarch._training.pretrained.fine_tuning:transfer_net",
        "autoarch._training.table_net:TableNet",
        "torch.nn.modules.loss:BCEWithLogitsLoss",
        "torch.nn.modules.loss:CrossEntropyLoss",
        "torch.nn.modules.loss:MSELoss",
        "torch.optim.adamw:AdamW",
    }
)
REDUCED = frozenset(
    {
        "autoarch._training.table_scalers.LevelCounts",
        "autoarch._training.table_scalers.RobustClip",
        "autoarch._training.table_scalers.SmallUnits",
        "autoarch._training.table_scalers.ToFloat32",
        "autoarch._training.table_scalers.WithheldColumns",
        "autoarch.families.categories._numeric",
        "functools.partial",
        "numpy.dtype",
        "sklearn.compose._column_transformer._RemainderColsList",  # until scikit-learn 1.6
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.tree._tree.Tree",
        "sklearn.utils.validation.check_array",
    }
)
LOSSES = "sklearn._loss."  # of boosting, which older versions of skops do not trust by themselves
PACKAGES = ("catboost", "lightgbm", "sklearn", "torch", "xgboost")  # of which types are named here


def name_of(kind: type | FunctionType) -> str:
    """Module and name, as files name a type."""
    return f"{kind.__module__}:{kind.__qualname__}"


def is_trusted(kind: type | FunctionType) -> bool:
    """Tell whether objects of a type may be written as their attributes, or the type itself as a setting."""
    name = name_of(kind)
    return name in OBJECTS | NETS | IN_CONTEXT | CLASSES | OWN_LAYERS or is_layer(name) or _is_record(kind)


def unknown_to_skops(types: Iterable[str]) -> list[str]:
    """Types out of those that a file of skops needs which are not trusted."""
    return sorted(name for name in set(types) - REDUCED if not name.startswith(LOSSES))


def is_layer(name: str) -> bool:
    """Tell whether a name is that of a layer of torch, or of the nets of this package."""
    return name in OWN_LAYERS or name.startswith(LAYERS)


def _is_record(kind: type | FunctionType) -> bool:
    return kind.__module__.partition(".")[0] == _OWN and isinstance(kind, type) and is_dataclass(kind)


def resolved(name: object) -> type | FunctionType:
    """Import a type by the name that a file gives, if it is one of those listed.

    Raises
    ------
    ModelFileError
        If it is not listed, or is not there.
    """
    module, _, attribute = name.partition(":") if isinstance(name, str) else ("", "", "")
    if module.partition(".")[0] not in (_OWN, *PACKAGES) or not attribute.isidentifier():
        raise ModelFileError(f"it names {name!r}, which is no type that a model file may hold")
    if module.partition(".")[0] != _OWN and not (name in OBJECTS | CLASSES or is_layer(str(name))):
        raise ModelFileError(f"it names {name!r}, which is no type that a model file may hold")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ModelFileError(f"it needs {name}, which is not here ({error})") from error
    if not isinstance(found, (type, FunctionType)) or not (name in ESTIMATORS or is_trusted(found)):
        raise ModelFileError(f"it names {name!r}, which is no type that a model file may hold")
    return found
