"""What goes in and what comes out: shapes, names, repeatability, and errors that say what to pass instead."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from autoarch import AutoArchClassifier, AutoArchRegressor, Layout
from autoarch._search.averages import voting
from autoarch.datasets import make_planted
from autoarch.exceptions import AutoArchWarning, InputError, InputTypeError, LayoutError, ParameterError
from autoarch.explain import Explanation, explain
from autoarch.explain.rows import ArrayRows, Replacement

pytestmark = pytest.mark.usefixtures("probe_without_labels")

QUICK = {"time_budget": None, "n_trials": 1, "families": "linear", "random_state": 0, "verbose": 0}


@pytest.fixture(scope="module")
def mixed():
    """A table with numbers, categories, gaps and dates; y depends on the day, and a little on the colour."""
    rng = np.random.default_rng(0)
    n = 120
    frame = pd.DataFrame(
        {
            "size": np.where(rng.uniform(size=n) < 0.1, np.nan, rng.normal(size=n)),
            "colour": rng.choice(["red", "green", "blue"], size=n),
            "always": "same",
            "day": pd.Timestamp(2024, 1, 1) + pd.to_timedelta(rng.integers(0, 300, size=n), unit="D"),
        }
    )
    y = np.where(frame["day"].dt.day_of_year + 40 * (frame["colour"] == "red") > 170, "late", "early")
    return frame, y


@pytest.fixture(scope="module")
def on_table(mixed):
    return AutoArchClassifier(**QUICK).fit(*mixed)


def test_columns_of_a_table_come_back_under_their_names(mixed, on_table):
    """Encoded columns are one name, a dropped one has no value, and the day matters most."""
    found = explain(on_table, mixed[0][:40], random_state=0, verbose=0)

    assert found.names == ("size", "colour", "always", "day")
    assert found.values.shape == (40, 4)
    assert not found.values[:, 2].any()
    assert found.to_frame()["name"].tolist()[:2] == ["day", "colour"]
    assert set(found.target) <= {"early", "late"}


@cache
def on_grids(shape):
    """A regressor on grids of this shape, and its rows."""
    X = np.random.default_rng(0).normal(size=(60, *shape))
    return AutoArchRegressor(**QUICK).fit(X, X.reshape(60, -1)[:, 0]), X


@pytest.mark.parametrize(
    ("shape", "values", "rows", "columns", "channels"),
    [
        pytest.param((5, 6), (8, 1, 5, 6), (8, 5), (8, 6), (8, 1), id="matrices"),
        pytest.param((2, 3, 4), (8, 2, 3, 4), (8, 3), (8, 4), (8, 2), id="channels"),
    ],
)
@pytest.mark.parametrize("by", ["auto", "cell", "row", "column", "channel", "name"])
def test_grids_come_back_as_grids(shape, values, rows, columns, channels, by):
    """In the shape of X with its channels, and in sums along each axis."""
    model, X = on_grids(shape)

    found = explain(model, X[:8], by=by, random_state=0, verbose=0)

    assert found.values.shape == found.grid.shape == values
    assert found.by_row().shape == rows
    assert found.by_column().shape == columns
    assert found.by_channel().shape == channels
    np.testing.assert_allclose(found.by_row().sum(axis=1), found.by_name.sum(axis=1))
    assert found.global_.shape == values[1:]


def test_channels_behind_come_back_in_front():
    """(n, H, W, C) is explained as (n, C, H, W), each value at its cell."""
    X = np.random.default_rng(0).normal(size=(60, 3, 4, 2))
    model = AutoArchRegressor(channels="last", **QUICK).fit(X, 5 * X[:, 1, 2, 1])

    found = explain(model, X[:8], by="name", random_state=0, verbose=0)

    assert np.unravel_index(found.global_.argmax(), (2, 3, 4)) == (1, 1, 2)


def test_a_declared_order_leads_back_to_columns_and_cells():
    """Where columns are scrambled cells, values stand under the columns and at the cells."""
    rng = np.random.default_rng(0)
    order = tuple(rng.permutation(12).tolist())
    X = rng.normal(size=(80, 12))
    model = Ridge().fit(X, 3 * X[:, order[5]])  # the cell of row 1, column 1

    found = explain(model, X[:20], layout=Layout(3, 4, order=order), by="cell", random_state=0, verbose=0)

    assert found.values.shape == (20, 12)
    assert found.importances.argmax() == order[5]
    assert np.abs(found.grid).mean(axis=0).argmax() == 5


def test_a_linear_model_is_explained_by_its_slopes():
    """Occlusion by the mean is slope times distance from the mean, in units of y."""
    X = np.random.default_rng(0).normal(size=(50, 3))
    model = LinearRegression().fit(X, X @ [1.0, -2.0, 0.0])

    found = explain(model, X, baseline="mean", verbose=0)

    np.testing.assert_allclose(found.values, (X - X.mean(axis=0)) * model.coef_, atol=1e-8)
    assert found.units == "fall of the prediction, in units of y"
    assert (found.n_repeats, found.std_error, found.stability) == (1, None, None)


@pytest.mark.parametrize("by", ["cell", "patch", "row", "column", "channel", "name"])
def test_units_share_out_all_that_they_find(by):
    """For a linear model each partition of the grid adds up to the same sum."""
    X = np.random.default_rng(0).normal(size=(30, 2, 3, 4))
    model = make_pipeline(FunctionTransformer(flat), LinearRegression()).fit(X, X.sum(axis=(1, 2, 3)))

    patch = {"patch": 2} if by == "patch" else {}
    found = explain(model, X, by=by, **patch, baseline=0.0, verbose=0)

    np.testing.assert_allclose(found.values.sum(axis=(1, 2, 3)), X.sum(axis=(1, 2, 3)), atol=1e-6)


def flat(X):
    return X.reshape(len(X), -1)


def test_any_pipeline_over_a_table_is_explained_as_it_came(mixed):
    """Of scikit-learn's own steps, with texts that they encode."""
    table = mixed[0][["size", "colour"]].fillna({"size": 0.0})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["colour"]), remainder=StandardScaler()), LogisticRegression()
    ).fit(table, np.where(table["colour"] == "red", "yes", "no"))

    drawn = explain(model, table[:30], target="yes", random_state=0, verbose=0)
    middle = explain(model, table[:30], baseline="mean", verbose=0)

    assert drawn.importances[1] > 5 * drawn.importances[0]
    assert middle.baseline == "mean of X"
    assert (drawn.target == "yes").all()


