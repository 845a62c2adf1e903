"""Run a search: simple models, probe, eligible families, steps, refit.

``run_search`` takes canonical data and returns the attributes of a fitted estimator that do not depend on how X came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from autoarch._core.callbacks import FitTasks
from autoarch._core.checks import seed_of
from autoarch._core.failures import describe
from autoarch._core.progress import Progress
from autoarch._core.quiet import quiet, warn_user
from autoarch._core.threads import uninterrupted
from autoarch._data.naming_numbers import known_elsewhere, naming_columns
from autoarch._data.target import Target
from autoarch._search.applicability import Tested
from autoarch._search.calibration import fitted_temperature
from autoarch._search.companions import n_common_splits
from autoarch._search.diagnostics import fit_facts
from autoarch._search.dispatch import Dispatch
from autoarch._search.eligible import Settings, able_families
from autoarch._search.ensemble import AUTO_SIZE, easier_scores, finish, members_now, winner_of_search
from autoarch._search.entrants import Limits
from autoarch._search.estimate import left_out_of, question_scores
from autoarch._search.further import go_on
from autoarch._search.importances import permutation_importances
from autoarch._search.jobs import TrainingData
from autoarch._search.journal import Journal
from autoarch._search.label_thresholds import with_label_thresholds
from autoarch._search.leaderboard import leaderboard, never_tried, stopped_by, warn_about
from autoarch._search.loop import Past, Search
from autoarch._search.memory import CachedEvaluate, cached, fingerprint, scorer_key, versions
from autoarch._search.plug_ins import faulty
from autoarch._search.private_store import warn_of_trouble
from autoarch._search.refit import final_predict_seconds, reserved_seconds
from autoarch._search.scoring import Scorer
from autoarch._search.splits import SearchSplits, plan_for_score, splits_used
from autoarch._search.threshold import at_temperature, with_threshold
from autoarch._search.workers import Workers
from autoarch.families.base import Family, Problem
from autoarch.locality.layout_choice import AS_GIVEN, UNORDERED, LayoutSearch, measure
from autoarch.locality.report import LocalityReport

_ROUND_BESIDE_OTHERS = 1e-3  # seconds that threads wait for each other, in each round of boosting, on a busy machine
_PROBE_SHARE = 0.1  # of the time budget at most
_LEAST_CHANCE = 0.03  # chance of winning below which a family that nobody asked for is left out
_PROBE_LEEWAY = 3.0  # times that after which a probe that does not stop is ended
_STATISTICS_ONLY = 20.0  # seconds of budget below which landmarks are too dear
_BASELINE_SECONDS, _BASELINE_SHARE = 1.0, 0.15  # of the budget, for simple models, before anything else


@dataclass(frozen=True, eq=False)
class Request:
    """Data, problem and settings of one search.

    Parameters
    ----------
    settings : Settings
        What is searched, and for how long.
    X : ndarray of shape (n, p)
        Canonical values.
    target : Target
        What is learned.
    sample_weight : ndarray of shape (n,) or None
        Weights, those of the classes included.
    problem : Problem
        What families are told.
    splits : SearchSplits
        Rows on which candidates are judged, and what was found out about the rows.
    seed : int
        Everything random follows from it.
    layouts : LayoutSearch
        Whether the probe may look for other layouts of the columns than the one in ``problem``.
    past : Past or None
        An earlier search on the same problem, to go on with.
    tasks : FitTasks or None
        For callbacks of scikit-learn.
    journal : Journal
        Where steps are kept, and read that were done by an earlier fit or are by another process.
    blocks : sequence of ndarray of int
        Columns that come from one column of X each.
    """

    settings: Settings
    X: np.ndarray
    target: Target
    sample_weight: np.ndarray | None
    problem: Problem
    splits: SearchSplits
    seed: int
    layouts: LayoutSearch = AS_GIVEN
    past: Past | None = None
    tasks: FitTasks | None = None
    journal: Journal = field(default_factory=Journal)
    blocks: Sequence[np.ndarray] = ()


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The winner, fitted, the attributes that tell what the search found out, and its state.

    ``seconds_per_call`` and ``seconds_per_row`` are what a prediction takes at most, also beside busy processes.
    """

    pipeline: Pipeline
    attributes: dict[str, Any]
    past: Past
    seconds_per_call: float
    seconds_per_row: float


