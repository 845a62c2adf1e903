"""The report in a real browser: nothing on its console, it sorts, its pictures are there, and it fits a phone."""

import numpy as np
import pandas as pd
import pytest
from quick import Bayes, QuickTree, quick

from autoarch import AutoArchClassifier, AutoArchRegressor
from views.browser import PROGRAM, Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="needs Chromium"),
    pytest.mark.usefixtures("probe_without_labels"),
]
SCRIPT = "<script>alert(1)</script>"
BOARD = "[...document.querySelectorAll('#board tbody tr')].map(row => row.children[2].textContent)"


def model_of(kind):
    """Of a grid with three classes, of a table whose names and labels would run, or of numbers with long names."""
    rng = np.random.default_rng(0)
    if kind == "grid":
        X = np.cumsum(rng.normal(size=(150, 8, 8)), axis=2)
        return AutoArchClassifier(**quick(families=["linear", QuickTree], n_trials=3, cv=3)).fit(
            X, np.digitize(X[:, 4, 4], [-1, 1])
        )
    X = pd.DataFrame(rng.normal(size=(150, 3)), columns=[SCRIPT, "b", "a name of many words " * 12])
    X["text"] = rng.choice([SCRIPT, "plain"], 150)
    numbers = X["b"] + (X["text"] == "plain")
    if kind == "table":
        y = np.where(numbers > 0.5, SCRIPT, "x" * 400)
        return AutoArchClassifier(**quick(families=["linear", Bayes], n_trials=3)).fit(X, y)
    return AutoArchRegressor(**quick(families=["linear", QuickTree], n_trials=2)).fit(X, numbers)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One browser for all pages."""
    with Browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.mark.parametrize("kind", ["grid", "table", "numbers"])
def test_the_report_of_a_model(browser, kind, tmp_path):
    """On a phone, in light and in dark; a heading sorts by a click and by the keyboard."""
    model_of(kind).report(tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 3_000_000
    colours = []
    for scheme in ("light", "dark"):
        browser.open(tmp_path / "report.html", scheme=scheme)
        assert not browser.troubles()
        assert browser.run("document.documentElement.scrollWidth") <= 390
        assert browser.run("[...document.querySelectorAll('svg')].every(s => s.getBoundingClientRect().width > 20)")
        assert browser.run("document.querySelectorAll('svg').length") >= 4
        assert browser.run("document.querySelectorAll('script').length") == 1
        colours.append(browser.run("getComputedStyle(document.body).color"))
    assert colours[0] != colours[1]
    browser.run("document.querySelectorAll('#board th button')[2].click()")
    scores = [float(text) for text in browser.run(BOARD) if text]
    assert scores == sorted(scores) and len(scores) > 1 and browser.run(BOARD)[0] != ""
    browser.run("document.querySelectorAll('#board th button')[2].focus()")
    browser.press("Enter", 13)
    assert [float(text) for text in browser.run(BOARD) if text] == scores[::-1]
    assert browser.run("document.querySelectorAll('#board th')[2].getAttribute('aria-sort')") == "descending"
    assert not browser.troubles()
    browser.open(tmp_path / "report.html", width=1280)
    assert browser.run("document.documentElement.scrollWidth") <= 1280
