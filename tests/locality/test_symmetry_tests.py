"""Symmetries that the landmarks answer: planted truths are found, nothing is claimed without knowledge or time."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from autoarch import Layout, datasets
from autoarch._core.clock import Deadline
from autoarch._statistics.ridge import LeftOut
from autoarch.families.base import Problem
from autoarch.families.registry import known_families
from autoarch.locality import AxisEvidence, advice, probe_values
from autoarch.locality.grid_statistics import GridStatistics, Measurements
from autoarch.locality.measurements import Landmark, LandmarkScores
from autoarch.locality.symmetry import Symmetry
from autoarch.locality.symmetry_tests import with_symmetries

MIRRORS = ("mirror_rows", "mirror_columns")


def _textures(rng):
    """Isotropic fields that differ in scale: nothing but the pattern counts."""
    X, y = datasets.make_textures(300, (16, 16), random_state=rng.integers(1000))
    return X, y, Layout(16, 16), {"yes": ("place_free", *MIRRORS, "shift", "turn")}


def _stripes(rng):
    """Stripes along rows or along columns: a quarter turn changes the label."""
    y = np.arange(300) % 2
    wave = np.sin(np.arange(12) * np.pi / 2 + rng.uniform(0, 2 * np.pi, (300, 1)))
    X = np.where(y[:, None, None] == 1, wave[:, :, None], wave[:, None, :]) + 0.5 * rng.normal(size=(300, 12, 12))
    return X, y, Layout(12, 12), {"yes": ("place_free", *MIRRORS, "shift"), "no": ("turn",)}


def _ramps(rng):
    """Ramps that rise or fall along rows, wherever they begin."""
    y = np.arange(300) % 2
    ramp = (np.arange(16) + rng.integers(8, size=(300, 1))) % 8 / 8
    X = np.where(y[:, None] == 1, ramp, 7 / 8 - ramp)[:, None, :] + 0.3 * rng.normal(size=(300, 8, 16))
    return X, y, Layout(8, 16), {"yes": ("place_free", "mirror_columns"), "no": ("mirror_rows",)}


def _sides(rng):
    """A bump on the left or on the right."""
    y = np.arange(300) % 2
    X = 0.3 * rng.normal(size=(300, 12, 12))
    for grid, side in zip(X, y, strict=True):
        top, left = rng.integers(10), rng.integers(3) + 6 * side
        grid[top : top + 3, left : left + 3] += 1.0
    return X, y, Layout(12, 12), {"yes": ("mirror_columns",), "no": ("place_free", "mirror_rows", "turn")}


def _moment(rng):
    """A regression on what lies where along a row."""
    X = np.stack([gaussian_filter(field, 1.5) for field in rng.normal(size=(300, 12, 12))])
    y = (X * np.linspace(-1, 1, 12)).sum(axis=(1, 2))
    return X, y, Layout(12, 12), {"yes": ("mirror_columns",), "no": ("place_free", "mirror_rows", "shift", "turn")}


def _roughness(rng):
    """A regression on how fast a line fades, which no place and no direction knows."""
    y = rng.uniform(0, 0.95, 300)
    X = rng.normal(size=(300, 80))
    for step in range(1, 80):
        X[:, step] = y * X[:, step - 1] + np.sqrt(1 - y**2) * X[:, step]
    return X, y, Layout(1, 80), {"yes": ("place_free", "mirror_rows", "shift")}


def _board(rng):
    """The share of one of three codes, the middle one."""
    X = rng.integers(0, 3, (300, 5, 5))
    return X.astype(float), ((X == 1).mean(axis=(1, 2)) > 1 / 3).astype(int), Layout(5, 5), {"yes": ("codes",)}


def _counts(rng):
    """Smooth counts, whose order carries all."""
    y = np.arange(300) % 2
    fields = [gaussian_filter(rng.normal(size=(10, 10)), 1.0 + label, mode="wrap") for label in y]
    fields = np.stack([field / field.std() for field in fields])
    return np.clip(np.round(2.5 + 1.5 * fields), 0, 6), y, Layout(10, 10), {"no": ("codes",)}


def _thresholds(rng):
    """How many counts are three or more: a channel for each sees the step, which lies in their order."""
    X = np.minimum(rng.poisson(1.0, (300, 8, 8)), 8)
    high = (X >= 3).mean(axis=(1, 2))
    return X.astype(float), (high > np.median(high)).astype(int), Layout(8, 8), {"no": ("codes",)}


def _pieces(rng):
    """Pieces of seven kinds, of which two count for and one against, twice."""
    X = rng.integers(0, 7, (300, 6, 6))
    sums = ((X == 3).sum(axis=(1, 2)) + (X == 5).sum(axis=(1, 2))) - 2 * (X == 1).sum(axis=(1, 2))
    return X.astype(float), (sums > np.median(sums)).astype(int), Layout(6, 6), {"yes": ("codes",)}


PLANTED = (_textures, _stripes, _ramps, _sides, _moment, _roughness, _board, _counts, _thresholds, _pieces)


def _answers(X, y, layout, clock=None):
    """Answers by name, and what was skipped, after a landmark of convolutions."""
    task = "regression" if y.dtype.kind == "f" else "classification"
    settings = {"task": task, "categorical": (), "seed": 0, "n_jobs": None}
    scores = LandmarkScores({"cnn": Landmark(0.9, 0.01, 0.1)}, landmark_rows=len(y))
    found = with_symmetries(
        Measurements(layout, scores=scores), X.reshape(len(X), -1), y, clock or Deadline(), **settings
    )
    return found.scores.symmetries, found.skipped


@pytest.mark.parametrize("planted", PLANTED, ids=lambda each: each.__name__)
def test_planted_symmetries_are_found(planted):
    """What holds is claimed, what does not is denied, and the sentence says the same as the answer."""
    X, y, layout, truth = planted(np.random.default_rng(0))

    found, _ = _answers(X, y, layout)

    for answer, names in truth.items():
        assert {name: found[name].answer for name in names} == dict.fromkeys(names, answer)
    for symmetry in found.values():
        assert symmetry.sentence.startswith("Too few rows") == (symmetry.answer == "too few rows")
        assert 0 <= symmetry.p_value <= 1


def test_who_knows_nothing_claims_nothing():
    """Labels that follow from nothing: no score can fall, which proves no symmetry."""
    X, y, layout, _ = _textures(np.random.default_rng(0))

    found, _ = _answers(X, np.random.default_rng(1).permutation(y), layout)

    assert "yes" not in {symmetry.answer for symmetry in found.values()}


def test_only_what_makes_sense_is_asked():
    """A line has no columns and no quarter turns, short sides no shifts, few columns in no order none of it."""
    X, y, layout, _ = _roughness(np.random.default_rng(0))
    assert set(_answers(X, y, layout)[0]) == {"place_free", "mirror_rows", "shift"}
    assert set(_answers(X[:, :15], y, Layout(3, 5))[0]) == {"place_free", *MIRRORS}
    noise = np.random.default_rng(0).normal(size=(60, 8))
    assert not _answers(noise, noise[:, 0], Layout(1, 8, origin="shape"))[0]
    assert not _answers(X, y, None)[0]


def test_what_time_does_not_allow_is_named():
    """A symmetry that is left out stands among what was skipped."""
    X, y, layout, _ = _textures(np.random.default_rng(0))

    found, skipped = _answers(X, y, layout, clock=Deadline(1e-9))

    assert not found
    assert [reason.split(":")[0] for reason in skipped] == ["place_free", *MIRRORS, "shift", "turn"]


def test_a_report_holds_the_answers():
    """Next to the landmarks that they rest on."""
    X, y = datasets.make_textures(60, (8, 8), random_state=0)

    report = probe_values(X.reshape(60, -1), Layout(8, 8), y=y, random_state=0)

    # The mean of a small field differs from sample to sample, so differences are asked for, too
    assert set(report.scores.symmetries) == {"differences", "place_free", *MIRRORS, "shift", "turn"}


def test_left_out_rows_and_their_changed_copies_are_predicted_by_the_others():
    """One inverse gives what a fit for each row gives."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(25, 4)), rng.normal(size=(25, 2))
    changed = X + 0.3 * rng.normal(size=X.shape)
    fit = LeftOut.fit(X @ X.T / 4, y)
    found = fit.of_changed(changed @ X.T / 4)
    alpha = np.linalg.inv(fit.inverse)[0, 0] - 10.0 - X[0] @ X[0] / 4

    for row in range(25):
        others = np.arange(25) != row
        system = X[others] @ X[others].T / 4 + 10.0 + alpha * np.eye(24)
        solved = np.linalg.solve(system, y[others])
        for rows, predicted in ((X, fit.outputs), (changed, found)):
            np.testing.assert_allclose(predicted[row], (X[others] @ rows[row] / 4 + 10.0) @ solved, atol=1e-6)


