"""Targets and weights: any accepted y becomes codes or floats, and both kinds of weight become one."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_sample_weight
from strategies import labels

from autoarch._data.target import Target, encode_labels, guess_task, numeric_target
from autoarch.exceptions import InputError, ParameterError


@given(y=labels())
def test_labels_come_back_from_their_codes(y):
    """Codes index the sorted labels."""
    codes, classes = encode_labels(y)

    assert codes.dtype == np.int64
    assert classes.dtype == y.dtype
    np.testing.assert_array_equal(classes, np.unique(y))
    np.testing.assert_array_equal(classes[codes], y)


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        pytest.param(["b", "a"], ["a", "b"], id="list"),
        pytest.param(np.array(["b", "a"], dtype=object), ["a", "b"], id="objects"),
        pytest.param(pd.Series(["b", "a"], index=[5, 5]), ["a", "b"], id="strings"),
        pytest.param(pd.Series(["b", "a"], dtype="string"), ["a", "b"], id="string-column"),
        pytest.param(pd.Series(["b", "a"], dtype="category"), ["a", "b"], id="category"),
        pytest.param(pd.Categorical([3, 1]), [1, 3], id="category-of-integers"),
        pytest.param(pd.Series([3, 1], dtype="Int64"), [1, 3], id="nullable-integers"),
        pytest.param(pd.Series([True, False], dtype="boolean"), [False, True], id="nullable-booleans"),
        pytest.param(np.array([3, 1], dtype=object), [1, 3], id="integer-objects"),
        pytest.param(np.array([True, False], dtype=object), [False, True], id="boolean-objects"),
        pytest.param(pd.Index([3, 1]), [1, 3], id="index"),
    ],
)
def test_labels_may_come_in_any_column(y, classes):
    """The labels that predict returns are the plain values."""
    codes, found = encode_labels(y)

    assert codes.tolist() == [1, 0]
    assert found.tolist() == classes
    assert isinstance(found.dtype, np.dtype)


def test_labels_may_be_tensors_or_polars_columns():
    """Containers of other houses, too."""
    torch, pl = pytest.importorskip("torch"), pytest.importorskip("polars")
    for y in (
        torch.tensor([3, 1]),
        pl.Series([3, 1]),
        pl.Series(["b", "a"]),
        pl.Series(["b", "a"]).cast(pl.Categorical),
    ):
        assert encode_labels(y)[0].tolist() == [1, 0]
    np.testing.assert_array_equal(numeric_target(torch.tensor([0.5, 1.5], requires_grad=True)), [0.5, 1.5])
    np.testing.assert_array_equal(numeric_target(pl.Series([0.5, 1.5])), [0.5, 1.5])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        pytest.param(None, "Forest estimator requires y to be passed, but the target y is None", id="none"),
        pytest.param([[1, 2], [2, 1]], r"MultiOutputClassifier\(Forest", id="columns"),
        pytest.param(sparse.eye(3), "y should be a 1d array", id="sparse"),
        pytest.param([1.0, np.nan], "Input y contains NaN", id="nan"),
        pytest.param([1.0, np.inf], "Input y contains infinity", id="inf"),
        pytest.param(np.array(["a", None]), "Input y contains NaN", id="missing-object"),
        pytest.param(pd.Series(["a", None]), "Input y contains NaN", id="missing-string"),
        pytest.param(pd.Series([1, None], dtype="Int64"), "Input y contains NaN", id="missing-integer"),
        pytest.param(pd.Categorical(["a", None]), "Input y contains NaN", id="missing-category"),
        pytest.param([0.5, 1.5, 2.5], "Unknown label type: continuous", id="continuous"),
        pytest.param([2, 2, 2], "only one class: 2", id="one-class"),
        pytest.param(["a", "a"], "at least 2 classes .* only one class: 'a'", id="one-word"),
        pytest.param([], "class", id="empty"),
        pytest.param(np.array([1, "a"], dtype=object), "y holds int, str side by side", id="mixed"),
        pytest.param(np.array([1j, 2j]), "Complex data not supported|Unknown label type", id="complex"),
    ],
)
def test_labels_that_cannot_be_learned_are_refused(y, message):
    """In scikit-learn's words where it has some, naming the estimator."""
    with pytest.raises(InputError, match=message):
        encode_labels(y, estimator_name="Forest")


@pytest.mark.parametrize("read", [encode_labels, numeric_target])
def test_a_target_of_another_length_is_refused(read):
    """The lengths of X and y are named."""
    with pytest.raises(InputError, match=r"inconsistent numbers of samples: \[3, 2\]"):
        read([0, 1], n_samples=3)


@pytest.mark.parametrize("read", [encode_labels, numeric_target])
@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame])
def test_a_single_column_is_ravelled_with_a_warning(read, kind):
    """As scikit-learn does, in its words."""
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array was expected"):
        ravelled = read(kind([[0], [1], [1]]))

    np.testing.assert_array_equal(np.atleast_2d(ravelled[0] if read is encode_labels else ravelled)[0], [0, 1, 1])


