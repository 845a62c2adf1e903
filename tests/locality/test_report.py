"""The report: every sentence follows its number."""

import json
import pickle
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from autoarch import Layout
from autoarch.locality import (
    AxisEvidence,
    DirectionEvidence,
    Gain,
    Landmark,
    LocalityReport,
    MarginalEvidence,
    PatternEvidence,
    advice,
)
from autoarch.locality.grid_statistics import GridStatistics
from autoarch.locality.measurements import LandmarkScores
from autoarch.locality.symmetry import Symmetry


def _axis(p_value=0.002, size=0.6, **more):
    """An axis of eight cells, clearly dependent unless told otherwise."""
    facts = {"side": 8, "n_orders": 20160, "p_value": p_value, "sizes": (size, 0.4, 0.3), "expected": 0.2}
    return AxisEvidence(**{**facts, "correlations": (size, 0.4, 0.3), "share_of_orders": p_value or 1.0, **more})


NEITHER = {"rows": _axis(0.4), "columns": _axis(0.4)}
TOGETHER = {name: _axis(0.4, within=0.5, within_p_value=0.006) for name in ("rows", "columns")}


def _landmarks(cnn=0.95, shuffled=0.80, mlp=0.85, tree=0.84, linear=0.70, error=0.01):
    """Landmarks with a clear lead of the convolutions unless told otherwise."""
    scores = {"cnn": cnn, "cnn_shuffled": shuffled, "mlp": mlp, "tree": tree, "linear": linear}
    return {name: Landmark(score, error, 0.1) for name, score in scores.items()}


def _changed(report, **change):
    """The same report with other numbers, whichever record holds them."""
    for part in ("grid", "scores"):
        record = getattr(report, part)
        inside = {name: change.pop(name) for name in vars(record) if name in change}
        change[part] = replace(record, **inside)
    return replace(report, **change)


@pytest.fixture
def report():
    """A clear 2-D case, with landmarks."""
    grid = GridStatistics(
        axes={"rows": _axis(), "columns": _axis()},
        neighbour_size=0.6,
        expected_size=0.2,
        directions={name: DirectionEvidence((0.6, 0.3), (0.6, 0.3), 0.2, 0.01) for name in ("rows", "diagonals")},
        lag_r2=0.8,
        lag_r2_p_value=0.003,
        morans_i=0.5,
        gearys_c=0.5,
        marginals={name: MarginalEvidence(0.05, 1.2, 0.2, 0.3) for name in ("cells", "rows", "columns")},
        patterns=PatternEvidence(64, 20.0, 0.8, 0.01),
        neighbour_map=((0.5, None), (0.4, 0.6)),
    )
    gains = {"layout": Gain(0.15, 0.01), "place": Gain(0.08, 0.01), "scaling": Gain(0.001, 0.01)}
    scores = LandmarkScores(_landmarks(), gains, landmark_rows=500)
    return LocalityReport(layout=Layout(8, 8), grid=grid, scores=scores, n_samples_used=500, seconds=1.0)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        pytest.param({}, "2d", id="both"),
        pytest.param({"axes": NEITHER}, "none", id="neither"),
        pytest.param({"axes": TOGETHER}, "none", id="cells-of-a-line-alone"),
        pytest.param({"axes": {"rows": _axis(), "columns": _axis(0.4)}}, "1d-rows", id="rows-only"),
        pytest.param({"axes": {"rows": _axis(0.03), "columns": _axis(0.002)}}, "1d-columns", id="columns-only"),
        pytest.param({"axes": {"rows": _axis(0.006), "columns": _axis(0.4)}}, "none", id="no-weaker-level"),
        pytest.param({"axes": {"rows": _axis(None, size=0.9), "columns": _axis(0.4)}}, "none", id="untested"),
        pytest.param({"axes": {"rows": _axis(), "columns": AxisEvidence(side=1)}}, "1d-rows", id="a-line"),
        pytest.param({"axes": {"rows": _axis(unlike=3.0), "columns": AxisEvidence(1)}}, "none", id="quantities"),
        pytest.param({"layout": None, "axes": {}}, "none", id="no-grid"),
    ],
)
def test_the_verdict_follows_the_axes(report, change, verdict):
    """Their own tests alone decide, at one level; a strong effect or a test of single cells names no axis."""
    changed = _changed(report, **change)

    assert changed.verdict == verdict
    assert str(changed).startswith(verdict)