@pytest.mark.parametrize(
    ("symmetries", "family", "expected"),
    [
        pytest.param((), "cnn", {"shift": 1, "head": "regions", "scaling": "global"}, id="nothing-known"),
        pytest.param(("turn",), "cnn", {"mirror": True, "shift": 1}, id="turn"),
        pytest.param(("place_free",), "cnn", {"head": "global"}, id="head"),
        pytest.param(("codes",), "cnn", {"scaling": "codes"}, id="codes"),
        pytest.param(("codes",), "mlp", {"scaling": "codes"}, id="codes-mlp"),
        pytest.param(("place_free",), "kernels", {"features": "patterns"}, id="pooling"),
        pytest.param((), "kernels", {"features": "all"}, id="pooling-with-places"),
    ],
)
def test_nets_follow_the_answers(symmetries, family, expected):
    """The first two defaults of each family have what was answered with "yes", and nothing that was not."""
    problem = Problem("classification", 500, 64, 2, 250, layout=Layout(8, 8), verdict="2d", symmetries=symmetries)

    second = known_families()[family].defaults(problem)[1 if family == "cnn" else 0]

    assert {name: second[name] for name in expected} == expected
    if family == "cnn":
        every = known_families()[family].defaults(problem)
        assert any(params.get("mirror", False) for params in every) == ("turn" in symmetries)