def run_search(request: Request) -> SearchResult:
    """Fit simple models, probe, search and refit.

    Raises
    ------
    ParameterError
        If no family that was asked for can serve, or the score is defined on no split.
    NoModelError
        If not even a baseline could be fitted.
    """
    settings, target, weight = request.settings, request.target, request.sample_weight
    request = replace(request, problem=replace(request.problem, naming=_naming(request)))
    progress = Progress(settings.verbose, settings.budget, request.tasks)
    with quiet():
        about = request.problem.task, request.X, target.values, weight, target.classes
        scorer = Scorer(settings.scoring, *about, settings.threshold)
        plan, undefined = plan_for_score(request.splits.plan, scorer)
    if len(set(plan.estimands)) > 1:  # blocks of a map may hardly vary within
        scorer.reference_variance = np.var(target.codes if target.n_targets == 1 else target.values, axis=0)
    else:
        scorer.units = plan.units.get(plan.estimands[0])
    data = TrainingData(request.X, target.values, weight, plan, scorer)
    able_families(settings.families, request.problem, layout_may_come=request.layouts.infer)
    workers = Workers(data, settings.memory_limit)
    try:
        with quiet("optuna"):
            search = _new_search(request, data, progress, workers)
            _search(search, request)
            best = winner_of_search(search)
            try:
                estimate, chosen, final = finish(best, search, settings.ensemble_size)
            except KeyboardInterrupt:
                if not search.models.of(best):
                    raise
                search.interrupted = True  # then nothing long is begun
                estimate, chosen, final = finish(best, search, 1)
            best = max(chosen.members, key=lambda member: (member[0] is best, member[1]))[0]
            pipeline, fitted_on = final.pipeline, final.how
            importances = permutation_importances(best, search, request.blocks)
            easier = easier_scores(best, search)
            study = search.past.trials.study({c.number: c for c in search.scheduler.candidates})
    finally:
        with uninterrupted():
            workers.close()
            progress.close()
    progress.event(f"end after {settings.budget.elapsed:.1f} s: {best.family}, fitted on {fitted_on}")
    warn_about(search, best, undefined)
    if request.journal.trouble:
        warn_user(request.journal.trouble)
    warn_of_trouble(settings.memory)
    past, report = search.past, search.past.report
    with quiet():  # scores may warn of labels that some rows lack
        temperature = 1.0
        if target.classes is not None:
            temperature = fitted_temperature(chosen.predictions, target.values, scorer.classes, weight)
        decided: dict[str, Any] = {}
        if target.n_classes == 2:
            decide: Any = with_threshold
            threshold = scorer.threshold_of(chosen.predictions)
            if target.n_targets > 1:
                threshold, decide = np.broadcast_to(threshold, target.n_targets).copy(), with_label_thresholds
            if isinstance(settings.threshold, str):
                pipeline = decide(pipeline, threshold)
                decided = {"decision_threshold_": at_temperature(threshold, temperature)}
            else:  # what the user says holds for predict_proba
                pipeline = decide(pipeline, at_temperature(threshold, 1 / temperature))
                decided = {"decision_threshold_": threshold}
        left_out, answers = left_out_of(chosen.predictions, data, temperature)
        used = splits_used(chosen.splits, plan)
        scores = question_scores(estimate, best, data, past.seed, chosen.splits, used)
        scores += easier
    attributes = {
        "layout_": search.problem.layout,
        "locality_": replace(
            report,
            space=request.splits.evidence,
            skipped=(*report.skipped, *request.splits.skipped),
        ),
        "rows_": replace(request.splits.rows, scores=tuple(scores)),
        "scores_": pd.DataFrame([asdict(score) for score in scores]),
        "left_out_predictions_": left_out,
        "_left_out": answers,
        "_facts": fit_facts(request.X, target, left_out, decided.get("decision_threshold_")),
        "_tested": Tested.of(request.X, plan, request.problem.categorical, past.seed),
        "study_": study,
        "leaderboard_": leaderboard(search, best, search.left_out | never_tried(search)),
        "best_family_": best.family,
        "best_score_": chosen.scores[0]
        if len(chosen.members) == 1
        else scorer.score(scorer.decided(chosen.predictions)),
        "estimated_score_": estimate[0],
        "estimated_score_std_error_": estimate[1],
        "ensemble_": chosen.table(),
        **({} if importances is None else {"feature_importances_": importances}),
        "temperature_": temperature,
        **decided,
        "stopped_by_": stopped_by(search),
        "splits_": used,
        "fitted_on_": fitted_on,
    }
    members = [member for member, _ in chosen.members]
    per_call = _ROUND_BESIDE_OTHERS * max(member.mean_work("rounds") for member in members)
    seeds = max(1.0, final.n_models / len(members))
    per_row = seeds * sum(final_predict_seconds(member, search) for member in members) / 1000
    return SearchResult(pipeline, attributes, past, per_call, per_row)