def test_a_side_of_few_lines_is_not_tested_and_keeps_its_kernels(report):
    """Four lines have twelve orders: however strong the effect, the verdict does not speak of them."""
    short = _axis(None, side=4, n_orders=12, share_of_orders=1 / 12)

    beside = _changed(report, axes={"rows": _axis(), "columns": short})
    alone = _changed(report, axes={"rows": short, "columns": short}, landmarks={})

    assert (beside.verdict, beside.kernel_shapes) == ("1d-rows", ("1 x k", "k x k"))
    assert "too few lines to test" in _sentences(beside)
    assert (alone.verdict, alone.p_value) == ("none", 1.0)
    assert "too few lines to test" in alone.recommendation
    assert "No dependence" not in _sentences(alone)


def test_cells_of_a_line_may_belong_together_though_the_lines_have_no_order(report):
    """Stations and days in no order: the sentence quotes both tests, and nothing speaks of neighbours or patterns."""
    panel, apart = (_changed(report, axes=axes, landmarks={}) for axes in (TOGETHER, NEITHER))

    text = _sentences(panel)

    assert "The cells of a line belong together, the order of the lines carries nothing" in text
    assert "cells permuted, p = 0.006; lines permuted, p = 0.400" in text
    assert "enough local patterns" not in text
    assert "depend on each other" not in text
    assert "belong together" not in _sentences(apart)
    assert "belong together" not in _sentences(report)


def _sentences(report):
    """All sentences and the advice as one text."""
    return " ".join([*report.sentences, report.recommendation])


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        pytest.param({"axes": NEITHER}, "cells depend on each other", "No dependence between", id="whole"),
        pytest.param(
            {"axes": {"rows": AxisEvidence(3), "columns": AxisEvidence(3)}},
            "cells depend on each other",
            "was not tested",
            id="few-lines",
        ),
        pytest.param(
            {"axes": {"rows": _axis(unlike=12.0), "columns": AxisEvidence(1)}},
            "cells depend on each other",
            "quantities of different units",
            id="table",
        ),
        pytest.param(
            {"axes": {"rows": _axis(), "columns": _axis(0.4)}},
            "Order along a column (8 cells): mean |r| between neighbours 0.60, above",
            "Order along a column (8 cells): mean |r| between neighbours 0.60, not clearly above",
            id="axis",
        ),
        pytest.param(
            {"axes": {"rows": _axis(correlations=(-0.6, 0.4, -0.3)), "columns": _axis()}},
            "Order along a row (8 cells): mean |r| between neighbours 0.60, above",
            "0.60 (mean r -0.60: signs alternate), above",
            id="alternating",
        ),
        pytest.param({"lag_r2": 0.1}, "largely stationary", "mostly not stationary", id="position"),
        pytest.param({"lag_r2": 0.4}, "explains 80%", "explains 40%", id="share"),
        pytest.param({"gains": {"layout": Gain(0.001, 0.01)}}, "the layout helps", "no significant effect", id="gain"),
        pytest.param({"landmarks": _landmarks(tree=0.99)}, "Try a CNN first", "Prefer trees first", id="winner"),
        pytest.param({"landmarks": _landmarks(tree=0.99)}, "Try a CNN", "does not help this task", id="why"),
        pytest.param({"landmarks": _landmarks(mlp=0.945)}, "a clear lead", "within one standard error", id="close"),
        pytest.param({"axes": NEITHER}, "along rows and along columns", "no dependence", id="no"),
        pytest.param({"axes": NEITHER}, "enough local patterns", "need an axis whose order matters", id="no-patterns"),
        pytest.param(
            {"gains": {"place": Gain(0.001, 0.005)}}, "pattern is informative", "is not informative", id="place"
        ),
        pytest.param(
            {"gains": {"place": Gain(0.01, 0.01)}}, "pattern is informative", "may be informative", id="unsure"
        ),
        pytest.param({"patterns": PatternEvidence(64, 2.0, 0.8, 0.01)}, ": enough local", ": few local", id="patterns"),
        pytest.param(
            {"marginals": {"cells": MarginalEvidence(0.6, 2.0, 0.001, 0.001)}},
            "do not differ significantly",
            "differ strongly (eta squared 0.60",
            id="levels",
        ),
        pytest.param(
            {"marginals": {"rows": MarginalEvidence(0.6, 2.0, 0.001, 0.001)}},
            "no reason against sharing weights along a row",
            ": a reason against sharing weights along a row",
            id="heterogeneity",
        ),
        pytest.param(
            {"directions": {"diagonals": DirectionEvidence((0.1, 0.1), (0.1, 0.1), 0.2, 0.5)}},
            "fades within 2 cells",
            "in size no more than between any two cells",
            id="reach",
        ),
        pytest.param({"gains": {"scaling": Gain(0.1, 0.01)}}, "or global scaling", "per cell scaling", id="scaling"),
        pytest.param({"landmark_metric": "r2"}, "cross-validated accuracy", "cross-validated R2", id="metric"),
        pytest.param({"landmarks": {}}, "What would change this", "Pass y", id="no-target"),
        pytest.param(
            {"landmarks": {}, "skipped": ("mlp: 9 rows are too few",)}, "What would", "More rows would", id="few-rows"
        ),
        pytest.param({"landmarks": {}, "skipped": ("mlp: time ran out",)}, "What would", "not compared", id="no-time"),
        pytest.param({"layout": None, "axes": {}}, "cells depend on", "have no layout", id="no-grid"),
    ],
)
def test_another_number_gives_another_sentence(report, change, before, after):
    """No sentence is printed that other data would not change."""
    changed = _changed(report, **change)

    assert before in _sentences(report)
    assert after not in _sentences(report)
    assert after in _sentences(changed)
    assert before not in _sentences(changed)


