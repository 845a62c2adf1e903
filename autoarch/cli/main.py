"""``autoarch``: arguments and data files in, files and text out. Every command is a few calls of the public API.

Read ``build_parser`` for the commands, the ``_run_*`` functions for what they do, and ``read_data`` for the files.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from autoarch.cli.files import (
    checked_model,
    checked_output,
    checked_table,
    read_data,
    read_model,
    write_model,
    write_table,
)
from autoarch.exceptions import AutoArchError, InputError

_FILE_HELP = "an .npz with arrays X and y, or an .npy, .csv, .tsv, .parquet or .feather file"
_INTERRUPTED = 130  # as shells say it
_TARGET_HELP = "labels: a column of a table, an array of an .npz (default y), or a second .npy file"


def _whole_or_text(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


_PARAMETERS: dict[str, tuple[Any, str]] = {
    "scoring": (str, "score that candidates are chosen by, as scikit-learn names it"),
    "ensemble_size": (_whole_or_text, "candidates of the final model, or auto"),
    "cv": (int, "folds"),
    "max_predict_seconds": (float, "most seconds for predictions of 1,000 rows"),
    "patience": (int, "trials without a better one after which the search stops"),
    "trial_timeout": (float, "most seconds of one step"),
    "memory_limit": (float, "bytes that a fit may take, or a share of what is free"),
    "memory": (str, "folder where steps are kept for later fits"),
    "device": (str, "where nets are trained"),
}


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
        if arguments.debug:
            raise
        print(f"autoarch {arguments.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"autoarch {arguments.command}: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except MemoryError as error:
        print(f"autoarch {arguments.command}: memory is full ({error}). Pass a smaller file.", file=sys.stderr)
        return 2
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands.

    Returns
    -------
    ArgumentParser
        Its results carry ``run``, the function that serves the command.
    """
    parser = _Parser(prog="autoarch", description="Test matrices for locality and fit what suits them.")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
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

    _add_fit(commands)

    predict = commands.add_parser("predict", help="predict with a saved estimator")
    _add_model(predict)
    predict.add_argument("file", help=_FILE_HELP)
    predict.add_argument("--target", help="labels to leave out of the features and to score against")
    predict.add_argument("--proba", action="store_true", help="a column of probabilities for every class")
    predict.add_argument(
        "--id", metavar="COLUMN", help="a column of a table that is no feature, kept beside predictions"
    )
    predict.add_argument("--out", metavar="TABLE", help="where the predictions go (default: standard output, as CSV)")
    predict.set_defaults(run=_run_predict)

    explain = commands.add_parser("explain", help="say which cells or columns the predictions of a saved estimator use")
    _add_model(explain)
    explain.add_argument("file", help=_FILE_HELP)
    explain.add_argument("--target", help="labels: then importances are falls of the score when a column is permuted")
    explain.add_argument("--id", metavar="COLUMN", help="a column of a table that is no feature")
    explain.add_argument("--out", metavar="TABLE", help="where the importances go (default: standard output, as CSV)")
    explain.add_argument("--html", metavar="OUT", help="write the explanation as a page")
    explain.add_argument("--seed", type=int, default=0)
    explain.set_defaults(run=_run_explain)

    report = commands.add_parser("report", help="summarise a saved estimator")
    _add_model(report)
    report.add_argument("--html", metavar="OUT", help="write the report as a page")
    report.add_argument("--json", metavar="OUT", help="write the report's numbers")
    report.set_defaults(run=_run_report)
    return parser


def _add_fit(commands: Any) -> None:
    fit = commands.add_parser("fit", help="search, print the leaderboard and save the fitted estimator")
    _add_data(fit)
    out_help = "where the estimator goes: model.autoarch, or model.joblib for a pickle"
    fit.add_argument("--out", required=True, metavar="MODEL", help=out_help)
    fit.add_argument("--id", metavar="COLUMN", help="a column of a table that is no feature")
    fit.add_argument("--json", metavar="OUT", help="write the report's numbers")
    fit.add_argument("--html", metavar="OUT", help="write the report as a page")
    fit.add_argument("--task", choices=("auto", "classification", "regression"), default="auto")
    fit.add_argument("--budget", type=float, default=120.0, metavar="SECONDS", help="time for fit (default: 120)")
    fit.add_argument("--trials", type=int, help="most trials (default: as many as the time allows)")
    fit.add_argument("--families", nargs="+", metavar="NAME", help="only these families")
    fit.add_argument("--jobs", type=int, help="trials at a time")
    fit.add_argument(
        "--storage", metavar="JOURNAL", help="file or URL where the search is kept: called again it goes on"
    )
    for name, (kind, words) in _PARAMETERS.items():
        fit.add_argument(f"--{name.replace('_', '-')}", type=kind, help=words)
    fit.add_argument("--coordinates", nargs=2, metavar=("X", "Y"), help="columns with the place of each row")
    fit.add_argument("--seed", type=int, default=0)
    fit.set_defaults(run=_run_fit)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with arguments in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; {self.prog} --help lists the arguments\n")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help=_FILE_HELP)
    parser.add_argument("--target", help=_TARGET_HELP)
    parser.add_argument("--layout", default="auto", help="HxW or CxHxW for flat columns, none, or auto (default)")
    parser.add_argument("--channels", choices=("first", "last"), default="first", help="axis of a 4-D array")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a file written by autoarch fit")
    trust = "load a pickle, although it may run any code: for files whose maker you trust"
    parser.add_argument("--trust", action="store_true", help=trust)


