"""Every public entrance with arguments that it takes, to be called with one or two of them replaced by odd ones.

An entrance is a function of its arguments by name. ``call`` draws the entrance, the arguments that are odd, and what
stands in their place; it returns what came of the call as one of ``OUTCOMES``.
"""

import contextlib
import io
import traceback
import warnings
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import oddities
import pandas as pd
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from torch import nn

from autoarch import AutoArchClassifier, AutoArchRegressor, Layout, datasets, geo, probe_locality
from autoarch._training.conv_net import ConvNet
from autoarch.cli.main import main
from autoarch.exceptions import AutoArchError
from autoarch.explain import explain
from autoarch.locality import LayoutRestorer, infer_layout, recover_layout
from autoarch.transfer import (
    Pretrained,
    TransferFeatures,
    check_transfer,
    fine_tune,
    load_pretrained,
    save_pretrained,
)

OUTCOMES = ("own error", "result", "raw error", "wrong result")
N, P = 24, 16
ONE = {"time_budget": None, "n_trials": 1, "families": "linear", "random_state": 0, "verbose": 0, "cv": 2}

_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, P))
CODES = np.arange(N) % 2
MAP = pd.DataFrame({"lon": _rng.uniform(5, 15, N), "lat": _rng.uniform(45, 55, N), "a": X[:, 0], "b": X[:, 1]})
LONG = pd.DataFrame({"sample": np.repeat([0, 1], 12), "row": np.tile(np.repeat([0, 1, 2], 4), 2)})
LONG["column"], LONG["value"] = np.tile([0, 1, 2, 3], 6), X[:, 0]


@cache
def classifier():
    """A fitted classifier."""
    return AutoArchClassifier(**ONE, layout=None).fit(X, CODES)


@cache
def table_classifier():
    """A classifier that was fitted on columns of words and numbers."""
    return AutoArchClassifier(**ONE).fit(pd.DataFrame({"a": X[:, 0], "w": ["x", "y", "z"] * 8}), CODES)


@cache
def net_classifier():
    """A classifier whose winner is a net on grids."""
    return AutoArchClassifier(**{**ONE, "families": _QuickCNN}).fit(X.reshape(N, 4, 4), CODES)


def _net():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))


class _CannotBeCopied(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.lock = _net(), open(__file__)  # noqa: SIM115  # that is the point

    def forward(self, x):
        return self.net(x)


class _ForwardRaises(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = _net()

    def forward(self, x):
        raise ZeroDivisionError("a bug")


NETS = {
    "none": lambda: None,
    "cannot be copied": _CannotBeCopied,
    "forward raises": _ForwardRaises,
    "dense": lambda: nn.Linear(16, 2),
    "no weights": lambda: nn.Flatten(),
    "lazy": lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.LazyLinear(2)),
    "a class": lambda: nn.Linear,
    "on meta": lambda: _net().to("meta"),
    "complex": lambda: _net().to(dtype=__import__("torch").complex64),
    "other": lambda: nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 5)),
    "not fitted": lambda: AutoArchClassifier(),
    "linear": classifier,
    "raises": oddities.Raising,
}


from quick import QuickCNN as _QuickCNN  # noqa: E402


class WrongResultError(Exception):
    """A result that cannot be right."""


def _fit(estimator, X, y, sample_weight=None, groups=None, **parameters):
    fitted = estimator(**{**ONE, **parameters}).fit(X, y, sample_weight=sample_weight, groups=groups)
    predicted = fitted.predict(X)
    if estimator is AutoArchRegressor and not np.isfinite(predicted).all():
        raise WrongResultError("predictions are no numbers")
    if estimator is AutoArchClassifier:
        proba = fitted.predict_proba(X)
        if not np.isin(predicted, fitted.classes_).all() or not np.allclose(proba.sum(axis=1), 1):
            raise WrongResultError("predictions are no classes, or probabilities do not add up to one")
    if not np.isfinite(fitted.best_score_):
        raise WrongResultError("the score is no number")
    return predicted