def test_advice_without_a_target_follows_the_verdict(report):
    """A grid asks for a CNN, none for trees, and both say what else to try."""
    blind = _changed(report, landmarks={}, landmark_rows=0)

    assert blind.recommendation.startswith("Try a CNN, and compare with trees")
    assert _changed(blind, axes=NEITHER).recommendation.startswith("Prefer trees")


def test_chances_add_up_and_follow_the_landmarks(report):
    """The leader is the likeliest, nobody has nothing, and the set kept widens with the noise."""
    chances = report.family_probabilities

    assert sum(chances.values()) == pytest.approx(1.0)
    assert max(chances, key=chances.get) == "cnn"
    assert min(chances.values()) > 0
    assert report.recommended_families == {"cnn": chances["cnn"]}
    noisy = _changed(report, landmarks=_landmarks(error=0.3))
    assert list(noisy.recommended_families) == ["cnn", "tree"]  # dense nets last: the order of cells matters
    assert noisy.family_probabilities["cnn"] < chances["cnn"]


def test_the_same_landmarks_speak_less_for_convolutions_where_no_order_matters(report):
    """Then they score by other means than the layout; few lines to test their order by are no such finding."""
    level = _landmarks(cnn=0.85, shuffled=0.85, mlp=0.83, tree=0.83)
    few = {name: _axis(None, side=4, n_orders=12) for name in ("rows", "columns")}

    ordered, none, untested = (
        _changed(report, landmarks=level, axes=axes).family_probabilities["cnn"] for axes in (report.axes, NEITHER, few)
    )

    assert none < 0.6 * ordered
    assert none < untested <= ordered
    flat = replace(_changed(report, landmarks=level, axes=few), layout=Layout.of((1, 4), origin="shape"))
    assert flat.family_probabilities["cnn"] == pytest.approx(none)


def test_a_clear_lead_is_less_likely_than_a_lead():
    """The larger the margin asked for, the smaller the chance; a margin of next to nothing is a lead."""
    marks = _landmarks(cnn=0.88, error=0.02)
    leads = [advice.win_probabilities(marks, "2d", True, margin=margin)["cnn"] for margin in (1e-9, 0.01, 0.05)]

    assert 1 > leads[0] > leads[1] > leads[2] > 0
    assert leads[0] == pytest.approx(advice.win_probabilities(marks, "2d", True)["cnn"], abs=0.05)


def test_a_family_without_a_landmark_keeps_the_chance_that_the_verdict_gives(report):
    """A landmark dropped for lack of time does not make its family hopeless."""
    partial = {name: mark for name, mark in _landmarks().items() if name != "mlp"}

    chances = _changed(report, landmarks=partial).family_probabilities

    assert chances["mlp"] == pytest.approx(_changed(report, landmarks={}).family_probabilities["mlp"], abs=0.02)
    assert sum(chances.values()) == pytest.approx(1.0)


def test_the_report_goes_into_json_and_html(report):
    """Plain types, no NaN, and markup that parses."""
    facts = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    page = ElementTree.fromstring(_changed(report, skipped=("mlp: <time> & money",))._repr_html_())

    assert facts["verdict"] == "2d"
    assert {**facts["layout"], "height": 8, "width": 8, "channels": 1, "origin": "given"} == facts["layout"]
    assert facts["axes"]["rows"]["effect"] == pytest.approx(0.5)
    assert facts["directions"]["rows"]["reach"] == 2
    assert facts["findings"][0]["p_value"] == 0.002
    assert facts["neighbour_map"] == [[0.5, None], [0.4, 0.6]]
    assert "<time> & money" in "".join(page.itertext())
    assert len(list(page.iter("{http://www.w3.org/2000/svg}rect"))) == 9


