"""Whatever is passed, a public entrance answers with an error of the package's own or with a right result."""

import io
import resource

import numpy as np
import pandas as pd
import pytest
import torch
from entrances import COSTLY, ENTRANCES, GRIDS, MAP, NETS, N, X, calls, file_calls, outcome
from hypothesis import HealthCheck, given, settings
from oddities import WEIGHTS, ArrayRaises, Raising
from scipy import sparse
from sklearn.base import clone

from autoarch import AutoArchClassifier, AutoArchRegressor, Layout, datasets, geo, probe_locality
from autoarch._core.checks import check_choice, check_seconds, check_whole, own_errors, shown
from autoarch.cli.main import main
from autoarch.exceptions import AutoArchError, InputError, InputTypeError, LayoutError, ParameterError
from autoarch.explain import explain
from autoarch.locality import LayoutRestorer, infer_layout, recover_layout
from autoarch.transfer import check_transfer, load_pretrained

CHEAP = [name for name in ENTRANCES if name not in COSTLY and "AutoArch" not in name]
FITS = [name for name in ENTRANCES if "AutoArch" in name]
CODES = np.arange(N) % 2
ONE = {"time_budget": None, "n_trials": 1, "families": "linear", "random_state": 0, "verbose": 0, "layout": None}
MILLION = np.broadcast_to(0.0, (10**6, 10**6))
SLOW_DATA = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@pytest.fixture(autouse=True, scope="module")
def _bounded_memory():
    """An input that takes all memory must fail the test, not the machine."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (12 * 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def answers(call):
    """Assert that a call ends in an own error or in a result that can be right."""
    words, run, never = call
    kind, detail = outcome(run, never)
    assert kind in ("own error", "result"), f"{words}: {kind}\n{detail}"


@settings(max_examples=120, suppress_health_check=SLOW_DATA)
@given(call=calls(CHEAP))
def test_every_entrance_answers_odd_arguments(call):
    """One or two arguments are odd: values, tables, columns, nets of any kind."""
    answers(call)


@settings(max_examples=40, suppress_health_check=SLOW_DATA)
@given(call=calls(FITS))
def test_fit_answers_odd_arguments(call):
    """So do both estimators, and a result has finite predictions."""
    answers(call)


@settings(max_examples=40, suppress_health_check=SLOW_DATA)
@given(call=file_calls())
def test_files_are_answered(call):
    """Cut, changed, hostile: the command line ends with a message and status 2, or with a result."""
    answers(call)


@pytest.mark.slow
@settings(max_examples=400, suppress_health_check=SLOW_DATA)
@given(call=calls() | file_calls())
def test_many_odd_inputs_are_answered(call):
    """The same at length, with what takes a net or the probe."""
    answers(call)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        pytest.param({"random_state": -1}, "random_state=-1 .* from 0 to", id="seed-below"),
        pytest.param({"random_state": 2**32}, "random_state=4294967296 .* from 0 to", id="seed-above"),
        pytest.param({"random_state": "a"}, "random_state='a' .*RandomState", id="seed-text"),
        pytest.param({"random_state": 1.5}, "random_state=1.5", id="seed-fraction"),
        pytest.param(
            {"random_state": np.random.default_rng(0)}, "random_state=Generator.*RandomState", id="seed-generator"
        ),
        pytest.param({"verbose": "a"}, "verbose='a' .* whole number", id="verbose"),
        pytest.param({"families": None}, "families=None .* 'auto'", id="no-families"),
        pytest.param({"families": 5}, "families=5 .* 'auto'", id="families-number"),
        pytest.param({"families": [None]}, "families contains None", id="family-none"),
        pytest.param({"time_budget": 1e308}, "time_budget=1e\\+308 .* 31 years", id="budget-huge"),
        pytest.param({"time_budget": 10**400}, "time_budget=1000.* above 0", id="budget-beyond-floats"),
        pytest.param({"n_trials": 2**70}, "n_trials=1180591620717411303424 .* at most", id="trials-huge"),
        pytest.param({"n_jobs": 0}, "n_jobs=0 .* -1 for all", id="jobs-none"),
        pytest.param({"n_jobs": "a"}, "n_jobs='a'", id="jobs-text"),
        pytest.param({"memory": "a\0b"}, "memory=.* null byte", id="memory-null"),
        pytest.param({"memory": __file__}, "memory=.* is a file; expected a folder", id="memory-file"),
        pytest.param({"memory": 5}, "memory=5 .* path of a folder", id="memory-number"),
        pytest.param({"device": 5}, "device=5 .* 'cpu'", id="device-number"),
        pytest.param({"device": "meta"}, "device='meta' cannot be used", id="device-meta"),
        pytest.param({"warm_start": "yes"}, "warm_start='yes' .* True or False", id="flag"),
        pytest.param({"cv": (i for i in iter(int, 1))}, "more than 10,000 splits", id="endless-cv"),
        pytest.param({"scoring": Raising()}, "scoring=<Raising>", id="repr-raises"),
        pytest.param({"class_weight": {0: float("nan"), 1: 1}}, "class_weight holds", id="class-weight"),
    ],
)
def test_parameters_are_checked_before_any_work(parameters, told):
    """The message says what came and what was expected; X is not even looked at where it need not be."""
    with pytest.raises(AutoArchError, match=told) as raised:
        AutoArchClassifier(**{**ONE, **parameters}).fit(X, CODES)
    assert isinstance(raised.value, ValueError | TypeError)


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        pytest.param(lambda: ArrayRaises(), "RuntimeError: the connection was lost", id="array-raises"),
        pytest.param(lambda: torch.empty(N, 16, device="meta"), "device 'meta' .* no values", id="meta-tensor"),
        pytest.param(lambda: X + 1j, "Complex data", id="complex"),
        pytest.param(
            lambda: np.zeros(N, dtype=[("a", float), ("b", int)]), "records .* pandas.DataFrame", id="records"
        ),
        pytest.param(lambda: iter(X), "iterator was given; .* list", id="iterator"),
        pytest.param(lambda: [[1.0], [1.0, 2.0]], "rows of one length", id="ragged"),
    ],
)
@pytest.mark.parametrize(
    "entrance",
    [
        pytest.param(lambda X: AutoArchClassifier(**ONE).fit(X, CODES), id="fit"),
        pytest.param(lambda X: probe_locality(X), id="probe"),
        pytest.param(lambda X: recover_layout(X, random_state=0), id="recover"),
        pytest.param(lambda X: infer_layout(X, random_state=0), id="infer"),
    ],
)
def test_what_holds_no_numbers_is_refused(entrance, odd, told):
    """The same words from every entrance that reads a table."""
    with pytest.raises((InputError, InputTypeError), match=told):
        entrance(odd())


@pytest.mark.parametrize("odd", [lambda: MILLION, lambda: sparse.csr_matrix((10**6, 10**6))], ids=["view", "sparse"])
@pytest.mark.parametrize(
    "entrance",
    [
        pytest.param(lambda X: AutoArchClassifier(**ONE).fit(X, CODES), id="fit"),
        pytest.param(lambda X: recover_layout(X, random_state=0), id="recover"),
        pytest.param(lambda X: LayoutRestorer().fit(X), id="restore"),
    ],
)
def test_a_million_by_a_million_is_refused(entrance, odd):
    """By its shape, before anything is read; a fit would read a sample of a sparse one, but y has not as many rows."""
    with pytest.raises((InputError, InputTypeError), match=r"GiB of memory are free|Sparse data|\[1000000, 24\]"):
        entrance(odd())


@pytest.mark.parametrize(
    ("y", "given", "told"),
    [
        pytest.param([[1], [2]] * 12 + [[3, 4]], {}, "one length|inconsistent|inhomogeneous", id="ragged-y"),
        pytest.param(np.array([{1}] * N, dtype=object), {}, "label type", id="unhashable-labels"),
        pytest.param(CODES, {"sample_weight": np.full(N, 1e308)}, "1e\\+308 .* Divide the weights", id="huge-weights"),
        pytest.param(CODES, {"sample_weight": np.full(N, 1e-310)}, "Divide the weights", id="tiny-weights"),
        pytest.param(CODES, {"groups": np.ones((N, 2))}, "groups has shape .24, 2.; expected .24,.", id="2-D-groups"),
        pytest.param(CODES, {"groups": ArrayRaises()}, "groups cannot be read", id="groups-raise"),
    ],
)
def test_columns_are_checked(y, given, told):
    """Targets, weights and groups are told apart in messages."""
    with pytest.raises((InputError, InputTypeError), match=told):
        AutoArchClassifier(**ONE).fit(X, y, **given)


def test_weights_as_large_as_float32_holds_are_taken():
    """A constant factor of the weights within the limits is no error."""
    for factor in (1e-25, 1e25):
        fitted = AutoArchClassifier(**ONE).fit(X, CODES, sample_weight=factor * np.arange(1, N + 1))
        assert np.isfinite(fitted.predict_proba(X)).all()


@pytest.mark.parametrize("odd", [name for name in NETS if name not in ("none", "other", "dense", "linear")])
def test_nets_that_cannot_be_used_are_refused(odd):
    """Nets that hold what cannot be copied, that raise, that have no weights."""
    with pytest.raises((InputError, InputTypeError)):
        check_transfer(NETS[odd](), GRIDS, CODES, cv=2, steps=1)


@pytest.mark.parametrize("odd", [name for name in WEIGHTS if name not in ("whole", "classes of objects")])
def test_hostile_weights_are_not_built(odd, tmp_path):
    """Deep JSON, nets of any size, facts of any kind: refused without the memory that they ask for."""
    path = tmp_path / "net.pt"
    path.write_bytes(WEIGHTS[odd]())
    with pytest.raises(InputError, match=r"net\.pt"):
        load_pretrained(path)


def test_sides_of_a_million_are_refused():
    """Nothing is allocated for a shape before it is compared with what there is."""
    sides = (10**6, 10**6)
    for call in (
        lambda: recover_layout(X, sides, random_state=0),
        lambda: datasets.make_stripes(10, sides),
        lambda: Layout.of(sides, n_columns=16),
        lambda: geo.LongToGrid(0, 1, 2, 3, shape=sides).fit_transform(np.arange(16.0).reshape(4, 4)),
        lambda: geo.raster_patches(np.ones((9, 9)), [(1, 1)], 10**7 + 1),
        lambda: explain(AutoArchRegressor(**ONE).fit(X, X[:, 0]), X[:4], layout=sides, verbose=0),
    ):
        with pytest.raises((InputError, LayoutError, ParameterError)):
            call()


def test_the_command_line_tells_of_outputs_before_it_works(tmp_path, capsys):
    """A folder that is not there is told before the data are read."""
    assert main(["fit", str(tmp_path / "nothing.csv"), "--out", str(tmp_path / "no" / "model")]) == 2
    assert "There is no folder" in capsys.readouterr().err


def test_an_archive_is_measured_before_it_is_unfolded(tmp_path, capsys):
    """Ten kilobytes that say they are a petabyte are refused by what they say."""
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000, 10000000), }\n"
    content = io.BytesIO(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)
    path = tmp_path / "bomb.npy"
    path.write_bytes(content.getvalue())
    assert main(["probe", str(path)]) == 2
    assert "by its head" in capsys.readouterr().err


def test_messages_stay_short_whatever_is_passed():
    """No repr of a large, recursive or raising object gets into a message."""
    nested = []
    nested.append(nested)
    for odd in (np.ones((500, 500)), pd.DataFrame(np.ones((500, 50))), "x" * 10**6, nested, Raising(), {1: MILLION}):
        assert len(shown(odd)) < 100
        with pytest.raises(ParameterError) as raised:
            check_choice("kind", odd, ("a", "b"))
        assert len(str(raised.value)) < 200


def test_checks_take_what_is_right():
    """Numbers of numpy are numbers, and limits belong to the range."""
    assert check_whole("n", np.int64(3), least=3, most=3) == 3
    assert check_seconds("time", np.float32(0.5)) == 0.5
    assert check_seconds("time", 1e9) == 1e9
    check_choice("kind", np.str_("a"), ("a", "b"))


@pytest.mark.parametrize(
    ("raised", "kept"),
    [
        pytest.param(ValueError("a"), InputError, id="value"),
        pytest.param(TypeError("a"), InputTypeError, id="type"),
        pytest.param(ZeroDivisionError("a"), InputTypeError, id="any"),
        pytest.param(MemoryError("a"), InputError, id="memory"),
        pytest.param(UserWarning("a"), UserWarning, id="warnings-are-no-errors-of-data"),
        pytest.param(KeyboardInterrupt(), KeyboardInterrupt, id="interrupt"),
    ],
)
def test_errors_become_own_ones(raised, kept):
    """Whatever an object of the user's raises while it is read; an interrupt and a warning stay what they are."""
    with pytest.raises(kept), own_errors(reading="X"):
        raise raised


def test_parameters_are_not_changed_by_checks():
    """An estimator whose parameters were refused can be cloned and told better."""
    odd = AutoArchClassifier(**{**ONE, "random_state": -1})
    with pytest.raises(ParameterError):
        odd.fit(X, CODES)
    assert clone(odd).set_params(random_state=0).fit(X, CODES).predict(X).shape == (N,)


def test_a_map_with_places_that_cannot_be_is_refused():
    """The message names the column."""
    with pytest.raises(InputError, match="'lat'"):
        geo.SpatialFeatures(("lon", "lat")).fit(MAP.assign(lat=1e6), CODES)