def test_a_model_without_probabilities_is_explained_by_its_decision():
    """The units name it."""
    X, y, truth = make_planted(200, (4, 4), cause="cell", random_state=0)
    found = explain(LinearSVC(dual=False).fit(flat(X), y), flat(X), random_state=0, verbose=0)

    assert found.units == "fall of the decision function of the target"
    assert truth[0].ravel()[found.importances.argmax()]


def test_votes_are_measured_in_probability_and_sure_predictions_in_log_odds():
    """Unless a scale is given."""
    X, y, _ = make_planted(100, (3, 3), cause="cell", random_state=0)
    votes = RandomForestClassifier(20, random_state=0).fit(flat(X), y)
    sure = LogisticRegression().fit(flat(X), y)

    kinds = [explain(model, flat(X), method="occlusion", verbose=0).units for model in (votes, sure)]

    assert kinds == ["fall of the probability of the target", "fall of the log-odds of the target"]
    assert "probability" in explain(sure, flat(X), scale="probability", verbose=0).units


def test_equal_seeds_give_equal_values():
    """And other seeds other draws."""
    X, y, _ = make_planted(60, (3, 3), cause="cell", random_state=0)
    model = LogisticRegression().fit(flat(X), y)

    first, again, other = (explain(model, flat(X), random_state=seed, verbose=0).values for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_size_of_a_batch_changes_nothing(monkeypatch):
    """Nor does it matter how rows are cut."""
    from autoarch.explain import perturbation

    X, y, _ = make_planted(60, (3, 3), cause="cell", random_state=0)
    model = LogisticRegression().fit(flat(X), y)
    whole = explain(model, flat(X), random_state=1, verbose=0).values
    monkeypatch.setattr(perturbation, "MOST_VALUES", 100)

    np.testing.assert_allclose(explain(model, flat(X), random_state=1, verbose=0).values, whole)


def test_a_target_can_be_named_for_each_row():
    """Evidence for one of two classes is evidence against the other."""
    X, y, _ = make_planted(60, (3, 3), cause="cell", random_state=0)
    model = LogisticRegression().fit(flat(X), y)

    ones = explain(model, flat(X), target=1, random_state=0, verbose=0)
    each = explain(model, flat(X), target=1 - model.predict(flat(X)), random_state=0, verbose=0)
    own = explain(model, flat(X), random_state=0, verbose=0)

    np.testing.assert_allclose(each.values, -own.values)
    assert (ones.target == 1).all()


def test_few_models_of_an_ensemble_are_used_where_all_would_cost_too_much(monkeypatch):
    """The explanation names their number."""
    from autoarch.explain import perturbation

    X, y, _ = make_planted(60, (3, 3), cause="cell", random_state=0)
    model = AutoArchClassifier(**QUICK).fit(X, y)
    steps = model.best_estimator_.steps
    model.best_estimator_ = Pipeline([steps[0], *voting([Pipeline(steps[1:])] * 3, model.classes_).steps])
    settings = {"by": "cell", "baseline": "rows", "random_state": 0, "verbose": 0}
    whole = explain(model, X[:10], **settings)
    monkeypatch.setattr(perturbation, "_MOST_FOR_ENSEMBLE", 10 * 9 * 9 * 10 * 2)

    few = explain(model, X[:10], **settings)

    assert (whole.models, few.models) == ("", "2 of 3 models")
    assert "2 of 3 models" in str(few)
    np.testing.assert_allclose(few.values, whole.values, atol=1e-4)  # the three are equal, but for rounding


def test_the_mean_of_training_is_the_baseline_of_a_single_row():
    """An estimator of autoarch remembers it."""
    X, y, truth = make_planted(200, (4, 4), cause="cell", random_state=0)
    model = AutoArchClassifier(**QUICK).fit(X, y)

    found = explain(model, X[:1], verbose=0)

    assert found.baseline == "mean of the training rows"
    assert truth[0].ravel()[found.by_name[0].argmax()]


def test_text_and_html_describe_the_explanation(mixed, on_table):
    """Method, unit, baseline and names, escaped."""
    found = explain(on_table, mixed[0][:20].rename(columns={"size": "size"}), random_state=0, verbose=0)

    assert "occlusion" in str(found) and "rows of X" in str(found) and "day" in str(found)
    assert found._repr_html_().startswith("<div") and "<script" not in found._repr_html_()
    assert repr(found) == str(found)


def test_pictures_hold_the_sample_its_values_and_profiles(mixed, on_table):
    """A grid has four axes and a bar of colours, a table has named bars."""
    pytest.importorskip("matplotlib", reason="the extra 'plot' is optional")
    X, y, _ = make_planted(60, (3, 4), cause="cell", random_state=0)
    model = AutoArchClassifier(**QUICK).fit(X, y)

    axes = explain(model, X[:12], random_state=0, verbose=0).plot(3).figure_.axes
    (bars,) = explain(on_table, mixed[0][:12], random_state=0, verbose=0).plot(-1).figure_.axes

    assert [ax.get_title() for ax in axes[:2]] == ["sample", "values"]
    assert axes[1].images[0].get_array().shape == (3, 4)
    assert len(axes) == 5
    texts = [label.get_text() for label in bars.get_yticklabels()]
    assert f"colour = {mixed[0]['colour'].iloc[11]}" in texts and any("day = 2024" in text for text in texts)


X, Y, TRUTH = make_planted(60, (3, 4), cause="cell", random_state=0)
FLAT = flat(X)
FITTED = LogisticRegression().fit(FLAT, Y)


@pytest.mark.parametrize(
    ("estimator", "rows", "settings", "error", "hint"),
    [
        pytest.param(LogisticRegression(), FLAT, {}, NotFittedError, "not fitted", id="unfitted"),
        pytest.param(AutoArchClassifier(), FLAT, {}, NotFittedError, "not fitted", id="unfitted-own"),
        pytest.param(StandardScaler().fit(FLAT), FLAT, {}, InputTypeError, "no predict", id="no-model"),
        pytest.param(FITTED, FLAT[:, :5], {}, InputError, "features", id="other-shape"),
        pytest.param(FITTED, FLAT[0], {}, InputError, r"X\[None\]", id="one-axis"),
        pytest.param(FITTED, FLAT, {"method": "shapley"}, ParameterError, "'shap'", id="unknown-method"),
        pytest.param(FITTED, FLAT, {"target": 7}, ParameterError, r"\[0, 1\]", id="unknown-target"),
        pytest.param(FITTED, FLAT, {"target": [0, 1]}, ParameterError, "one per row", id="targets-too-few"),
        pytest.param(FITTED, FLAT, {"by": "row"}, ParameterError, "layout=", id="no-grid"),
        pytest.param(FITTED, FLAT, {"patch": 3}, ParameterError, r"patch=3 needs.* \(1, 12\)", id="patch-without-grid"),
        pytest.param(FITTED, FLAT, {"layout": (3, 5)}, LayoutError, "3 x 4", id="wrong-layout"),
        pytest.param(FITTED, FLAT, {"method": "gradients"}, ParameterError, "occlusion", id="no-gradients"),
        pytest.param(FITTED, FLAT, {"method": "gradcam"}, ParameterError, "occlusion", id="no-convolutions"),
        pytest.param(FITTED, FLAT, {"method": "shap"}, ParameterError, "occlusion", id="no-trees"),
        pytest.param(FITTED, FLAT, {"method": "shap", "by": "name"}, ParameterError, "by_row", id="by-for-shap"),
        pytest.param(FITTED, FLAT, {"method": "permutation"}, InputError, "needs y", id="no-y"),
        pytest.param(FITTED, FLAT, {"baseline": "zero"}, ParameterError, "'rows'", id="unknown-baseline"),
        pytest.param(FITTED, FLAT, {"baseline": FLAT[:2]}, InputError, "one row", id="two-baselines"),
        pytest.param(FITTED, FLAT[:1], {}, InputError, "background=X_train", id="mean-of-one-row"),
        pytest.param(FITTED, FLAT, {"background": FLAT[:, :3]}, InputError, "like those of X", id="background"),
        pytest.param(FITTED, FLAT, {"patch": 0, "layout": (3, 4)}, ParameterError, "at least 1", id="patch"),
        pytest.param(FITTED, FLAT, {"n_repeats": 0}, ParameterError, "at least 1", id="repeats"),
        pytest.param(FITTED, FLAT, {"baseline": None}, ParameterError, "X_train", id="no-baseline"),
        pytest.param(FITTED, FLAT, {"baseline": FLAT[0]}, ParameterError, "all axes", id="baseline-without-axis"),
        pytest.param(FITTED, FLAT, {"background": pd.DataFrame(FLAT)}, InputError, "same kind", id="other-kind"),
        pytest.param(FITTED, FLAT, {"method": "shap", "baseline": 0.0}, ParameterError, "baseline= is", id="unused"),
        pytest.param(FITTED, FLAT, {"scoring": "r2"}, ParameterError, "method='permutation'", id="score-of-rows"),
        pytest.param(
            FITTED, FLAT, {"by": "row", "patch": 2, "layout": (3, 4)}, ParameterError, "by='row'", id="patch-of-rows"
        ),
        pytest.param(
            LinearRegression().fit(FLAT, FLAT[:, :2]), FLAT, {}, InputError, "2 numbers", id="several-numbers"
        ),
        pytest.param(KMeans(2, n_init=1).fit(FLAT), FLAT, {}, InputTypeError, "clusters", id="clusters"),
    ],
)
def test_impossible_explanations_raise_errors_that_name_an_alternative(estimator, rows, settings, error, hint):
    """Before any long work."""
    with pytest.raises(error, match=hint):
        explain(estimator, rows, verbose=0, **settings)


def test_background_rows_are_read_by_their_names():
    """Whatever the order of their columns; a missing one is named."""
    table = pd.DataFrame(FLAT, columns=list("abcdefghijkl"))
    model = LogisticRegression().fit(table, Y)
    own, turned = (
        explain(model, table[:20], background=rows, random_state=0, verbose=0) for rows in (table, table.iloc[:, ::-1])
    )

    np.testing.assert_array_equal(turned.values, own.values)
    with pytest.raises(InputError, match="'b' of X is missing"):
        explain(model, table, background=table.drop(columns="b"), verbose=0)


@pytest.mark.parametrize(
    ("scoring", "y", "error", "hint"),
    [
        pytest.param("f1", np.where(Y, "yes", "no"), ParameterError, "scoring=f1", id="unfit-for-the-labels"),
        pytest.param("neg_log_loss", Y, ParameterError, "scoring=neg_log_loss", id="no-probabilities"),
        pytest.param("accurac", Y, ParameterError, "Did you mean", id="unknown"),
    ],
)
def test_a_score_that_cannot_be_computed_is_refused(scoring, y, error, hint):
    """Before anything is permuted."""
    with pytest.raises(error, match=hint):
        explain(LinearSVC(dual=False).fit(FLAT, y), FLAT, y, method="permutation", scoring=scoring, verbose=0)


def test_a_single_row_cannot_be_permuted():
    """Permutation of one row would find that nothing matters."""
    with pytest.raises(InputError, match="there is one"):
        explain(FITTED, FLAT[:1], Y[:1], method="permutation", verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize(("family", "by"), [("kernels", "patch of 1 x 3 cells"), ("linear", "name")])
def test_columns_that_the_model_reads_as_a_line_are_cut_into_stretches(family, by):
    """Neighbours matter to convolutions, so that a single value beside its old neighbours is a pattern of its own."""
    rng = np.random.default_rng(0)
    X, y, at = rng.normal(size=(160, 60)), np.arange(160) % 2, rng.integers(0, 52, size=160)
    for row, start in enumerate(at):
        X[row, start : start + 8] += y[row] * np.array([3, -3, 3, -3, 3, -3, 3, -3])
    clf = AutoArchClassifier(**{**QUICK, "families": family, "cv": 2}).fit(X[:120], y[:120])
    found = explain(clf, X[120:], target=1, random_state=0, verbose=0)
    assert by in found.by and found.values.shape == (40, 60)


def test_patches_are_cut_in_several_ways(monkeypatch):
    """A square that the edges of a cut divide is found by other cuts; where more cost too much, there are two."""
    from autoarch.explain import perturbation

    block = np.zeros((8, 8))
    block[2:6, 2:6] = 1.0
    X = np.ones((4, 64))
    model = LinearRegression(fit_intercept=False).fit(np.eye(64), block.ravel())
    settings = {"layout": (8, 8), "patch": 4, "baseline": 0.0, "verbose": 0}

    often = explain(model, X, **settings)
    monkeypatch.setattr(perturbation, "_AFFORDABLE_IN_PATCHES", 0)
    least = explain(model, X, **settings)

    assert (often.by, least.by) == ("patch of 4 x 4 cells, cut in 16 ways", "patch of 4 x 4 cells, cut in 2 ways")
    for found in (often, least):
        assert block.ravel()[np.argsort(-found.importances)[:4]].all()
        np.testing.assert_allclose(found.by_name.sum(axis=1), 16.0)


class TwoCauses(RegressorMixin, BaseEstimator):
    """A cell, and a square that counts until its last cell is gone."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        grid = X.reshape(-1, 8, 8)
        return grid[:, 0, 0] + 100 * grid[:, 4:7, 4:7].max(axis=(1, 2))


def test_patches_of_sizes_that_disagree_are_shown_side_by_side():
    """Small patches find the cell alone, large ones the square; the values are the mean of both."""
    pytest.importorskip("matplotlib", reason="the extra 'plot' is optional")
    X = np.ones((3, 8, 8))
    with pytest.warns(AutoArchWarning, match="2 x 2 and 4 x 4 cells have their highest values at different places"):
        found = explain(TwoCauses().fit(X, X[:, 0, 0]), X, baseline=0.0, verbose=0)

    small, large = (found.columns.to_grid(values)[0, 0] for values in found.by_size.values())
    assert found.sizes_disagree.all() and "different places" in str(found)
    assert small.argmax() == 0 and np.unravel_index(large.argmax(), (8, 8)) == (5, 5)
    np.testing.assert_allclose(found.values[0, 0], (small + large) / 2)
    titles = [axes.get_title() for axes in found.plot(0).figure_.axes]
    assert "patches of 2 x 2 cells alone" in titles and "patches of 4 x 4 cells alone" in titles
    assert found._repr_html_().count("shape-rendering") == 3


def test_missing_values_are_not_mixed_with_others():
    """At the soft edge of a patch a missing value is kept or replaced as a whole."""
    rows, source = ArrayRows(np.array([[1.0, np.nan, np.nan, 1.0]])), ArrayRows(np.array([[3.0, 3.0, 3.0, np.nan]]))
    shares = np.array([0.5, 0.75, 0.25, 0.75])

    (changed,) = rows.replaced([Replacement(np.arange(4), shares, source, np.array([0]))])

    np.testing.assert_array_equal(changed, [2.0, 3.0, np.nan, np.nan])


def test_an_estimator_inside_a_pipeline_is_explained_through_it():
    """Its layout is passed on by hand."""
    pipeline = make_pipeline(StandardScaler(), AutoArchClassifier(layout=(3, 4), **{**QUICK, "n_trials": 3})).fit(
        FLAT, Y
    )
    found = explain(pipeline, FLAT[:20], layout=pipeline[-1].layout_, by="cell", random_state=0, verbose=0)

    assert found.values.shape == (20, 12) and found.grid.shape == (20, 1, 3, 4)
    assert found.importances.argmax() == TRUTH[0].argmax()


def test_labels_that_the_model_does_not_know_are_refused():
    """And so is y of another length."""
    with pytest.raises(InputError, match="none of the classes"):
        explain(FITTED, FLAT, Y + 5, method="permutation", verbose=0)
    with pytest.raises(InputError, match="rows"):
        explain(FITTED, FLAT, Y[:5], method="permutation", verbose=0)


def test_a_grid_is_not_invented():
    """Flat columns have none unless it is given."""
    found = explain(FITTED, FLAT, random_state=0, verbose=0)
    assert isinstance(found, Explanation)
    with pytest.raises(InputError, match="layout"):
        found.by_row()
    with pytest.raises(ParameterError, match="from 0 to 59"):
        found.plot(60)


def test_permutation_agrees_with_scikit_learn():
    """On flat columns, within its errors."""
    from sklearn.inspection import permutation_importance

    model = HistGradientBoostingClassifier(max_iter=20).fit(FLAT, Y)
    ours = explain(model, FLAT, Y, method="permutation", n_repeats=30, random_state=0, verbose=0)
    theirs = permutation_importance(model, FLAT, Y, n_repeats=30, random_state=0)

    np.testing.assert_allclose(ours.values[0], theirs.importances_mean, atol=0.05)
