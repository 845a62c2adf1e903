"""``autoarch``: arguments and data files in, files and text out. Every command is a few calls of the public API.

Read ``build_parser`` for the commands, the ``_run_*`` functions for what they do, and ``read_data`` for the files.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from autoarch._core.imports import require
from autoarch.exceptions import AutoArchError, InputError

_FILE_HELP = "an .npz with arrays X and y, or an .npy, .csv or .parquet file"
_TARGET_HELP = "labels: a column of a table, an array of an .npz (default y), or a second .npy file"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0, or 2 with a message on standard error.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        Exit status.
    """
    arguments = build_parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except (AutoArchError, OSError) as error:
        print(f"autoarch {arguments.command}: {error}", file=sys.stderr)
        return 2
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands.

    Returns
    -------
    ArgumentParser
        Its results carry ``run``, the function that serves the command.
    """
    parser = argparse.ArgumentParser(prog="autoarch", description="Test matrices for locality and fit what suits them.")
    parser.add_argument("--version", action="version", version=f"autoarch {version('autoarch')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="fit three small data sets and say why a convolution did or did not pay")
    demo.add_argument("--seconds", type=float, default=30.0, help="budget of each of the three fits (default: 30)")
    demo.add_argument("--seed", type=int, default=0)
    demo.set_defaults(run=_run_demo)

    probe = commands.add_parser("probe", help="test whether neighbouring cells of a data set are dependent")
    _add_data(probe)
    probe.add_argument("--task", choices=("auto", "classification", "regression"), default="auto")
    probe.add_argument("--html", metavar="OUT", help="write the report as a page")
    probe.add_argument("--json", metavar="OUT", help="write the report's numbers")
    probe.add_argument("--seed", type=int, default=0)
    probe.set_defaults(run=_run_probe)

    fit = commands.add_parser("fit", help="search, print the leaderboard and save the fitted estimator")
    _add_data(fit)
    fit.add_argument("--out", required=True, metavar="MODEL", help="where the estimator goes (joblib)")
    fit.add_argument("--task", choices=("auto", "classification", "regression"), default="auto")
    fit.add_argument("--budget", type=float, default=120.0, metavar="SECONDS", help="time for fit (default: 120)")
    fit.add_argument("--trials", type=int, help="most trials (default: as many as the time allows)")
    fit.add_argument("--families", nargs="+", metavar="NAME", help="only these families")
    fit.add_argument("--jobs", type=int, help="trials at a time")
    fit.add_argument(
        "--storage", metavar="JOURNAL", help="file or URL where the search is kept: called again it goes on"
    )
    fit.add_argument("--seed", type=int, default=0)
    fit.set_defaults(run=_run_fit)

    predict = commands.add_parser("predict", help="predict with a saved estimator")
    predict.add_argument("model", help="a file written by autoarch fit; load only files that you trust")
    predict.add_argument("file", help=_FILE_HELP)
    predict.add_argument("--target", help="labels to leave out of the features and to score against")
    predict.add_argument("--proba", action="store_true", help="a column of probabilities for every class")
    predict.add_argument("--out", metavar="CSV", help="where the predictions go (default: standard output)")
    predict.set_defaults(run=_run_predict)

    report = commands.add_parser("report", help="summarise a saved estimator")
    report.add_argument("model", help="a file written by autoarch fit; load only files that you trust")
    report.add_argument("--html", metavar="OUT", help="write the report as a page")
    report.set_defaults(run=_run_report)
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help=_FILE_HELP)
    parser.add_argument("--target", help=_TARGET_HELP)
    parser.add_argument("--layout", default="auto", help="HxW or CxHxW for flat columns, none, or auto (default)")
    parser.add_argument("--channels", choices=("first", "last"), default="first", help="axis of a 4-D array")


def _run_demo(arguments: argparse.Namespace) -> None:
    from autoarch.cli.demo import run_demo
    from autoarch.estimators import AutoArchClassifier

    run_demo(AutoArchClassifier(time_budget=arguments.seconds, random_state=arguments.seed))


def _run_probe(arguments: argparse.Namespace) -> None:
    from autoarch.locality import probe_locality

    X, y = read_data(arguments.file, arguments.target)
    layout, seed = _parse_layout(arguments.layout), arguments.seed
    report = probe_locality(X, y, layout, channels=arguments.channels, task=arguments.task, random_state=seed)
    print(report)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
    if arguments.html:
        _write_page(arguments.html, f"Locality of {Path(arguments.file).name}", report._repr_html_())


def _run_fit(arguments: argparse.Namespace) -> None:
    import joblib

    from autoarch._data.target import guess_task
    from autoarch.cli.demo import summary
    from autoarch.estimators import AutoArchClassifier, AutoArchRegressor

    X, y = read_data(arguments.file, arguments.target)
    if y is None:
        raise InputError(f"{arguments.file} has no labels that could be learned: name them with --target.")
    task = guess_task(y) if arguments.task == "auto" else arguments.task
    if arguments.task == "auto":
        print(f"task         {task}, inferred from the labels; --task overrides it")
    estimator = AutoArchClassifier if task == "classification" else AutoArchRegressor
    model = estimator(
        time_budget=arguments.budget,
        n_trials=arguments.trials,
        families=arguments.families or "auto",
        layout=_parse_layout(arguments.layout),
        channels=arguments.channels,
        n_jobs=arguments.jobs,
        storage=arguments.storage,
        random_state=arguments.seed,
    ).fit(X, y)
    joblib.dump(model, arguments.out)
    print(summary(model))
    print(f"saved        {arguments.out}")


def _run_predict(arguments: argparse.Namespace) -> None:
    import pandas as pd

    model = _load(arguments.model)
    X, y = read_data(arguments.file, arguments.target)
    table = pd.DataFrame({"prediction": model.predict(X)})
    if arguments.proba:
        if not hasattr(model, "predict_proba"):
            raise InputError(f"{arguments.model} holds a regressor, which has no probabilities; leave --proba out.")
        names = [f"p({label})" for label in model.classes_]
        table = table.join(pd.DataFrame(model.predict_proba(X), columns=names))
    table.to_csv(arguments.out or sys.stdout, index=False)
    if arguments.target is not None and y is not None:
        print(f"score {model.score(X, y):.4f} on {len(table)} rows", file=sys.stderr)


def _run_report(arguments: argparse.Namespace) -> None:
    from autoarch.cli.demo import summary

    model = _load(arguments.model)
    print(summary(model))
    if arguments.html:
        board = model.leaderboard_.to_html(index=False, border=0, na_rep="", float_format="{:.4f}".format)
        page = f"<pre>{escape(summary(model))}</pre>{model.locality_._repr_html_()}<h2>Leaderboard</h2>{board}"
        _write_page(arguments.html, f"What {Path(arguments.model).name} found", page)


def _load(path: str) -> Any:
    import joblib

    model = joblib.load(path)
    if not hasattr(model, "leaderboard_"):
        raise InputError(f"{path} holds a {type(model).__name__}, not an estimator fitted by autoarch fit.")
    return model


def _parse_layout(text: str) -> Any:
    """``auto``, ``none``, ``8x8`` or ``3x8x8`` as the parameter ``layout`` takes it."""
    if text.lower() in ("auto", "none"):
        return "auto" if text.lower() == "auto" else None
    try:
        return tuple(int(side) for side in text.lower().split("x"))
    except ValueError:
        raise InputError(f"--layout {text} was given; expected HxW such as 8x8, CxHxW, none or auto.") from None


def _write_page(path: str, title: str, body: str) -> None:
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
    Path(path).write_text(f"{head}<body><h1>{escape(title)}</h1>{body}</body></html>\n", encoding="utf-8")


def read_data(path: str | Path, target: str | None = None) -> tuple[Any, Any]:
    """Read features and, where the file has them, labels.

    Parameters
    ----------
    path : str or Path
        ``.npz`` with an array ``X``, ``.npy``, ``.csv`` or ``.parquet``.
    target : str, optional
        Where the labels are: a column of a table, an array of a ``.npz`` (``y`` is taken unasked), or for a ``.npy``
        a second ``.npy`` file.

    Returns
    -------
    X : ndarray or DataFrame
        The features.
    y : ndarray, Series or None
        The labels.
    """
    path = Path(path)
    readers = {".npz": _read_npz, ".npy": _read_npy, ".csv": _read_frame, ".parquet": _read_frame}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path} ends in {path.suffix!r}; files that can be read end in {', '.join(readers)}.")
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    return readers[path.suffix.lower()](path, target)


def _read_npz(path: Path, target: str | None) -> tuple[Any, Any]:
    arrays = _load_array(path)
    if "X" not in arrays:
        raise InputError(f"{path} holds {_listed(arrays)}; one array must be named X (numpy.savez(path, X=X, y=y)).")
    if target is None:
        return arrays["X"], arrays.get("y")
    if target not in arrays:
        raise _absent(path, "array", target, arrays)
    return arrays["X"], arrays[target]


def _read_npy(path: Path, target: str | None) -> tuple[Any, Any]:
    if target is not None and not Path(target).is_file():
        raise InputError(f"{path} holds one array, so --target must name a second .npy file; there is no {target}.")
    return _load_array(path), None if target is None else _load_array(Path(target))


def _load_array(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{path} cannot be read ({error}); save labels as text or numbers, not as objects.") from error


def _read_frame(path: Path, target: str | None) -> tuple[Any, Any]:
    import pandas as pd

    if path.suffix.lower() == ".parquet":
        require("pyarrow", extra="parquet", purpose=f"Reading {path.name}")
    frame = pd.read_csv(path) if path.suffix.lower() == ".csv" else pd.read_parquet(path)
    if target is None:
        return frame, None
    if target not in frame:
        raise _absent(path, "column", target, frame)
    return frame.drop(columns=target), frame[target]


def _absent(path: Path, kind: str, target: str, names: Iterable[Any]) -> InputError:
    from autoarch._core.checks import did_you_mean  # loads scikit-learn

    return InputError(f"{path} has no {kind} {target!r}; it holds {_listed(names)}.{did_you_mean(target, names)}")


def _listed(names: Iterable[Any], most: int = 12) -> str:
    first, more = [str(name) for name in names][:most], len(list(names)) - most
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
