"""Arguments of the command line: those of every command, and the parameters of the estimators that a shell can carry.

``PARAMETERS`` has one entry for each parameter of the estimators; a test compares the two.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, NoReturn

from autoarch._core.reproduce import flag_of
from autoarch.exceptions import InputError

FILE_HELP = "an .npz with arrays X and y, or an .npy, .csv, .tsv, .parquet or .feather file"
STANDARD_OUTPUT = "-"
_TARGET_HELP = "labels: a column of a table, or several as a,b; an array of an .npz (default y), or a second .npy file"
_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def layout_of(text: str) -> Any:
    """``auto``, ``none``, ``8x8`` or ``3x8x8`` as the parameter ``layout`` takes it.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if text.lower() in ("auto", "none"):
        return "auto" if text.lower() == "auto" else None
    if re.fullmatch(r"\d+(x\d+){1,2}", text.lower()):
        return tuple(int(side) for side in text.lower().split("x"))
    raise InputError(f"--layout {text} was given; expected HxW such as 8x8, CxHxW, none or auto.")


def _number_or_text(text: str) -> Any:
    if text.isdecimal():
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _seconds_or_none(text: str) -> float | None:
    return None if text.lower() == "none" else _number(text)


def _bytes_or_share(text: str) -> float:
    number, unit = (text[:-1], text[-1].lower()) if text[-1:].lower() in _UNITS else (text, "")
    return _number(number) * _UNITS.get(unit, 1)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid float value: {text!r}") from None


def _weights(text: str) -> Any:
    """``balanced``, or weights of labels as ``yes=2,no=1`` or as JSON."""
    if text.lower() in ("balanced", "none"):
        return None if text.lower() == "none" else "balanced"
    try:
        pairs = json.loads(text) if text.startswith("{") else dict(pair.rsplit("=", 1) for pair in text.split(","))
        return {str(label): float(weight) for label, weight in pairs.items()}
    except (ValueError, TypeError, AttributeError):
        raise argparse.ArgumentTypeError(f"{text!r} is neither 'balanced' nor weights such as yes=2,no=1") from None


@dataclass(frozen=True)
class Argument:
    """One parameter of the estimators as an argument.

    Parameters
    ----------
    words : str
        Help.
    kind : callable
        Value of a text.
    more : mapping
        What else argparse is told.
    """

    words: str
    kind: Any = str
    more: Mapping[str, Any] = field(default_factory=dict)


