"""Displays in scikit-learn's style."""

import sys

import numpy as np
import pytest
from quick import Bayes, quick
from sklearn.exceptions import NotFittedError

from autoarch import (
    ApplicabilityDisplay,
    AutoArchClassifier,
    AutoArchRegressor,
    ExplanationDisplay,
    LeaderboardDisplay,
    LocalityDisplay,
    SearchHistoryDisplay,
)
from autoarch.exceptions import AutoArchWarning, InputError, InputTypeError
from autoarch.explain import explain

matplotlib = pytest.importorskip("matplotlib", reason="needs the extra plot")
DISPLAYS = (ExplanationDisplay, LeaderboardDisplay, LocalityDisplay, SearchHistoryDisplay)


@pytest.fixture(scope="module")
def fitted():
    """A classifier of grids."""
    rng = np.random.default_rng(0)
    X = np.cumsum(rng.normal(size=(80, 5, 6)), axis=2)
    return AutoArchClassifier(**quick(families=["linear", Bayes], n_trials=4)).fit(X, X[:, 0, 0] > 0)


@pytest.mark.parametrize("display", DISPLAYS)
def test_from_an_estimator(fitted, display, monkeypatch):
    """On axes that are given, or in a figure of its own, which a notebook shows as a picture."""
    from matplotlib.figure import Figure

    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    ax = Figure().add_subplot()
    given, own = display.from_estimator(fitted, ax=ax), display.from_estimator(fitted)
    assert type(given) is type(own) is display
    assert given.ax_ is ax and given.figure_ is ax.figure
    assert own.ax_ in own.figure_.axes and own.figure_ is not ax.figure
    assert own._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(InputTypeError, match="ax is a str"):
        display.from_estimator(fitted, ax="axes")
    with pytest.raises(NotFittedError):
        display.from_estimator(AutoArchClassifier())


def test_pyplot_shows_what_it_knows(fitted, monkeypatch):
    """Where it is loaded the figure is one of its own, and is not shown a second time."""
    monkeypatch.setattr(matplotlib, "get_backend", matplotlib.get_backend)
    matplotlib.use("agg")
    from matplotlib import pyplot

    drawn = fitted.locality_.plot()
    assert isinstance(drawn, LocalityDisplay) and drawn.figure_.number in pyplot.get_fignums()
    assert drawn._repr_png_() is None
    pyplot.close(drawn.figure_)


def test_what_is_drawn(fitted):
    """A bar for each judged candidate, a dot for each trial; no search is in a model file."""
    board = fitted.leaderboard_
    bars = LeaderboardDisplay.from_estimator(fitted).ax_.patches
    assert len(bars) == np.isfinite(board["score"]).sum()
    trials = [trial for trial in fitted.study_.trials if trial.value is not None]
    lines = SearchHistoryDisplay.from_estimator(fitted).ax_.lines
    assert sum(len(line.get_xdata()) for line in lines[:-1]) == len(trials)
    study = fitted.study_
    del fitted.study_
    with pytest.raises(InputError, match="do not hold the search"):
        SearchHistoryDisplay.from_estimator(fitted)
    fitted.study_ = study


def test_short_forms_return_displays(fitted):
    """On axes that are given, too: of an explanation on a grid, of columns, of importances."""
    from matplotlib.figure import Figure

    rng = np.random.default_rng(0)
    X = np.cumsum(rng.normal(size=(30, 5, 6)), axis=2)
    found = explain(fitted, X, random_state=0, verbose=0)
    ax = Figure().add_subplot()
    drawn = found.plot(2, ax=ax)
    assert type(drawn) is ExplanationDisplay and drawn.ax_ is ax and len(ax.images) == 1
    assert ExplanationDisplay.from_estimator(fitted).ax_.images[0].get_array().shape == (5, 6)
    flat = AutoArchClassifier(**quick(families="linear")).fit(X[:, 0, :4], X[:, 0, 2] > 0)
    labels = [text.get_text() for text in ExplanationDisplay.from_estimator(flat).ax_.get_yticklabels()]
    assert sorted(labels) == ["x0", "x1", "x2", "x3"] and labels[0] == "x2"
    ax = Figure().add_subplot()
    assert explain(flat, X[:, 0, :4], random_state=0, verbose=0).plot(ax=ax).ax_ is ax
    del flat.feature_importances_
    with pytest.raises(InputError, match=r"explain\(estimator, X\)\.plot"):
        ExplanationDisplay.from_estimator(flat)


def test_displays_of_scikit_learn_take_left_out_predictions():
    """Curves and tables of errors on rows that no model knew."""
    from matplotlib.figure import Figure
    from sklearn.calibration import CalibrationDisplay
    from sklearn.metrics import ConfusionMatrixDisplay, PredictionErrorDisplay, RocCurveDisplay

    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = np.where(X[:, 0] + rng.normal(size=80) / 2 > 0, "yes", "no")
    model = AutoArchClassifier(**quick(families="linear")).fit(X, y)
    proba = model.left_out_predictions_
    settings = [{"ax": Figure().add_subplot()} for _ in range(4)]
    curve = RocCurveDisplay.from_predictions(y, proba[:, 1], pos_label="yes", **settings[0])
    assert 0.7 < np.ravel(curve.roc_auc)[0] < 1
    CalibrationDisplay.from_predictions(y, proba[:, 1], pos_label="yes", n_bins=5, **settings[1])
    table = ConfusionMatrixDisplay.from_predictions(y, model.classes_[proba.argmax(axis=1)], **settings[2])
    assert table.confusion_matrix.tolist() == model._facts["confusion"]
    numbers = AutoArchRegressor(**quick(families="linear")).fit(X, X[:, 0])
    drawn = PredictionErrorDisplay.from_predictions(X[:, 0], numbers.left_out_predictions_, **settings[3])
    assert len(drawn.y_pred) == 80


def test_the_report_of_the_probe_is_short_to_look_at(fitted):
    """One line, whatever it holds."""
    text = repr(fitted.locality_)
    assert fitted.locality_.verdict in text and len(text) < 200 and "\n" not in text


def test_applicability_is_a_map_where_rows_have_places_and_a_histogram_elsewhere(fitted):
    """Rows that are outside are marked; the title counts the others."""
    rng = np.random.default_rng(1)
    X = rng.uniform(size=(120, 3))
    settings = quick(families="linear", n_trials=1)
    model = AutoArchRegressor(**settings, coordinates=(0, 1)).fit(X, X[:, 2] + X[:, 0])
    far = X.copy()
    far[:40, 2] += 9
    with pytest.warns(AutoArchWarning, match="can be told from the training rows"):
        drawn = ApplicabilityDisplay.from_estimator(model, far)
    assert "most by 'x2'" in drawn.ax_.get_title().replace("\n", " ")
    assert drawn.ax_.get_xlabel() == "x"
    assert len(drawn.ax_.collections[-1].get_offsets()) == 40
    assert drawn.ax_.get_title().startswith("80 of 120 rows inside")
    grid = ApplicabilityDisplay.from_estimator(fitted, np.zeros((9, 5, 6)))
    assert grid.ax_.get_xlabel() == "dissimilarity"