def _splits(X, y, **parameters):
    return list(geo.SpatialBlockKFold(**parameters).split(X, y))


def _transformed(transformer):
    def run(X, y, X_new, **parameters):
        fitted = transformer(**parameters).fit(X, y)
        return fitted.transform(X_new)

    return run


def _long(X, X_new, grids, y, **parameters):
    fitted = geo.LongToGrid(**parameters).fit(X)
    return fitted.transform(X_new), fitted.inverse_transform(grids), fitted.align(X, y)


def _restored(X, X_new, grids, **parameters):
    fitted = LayoutRestorer(**parameters).fit(X)
    return fitted.transform(X_new), fitted.inverse_transform(grids)


def _gridded(X, grid, **parameters):
    layout = Layout(**parameters)
    return layout.to_grid(X), layout.to_flat(grid)


def _saved(model, path):
    with TemporaryDirectory() as folder:
        return load_pretrained(save_pretrained(model, Path(folder) / path if isinstance(path, str) else path))


def _features(model, X, X_new, **parameters):
    return TransferFeatures(model, **parameters).fit(X).transform(X_new)


GRIDS = X.reshape(N, 4, 4)
_POINTS = geo.Places(MAP[["lon", "lat"]].to_numpy(), True)
_SIZES = {"n_samples": 10, "random_state": 0}
_MADE = {**_SIZES, "shape": (8, 8)}