def _run_demo(arguments: argparse.Namespace) -> None:
    from autoarch.cli.demo import run_demo
    from autoarch.estimators import AutoArchClassifier

    run_demo(AutoArchClassifier(time_budget=arguments.seconds, random_state=arguments.seed))


def _run_probe(arguments: argparse.Namespace) -> None:
    from autoarch.locality import probe_locality

    layout, seed = _parse_layout(arguments.layout), arguments.seed
    for path in filter(None, (arguments.json, arguments.html)):
        checked_output(path)
    X, y = read_data(arguments.file, arguments.target)
    report = probe_locality(X, y, layout, channels=arguments.channels, task=arguments.task, random_state=seed)
    print(report)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
    if arguments.html:
        _write_page(arguments.html, f"Locality of {Path(arguments.file).name}", report._repr_html_())


def _run_fit(arguments: argparse.Namespace) -> None:
    from autoarch._data.target import guess_task
    from autoarch.cli.demo import summary
    from autoarch.estimators import AutoArchClassifier, AutoArchRegressor

    layout = _parse_layout(arguments.layout)
    checked_model(arguments.out)
    for path in filter(None, (arguments.json, arguments.html)):
        checked_output(path)
    X, y = read_data(arguments.file, arguments.target)
    if y is None:
        raise InputError(f"{arguments.file} has no labels that could be learned: name them with --target.")
    X, _ = _without(X, arguments.id, arguments.file)
    task = guess_task(y) if arguments.task == "auto" else arguments.task
    if arguments.task == "auto":
        print(f"task         {task}, inferred from the labels; --task overrides it")
    estimator = AutoArchClassifier if task == "classification" else AutoArchRegressor
    model = estimator(
        time_budget=arguments.budget,
        n_trials=arguments.trials,
        families=arguments.families or "auto",
        layout=layout,
        channels=arguments.channels,
        n_jobs=arguments.jobs,
        storage=arguments.storage,
        coordinates=arguments.coordinates,
        random_state=arguments.seed,
        **{name: getattr(arguments, name) for name in _PARAMETERS if getattr(arguments, name) is not None},
    ).fit(X, y)
    write_model(model, arguments.out)
    _write_reports(model, arguments)
    print(summary(model))
    print(f"saved        {arguments.out}")


def _run_predict(arguments: argparse.Namespace) -> None:
    import pandas as pd

    if arguments.out:
        checked_table(arguments.out)
    model = read_model(arguments.model, trusted=arguments.trust)
    X, y = read_data(arguments.file, arguments.target)
    X, names_of_rows = _without(X, arguments.id, arguments.file)
    table = pd.DataFrame({} if names_of_rows is None else {arguments.id: names_of_rows.to_numpy()})
    table["prediction"] = model.predict(X)
    if arguments.proba:
        if not hasattr(model, "predict_proba"):
            raise InputError(f"{arguments.model} holds a regressor, which has no probabilities; leave --proba out.")
        names = [f"p({label})" for label in model.classes_]
        table = table.join(pd.DataFrame(model.predict_proba(X), columns=names))
    write_table(table, arguments.out)
    if arguments.target is not None and y is not None:
        print(f"score {model.score(X, y):.4f} on {len(table)} rows", file=sys.stderr)


def _run_explain(arguments: argparse.Namespace) -> None:
    from autoarch.explain import explain

    if arguments.out:
        checked_table(arguments.out)
    if arguments.html:
        checked_output(arguments.html)
    model = read_model(arguments.model, trusted=arguments.trust)
    X, y = read_data(arguments.file, arguments.target)
    X, _ = _without(X, arguments.id, arguments.file)
    method = "auto" if y is None else "permutation"
    found = explain(model, X, y, method=method, random_state=arguments.seed)
    print(found, file=sys.stderr)
    write_table(found.to_frame(), arguments.out)
    if arguments.html:
        _write_page(arguments.html, f"What {Path(arguments.model).name} uses", found._repr_html_())


def _run_report(arguments: argparse.Namespace) -> None:
    from autoarch.cli.demo import summary

    for path in filter(None, (arguments.json, arguments.html)):
        checked_output(path)
    model = read_model(arguments.model, trusted=arguments.trust)
    print(summary(model))
    _write_reports(model, arguments)


def _write_reports(model: Any, arguments: argparse.Namespace) -> None:
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(model.report_dict(), indent=2) + "\n", encoding="utf-8")
    if arguments.html:
        model.report(arguments.html)


def _without(X: Any, column: str | None, file: str) -> tuple[Any, Any]:
    """Features without the column that names the rows, and that column."""
    if column is None:
        return X, None
    if not hasattr(X, "columns") or column not in X:
        raise InputError(f"--id {column} was given, and {file} has no such column. Leave it out, or mend the name.")
    return X.drop(columns=column), X[column]


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
