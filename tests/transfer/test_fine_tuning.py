"""fine_tune: new rows and classes are learned, old ones are kept, and a report says so."""

import copy
import pickle

import numpy as np
import pytest
from quick import quick
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._training.grid_extents import EXTENTS, GridExtent
from autoarch._training.pretrained.source import Pretrained
from autoarch.exceptions import AutoArchWarning, InputError, InputTypeError, ParameterError
from autoarch.transfer import FineTuning, fine_tune


@pytest.fixture(scope="module")
def parts(digits):
    """New rows (7 to 9), some old ones, and rows of either kind to test on."""
    _, y = digits
    known, late = np.arange(len(y)) < 500, np.arange(len(y)) >= 900
    return {
        "new": np.flatnonzero(known & (y >= 7)),
        "old": np.flatnonzero(known & (y < 7))[:120],
        "test new": np.flatnonzero(late & (y >= 7)),
        "test old": np.flatnonzero(late & (y < 7)),
    }


@pytest.fixture(scope="module")
def ten(seven, digits, parts):
    """The estimator that knew seven digits, after it has seen the other three."""
    X, y = digits
    return fine_tune(seven, X[parts["new"]], y[parts["new"]], rehearsal=(X[parts["old"]], y[parts["old"]]), steps=200)


def accuracy(clf, digits, rows):
    return float((clf.predict(digits[0][rows]) == digits[1][rows]).mean())


def test_new_classes_are_learned_and_old_ones_kept(seven, ten, digits, parts):
    """On rows that neither has seen; the old estimator is left as it was."""
    assert accuracy(ten, digits, parts["test new"]) > 0.85
    assert accuracy(ten, digits, parts["test old"]) > accuracy(seven, digits, parts["test old"]) - 0.07
    assert ten.classes_.tolist() == list(range(10)) and seven.classes_.tolist() == list(range(7))
    assert ten.predict_proba(digits[0][:3]).shape == (3, 10)


@pytest.mark.parametrize("extent", EXTENTS)
def test_a_net_that_sees_a_quarter_of_the_cells_goes_on_seeing_it(seven, digits, parts, extent):
    """To other tasks it is not carried over: it would read all cells there."""
    (X, y), old = digits, parts["old"]
    part = copy.deepcopy(seven)
    *steps, (name, net) = part.best_estimator_.steps
    step = GridExtent(extent)
    grids = step.fit_transform(part.best_estimator_[:-1].transform(X[old]))
    part.best_estimator_.steps = [*steps, ("extent", step), (name, net.fit(grids, y[old]))]

    later = fine_tune(part, X[parts["new"]], y[parts["new"]], steps=20)

    assert isinstance(later.best_estimator_[-2], GridExtent)
    assert later.predict_proba(X[:4]).shape == (4, 10)
    with pytest.raises(InputError, match="not all cells of a grid"):
        Pretrained.of(part)


def test_the_report_has_scores_before_and_after(ten):
    """Scores before and after, on rows held out, and whether a new search would pay."""
    report = ten.fine_tuning_
    assert report.new_classes == (7, 8, 9) and report.new_before == 0 and report.new_after > 0.8
    assert report.old_after > report.old_before - 0.1
    assert set(report.rivals) == {"linear", "tree"}
    assert "New classes: 7, 8, 9." in str(report)


def test_the_result_is_an_estimator_like_any_other(ten, digits):
    """It pickles, and can go on again."""
    X, y = digits
    again = pickle.loads(pickle.dumps(ten))
    np.testing.assert_array_equal(again.predict(X[:20]), ten.predict(X[:20]))
    further = fine_tune(again, X[:50], y[:50], steps=5)
    assert further.classes_.tolist() == list(range(10))


def test_without_rehearsal_it_warns_of_what_will_be_forgotten(seven, digits, parts):
    """Where only new classes are shown, nothing stands against them."""
    X, y = digits
    with pytest.warns(AutoArchWarning, match="rehearsal"):
        new = fine_tune(seven, X[parts["new"]], y[parts["new"]], steps=5)
    assert "not known" in str(new.fine_tuning_) and new.fine_tuning_.search_pays is None