# name: (function, arguments, those that are data: {name: strategy})
_T, _Y = "matrix", "column"
ENTRANCES = {
    "AutoArchClassifier.fit": (
        lambda **given: _fit(AutoArchClassifier, **given),
        {
            **ONE,
            "X": X,
            "y": CODES,
            "sample_weight": None,
            "groups": None,
            "layout": None,
            "scoring": None,
            "class_weight": None,
            "channels": "first",
            "coordinates": None,
            "device": "auto",
            "ensemble_size": "auto",
            "max_predict_seconds": None,
            "patience": None,
            "pretrained": None,
            "warm_start": False,
            "n_jobs": None,
            "memory": None,
        },
        {"X": _T, "y": _Y, "sample_weight": _Y, "groups": _Y},
    ),
    "AutoArchRegressor.fit": (
        lambda **given: _fit(AutoArchRegressor, **given),
        {**ONE, "X": X, "y": X[:, 0], "sample_weight": None, "groups": None, "layout": None},
        {"X": _T, "y": _Y, "sample_weight": _Y, "groups": _Y},
    ),
    "predict": (lambda X: classifier().predict(X), {"X": X}, {"X": _T}),
    "predict_proba": (
        lambda X: table_classifier().predict_proba(X),
        {"X": pd.DataFrame({"a": X[:, 0], "w": ["x", "y", "z"] * 8})},
        {"X": _T},
    ),
    "score": (
        lambda X, y, sample_weight: classifier().score(X, y, sample_weight),
        {"X": X, "y": CODES, "sample_weight": None},
        {"X": _T},
    ),
    "predict, a net": (lambda X: net_classifier().predict_proba(X), {"X": GRIDS}, {"X": _T}),
    "probe_locality": (
        probe_locality,
        {
            "X": X[:, :6],
            "y": None,
            "layout": "auto",
            "channels": "first",
            "task": "auto",
            "time_budget": 0.5,
            "random_state": 0,
            "n_jobs": None,
        },
        {"X": _T, "y": _Y},
    ),
    "infer_layout": (infer_layout, {"X": X, "feature_names": None, "random_state": 0}, {"X": _T, "feature_names": _Y}),
    "recover_layout": (recover_layout, {"X": X, "shape": None, "random_state": 0, "effort": 0.1}, {"X": _T}),
    "LayoutRestorer": (
        _restored,
        {
            "X": X,
            "X_new": X,
            "grids": GRIDS,
            "shape": (4, 4),
            "recover": False,
            "output": "grid",
            "random_state": 0,
        },
        {"X": _T, "X_new": _T, "grids": _T},
    ),
    "Layout": (
        _gridded,
        {"X": X, "grid": GRIDS[:, None], "height": 4, "width": 4, "channels": 1, "order": None, "n_columns": 0},
        {"X": _T, "grid": _T},
    ),
    "Layout.of": (Layout.of, {"shape": (4, 4), "n_columns": 16}, {}),
    "check_transfer": (
        lambda net, **given: check_transfer(net if net is not None else _net(), **given),
        {
            "net": None,
            "X": GRIDS,
            "y": CODES,
            "layout": "auto",
            "channels": "first",
            "task": "auto",
            "classes": None,
            "cv": 2,
            "groups": None,
            "scoring": None,
            "time_budget": None,
            "steps": 1,
            "first_convolution": "auto",
            "inputs": "own",
            "sizing": "native",
            "random_state": 0,
        },
        {"X": _T, "y": _Y, "groups": _Y, "net": "net"},
    ),
    "fine_tune": (
        lambda net, **given: fine_tune(net if net is not None else net_classifier(), **given),
        {
            "net": None,
            "X": GRIDS,
            "y": CODES,
            "rehearsal": None,
            "strength": 1.0,
            "steps": 1,
            "time_budget": None,
            "random_state": 0,
        },
        {"X": _T, "y": _Y, "net": "net"},
    ),
    "TransferFeatures": (
        lambda net, **given: _features(net if net is not None else _net(), **given),
        {
            "net": None,
            "X": GRIDS,
            "X_new": GRIDS,
            "layout": "auto",
            "channels": "first",
            "inputs": "source",
            "sizing": None,
        },
        {"X": _T, "X_new": _T, "net": "net"},
    ),
    "Pretrained": (
        lambda net, **given: _saved(Pretrained(net if net is not None else ConvNet((1, 4, 4), 2), **given), "net.pt"),
        {
            "net": None,
            "input_shape": (1, 4, 4),
            "mean": None,
            "scale": None,
            "classes": None,
            "y_mean": None,
            "y_scale": None,
            "layout": None,
        },
        {"net": "net", "mean": _T, "scale": _T, "classes": _Y},
    ),
    "Pretrained.of": (Pretrained.of, {"model": _net()}, {"model": "net"}),
    "explain": (
        explain,
        {
            "estimator": LogisticRegression().fit(X, CODES),
            "X": X[:4],
            "y": CODES[:4],
            "method": "occlusion",
            "target": None,
            "by": "auto",
            "patch": "auto",
            "baseline": "auto",
            "background": None,
            "layout": None,
            "scale": "auto",
            "scoring": None,
            "n_repeats": 2,
            "random_state": 0,
            "verbose": 0,
        },
        {"X": _T, "y": _Y, "background": _T, "target": _Y},
    ),
    "explain, own": (
        lambda **given: explain(classifier(), **given),
        {
            "X": X[:4],
            "y": CODES[:4],
            "method": "permutation",
            "target": None,
            "by": "auto",
            "patch": "auto",
            "baseline": "auto",
            "layout": (4, 4),
            "scale": "auto",
            "scoring": None,
            "n_repeats": 2,
            "random_state": 0,
            "verbose": 0,
        },
        {"X": _T, "y": _Y, "scoring": _Y},
    ),
    "explain, numbers": (
        lambda **given: explain(LinearRegression().fit(X, X[:, 0]), **given),
        {"X": X[:4], "y": X[:4, 0], "method": "occlusion", "baseline": "auto", "random_state": 0, "verbose": 0},
        {"X": _T, "y": _Y, "baseline": _T},
    ),
    "geo.Places": (geo.Places, {"points": X[:, :2], "geographic": False}, {"points": _T}),
    "geo.read_places": (
        geo.read_places,
        {"X": MAP, "coordinates": ("lon", "lat"), "geographic": "auto"},
        {"X": _T},
    ),
    "geo.morans_i": (
        geo.morans_i,
        {
            "places": _POINTS,
            "values": X[:, 0],
            "k": 8,
            "distance": None,
            "labels": "auto",
            "permutations": 0,
            "random_state": 0,
        },
        {"places": _T, "values": _Y},
    ),
    "geo.morans_i_of_columns": (
        geo.morans_i_of_columns,
        {
            "places": _POINTS,
            "table": X[:, :3],
            "k": 8,
            "distance": None,
            "labels": "auto",
            "permutations": 0,
            "random_state": 0,
        },
        {"places": _T, "table": _T, "labels": _Y},
    ),
    "geo.fit_variogram": (
        geo.fit_variogram,
        {
            "places": _POINTS,
            "values": X[:, 0],
            "n_lags": 10,
            "max_distance": None,
            "labels": "auto",
            "random_state": 0,
        },
        {"places": _T, "values": _Y},
    ),
    "geo.SpatialBlockKFold": (
        _splits,
        {
            "X": MAP,
            "y": None,
            "coordinates": ("lon", "lat"),
            "n_splits": 2,
            "block_size": "auto",
            "buffer": "auto",
            "kind": "blocks",
            "geographic": "auto",
            "shuffle": True,
            "random_state": 0,
        },
        {"X": _T, "y": _Y},
    ),
    "geo.SpatialFeatures": (
        _transformed(geo.SpatialFeatures),
        {
            "X": MAP,
            "y": CODES,
            "X_new": MAP,
            "coordinates": ("lon", "lat"),
            "neighbors": (4,),
            "categorical": (),
            "geographic": "auto",
            "target_type": "auto",
            "random_state": 0,
        },
        {"X": _T, "y": _Y, "X_new": _T, "neighbors": _Y, "categorical": _Y},
    ),
    "geo.NeighborhoodGrid": (
        _transformed(geo.NeighborhoodGrid),
        {
            "X": MAP,
            "y": CODES,
            "X_new": MAP,
            "coordinates": ("lon", "lat"),
            "size": 3,
            "cell_size": "auto",
            "method": "auto",
            "context": "train",
            "target_lag": False,
            "layer": None,
            "hide_within": 0.0,
            "geographic": "auto",
            "categorical": None,
            "output": "grid",
            "dtype": np.float32,
        },
        {"X": _T, "y": _Y, "X_new": _T, "categorical": _Y},
    ),
    "geo.MapPoints": (
        _transformed(geo.MapPoints),
        {"X": MAP, "y": None, "X_new": MAP, "coordinates": ("lon", "lat"), "geographic": "auto"},
        {"X": _T, "X_new": _T},
    ),
    "geo.LongToGrid": (
        _long,
        {
            "X": LONG,
            "X_new": LONG,
            "grids": np.ones((2, 1, 3, 4)),
            "y": {0: "a", 1: "b"},
            "sample": "sample",
            "row": "row",
            "column": "column",
            "value": "value",
            "band": None,
            "shape": "auto",
            "aggregate": "mean",
            "dtype": np.float32,
        },
        {"X": _T, "X_new": _T, "grids": _T, "y": _Y},
    ),
    "geo.raster_patches": (
        geo.raster_patches,
        {"raster": np.ones((2, 9, 9)), "points": X[:, :2], "size": 3, "transform": None, "nodata": None},
        {"raster": _T, "points": _T},
    ),
    "geo.plot_map": (
        geo.plot_map,
        {
            "where": MAP,
            "values": X[:, 0],
            "coordinates": ("lon", "lat"),
            "kind": "prediction",
            "geographic": "auto",
            "ax": None,
        },
        {"where": _T, "values": _Y},
    ),
    "datasets.make_stripes": (datasets.make_stripes, {**_MADE, "noise": 1.0}, {}),
    "datasets.make_textures": (datasets.make_textures, _MADE, {}),
    "datasets.make_cell_rule": (datasets.make_cell_rule, _MADE, {}),
    "datasets.make_noise": (datasets.make_noise, {**_SIZES, "n_features": 5}, {}),
    "datasets.make_planted": (datasets.make_planted, {**_MADE, "cause": "cell"}, {}),
    "datasets.make_alternating_texture": (datasets.make_alternating_texture, _MADE, {}),
    "datasets.load_digits_scrambled": (datasets.load_digits_scrambled, {"random_state": 0}, {}),
}
# Arguments that are passed on as they are, or not looked at
NOT_READ = {("Layout", "X"), ("Layout", "grid"), ("geo.NeighborhoodGrid", "y"), ("geo.MapPoints", "y")}
# What takes a net to be trained, or a fit, costs a hundred times what the others do.
COSTLY = ("check_transfer", "fine_tune", "predict, a net", "probe_locality")
FILE_ENTRANCES = ("autoarch probe", "autoarch fit", "autoarch predict", "load_pretrained")