@pytest.mark.parametrize(("label", "answer"), [("texture", "yes"), ("level", "no"), ("texture", None)])
def test_differences_are_asked_for_where_levels_wander(label, answer):
    """The convolutions read them instead of the cells, and the chance of a net follows."""
    X, y = datasets.make_textures(200, (8, 8), random_state=0)
    levels = 3 * np.random.default_rng(0).normal(size=200)
    X, y = X + levels[:, None, None], y if label == "texture" else (levels > 0).astype(int)
    axis = AxisEvidence(8, 20160, 0.0005, sizes=(0.6, 0.4, 0.3), expected=0.2, correlations=(0.6, 0.4, 0.3))
    wandering = {} if answer is None else {"wandering": Symmetry("yes", 0.9, 0.001, "")}
    grid = GridStatistics(axes={"rows": axis, "columns": axis}, symmetries=wandering)
    marks = {name: Landmark(score, 0.02, 0.1) for name, score in {"cnn": 0.7, "mlp": 0.7, "tree": 0.7}.items()}
    before = Measurements(Layout(8, 8), grid, scores=LandmarkScores(marks, landmark_rows=200))
    settings = {"task": "classification", "categorical": (), "seed": 0, "n_jobs": None}

    found = with_symmetries(before, X.reshape(200, -1), y, Deadline(), **settings)

    told = found.scores.symmetries.get("differences")
    assert (told and told.answer) == answer
    chances = [advice.family_probabilities(measured)["cnn"] for measured in (before, found)]
    assert (chances[1] > chances[0]) == (answer == "yes")
    assert (advice.scaling(found)[0] == "differences") == (answer == "yes")