@pytest.mark.parametrize(
    ("rivals", "pays"),
    [
        pytest.param({"tree": (0.1, 0.01), "linear": (-0.1, 0.01)}, True, id="clearly-better"),
        pytest.param({"tree": (0.01, 0.01)}, False, id="not-clearly"),
        pytest.param(None, None, id="unknown"),
    ],
)
def test_a_search_pays_where_a_quick_rival_is_better(rivals, pays):
    """By more than two standard errors; the sentence says so."""
    report = FineTuning(10, 10, rivals=rivals)
    assert report.search_pays is pays
    assert ("would pay" in str(report)) is bool(pays)


@pytest.mark.slow
def test_scores_are_those_of_the_estimator(seven, digits, parts):
    """Log-loss where the search went by it, and accuracy for labels that look like numbers."""
    X, y = digits
    for scoring, labels, name in ((None, y.astype(float), "accuracy"), ("neg_log_loss", y, "neg_log_loss")):
        old = copy.deepcopy(seven).set_params(scoring=scoring)
        old.classes_ = np.unique(labels[y < 7])
        old.best_estimator_[-1].classes_inferred_ = old.classes_
        report = fine_tune(
            old, X[parts["new"]], labels[parts["new"]], rehearsal=(X[parts["old"]], labels[parts["old"]]), steps=5
        ).fine_tuning_
        scores = np.array([report.new_before, report.new_after, report.old_before, report.old_after])
        assert report.metric == name and f"On new rows {name}" in str(report)
        assert ((scores >= 0) & (scores <= 1)).all() if scoring is None else (scores < 0).all()


@pytest.mark.slow
def test_numbers_go_on_in_their_units(digits):
    """More rows make a better regressor, and the units stay."""
    X, y = digits[0].astype(np.float32), digits[1] * 10.0 + 0.5
    old = AutoArchRegressor(**quick()).fit(X[:100], y[:100])
    new = fine_tune(old, X[100:300], y[100:300], rehearsal=(X[:100], y[:100]), steps=100)
    assert new.score(X[1000:], y[1000:]) > old.score(X[1000:], y[1000:])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        pytest.param({"estimator": LogisticRegression()}, InputTypeError, "AutoArchClassifier", id="foreign"),
        pytest.param({"estimator": AutoArchClassifier()}, NotFittedError, "not fitted", id="unfitted"),
        pytest.param({"rehearsal": np.zeros((20, 8, 8))}, ParameterError, r"\(X_old, y_old\)", id="no-pair"),
        pytest.param({"time_budget": -1}, ParameterError, "time_budget=-1", id="time"),
        pytest.param({"steps": 0}, ParameterError, "steps=0", id="steps"),
        pytest.param({"y": np.full(20, np.nan)}, InputError, "NaN", id="missing-labels"),
        pytest.param({"y": np.full(3, 1)}, InputError, r"\[20, 3\]", id="too-few-labels"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, error, message, seven, digits):
    """Before any training."""
    given = {"estimator": seven, "X": digits[0][:20], "y": digits[1][:20], **arguments}
    with pytest.raises(error, match=message):
        fine_tune(given.pop("estimator"), given.pop("X"), given.pop("y"), **given)


def test_what_cannot_go_on_is_refused(seven, digits):
    """Other winners, other kinds of labels, unknown labels for rehearsal."""
    X, y = digits[0][:60], digits[1][:60]
    linear = AutoArchClassifier(time_budget=None, n_trials=1, families="linear", cv=2, verbose=0).fit(X, y)
    with pytest.raises(InputError, match="winner is 'linear'"):
        fine_tune(linear, X, y)
    with pytest.raises(InputError, match="one kind"):
        fine_tune(seven, X, y.astype(str))
    with pytest.raises(InputError, match="rehearsal holds labels"):
        fine_tune(seven, X, y, rehearsal=(X, y))
