"""``autoarch``: arguments and data files in, files and text out. Every command is a few calls of the public API.

Read ``arguments`` for the commands, the ``_run_*`` functions for what they do, and ``read_data`` for the files.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

from autoarch.cli.arguments import STANDARD_OUTPUT, build_parser, layout_of, parameters_of
from autoarch.cli.files import labels_like, read_data, read_model, text_columns
from autoarch.cli.output import checked_model, checked_outputs, checked_table, write_model, write_table
from autoarch.exceptions import AutoArchError, InputError

_INTERRUPTED = 130  # as shells say it


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        0; 2 with a line on standard error for what a user can mend; 1 for a fault of the program.
    """
    arguments = build_parser().parse_args(argv)
    try:
        with _warnings_in_a_line(arguments.command):
            _COMMANDS[arguments.command](arguments)
    except KeyboardInterrupt:
        print(f"autoarch {arguments.command}: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:
        if arguments.debug:
            raise
        return _told(error, arguments.command)
    return 0


def _told(error: Exception, command: str) -> int:
    """Say in a line what was wrong, and return the status."""
    words = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        words = f"memory is full ({words}). Pass a smaller file."
    elif not isinstance(error, (AutoArchError, OSError)):
        words = f"{type(error).__name__}: {words}. This is a fault of autoarch; --debug shows where."
    print(f"autoarch {command}: {words}", file=sys.stderr)
    return 2 if isinstance(error, (AutoArchError, OSError, MemoryError)) else 1


@contextmanager
def _warnings_in_a_line(command: str) -> Iterator[None]:
    """Print what there is to warn of without the line of code that warns."""

    def shown(message: Any, *_: Any, **__: Any) -> None:
        print(f"autoarch {command}: {' '.join(str(message).split())}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = shown
        yield


def _run_demo(arguments: argparse.Namespace) -> None:
    from autoarch.cli.demo import run_demo
    from autoarch.estimators import AutoArchClassifier

    # rows drawn at random for training say nothing on how they hang together
    run_demo(AutoArchClassifier(time_budget=arguments.seconds, rows="independent", random_state=arguments.seed))


def _run_probe(arguments: argparse.Namespace) -> None:
    from autoarch.locality import probe_locality

    layout, channels = layout_of(getattr(arguments, "layout", "auto")), getattr(arguments, "channels", "first")
    checked_outputs([arguments.json, arguments.html], arguments.file)
    X, y = read_data(arguments.file, arguments.target)
    report = probe_locality(X, y, layout, channels=channels, task=arguments.task, random_state=arguments.seed)
    _tell(str(report), report.to_dict(), arguments.json)
    if arguments.html:
        _write_page(arguments.html, f"Locality of {Path(arguments.file).name}", report._repr_html_())


def _run_fit(arguments: argparse.Namespace) -> None:
    from autoarch._data.target import guess_task
    from autoarch.cli.demo import summary
    from autoarch.estimators import AutoArchClassifier, AutoArchRegressor

    parameters_of(arguments, named=True)
    checked_model(arguments.out)
    checked_outputs([arguments.out, arguments.json, arguments.html], arguments.file)
    X, y = read_data(arguments.file, arguments.target)
    if y is None:
        raise InputError(f"{arguments.file} has no labels that could be learned: name them with --target.")
    X, _ = _without(X, arguments.id, "--id", arguments.file)
    X, groups = _without(X, arguments.groups, "--groups", arguments.file)
    X, weight = _without(X, arguments.sample_weight, "--sample-weight", arguments.file)
    parameters = parameters_of(arguments, named=hasattr(X, "columns"))
    task = guess_task(y) if arguments.task == "auto" else arguments.task
    quiet = arguments.json == STANDARD_OUTPUT
    if arguments.task == "auto" and not quiet:
        print(f"task         {task}, inferred from the labels; --task overrides it")
    if task == "regression" and (wrong := {"class_weight", "threshold"} & set(parameters)):
        flag = f"--{min(wrong).replace('_', '-')}"
        raise InputError(f"{flag} is for classes, and the task is a regression. Leave it out, or see --task.")
    if isinstance(parameters.get("class_weight"), dict):
        parameters["class_weight"] = _weights_of(parameters["class_weight"], y)
    estimator = AutoArchClassifier if task == "classification" else AutoArchRegressor
    numbers = None if weight is None else _numbers(weight, "--sample-weight", arguments.file)
    y = _numbers(y, "--task regression", arguments.file) if task == "regression" else y
    model = estimator(**parameters).fit(X, y, sample_weight=numbers, groups=groups)
    write_model(model, arguments.out)
    if arguments.html:
        model.report(arguments.html)
    _tell(summary(model), model.report_dict() if arguments.json else {}, arguments.json)
    if not quiet:
        print(f"saved        {arguments.out}")


def _weights_of(weights: dict[str, float], y: Any) -> dict[Any, float]:
    """Weights by labels as y has them; InputError for one that is not there."""
    import numpy as np

    known = {str(label): label for label in np.unique(np.asarray(y)[~_missing(y)]).tolist()}
    if unknown := set(weights) - set(known):
        raise InputError(f"--class-weight names {min(unknown)!r}, and the labels are {', '.join(list(known)[:20])}.")
    return {known[label]: weight for label, weight in weights.items()}


def _numbers(values: Any, flag: str, file: str) -> Any:
    """Values as numbers; InputError where they are texts."""
    import pandas as pd

    try:
        return values if getattr(values, "ndim", 1) > 1 else pd.to_numeric(pd.Series(values)).to_numpy()
    except (TypeError, ValueError) as error:
        words = f"{flag} was given, and what {file} holds for it is no numbers ({error}). Name another column."
        raise InputError(words) from error


def _missing(y: Any) -> Any:
    import pandas as pd

    return pd.isna(pd.Series(y)).to_numpy()


def _run_predict(arguments: argparse.Namespace) -> None:
    import pandas as pd

    if arguments.out:
        checked_table(arguments.out)
    checked_outputs([arguments.out, arguments.json], arguments.file, arguments.model)
    model = read_model(arguments.model, trusted=arguments.trust)
    if arguments.proba and not hasattr(model, "predict_proba"):
        raise InputError(f"{arguments.model} holds a regressor, which has no probabilities; leave --proba out.")
    X, y = read_data(arguments.file, arguments.target, texts=text_columns(model))
    X, names_of_rows = _without(X, arguments.id, "--id", arguments.file)
    table = pd.DataFrame({} if names_of_rows is None else {arguments.id: names_of_rows.to_numpy()})
    if model.n_targets_ > 1:
        table = table.join(_of_targets(model, X, proba=arguments.proba))
    else:
        table["prediction"] = model.predict(X)
        if arguments.proba:
            names = [f"p({label})" for label in model.classes_]
            table = table.join(pd.DataFrame(model.predict_proba(X), columns=names))
    if arguments.out or arguments.json != STANDARD_OUTPUT:
        write_table(table, arguments.out)
    score = None
    if arguments.target is not None and y is not None:
        score = float(model.score(X, labels_like(model, y)))
        print(f"score {score:.4f} on {len(table)} rows", file=sys.stderr)
    _tell(None, {"predictions": json.loads(table.to_json(orient="records")), "score": score}, arguments.json)


def _of_targets(model: Any, X: Any, *, proba: bool) -> Any:
    """Predictions of several targets, a column for each, and probabilities of having each label."""
    import pandas as pd

    from autoarch.explain.one_target import names_of_targets

    names = names_of_targets(model)
    table = pd.DataFrame(model.predict(X), columns=[f"prediction({name})" for name in names])
    having = model.predict_proba(X) if proba else []
    return table.assign(**{f"p({name})": pair[:, 1] for name, pair in zip(names, having, strict=False)})


def _run_explain(arguments: argparse.Namespace) -> None:
    from autoarch.explain import explain

    if arguments.out:
        checked_table(arguments.out)
    checked_outputs([arguments.out, arguments.html, arguments.json], arguments.file, arguments.model)
    model = read_model(arguments.model, trusted=arguments.trust)
    X, y = read_data(arguments.file, arguments.target, texts=text_columns(model))
    X, _ = _without(X, arguments.id, "--id", arguments.file)
    y = None if y is None else labels_like(model, y)
    method = "auto" if y is None else "permutation"
    of = int(arguments.of) if (arguments.of or "").isdecimal() else arguments.of
    found = explain(model, X, y, method=method, target=of, random_state=arguments.seed)
    print(found, file=sys.stderr)
    table = found.to_frame()
    if arguments.out or arguments.json != STANDARD_OUTPUT:
        write_table(table, arguments.out)
    _tell(None, {"method": found.method, "importances": json.loads(table.to_json(orient="records"))}, arguments.json)
    if arguments.html:
        _write_page(arguments.html, f"What {Path(arguments.model).name} uses", found._repr_html_())


def _run_report(arguments: argparse.Namespace) -> None:
    from autoarch.cli.demo import summary

    checked_outputs([arguments.json, arguments.html], arguments.model)
    model = read_model(arguments.model, trusted=arguments.trust)
    _tell(summary(model), model.report_dict() if arguments.json else {}, arguments.json)
    if arguments.html:
        model.report(arguments.html)


_COMMANDS = {
    "demo": _run_demo,
    "probe": _run_probe,
    "fit": _run_fit,
    "predict": _run_predict,
    "explain": _run_explain,
    "report": _run_report,
}


def _tell(text: str | None, facts: dict[str, Any], path: str | None) -> None:
    """Print a text, and write facts as JSON to a file, or print them in its place."""
    if path == STANDARD_OUTPUT:
        print(json.dumps(facts, indent=2))
        return
    if text is not None:
        print(text)
    if path:
        Path(path).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _without(X: Any, column: str | None, flag: str, file: str) -> tuple[Any, Any]:
    """Features without a column that is none, and that column."""
    if column is None:
        return X, None
    if not hasattr(X, "columns") or column not in X:
        raise InputError(f"{flag} {column} was given, and {file} has no such column. Leave it out, or mend the name.")
    return X.drop(columns=column), X[column]


def _write_page(path: str, title: str, body: str) -> None:
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<style>:root{color-scheme:light dark}svg{max-width:100%;height:auto}</style>"
    )
    whole = f"{head}<title>{escape(title)}</title></head><body><h1>{escape(title)}</h1>{body}</body></html>\n"
    Path(path).write_text(whole, encoding="utf-8")
