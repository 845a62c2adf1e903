"""What a fitted estimator shows: a summary, a notebook view, a report, and tables as scikit-learn's searches have."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from quick import Bayes, quick
from sklearn.exceptions import NotFittedError

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch.exceptions import InputError

SCRIPT = "<script>alert(1)</script>"


class Reader(HTMLParser):
    """Collects what a page loads, and whether its tags close."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.open, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loads += [
            value for name, value in attributes if name in ("src", "href") and value[0] != "#" and value != "data:,"
        ]
        if tag not in ("meta", "link", "br", "img", "circle", "rect", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("circle", "rect", "path"):
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def fitted():
    """A classifier of columns and labels with names that a page would run."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 4)), columns=[f"{SCRIPT}{i}" for i in range(4)])
    y = np.where(X.iloc[:, 0] > 0, SCRIPT, "plain")
    return AutoArchClassifier(**quick(families=["linear", Bayes], n_trials=3)).fit(X, y), X


def test_the_summary_tells_the_story_in_twelve_lines(fitted):
    """Winner, score with its error, verdict, rows, candidates and end."""
    model = fitted[0]
    lines = model.summary_.splitlines()
    assert len(lines) == 12 and max(map(len, lines)) < 400
    assert model.best_family_ in lines[0] and f"{model.estimated_score_:.3f} (±" in lines[0]
    assert model.splits_ in model.summary_ and model.stopped_by_ in lines[-1]


def test_nothing_is_there_before_fit():
    """As scikit-learn does: hasattr says no, methods raise NotFittedError, a notebook shows the parameters."""
    model = AutoArchClassifier()
    assert not any(hasattr(model, name) for name in ("summary_", "cv_results_", "best_index_", "n_splits_"))
    with pytest.raises(NotFittedError):
        model.report("report.html")
    with pytest.raises(NotFittedError):
        model.report_dict()
    assert "expected on new rows" not in model._repr_mimebundle_()["text/html"]


def test_a_notebook_shows_the_winner_above_the_pipeline(fitted):
    """By both ways in which frontends ask; names are escaped."""
    model = fitted[0]
    for view in (model._repr_html_(), model._repr_mimebundle_()["text/html"]):
        assert "expected on new rows" in view and "Pipeline" in view and "<script>alert" not in view


def test_results_of_candidates_as_in_searches(fitted):
    """One entry for each candidate, the winner first, masked where a family has no such parameter."""
    model = fitted[0]
    found, board = model.cv_results_, model.leaderboard_
    tried = board[board["status"] != "skipped"]
    frame = pd.DataFrame(found)
    assert len(frame) == len(tried) and model.best_index_ == 0 and model.n_splits_ == 2
    assert found["mean_test_score"][model.best_index_] == pytest.approx(tried["score"].iloc[0])
    assert found["params"][0]["family"] == tried["family"].iloc[0]
    smoothing = found["param_smoothing"]
    assert (~np.ma.getmaskarray(smoothing) == (tried["family"] == "bayes").to_numpy()).all()
    np.testing.assert_array_equal(np.isnan(found["mean_test_score"]), tried["splits"] == 0)


def test_logarithms_of_probabilities(fitted):
    """Those of ``predict_proba``, without warnings where one is 0."""
    model, X = fitted
    with np.errstate(divide="ignore"):
        expected = np.log(model.predict_proba(X))
    np.testing.assert_array_equal(model.predict_log_proba(X), expected)


def test_the_report_is_one_page_without_requests(fitted, tmp_path):
    """Names are escaped, tags close, nothing is loaded, headings sort by keyboard, and the JSON has the same."""
    model = fitted[0]
    model.report(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Reader(text)
    assert page.loads == [] and page.open == []
    assert "&lt;script&gt;alert" in text and "<script>alert" not in text
    assert len(text) < 3e6 and page.tags.count("button") == 10 and "viewport" in text and "light dark" in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    facts = json.loads(json.dumps(model.report_dict(), allow_nan=False))
    assert facts["score"]["estimated"] == model.estimated_score_
    assert len(facts["leaderboard"]) == len(model.leaderboard_) == text.count('<td class="params">')
    assert facts["reproduce"]["parameters"]["n_trials"] == "3" and "autoarch" in facts["reproduce"]["versions"]


def test_a_report_of_a_regression(tmp_path):
    """Of a mean of R2, without classes; a folder that is not there is said before anything is written."""
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = AutoArchRegressor(**quick(families="linear")).fit(X, X[:, 0])
    with pytest.raises(InputError, match="there is no folder"):
        model.report(tmp_path / "nowhere" / "report.html")
    model.report(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "R2" in text and "Classes" not in text
    assert "numbers in the units of y" in model.summary_
