"""The report: every sentence follows its number."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from autoarch import Layout
from autoarch.locality import AxisEvidence, Landmark, LocalityReport


def _axis(p_value=0.002, size=0.6, **more):
    """An axis of eight cells, clearly dependent unless told otherwise."""
    facts = {"side": 8, "n_orders": 20160, "p_value": p_value, "sizes": (size, 0.4, 0.3), "expected": 0.2}
    return AxisEvidence(**{**facts, "correlations": (size, 0.4, 0.3), "share_of_orders": p_value or 1.0, **more})


def _landmarks(cnn=0.95, shuffled=0.80, mlp=0.85, tree=0.84, linear=0.70, error=0.01):
    """Landmarks with a clear lead of the convolutions unless told otherwise."""
    scores = {"cnn": cnn, "cnn_shuffled": shuffled, "mlp": mlp, "tree": tree, "linear": linear}
    return {name: Landmark(score, error, 0.1) for name, score in scores.items()}


@pytest.fixture
def report():
    """A clear 2-D case, with landmarks."""
    return LocalityReport(
        layout=Layout(8, 8),
        p_value=0.003,
        axes={"rows": _axis(), "columns": _axis()},
        lag_r2=0.8,
        morans_i=0.5,
        landmarks=_landmarks(),
        n_samples_used=500,
        landmark_rows=500,
        seconds=1.0,
    )


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        pytest.param({}, "2d", id="both"),
        pytest.param({"p_value": 0.02}, "none", id="no-layout-at-all"),
        pytest.param({"axes": {"rows": _axis(), "columns": _axis(0.4)}}, "1d-rows", id="rows-only"),
        pytest.param({"axes": {"rows": _axis(0.03), "columns": _axis(0.002)}}, "1d-columns", id="columns-only"),
        pytest.param({"axes": {"rows": _axis(0.03), "columns": _axis(0.4)}}, "1d-rows", id="weaker-level"),
        pytest.param({"axes": {"rows": _axis(0.2), "columns": _axis(0.2)}}, "2d", id="guess-by-effect"),
        pytest.param({"axes": {"rows": _axis(0.2), "columns": _axis(0.2, size=0.1)}}, "1d-rows", id="guess-one"),
        pytest.param({"axes": {"rows": _axis(), "columns": AxisEvidence(side=1)}}, "1d-rows", id="a-line"),
        pytest.param({"layout": None, "p_value": None, "axes": {}}, "none", id="no-grid"),
    ],
)
def test_the_verdict_follows_the_p_values(report, change, verdict):
    """It is "none" unless the whole layout is rejected; then the axes decide."""
    changed = replace(report, **change)

    assert changed.verdict == verdict
    assert str(changed).startswith(verdict)


def test_a_short_side_is_judged_by_its_effect_and_the_report_says_so(report):
    """Four lines have twelve orders: no test, but a strong effect counts if the given order is the best one."""
    short = _axis(None, side=4, n_orders=12, share_of_orders=1 / 12)

    strong = replace(report, axes={"rows": _axis(), "columns": short})
    other_order = replace(report, axes={"rows": _axis(), "columns": replace(short, share_of_orders=0.5)})
    weak = replace(report, axes={"rows": _axis(), "columns": replace(short, sizes=(0.25, 0.2, 0.2))})

    assert (strong.verdict, other_order.verdict, weak.verdict) == ("2d", "1d-rows", "1d-rows")
    assert "12 orders, no test" in str(strong).replace("\n  ", " ")
    assert "does not count as dependence" in str(weak).replace("\n  ", " ")


def _said(report):
    """All sentences and the advice as one text."""
    return " ".join([*report.sentences, report.recommendation])


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        pytest.param({"p_value": 0.3}, "The order of the cells matters", "look no different", id="whole"),
        pytest.param({"p_value": 1.0}, "The order of the cells matters", "to tell", id="nothing-varies"),
        pytest.param(
            {"axes": {"rows": _axis(), "columns": _axis(0.4)}},
            "Along a column (8 cells) neighbours correlate by 0.60 in size, more than",
            "Along a column (8 cells) neighbours correlate by 0.60 in size, not clearly more than",
            id="axis",
        ),
        pytest.param(
            {"axes": {"rows": _axis(correlations=(-0.6, 0.4, -0.3)), "columns": _axis()}},
            "Along a row (8 cells) neighbours correlate by 0.60 in size, more",
            "with alternating signs (-0.60)",
            id="alternating",
        ),
        pytest.param(
            {"axes": {"rows": _axis(0.2), "columns": _axis(0.2)}}, "in size, more", "No axis is certain", id="guess"
        ),
        pytest.param({"lag_r2": 0.1}, "much the same wherever", "mostly on where", id="position"),
        pytest.param({"lag_r2": 0.4}, "explains 80%", "explains 40%", id="share"),
        pytest.param(
            {"landmarks": _landmarks(shuffled=0.949)}, "they use the layout", "nothing sure from the layout", id="gain"
        ),
        pytest.param({"landmarks": _landmarks(tree=0.99)}, "Try a CNN first", "Prefer trees first", id="winner"),
        pytest.param({"landmarks": _landmarks(tree=0.99)}, "Try a CNN", "does not help this task", id="why"),
        pytest.param({"landmarks": _landmarks(mlp=0.945)}, "a clear lead", "within the noise", id="close"),
        pytest.param({"p_value": 0.5}, "along rows and along columns", "no dependence", id="no"),
        pytest.param({"landmark_metric": "r2"}, "cross-validated accuracy", "cross-validated R2", id="metric"),
        pytest.param({"landmarks": {}}, "What would change this", "Pass y", id="no-target"),
        pytest.param(
            {"landmarks": {}, "skipped": ("mlp: 9 rows are too few",)}, "What would", "More rows would", id="few-rows"
        ),
        pytest.param({"landmarks": {}, "skipped": ("mlp: time ran out",)}, "What would", "not compared", id="no-time"),
        pytest.param({"layout": None, "p_value": None, "axes": {}}, "The order of", "have no layout", id="no-grid"),
    ],
)
def test_another_number_gives_another_sentence(report, change, before, after):
    """No sentence is printed that other data would not change."""
    changed = replace(report, **change)

    assert before in _said(report)
    assert after not in _said(report)
    assert after in _said(changed)
    assert before not in _said(changed)


def test_advice_without_a_target_follows_the_verdict(report):
    """A grid asks for a CNN, none for trees, and both say what else to try."""
    blind = replace(report, landmarks={}, landmark_rows=0)

    assert blind.recommendation.startswith("Try a CNN, and compare with trees")
    assert replace(blind, p_value=0.5).recommendation.startswith("Prefer trees")


def test_chances_add_up_and_follow_the_landmarks(report):
    """The leader is the likeliest, nobody has nothing, and the set kept widens with the noise."""
    chances = report.family_probabilities

    assert sum(chances.values()) == pytest.approx(1.0)
    assert max(chances, key=chances.get) == "cnn"
    assert min(chances.values()) > 0
    assert report.recommended_families == ("cnn",)
    noisy = replace(report, landmarks=_landmarks(error=0.08))
    assert noisy.recommended_families == ("cnn", "mlp", "tree")
    assert noisy.family_probabilities["cnn"] < chances["cnn"]


def test_a_family_without_a_landmark_keeps_the_chance_that_the_verdict_gives(report):
    """A landmark dropped for lack of time does not make its family hopeless."""
    partial = {name: mark for name, mark in _landmarks().items() if name != "mlp"}

    chances = replace(report, landmarks=partial).family_probabilities

    assert chances["mlp"] == pytest.approx(replace(report, landmarks={}).family_probabilities["mlp"], abs=0.02)
    assert sum(chances.values()) == pytest.approx(1.0)


def test_the_report_goes_into_json_and_html(report):
    """Plain types, no NaN, and markup that parses."""
    facts = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    page = ElementTree.fromstring(replace(report, skipped=("mlp: <time> & money",))._repr_html_())

    assert facts["verdict"] == "2d"
    assert facts["layout"] == {"height": 8, "width": 8, "channels": 1, "origin": "given"}
    assert facts["axes"]["rows"]["effect"] == pytest.approx(0.5)
    assert "<time> & money" in "".join(page.itertext())
    assert len(list(page.iter("{http://www.w3.org/2000/svg}rect"))) == 9


def test_an_empty_report_still_speaks():
    """Nothing measured: no error, a verdict, chances and advice."""
    report = LocalityReport()

    assert report.verdict == "none"
    assert np.isclose(sum(report.family_probabilities.values()), 1.0)
    assert report.recommendation in str(report).replace("\n  ", " ")