def _naming(request: Request) -> tuple[int, ...]:
    """Columns of whole numbers that name things, of a table whose columns came without a layout."""
    target, problem = request.target, request.problem
    if not request.layouts.infer and problem.coordinates is None:
        return ()
    y, labels = target.codes if target.n_targets == 1 else target.values, target.classes is not None
    columns = naming_columns(request.X, y, classification=labels, categorical=problem.categorical)
    return known_elsewhere(request.X, columns, request.splits.plan.splits)


def _new_search(request: Request, data: TrainingData, progress: Progress, workers: Workers) -> Search:
    """Set up a search, or go on with the one that the request names."""
    settings = request.settings
    timed = not settings.budget.unlimited
    size = AUTO_SIZE if settings.ensemble_size == "auto" else int(settings.ensemble_size)
    search = Search(
        past=request.past or Past.of_nothing(request.seed, data.plan, timed=timed, n_members=size),
        data=data,
        problem=request.problem,
        budget=settings.budget,
        progress=progress,
        reserve=lambda search: reserved_seconds(search, size),
        evaluator=_evaluator(request, workers),
        workers=workers,
        n_jobs=settings.n_jobs,
        max_predict_seconds=settings.max_predict_seconds,
        trial_timeout=settings.trial_timeout,
        journal=request.journal,
    )
    n_begun = search.follower.restore_baselines(search.problem)
    begun = None if settings.budget.n_trials is None else n_begun + settings.budget.n_trials
    n_common = n_common_splits(search.scheduler.order, data.plan)
    search.limit(Limits(begun, settings.patience, size, settings.ensemble_size == "auto", n_common))
    return search


def _search(search: Search, request: Request) -> None:
    """Fit the baselines, probe, select families and search; Ctrl-C ends it wherever there is a model by then."""
    try:
        _prepare(search, request)
        Dispatch(search).run()
        go_on(search, lambda: members_now(search, request.settings.ensemble_size))
        search.close_trials()
    except KeyboardInterrupt:
        if not any(candidate.steps for candidate in search.scheduler.candidates):
            raise
        search.interrupt()
        search.past.report = search.past.report or _nothing_probed(request)


def _prepare(search: Search, request: Request) -> None:
    """Fit the baselines, probe and select families, while processes for the families of others start."""
    settings, data, progress, budget = request.settings, search.data, search.progress, search.budget
    if any(search.workers.isolates(family) for family in settings.families):
        search.workers.start(1)
    if request.past is None:
        progress.event(_beginning(request, data))
        if naming := request.problem.naming:
            progress.event(f"whole numbers that name things in columns {', '.join(map(str, naming))} of the matrix")
        progress.say("fitting simple models")
        timed = not settings.budget.unlimited
        seconds = min(_BASELINE_SECONDS, _BASELINE_SHARE * (settings.budget.seconds or 0.0)) if timed else np.inf
        search.judge_baselines(seconds, as_fallback=settings.chosen_by_user)
    progress.say("probing the layout")
    with search.workers.watch.step(np.inf if budget.unlimited else _PROBE_LEEWAY * _PROBE_SHARE * budget.left + 1.0):
        report = search.past.report = probe(request, search.troubles)
    progress.event(f"verdict of the probe: {report.used.verdict}")
    search.problem = with_findings(request.problem, report)
    able, left_out = able_families(settings.families, search.problem)
    promising, hopeless = promising_families(able, report, search.problem, settings.chosen_by_user)
    search.left_out = left_out | hopeless
    search.troubles |= {name: why for name, why in left_out.items() if faulty(settings.families, name)}
    search.enter(promising, _chances(promising, search.problem, report))
    search.follower.restore(search.problem)
    if settings.chosen_by_user:
        search.exclude_baselines("it stands in only where none of the families that were named gives a model")


def _beginning(request: Request, data: TrainingData) -> str:
    budget = request.settings.budget
    limits = [f"{budget.seconds:g} s" if budget.seconds else "", f"{budget.n_trials} trials" if budget.n_trials else ""]
    n, p = request.X.shape
    what = f"search on {n} x {p} values ({request.problem.task}), {' and '.join(filter(None, limits))}"
    return f"{what}; {data.plan.description}"


