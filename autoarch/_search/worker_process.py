"""The inside of a worker: calls that come through a pipe, until the pipe closes or the parent is gone."""

from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import signal
import sys
import threading
import time
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from autoarch._core.failures import describe

POSIX = os.name == "posix"
_EVERY = 0.5  # seconds between two looks at the parent, and that processes have to end by themselves
_MOMENT = 0.01


def _cloudpickle() -> Any:
    """The module that pickles classes by value; joblib brings it: as a part until 1.5, as a package from 1.6 on."""
    try:
        return import_module("joblib.externals.cloudpickle")
    except ImportError:
        return import_module("cloudpickle")


cloudpickle = _cloudpickle()


def main() -> None:
    """Serve the pipe whose number stands in the arguments: a greeting, the data, then calls and answers."""
    descriptor, parent, patience = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) or None
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to judge
    threading.Thread(target=_end_with, args=(parent,), name="autoarch-parent", daemon=True).start()
    pipe = Connection(descriptor)
    import_module("autoarch._search.evaluate")  # which takes a second, before anybody waits for it

    pipe.send_bytes(b"ready")
    with contextlib.suppress(EOFError, OSError):
        data = read(pipe)
        while pipe.poll(patience):
            pipe.send_bytes(_answer(pipe.recv_bytes(), data))


def _answer(message: bytes, data: Any) -> bytes:
    """Run a call on the data and pickle what it returns, or what went wrong."""
    try:
        function, args = pickle.loads(message)
    except ModuleNotFoundError as error:
        return cloudpickle.dumps(("module", error.name, str(error)))
    except (Exception, SystemExit) as error:
        return cloudpickle.dumps(("error", None, f"it does not unpickle: {describe(error)}"))
    try:
        return cloudpickle.dumps(("ok", function(data, *args), ""), protocol=pickle.HIGHEST_PROTOCOL)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        return cloudpickle.dumps(("error", None, describe(error)))


def read(pipe: Connection) -> Any:
    """Read the data, and say whether they could be: if they need a module that is not here, they come once more."""
    while True:
        try:
            data = _unpickled(pipe.recv_bytes())
        except ModuleNotFoundError as error:
            pipe.send_bytes(cloudpickle.dumps(("module", error.name, str(error))))
        except (EOFError, OSError):
            raise
        except Exception as error:
            pipe.send_bytes(cloudpickle.dumps(("error", None, f"the data do not unpickle: {describe(error)}")))
        else:
            pipe.send_bytes(cloudpickle.dumps(("ok", None, "")))
            return data


def _unpickled(received: bytes) -> Any:
    """Unpickle data; their arrays lie in the file that was inherited, and are not copied, where there is one."""
    descriptor, places, message = pickle.loads(received)
    if descriptor is None:
        return pickle.loads(message)
    whole = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    return pickle.loads(message, buffers=[whole[start : start + size] for start, size in places])


def _end_with(parent: int) -> None:
    """End this process and those that it has started once its parent is gone."""
    while os.getppid() == parent:
        time.sleep(_EVERY)
    end_group(0)


def end_group(group: int) -> None:
    """End a group of processes: those that clean up after others ignore the first signal, and none the second."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        ends = time.monotonic() + _EVERY
        while time.monotonic() < ends:
            time.sleep(_MOMENT)
            os.killpg(group, 0)
        os.killpg(group, signal.SIGKILL)
