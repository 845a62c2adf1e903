"""Limits of threads come and go as blocks do, in whatever order several threads leave, and leave nothing behind."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import permutations, product

import pytest
import scipy.linalg  # noqa: F401  # brings a second BLAS
import sklearn.ensemble  # noqa: F401  # brings an OpenMP
import torch  # brings another, here and not in the midst of the tests, whose order then does not matter
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import ThreadpoolController

from autoarch._core import threads
from autoarch._core.threads import limited, usable_cores

POOLS = ThreadpoolController().lib_controllers
BEFORE = 3  # more than any limit below, whatever the machine


@pytest.fixture(autouse=True)
def _roomy_pools():
    """Every pool has three threads; afterwards what it had."""
    torch.get_num_threads()  # the first call in a thread sets its OpenMP
    had = [pool.get_num_threads() for pool in POOLS]
    _fill(BEFORE)
    yield
    for pool, n in zip(POOLS, had, strict=True):
        threads._set(pool, n)
    assert not threads._innermost and not threads._of_process and not threads._of_thread.before


def _fill(n):
    for pool in POOLS:
        threads._set(pool, n)


def _numbers():
    return {pool.get_num_threads() for pool in POOLS}


def _shared():
    return {pool.get_num_threads() for pool in POOLS if threads._is_shared(pool)}


def test_both_kinds_of_pools_are_here():
    """The tests below look at a BLAS of the process and at an OpenMP of each thread."""
    assert {pool.user_api for pool in POOLS} == {"blas", "openmp"}


def test_inner_limits_hold_inside_and_outer_ones_after():
    """Also where the inner one is wider."""
    with limited(1):
        assert _numbers() == {1}
        with limited(2):
            assert _numbers() == {2}
            with limited(1):
                assert _numbers() == {1}
            assert _numbers() == {2}
        assert _numbers() == {1}
    assert _numbers() == {BEFORE}


def test_a_limit_raises_nothing():
    """A number that the user has set lower stays."""
    _fill(1)
    with limited(2):
        assert _numbers() == {1}
    assert _numbers() == {1}


def test_an_error_inside_leaves_nothing_behind():
    """Not even from two blocks deep."""
    with pytest.raises(KeyError), limited(2), limited(1):
        raise KeyError
    assert _numbers() == {BEFORE}


def test_no_threads_at_all_are_refused():
    """Before anything is set."""
    with pytest.raises(ValueError, match="n=0; expected a number of threads"), limited(0):
        pass
    assert _numbers() == {BEFORE}


@pytest.fixture
def workers():
    """Three threads that do what they are told, one thing after the other."""
    with _workers() as made:
        yield made


@contextmanager
def _workers():
    with ExitStack() as stack:
        pools = [stack.enter_context(ThreadPoolExecutor(1, initializer=torch.get_num_threads)) for _ in range(3)]
        yield [lambda action, pool=pool: pool.submit(action).result(60) for pool in pools]


@pytest.mark.parametrize("error", [(None, None, None), (KeyError, KeyError(), None)], ids=["well", "by-error"])
@pytest.mark.parametrize(("limits", "order"), list(product([(1, 1, 1), (1, 2, 1), (2, 1, 2)], permutations(range(3)))))
def test_overlapping_blocks_of_threads_leave_what_was_before(workers, limits, order, error):
    """In any order of leaving each thread finds its own numbers, and the process the ones of the beginning."""
    own = (3, 2, 1)
    for worker, n in zip(workers, own, strict=True):
        worker(lambda n=n: [pool.set_num_threads(n) for pool in POOLS if not threads._is_shared(pool)])

    def openmp():
        return {pool.get_num_threads() for pool in POOLS if not threads._is_shared(pool)}

    blocks = [limited(n) for n in limits]
    for place, (worker, block) in enumerate(zip(workers, blocks, strict=True)):
        worker(block.__enter__)
        assert worker(openmp) == {min(limits[place], own[place])}
        assert _shared() == {min(limits[: place + 1])}
    inside = list(limits)
    for place in order:
        workers[place](lambda place=place: blocks[place].__exit__(*error))
        inside[place] = BEFORE
        assert workers[place](openmp) == {own[place]}
        assert _shared() == {min(inside)}
    assert _numbers() == {BEFORE}


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0, 1, 2])), max_size=20))
def test_any_sequence_of_blocks_ends_where_it_began(steps):
    """Three threads open (1, 2) and close (0) nested blocks as they like."""
    with _workers() as workers:
        _follow(steps, workers)
    assert _numbers() == {BEFORE}


def _follow(steps, workers):
    open_blocks = [[] for _ in workers]
    for place, n in [*steps, *((place, 0) for place in range(3) for _ in steps)]:
        if n:
            open_blocks[place].append((n, limited(n)))
            workers[place](open_blocks[place][-1][1].__enter__)
        elif open_blocks[place]:
            block = open_blocks[place].pop()[1]
            workers[place](lambda block=block: block.__exit__(None, None, None))
        assert _shared() == {min([BEFORE, *(blocks[-1][0] for blocks in open_blocks if blocks)])}


def test_torch_follows_and_comes_back():
    """In the thread that asks, also after somebody has called torch's own setter; a new thread finds that number."""
    had = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with limited(1):
            assert torch.get_num_threads() == 1
            found = []
            for _ in range(2):
                thread = threading.Thread(target=lambda: found.append(_torch_in_and_after()))
                thread.start()
                thread.join()
            assert found == [(1, 2), (1, 2)]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(had)


def _torch_in_and_after():
    with limited(1):
        inside = torch.get_num_threads()
    return inside, torch.get_num_threads()


def test_mkl_in_torch_is_given_back_unset():
    """What torch multiplies with follows OpenMP again, as before anybody asked for a limit."""
    setter = threads._mkl_setter()
    if setter is None:
        pytest.skip("this torch exports no MKL")
    had = torch.get_num_threads()
    before = setter(0)
    try:
        for mine in (0, 2):
            setter(mine)
            with limited(1):
                assert setter(min(mine, 1)) == min(mine, 1)
            assert setter(mine) == mine
    finally:
        setter(before)
        torch.set_num_threads(had)


def test_no_import_is_caused():
    """A limit imports neither torch nor scikit-learn nor scipy."""
    code = (
        "import sys; from autoarch._core.threads import limited\n"
        "with limited(1): pass\n"
        "print([name for name in ('torch', 'sklearn', 'scipy') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_a_library_that_was_loaded_inside_is_limited_by_the_next_block(monkeypatch):
    """And comes back with the others."""
    monkeypatch.setattr(threads, "_pools", lambda _: POOLS[:1])
    with limited(1):
        assert _numbers() == {1, BEFORE}
        monkeypatch.setattr(threads, "_pools", lambda _: POOLS)
        with limited(1):
            assert _numbers() == {1}
    assert _numbers() == {BEFORE}


def test_there_is_a_core():
    """At least the one that runs this."""
    assert usable_cores() >= 1


@pytest.mark.slow
def test_the_first_probe_of_a_process_has_one_thread_too():
    """Torch is loaded before the limit; threads of a library loaded inside would wait for each other on busy cores."""
    code = """
import sys, numpy as np
from autoarch import probe_locality
from autoarch.families.mlp import MLP
whole, seen = MLP.landmark, []
def landmark(*given):
    seen.append(sys.modules["torch"].get_num_threads())
    return whole(*given)
MLP.landmark = landmark
assert "torch" not in sys.modules
rng = np.random.default_rng(0)
probe_locality(rng.normal(size=(60, 5, 5)), rng.integers(0, 2, 60), random_state=0)
assert seen == [1], seen
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