def _evaluator(request: Request, workers: Workers) -> Any:
    score = scorer_key(request.settings.scoring)
    memory = request.settings.memory
    if memory is None or score is None:
        return workers
    splits = list(request.splits.plan.splits)
    key = fingerprint(request.X, request.target.values, request.sample_weight, splits, score, versions())
    return CachedEvaluate(memory, key, workers)


def probe(request: Request, troubles: dict[str, str]) -> LocalityReport:
    """Run the probe, or take the report of the search that goes on; if it breaks, note it and do without."""
    if request.past is not None:
        return request.past.report
    if (known := request.journal.report()) is not None:
        return known
    budget, memory, problem = request.settings.budget, request.settings.memory, request.problem
    seconds = None if budget.seconds is None else _PROBE_SHARE * budget.seconds
    short = budget.seconds is not None and budget.seconds < _STATISTICS_ONLY
    y = None if short else request.target.codes
    arguments = {"task": problem.task, "categorical": problem.categorical, "seed": seed_of(request.seed)}
    arguments |= {"search": request.layouts, "windows": request.splits.windows, "device": problem.device}
    key = "" if memory is None else fingerprint(request.X, y, problem, seconds, arguments, versions())
    began = budget.elapsed
    try:
        report: LocalityReport = cached(memory, _probe_key, key, (request.X, y, problem.layout, seconds, arguments))
    except Exception as error:
        troubles["the probe"] = describe(error)
        return _nothing_probed(request)
    budget.charge(report.seconds - (budget.elapsed - began))
    return request.journal.agreed_report(report)


def _nothing_probed(request: Request) -> LocalityReport:
    """Report of a probe that saw nothing."""
    return LocalityReport(layout=request.problem.layout)


def _probe_key(key: str, payload: tuple[Any, ...]) -> LocalityReport:
    X, y, layout, seconds, arguments = payload
    return LocalityReport.of(measure(X, layout, y=y, seconds=seconds, **arguments))


def with_findings(problem: Problem, report: LocalityReport) -> Problem:
    """Add the verdict of the probe, the layout that it holds for, and the symmetries of its cells to the problem."""
    used = report.used
    prefix = {"yes": "", "no": "not "}
    symmetries = [prefix[found.answer] + name for name, found in used.symmetries.items() if found.answer in prefix]
    undecided = "codes" in used.symmetries and used.symmetries["codes"].answer == "too few rows"
    if undecided or any(reason.startswith("codes:") for reason in (*used.skipped, *report.skipped)):
        symmetries.append("perhaps codes")  # few rows, or little time: a search tries both readings
    symmetries += used.scores.tells_more
    layout = problem.layout if used.layout is None else used.layout
    return replace(problem, verdict=used.verdict, layout=layout, symmetries=tuple(symmetries))


def _chances(families: Sequence[Family], problem: Problem, report: LocalityReport) -> dict[str, float]:
    """Chance of each family to hold the best candidate, as far as the probe has seen it."""
    chances = report.family_probabilities
    if problem.coordinates is not None:  # the probe has seen no neighbourhoods
        chances.pop("cnn", None)
    return {family.name: chances[family.name] for family in families if family.name in chances}


def promising_families(
    able: Sequence[Family], report: LocalityReport, problem: Problem, chosen_by_user: bool
) -> tuple[list[Family], dict[str, str]]:
    """Leave out what says itself that it is not worth its time, and convolutions that nothing speaks for; say so."""
    if chosen_by_user:
        return list(able), {}
    left_out = {family.name: reason for family in able if (reason := family.unpromising_for(problem)) is not None}
    if len(left_out) < len(able):
        able = [family for family in able if family.name not in left_out]
    else:
        left_out = {}
    report = report.used
    line = problem.layout is not None and problem.layout.is_bare_line
    others = [family for family in able if not family.needs.grid]
    if line and report.p_value is not None and report.verdict == "none" and others:
        chance = report.family_probabilities.get("cnn", 1.0)
        if chance <= _LEAST_CHANCE or UNORDERED in report.skipped:
            found = f"no order was found in the columns (p = {report.p_value:.2g})"
            if report.unlike:
                found = "the columns are quantities of different units, not cells"
            left_out |= {family.name: found for family in able if family.needs.grid}
            able = others
    return list(able), {name: f"{why}; families=[{name!r}, ...] includes it" for name, why in left_out.items()}