PARAMETERS = {
    "time_budget": Argument("seconds of the fit (default: 120), or none", _seconds_or_none),
    "n_trials": Argument("most trials (default: as many as the time allows)", int),
    "families": Argument("only these families", more={"nargs": "+", "metavar": "NAME"}),
    "layout": Argument("HxW or CxHxW for flat columns, none, or auto (default)"),
    "scoring": Argument("score that candidates are chosen by, as scikit-learn names it"),
    "cv": Argument("folds, or time for later rows", _number_or_text),
    "class_weight": Argument("balanced, or weights such as yes=2,no=1", _weights),
    "threshold": Argument("probability of the second of two classes to predict it, auto or default", _number_or_text),
    "channels": Argument("axis of a 4-D array", more={"choices": ("first", "last")}),
    "coordinates": Argument("columns with the place of each row", more={"nargs": 2, "metavar": ("X", "Y")}),
    "rows": Argument("independent asks no questions about rows", more={"choices": ("auto", "independent")}),
    "time": Argument("column that orders the rows"),
    "device": Argument("where nets are trained"),
    "ensemble_size": Argument("candidates of the final model, or auto", _number_or_text),
    "max_predict_seconds": Argument("most seconds for predictions of 1,000 rows", float),
    "patience": Argument("trials without a better one after which the search stops", int),
    "trial_timeout": Argument("most seconds of one step", float),
    "memory_limit": Argument("bytes that a fit may take (also 4G), or a share of what is free", _bytes_or_share),
    "pretrained": Argument("file of a net that was trained on other data"),
    "warm_start": Argument("keep the search in a pickle, for a later fit in Python", more={"action": "store_true"}),
    "n_jobs": Argument("trials at a time", int),
    "memory": Argument("folder where steps are kept for later fits"),
    "storage": Argument("file or URL where the search is kept: called again it goes on"),
    "random_state": Argument("seed (default: 0)", int),
    "verbose": Argument("0 says nothing, 2 all", int),
}
_OF_DATA = ("layout", "channels")  # that the probe takes as well


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands.

    Returns
    -------
    ArgumentParser
        Its results carry ``command``.
    """
    parser = _Parser(prog="autoarch", description="Test matrices for locality and fit what suits them.")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    parser.add_argument("--version", action="version", version=f"autoarch {version('autoarch')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="fit three small data sets and say why a convolution did or did not pay")
    demo.add_argument("--seconds", type=float, default=20.0, help="budget of each of the three fits (default: 20)")
    demo.add_argument("--seed", type=int, default=0)
    probe = commands.add_parser("probe", help="test whether neighbouring cells of a data set are dependent")
    _add_data(probe, _OF_DATA)
    probe.add_argument("--seed", type=int, default=0)
    fit = commands.add_parser("fit", help="search, print the leaderboard and save the fitted estimator")
    _add_data(fit, PARAMETERS)
    out_help = "where the estimator goes: model.autoarch, or model.joblib for a pickle"
    fit.add_argument("--out", required=True, metavar="MODEL", help=out_help)
    fit.add_argument("--groups", metavar="COLUMN", help="a column whose equal values are never split up; no feature")
    fit.add_argument("--sample-weight", metavar="COLUMN", help="a column with the weights of the rows; no feature")
    predict = commands.add_parser("predict", help="predict with a saved estimator")
    _add_model(predict)
    predict.add_argument("file", help=FILE_HELP)
    predict.add_argument("--target", help="labels to leave out of the features and to score against")
    predict.add_argument("--proba", action="store_true", help="a column of probabilities for every class")
    predict.add_argument("--out", metavar="TABLE", help="where the predictions go (default: standard output, as CSV)")
    explain = commands.add_parser("explain", help="say which cells or columns the predictions of a saved estimator use")
    _add_model(explain)
    explain.add_argument("file", help=FILE_HELP)
    explain.add_argument("--target", help="labels: then importances are falls of the score when a column is permuted")
    explain.add_argument("--of", metavar="TARGET", help="the one of several targets that is explained")
    explain.add_argument("--out", metavar="TABLE", help="where the importances go (default: standard output, as CSV)")
    explain.add_argument("--seed", type=int, default=0)
    report = commands.add_parser("report", help="summarise a saved estimator")
    _add_model(report)
    for command in (fit, predict, explain):
        command.add_argument("--id", metavar="COLUMN", help="a column of a table that is no feature")
    for command in (fit, probe, explain, report):
        command.add_argument("--html", metavar="OUT", help="write the report as a page")
    for command in (fit, probe, explain, report, predict):
        json_help = "write what was found as JSON; without a name to standard output, in place of the text"
        command.add_argument("--json", nargs="?", const=STANDARD_OUTPUT, metavar="OUT", help=json_help)
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with arguments in one line, and takes no beginnings of names."""

    def __init__(self, **settings: Any):
        super().__init__(**{**settings, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; {self.prog} --help lists the arguments\n")


def _add_data(parser: argparse.ArgumentParser, names: Any) -> None:
    parser.add_argument("file", help=FILE_HELP)
    parser.add_argument("--target", help=_TARGET_HELP)
    parser.add_argument("--task", choices=("auto", "classification", "regression"), default="auto")
    for name in names:
        one = PARAMETERS[name]
        kind = {} if "action" in one.more else {"type": one.kind}
        parser.add_argument(flag_of(name), dest=name, default=argparse.SUPPRESS, help=one.words, **kind, **one.more)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a file written by autoarch fit")
    trust = "load a pickle, although it may run any code: for files whose maker you trust"
    parser.add_argument("--trust", action="store_true", help=trust)


def parameters_of(arguments: argparse.Namespace, *, named: bool) -> dict[str, Any]:
    """Parameters of the estimators that were given; columns by name where X is a table, else by their numbers.

    Raises
    ------
    InputError
        If a layout is none.
    """
    given = {name: value for name, value in vars(arguments).items() if name in PARAMETERS}
    if "layout" in given:
        given["layout"] = layout_of(given["layout"])
    if given.get("families") == ["auto"]:
        given["families"] = "auto"
    for name in ("time", "coordinates"):
        if name in given:
            several = name == "coordinates"
            columns = [text if named else _number_or_text(text) for text in (given[name] if several else [given[name]])]
            given[name] = columns if several else columns[0]
    return {"random_state": 0, **given}