@pytest.mark.parametrize(
    "y",
    [
        pytest.param([1, 2], id="integers"),
        pytest.param(np.array([1, 2], np.float16), id="float16"),
        pytest.param(np.array(["1", "2.0"], dtype=object), id="spelled-objects"),
        pytest.param(pd.Series([1, 2], dtype="Float64"), id="nullable"),
        pytest.param(pd.Series([1, 2], dtype="category"), id="category"),
    ],
)
def test_numeric_targets_are_float64(y):
    """Whatever holds the numbers."""
    target = numeric_target(y)

    assert target.dtype == np.float64
    assert target.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        pytest.param(None, "requires y to be passed", id="none"),
        pytest.param([[1, 2], [2, 1]], r"MultiOutputRegressor\(AutoArchRegressor", id="columns"),
        pytest.param([1.0, np.nan], "Input y contains NaN", id="nan"),
        pytest.param([1.0, np.inf], "Input y contains infinity or a value too large for dtype..float64", id="inf"),
        pytest.param(pd.Series([1, None], dtype="Int64"), "Input y contains NaN", id="missing"),
        pytest.param(["a", "b"], "string", id="words"),
        pytest.param(np.array(["a", "b"], dtype=object), "could not convert string to float", id="word-objects"),
        pytest.param(np.array([1j, 2]), "Complex data not supported", id="complex"),
        pytest.param(np.array(["2020-01-01", "2020-01-02"], "M8[D]"), "a regression needs numbers", id="dates"),
    ],
)
def test_targets_that_are_no_finite_numbers_are_refused(y, message):
    """In scikit-learn's words where it has some."""
    with pytest.raises(InputError, match=message):
        numeric_target(y)


# ---- weights

CODES, CLASSES = np.array([0, 0, 0, 1, 1]), np.array(["no", "yes"])
LABELS, NUMBERS = Target(CLASSES[CODES], CODES, CLASSES), Target(np.arange(5.0), np.arange(5.0))


def test_no_weights_are_none():
    """Nothing given, nothing to carry along."""
    assert LABELS.weights(None, None) is None
    assert NUMBERS.weights(None, None) is None


@pytest.mark.parametrize("class_weight", ["balanced", {"no": 2.0, "yes": 0.5}, {"yes": 3}, {}])
def test_class_weights_agree_with_scikit_learn(class_weight):
    """Same numbers as compute_sample_weight."""
    np.testing.assert_allclose(LABELS.weights(None, class_weight), compute_sample_weight(class_weight, CLASSES[CODES]))


def test_classes_that_spell_numbers_are_still_words():
    """The label "1" is weighted by the key "1"."""
    weights = Target(CODES, CODES, np.array(["0", "1"])).weights(None, {"0": 1, "1": 5})

    assert weights.tolist() == [1, 1, 1, 5, 5]


def test_both_weights_are_multiplied():
    """A sample counts by itself and by its class."""
    weights = LABELS.weights([1, 2, 3, 4, 5], {"yes": 10})

    assert weights.tolist() == [1, 2, 3, 40, 50]


@pytest.mark.parametrize("given_weights", [[1, 0, 2, 1, 1], pd.Series([1, 0, 2, 1, 1], index=list("abcde"))])
def test_weights_may_come_in_any_column(given_weights):
    """Only their order counts."""
    assert NUMBERS.weights(given_weights, None).tolist() == [1, 0, 2, 1, 1]


def test_one_number_weighs_all_samples_alike():
    """As in scikit-learn."""
    assert NUMBERS.weights(2, None).tolist() == [2, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("given_weights", "message"),
    [
        pytest.param([1, 1, 1, 1], r"sample_weight.shape == \(4,\), expected \(5,\)", id="length"),
        pytest.param(np.ones((5, 2)), r"sample_weight.shape == \(5, 2\)", id="columns"),
        pytest.param([1, 1, 1, 1, -1], "Negative values in data passed to `sample_weight`", id="negative"),
        pytest.param([1, 1, 1, 1, np.nan], "Input sample_weight contains NaN", id="nan"),
        pytest.param([1, 1, 1, 1, np.inf], "Input sample_weight contains infinity", id="inf"),
        pytest.param(np.zeros(5), "Sample weights must contain at least one non-zero number", id="zero"),
        pytest.param([1, 1, 1, 0, 0], "only one class: 'no'", id="one-class-left"),
        pytest.param(list("abcde"), "could not convert string to float", id="words"),
    ],
)
def test_senseless_sample_weights_are_refused(given_weights, message):
    """In scikit-learn's words where it has some."""
    with pytest.raises(InputError, match=message):
        LABELS.weights(given_weights, None)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        pytest.param("balance", "Did you mean 'balanced'", id="misspelled"),
        pytest.param([1, 2], "expected None, 'balanced' or a dict", id="list"),
        pytest.param({"no": 1, "maybe": 2}, r"The classes, \['yes'\], are not in class_weight", id="unknown-class"),
        pytest.param({"no": -1}, "finite numbers of at least 0", id="negative"),
        pytest.param({"no": np.nan}, "finite numbers of at least 0", id="nan"),
        pytest.param({"no": "much"}, "finite numbers of at least 0", id="word"),
    ],
)
def test_senseless_class_weights_are_refused(class_weight, message):
    """A parameter, so the error is one of parameters."""
    with pytest.raises(ParameterError, match=message):
        LABELS.weights(None, class_weight)


def test_class_weights_that_silence_all_but_one_class_are_refused():
    """Nothing could be told apart."""
    with pytest.raises(InputError, match="leave only one class: 'no'"):
        LABELS.weights(None, {"yes": 0})


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 2], "classification"),
        ([0.0, 1.0, np.nan], "classification"),
        ([0.5, 1.0], "regression"),
        (list(range(100)), "regression"),
        (list(range(20)), "regression"),
        (list(range(15)) * 2, "classification"),
        ([Decimal("0.5"), Decimal("1.5")], "regression"),
        (list(range(100)) * 10, "classification"),
        (pd.Series([1, 2, None], dtype="Int64"), "classification"),
    ],
)
def test_the_task_is_read_off_the_labels(y, task):
    """Fractions and many whole numbers are quantities, the rest are classes."""
    assert guess_task(y) == task