def _of_kind(kind):
    return {"matrix": oddities.matrices(), "column": oddities.columns(), "net": _nets()}.get(kind, oddities.values())


@st.composite
def _nets(draw):
    kind = draw(st.sampled_from(sorted(NETS)))
    return kind, NETS[kind]()


@st.composite
def calls(draw, entrances=None):
    """A call with odd arguments: a sentence that says what it is, and a function without arguments."""
    name = draw(st.sampled_from(sorted(entrances or ENTRANCES)))
    function, given, data = ENTRANCES[name]
    odd = {}
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        argument = draw(st.sampled_from([*sorted(given), *sorted(data), *sorted(data)]))
        odd[argument] = draw(_of_kind(data.get(argument)))
    words = ", ".join(f"{argument}: {kind}" for argument, (kind, _) in odd.items())
    arguments = {**given, **{argument: value for argument, (_, value) in odd.items()}}
    never = any(
        kind.partition(",")[0].split(" as ")[0] in oddities.NEVER_NUMBERS
        and data.get(argument) in ("matrix", "column")
        and argument != "groups"
        and (name, argument) not in NOT_READ
        for argument, (kind, _) in odd.items()
    )
    return f"{name}({words})", lambda: function(**arguments), never


@st.composite
def file_calls(draw):
    """A call of the command line, or of what reads weights, with an odd file."""
    name = draw(st.sampled_from(FILE_ENTRANCES))
    kind, words, content = draw(oddities.damaged(oddities.WEIGHTS if name == "load_pretrained" else oddities.FILES))
    target = draw(st.sampled_from([None, "y", "a", "nowhere", "\0"]))

    def run():
        with TemporaryDirectory() as folder:
            path = Path(folder) / ("net.pt" if name == "load_pretrained" else kind.replace(" ", "_"))
            path.write_bytes(content)
            if name == "load_pretrained":
                return load_pretrained(path)
            command = name.split()[1]
            begin = {
                "probe": ["probe", str(path)],
                "fit": ["fit", str(path), "--out", f"{folder}/m.joblib", "--families", "linear", "--trials", "1"],
                "predict": ["predict", str(path), str(path), "--trust"],
            }[command]
            return _command([*begin, *([] if target is None else ["--target", target])])

    return f"{name}({words}, target={target!r})", run, False


def _command(arguments):
    """Run the command line; exit status 2 with a message is its own error."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
        status = main(arguments)
    if status == 2 and told.getvalue().startswith("autoarch"):
        raise AutoArchError(told.getvalue())
    return status


def outcome(run, never):
    """What comes of a call, one of ``OUTCOMES``, and the traceback where it is a raw error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run()
        except (AutoArchError, NotFittedError) as error:
            return "own error", str(error)
        except WrongResultError as error:
            return "wrong result", str(error)
        except Exception:
            return "raw error", traceback.format_exc()
    return ("wrong result" if never else "result"), ""
