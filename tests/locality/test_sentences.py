"""Sentences of a report agree with each other and with the numbers, whatever these are."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from autoarch import Layout
from autoarch.locality import (
    AxisEvidence,
    DirectionEvidence,
    Gain,
    Landmark,
    LocalityReport,
    MarginalEvidence,
    PatternEvidence,
)
from autoarch.locality.grid_statistics import GridStatistics
from autoarch.locality.measurements import LandmarkScores
from autoarch.locality.symmetry import Symmetry

SHARES = st.floats(0, 1)
P_VALUES = st.sampled_from([0.0005, 0.004, 0.005, 0.006, 0.03, 0.4, 1.0])
SIDES = st.integers(1, 12)


def _gains():
    return st.builds(Gain, st.floats(-0.2, 0.2), st.floats(0, 0.1))


@st.composite
def _axes(draw, side, line):
    """One axis; sides under six are not tested, and only columns of one ``line`` may be those of a table."""
    sizes = draw(st.tuples(SHARES, SHARES, SHARES))
    sign = draw(st.sampled_from([-1, 1]))
    return AxisEvidence(
        side=side,
        p_value=draw(P_VALUES) if side >= 6 else None,
        correlations=(sign * sizes[0], sizes[1], sizes[2]),
        sizes=sizes,
        expected=draw(SHARES),
        within=draw(SHARES),
        within_p_value=draw(P_VALUES),
        unlike=draw(st.sampled_from([0.0, 4.0])) if line and side >= 6 else 0.0,
    )


@st.composite
def reports(draw):
    """Any numbers that a probe may find, with or without a target."""
    height, width = draw(SIDES), draw(SIDES)
    axes = {"rows": draw(_axes(width, height == 1)), "columns": draw(_axes(height, False))}
    directions = {}
    for name, side in (("rows", width), ("columns", height), ("diagonals", min(width, height))):
        sizes = tuple(draw(st.lists(SHARES, min_size=side - 1, max_size=side - 1)))
        if sizes:
            p_value = axes[name].p_value if name in axes else draw(P_VALUES)
            directions[name] = DirectionEvidence(sizes, sizes, draw(SHARES), p_value)
    marginal = st.builds(MarginalEvidence, SHARES, st.floats(1, 50), P_VALUES, P_VALUES)
    grid = GridStatistics(
        neighbour_size=draw(SHARES),
        expected_size=draw(SHARES),
        axes=axes,
        directions=directions,
        lag_r2=draw(st.floats(-1, 1)),
        lag_r2_p_value=draw(P_VALUES),
        marginals={name: draw(marginal) for name in ("cells", "rows", "columns")},
        patterns=PatternEvidence(height * width, draw(st.floats(1, 144)), draw(SHARES), draw(P_VALUES)),
        symmetries={"wandering": Symmetry(draw(st.sampled_from(["yes", "no"])), 0.5, 0.01, "Samples differ in level.")},
    )
    marks, gains, rows, skipped = {}, {}, 0, ()
    if draw(st.booleans()):
        names = draw(st.sets(st.sampled_from(["cnn", "cnn_shuffled", "mlp", "tree", "tree_summaries", "linear"])))
        marks = {name: Landmark(draw(SHARES), draw(st.floats(1e-3, 0.1))) for name in sorted(names)}
        gains = {name: draw(_gains()) for name in ("layout", "place", "scaling") if "cnn" in names}
        rows = draw(st.integers(30, 1000)) if marks else 0
        skipped = tuple(f"{name}: 9 rows are too few" for name in ("cnn", "mlp", "tree", "linear") if name not in names)
    scores = LandmarkScores(marks, gains, landmark_rows=rows)
    n_rows = draw(st.sampled_from([0, 3, 500]))
    return LocalityReport(
        layout=Layout(height, width), grid=grid, scores=scores, n_samples_used=n_rows, skipped=skipped
    )


@settings(max_examples=40)
@given(report=reports())
def test_sentences_agree_with_each_other_and_with_the_numbers(report):
    """Nothing is claimed that another sentence, or a number, denies."""
    text = " ".join([*report.sentences, report.recommendation])
    whole = str(report)
    verdict, gains = report.verdict, report.gains

    assert ("Neighbouring cells depend on each other" in text) == (verdict != "none")
    assert verdict == "none" or "No dependence" not in text
    assert verdict != "none" or not re.search("enough local patterns to|kernels|against sharing weights", text)
    assert verdict != "none" or report.kernel_shapes == () == report.augmentations
    for axis, line in (("rows", "row"), ("columns", "column")):
        tested = report.axes[axis].p_value is not None
        assert (f"Order along a {line} " in text) == (report.axes[axis].side > 1)
        if report.axes[axis].side > 1:
            sentence = next(each for each in report.sentences if each.startswith(f"Order along a {line} "))
            assert ("too few lines to test" in sentence) != tested
            assert ("not clearly above" in sentence) <= (axis not in report.dependent_axes)
        assert axis not in report.dependent_axes or (tested and report.axes[axis].p_value <= 0.005)
    if "layout" in gains:
        gain = gains["layout"]
        assert ("the layout helps" in text) <= (gain.difference - 1.96 * gain.std_error > 0)
    assert "Pass y" not in text or not (report.landmarks or report.skipped)
    assert not re.search(r"k = [012]\b|\b0 rows|a gain of -|nan", whole)
    assert all(float(number) <= 100 for number in re.findall(r"([\d.]+)%", whole))
    assert ("Samples differ in level." in text) == (report.symmetries["wandering"].answer == "yes")
    quoted = re.search(r"Neighbouring cells depend on each other \(p . ([\d.]+)\)", text)
    assert quoted is None or abs(float(quoted[1]) - report.p_value) < 1e-3