@pytest.mark.parametrize(("size", "answer"), [(3.0, "yes"), (0.1, None)])
def test_logarithms_are_asked_for_where_values_have_long_tails(size, answer):
    """The convolutions read powers of textures in logarithms."""
    X, y = datasets.make_textures(200, (8, 8), random_state=0)
    axis = AxisEvidence(8, 20160, 0.0005, sizes=(0.6, 0.4, 0.3), expected=0.2, correlations=(0.6, 0.4, 0.3))
    marks = {name: Landmark(score, 0.02, 0.1) for name, score in {"cnn": 0.7, "mlp": 0.7, "tree": 0.7}.items()}
    before = Measurements(
        Layout(8, 8),
        GridStatistics(axes={"rows": axis, "columns": axis}),
        scores=LandmarkScores(marks, landmark_rows=200),
    )
    settings = {"task": "classification", "categorical": (), "seed": 0, "n_jobs": None}

    found = with_symmetries(before, np.exp(size * X).reshape(200, -1), y, Deadline(), **settings)

    told = found.scores.symmetries.get("logarithms")
    assert (told and told.answer) == answer
    assert (advice.scaling(found)[0] == "logarithmic") == (answer == "yes")


@pytest.mark.parametrize(("label", "answer"), [("texture", "yes"), ("level", None)])
def test_levels_that_carry_no_label_are_left_out_where_there_was_no_time_for_convolutions(label, answer):
    """A ridge on the levels is enough to say so; where they carry it nothing is claimed."""
    X, y = datasets.make_textures(200, (8, 8), random_state=0)
    levels = 3 * np.random.default_rng(0).normal(size=200)
    X, y = X + levels[:, None, None], y if label == "texture" else (levels > 0).astype(int)
    axis = AxisEvidence(8, 20160, 0.0005, sizes=(0.6, 0.4, 0.3), expected=0.2, correlations=(0.6, 0.4, 0.3))
    grid = GridStatistics(axes={"rows": axis, "columns": axis}, symmetries={"wandering": Symmetry("yes", 0.9, 0.1, "")})
    before = Measurements(
        Layout(8, 8), grid, scores=LandmarkScores({"linear": Landmark(0.5, 0.04, 0.1)}, landmark_rows=200)
    )
    settings = {"task": "classification", "categorical": (), "seed": 0, "n_jobs": None}

    told = with_symmetries(before, X.reshape(200, -1), y, Deadline(), **settings).scores.symmetries

    assert {name: found.answer for name, found in told.items()} == ({} if answer is None else {"differences": answer})


@pytest.mark.parametrize(("score", "first"), [(0.54, "cnn"), (0.75, "tree")])
def test_landmarks_at_chance_leave_the_families_to_the_verdict(score, first):
    """None beats a constant by two standard errors: what they reach compares nothing."""
    axis = AxisEvidence(40, 20160, 0.0005, sizes=(0.6, 0.4, 0.3), expected=0.2, correlations=(0.6, 0.4, 0.3))
    grid = GridStatistics(axes={"rows": axis, "columns": AxisEvidence(1)})
    marks = {"tree": Landmark(score, 0.03, 0.1), "cnn": Landmark(0.49, 0.03, 0.1), "mlp": Landmark(0.5, 0.03, 0.1)}
    found = Measurements(Layout(1, 40), grid, scores=LandmarkScores(marks, landmark_rows=200, landmark_floor=0.5))

    assert next(iter(advice.recommended_families(found))) == first
    assert ("No landmark beats a constant" in advice.advise(found)) == (first == "cnn")


@pytest.mark.parametrize("verdict", ["2d", "1d-rows", "1d-columns", "none"])
def test_square_kernels_are_never_far(verdict):
    """One of the first three nets has them, whichever axis the verdict names."""
    problem = Problem("classification", 500, 64, 2, 250, layout=Layout(8, 8), verdict=verdict)

    assert "square" in {params["kernel"] for params in known_families()["cnn"].defaults(problem)[:3]}
