"""Properties of layouts, of the canonical matrix, of targets and of splits, for inputs of any kind."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import SEEDS, arrays, grouped_targets, labels, layouts, partial_layouts, tables

from autoarch import Layout
from autoarch._data import findings
from autoarch._data.canonical import Canonicaliser
from autoarch._data.findings import is_copy
from autoarch._data.row_splits import plan_splits
from autoarch._data.target import Target, encode_labels, numeric_target
from autoarch.exceptions import LayoutError


@given(layout=partial_layouts())
def test_cells_and_foreign_columns_partition_the_columns(layout):
    """Each column is a cell or foreign, never both and never neither."""
    cells = layout.columns[layout.columns >= 0]

    np.testing.assert_array_equal(np.sort(np.concatenate([cells, layout.foreign])), np.arange(layout.n_columns))


@given(layout=partial_layouts())
def test_a_partial_layout_keeps_its_cells_and_loses_only_foreign_columns(layout):
    """There and back: the columns of cells are as they were, those without a cell are missing."""
    X = np.arange(2 * layout.n_columns, dtype=np.float64).reshape(2, -1)

    back = layout.to_flat(layout.to_grid(X))

    expected = X.copy()
    expected[:, layout.foreign] = np.nan
    np.testing.assert_array_equal(back, expected)


@given(layout=layouts(), seed=SEEDS)
def test_an_order_reads_scrambled_columns_as_the_columns_in_their_order(layout, seed):
    """Scrambling the columns and declaring the order cancel."""
    X = np.arange(2.0 * layout.n_columns).reshape(2, -1)
    scrambled = np.random.default_rng(seed).permutation(layout.n_columns)
    ordered = Layout(layout.height, layout.width, layout.channels, order=tuple(np.argsort(scrambled).tolist()))

    np.testing.assert_array_equal(ordered.to_grid(X[:, scrambled]), layout.to_grid(X))


@given(layout=partial_layouts(), extra=st.integers(0, 5), seed=SEEDS)
def test_a_layout_within_a_wider_matrix_reads_the_same_grid(layout, extra, seed):
    """The other columns do not matter."""
    n_columns = layout.n_columns + extra
    wide = np.arange(3.0 * n_columns).reshape(3, -1)
    chosen = np.random.default_rng(seed).permutation(n_columns)[: layout.n_columns]

    inner = layout.within(chosen, n_columns)

    assert inner.n_columns == n_columns
    np.testing.assert_array_equal(inner.to_grid(wide), layout.to_grid(wide[:, chosen]))


@given(layout=layouts())
def test_channels_last_equals_a_transposed_block(layout):
    """Columns whose channels stand side by side are the transpose of an image."""
    X = np.arange(2.0 * layout.n_columns).reshape(2, -1)
    last = Layout(layout.height, layout.width, layout.channels, channels_last=True)

    image = X.reshape(2, layout.height, layout.width, layout.channels)

    np.testing.assert_array_equal(last.to_grid(X), image.transpose(0, 3, 1, 2))


@given(height=st.integers(1, 40), width=st.integers(1, 40), n_columns=st.integers(1, 900))
def test_a_layout_fits_or_the_message_names_grids_that_do(height, width, n_columns):
    """Each grid that is proposed has as many cells as there are columns."""
    if height * width == n_columns:
        assert Layout.of((height, width), n_columns=n_columns).shape == (1, height, width)
        return
    with pytest.raises(LayoutError) as caught:
        Layout.of((height, width), n_columns=n_columns)
    proposed = re.findall(r"(\d+) x (\d+)", str(caught.value).partition("Grids that fit:")[2])
    assert proposed and all(int(h) * int(w) == n_columns for h, w in proposed)


@given(X=arrays(min_rows=3), seed=SEEDS)
def test_rows_of_an_array_are_read_one_by_one(X, seed):
    """The matrix of some rows, in any order, is those rows of the matrix; a copy from a pickle reads them alike."""
    canonical = Canonicaliser(channels="last").fit(X)
    rows = np.random.default_rng(seed).permutation(len(X))[:-1]

    expected = canonical.transform(X)[rows]

    np.testing.assert_array_equal(canonical.transform(X[rows]), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(canonical)).transform(X[rows]), expected)


@given(X=arrays(), seed=SEEDS)
def test_a_frame_of_numbers_is_read_as_the_array_whatever_the_order_of_its_columns(X, seed):
    """Names order the columns at predict time."""
    X = X.reshape(len(X), -1)
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    canonical = Canonicaliser().fit(frame)
    shuffled = frame[np.random.default_rng(seed).permutation(frame.columns)]

    np.testing.assert_array_equal(canonical.transform(shuffled), Canonicaliser().fit_transform(X))


@settings(max_examples=50)
@given(frame=tables(min_rows=3))
@pytest.mark.filterwarnings("ignore:Column .first. of X holds nearly nothing")
def test_labels_that_fit_has_not_seen_become_missing(frame):
    """A new word never crashes predict, never invents a column, and never takes the code of a word that is known."""
    canonical = Canonicaliser().fit(frame)
    known = canonical.transform(frame)
    strange = frame.assign(first="a word that nobody has seen")

    values = canonical.transform(strange)

    own = list(canonical.feature_names_out_).index("first")
    assert np.isnan(values[:, own]).all()
    np.testing.assert_array_equal(np.delete(values, own, axis=1), np.delete(known, own, axis=1))


@settings(max_examples=50)
@given(frame=tables())
def test_each_column_of_a_table_has_a_name_and_codes_stay_below_their_number(frame):
    """Names are unique; a categorical column holds whole codes from 0 up to its cardinality."""
    canonical = Canonicaliser()
    values = canonical.fit_transform(frame)

    names = list(canonical.get_feature_names_out())
    assert len(names) == len(set(names)) == values.shape[1]
    for column, cardinality in zip(canonical.categorical_, canonical.cardinalities_, strict=True):
        codes = values[:, column][~np.isnan(values[:, column])]
        assert set(codes.tolist()) <= set(range(cardinality))


@given(y=labels())
def test_labels_mean_the_same_in_every_container(y):
    """Arrays, lists, columns of objects and pandas columns give the same codes and classes."""
    codes, classes = encode_labels(y)

    for other in (y.tolist(), y.astype(object), pd.Series(y, name="y"), pd.Index(y)):
        found, names = encode_labels(other)
        np.testing.assert_array_equal(found, codes)
        assert names.tolist() == classes.tolist()


@given(y=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1), kind=st.sampled_from(["i8", "f8", "O", "Int64"]))
def test_numbers_are_read_exactly_whatever_type_holds_them(y, kind):
    """Whole numbers of 32 bits survive the trip to float64 from any type."""
    column = pd.Series(y, dtype=kind) if kind == "Int64" else np.array(y, dtype=kind)

    np.testing.assert_array_equal(numeric_target(column), np.array(y, dtype=np.float64))


@given(y=labels())
def test_balanced_weights_give_each_class_the_same_total(y):
    """All of them sum to the number of rows."""
    codes, classes = encode_labels(y)

    weights = Target(y, codes, classes).weights(None, "balanced")

    np.testing.assert_allclose(np.bincount(codes, weights), len(y) / len(classes))


@given(y=labels(), seed=SEEDS)
def test_weights_of_rows_and_of_classes_multiply(y, seed):
    """Together they are the product of what each gives alone; ones change nothing."""
    codes, classes = encode_labels(y)
    rng = np.random.default_rng(seed)
    rows = rng.uniform(0.5, 2.0, size=len(y))
    by_class = dict(zip(classes.tolist(), rng.uniform(0.5, 2.0, size=len(classes)), strict=True))

    of_rows = Target(y, codes, classes).weights(rows, None)
    of_classes = Target(y, codes, classes).weights(np.ones(len(y)), by_class)

    np.testing.assert_array_equal(of_rows, rows)
    np.testing.assert_array_equal(of_classes, [by_class[label] for label in y.tolist()])
    np.testing.assert_allclose(Target(y, codes, classes).weights(rows, by_class), of_rows * of_classes)


@settings(max_examples=50)
@given(drawn=grouped_targets(), cv=st.sampled_from(["auto", 2, 3, 5]), seed=st.integers(0, 99))
def test_folds_judge_each_row_once_and_keep_groups_whole(drawn, cv, seed):
    """Training and validation rows are disjoint and together all rows; equal seeds give equal folds."""
    y, groups, task = drawn
    for given_groups in (None, groups):
        plan = plan_splits(y, cv=cv, groups=given_groups, task=task, random_state=seed)
        again = plan_splits(y, cv=cv, groups=given_groups, task=task, random_state=seed)

        for (train, valid), (same, _) in zip(plan.splits, again.splits, strict=True):
            np.testing.assert_array_equal(train, same)
            np.testing.assert_array_equal(np.sort(np.r_[train, valid]), np.arange(len(y)))
            assert given_groups is None or not set(groups[train]) & set(groups[valid])
        judged = np.concatenate([valid for _, valid in plan.splits])
        np.testing.assert_array_equal(np.sort(judged), np.arange(len(y)))


@settings(max_examples=25)
@given(n=st.integers(10_001, 12_000), classes=st.integers(2, 6), seed=st.integers(0, 99))
def test_a_holdout_has_the_shares_of_the_classes(n, classes, seed):
    """It is at most a quarter of the rows, and no class is over or under by more than a row."""
    y = np.random.default_rng(seed).integers(classes, size=n)

    ((train, valid),) = plan_splits(y, task="classification", random_state=seed).splits

    assert len(valid) <= n / 4 + 1
    expected = np.bincount(y) * len(valid) / n
    assert np.abs(np.bincount(y[valid], minlength=classes) - expected).max() <= 1
    np.testing.assert_array_equal(np.sort(np.r_[train, valid]), np.arange(n))


@given(
    values=hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.sampled_from([0.0, -0.0, 1.0, np.nan, np.inf]),
    )
)
def test_a_copy_is_a_column_that_equals_one_before_it(values):
    """Also where minus zero stands for zero, and cells are missing."""
    with np.errstate(all="ignore"):
        low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    equal = [
        any(np.array_equal(values[:, place], values[:, before], equal_nan=True) for before in range(place))
        for place in range(values.shape[1])
    ]
    assert is_copy(values, low, high).tolist() == equal


def test_columns_that_look_alike_are_each_read_once(monkeypatch):
    """Hundreds of bits begin and end alike; comparing all pairs took half a minute."""
    read = []
    real = findings._digest
    monkeypatch.setattr(findings, "_digest", lambda column: (read.append(len(column)), real(column))[1])
    bits = np.random.default_rng(0).integers(2, size=(3_000, 300)).astype(float)
    bits[:, 200] = bits[:, 100]
    copies = is_copy(bits, bits.min(axis=0), bits.max(axis=0))
    assert np.flatnonzero(copies).tolist() == [200]
    assert sum(read) <= 300 * 2_000 + 2 * 3_000