def test_numbers_of_its_records_are_attributes_of_the_report_and_survive_pickling(report):
    """Statistics and landmarks are grouped, and reached without knowing the groups."""
    again = pickle.loads(pickle.dumps(replace(report, recovered=report)))

    assert again == replace(report, recovered=report)
    assert again.used.sentences == report.sentences
    for record in (report.grid, report.scores):
        inside = {name: value for name, value in vars(record).items() if name != "symmetries"}  # of several records
        assert {name: getattr(again, name) for name in inside} == inside


def test_the_table_has_a_row_per_finding(report):
    """Each with its statistic, null, p-value, effect and sentence; what was not measured has no row."""
    table = report.to_frame()

    assert list(table["sentence"]) == [finding.sentence for finding in report.findings]
    assert table["p_value"].dropna().between(0, 1).all()
    assert len(LocalityReport().to_frame()) == 0
    assert list(LocalityReport().to_frame()) == list(table)


@pytest.mark.parametrize(
    ("change", "shapes"),
    [
        pytest.param({}, ("k x k",), id="alike"),
        pytest.param({"axes": {"rows": _axis(), "columns": _axis(size=0.3)}}, ("k x k", "1 x k"), id="rows-stronger"),
        pytest.param({"axes": {"rows": _axis(), "columns": _axis(0.4)}}, ("1 x k",), id="rows"),
        pytest.param({"axes": {"rows": _axis(0.4), "columns": _axis()}}, ("k x 1",), id="columns"),
        pytest.param({"axes": NEITHER}, (), id="none"),
    ],
)
def test_kernels_follow_the_axes(report, change, shapes):
    """Square where both axes carry an order, along the line where one does."""
    assert _changed(report, **change).kernel_shapes == shapes


@pytest.mark.parametrize("name", ["shift", "mirror_rows", "mirror_columns", "turn"])
def test_changed_samples_are_advised_only_where_they_are_as_likely_and_labelled_alike(report, name):
    """And not at all where the answer is another one, or nobody asked."""

    def answered(answer):
        symmetries = {name: Symmetry(answer, 0.0, 0.5, "")}
        return replace(report, scores=replace(report.scores, symmetries=symmetries))

    assert name in answered("yes").augmentations
    assert f"by {advice.CHANGES[name]}" in " ".join(str(answered("yes")).split())
    assert name not in answered("no").augmentations
    assert name not in answered("too few rows").augmentations
    assert name not in report.augmentations
    assert _changed(answered("yes"), axes=NEITHER).augmentations == ()


def test_cells_of_codes_get_a_channel_each(report):
    """Before any other scaling."""
    symmetries = {"codes": Symmetry("yes", 0.1, 0.001, "")}

    assert replace(report, scores=replace(report.scores, symmetries=symmetries)).scaling[0] == "per code"


def test_scaling_follows_the_landmarks_and_else_the_marginals(report):
    """A clear difference leaves one scaling; without a target, unequal levels speak for scaling each cell."""
    unequal = {"cells": MarginalEvidence(0.8, 3.0, 0.001, 0.001)}

    assert _changed(report, gains={"scaling": Gain(0.1, 0.01)}).scaling == ("per cell",)
    assert _changed(report, gains={"scaling": Gain(-0.1, 0.01)}).scaling == ("global",)
    assert _changed(report, gains={}).scaling == ("global", "per cell")
    assert _changed(report, gains={}, marginals=unequal).scaling == ("per cell", "global")


def test_the_picture_shows_what_was_measured(report):
    """Correlograms, map and landmarks; without a grid the landmarks only."""
    pytest.importorskip("matplotlib")

    assert len(report.plot().figure_.axes) == 4  # with the bar of colours
    assert len(_changed(report, directions={}).plot().figure_.axes) == 1


def test_an_axis_with_next_to_no_effect_does_not_count(report):
    """With many rows anything becomes significant; 3 % of the other axis's effect is no dependence to speak of."""
    faint = _changed(report, axes={"rows": _axis(), "columns": _axis(size=0.212)})

    assert faint.verdict == "1d-rows"


def test_an_empty_report_still_speaks():
    """Nothing measured: no error, a verdict, chances and advice."""
    report = LocalityReport()

    assert report.verdict == "none"
    assert np.isclose(sum(report.family_probabilities.values()), 1.0)
    assert report.recommendation in str(report).replace("\n  ", " ")
