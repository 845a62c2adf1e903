"""One worker: a fresh interpreter with a pipe to this process, and the data that it is sent."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from typing import Any

from autoarch._core.failures import ToldError, describe
from autoarch._core.hangs import call_within
from autoarch._search.worker_process import cloudpickle, end_group

_START_SECONDS = 60.0  # in which a process says that it is there
_SLICE = 1.0  # seconds after which it is looked whether the process is still there
_EXIT_SECONDS = 2.0  # in which an idle worker ends by itself
_LARGE = 1 << 16  # bytes from which an array is put into the file that all workers read
_ALIGNED = 64
_BY_VALUE = 5  # modules that a worker cannot import, and that are sent along, before a call is given up
_MAIN = "import sys; sys.path[:] = sys.argv[4:]; from autoarch._search.worker_process import main; main()"


Answer = tuple[str, Any, str]  # "ok", "error" or "module"; the value, or the name of the module; the reason


class EndedError(ToldError):
    """A worker died, or was ended because it did not stop."""


class NoWorkerError(ToldError):
    """No process can be started, or none reads the data."""


class CallError(ToldError):
    """A call in a worker raised an error; the worker goes on."""


class Worker:
    """One process and the pipe to it; it ends by itself after ``idle`` seconds without a call, 0 for never."""

    def __init__(self, payload: Payload, idle: float = 0.0):
        self.pipe, theirs = Pipe()
        self.ready, self.why = False, ""
        self._payload = payload
        kept = [theirs.fileno(), *([] if payload.file is None else [payload.file.fileno()])]
        paths = [path or os.getcwd() for path in sys.path]
        command = [sys.executable, "-c", _MAIN, str(theirs.fileno()), str(os.getpid()), str(idle), *paths]
        try:
            self.process = subprocess.Popen(
                command, pass_fds=kept, stdin=subprocess.DEVNULL, start_new_session=True, close_fds=True
            )
        finally:
            theirs.close()

    def greet(self) -> None:
        """Wait until the process is there, and send it the data."""
        try:
            if not self._answers_within(_START_SECONDS):
                raise NoWorkerError(f"a process has not started within {_START_SECONDS:g} s")
            self.pipe.recv_bytes()
            answer = self._with_modules(
                lambda: self._sent(self._payload.message), lambda: self._sent(self._payload.plain())
            )
        except (EOFError, OSError) as error:
            raise NoWorkerError(self._how_it_ended()) from error
        if answer[0] != "ok":
            raise NoWorkerError(answer[2])
        self.ready = True

    def call(self, function: Callable[..., Any], *args: Any, seconds: float) -> Any:
        """Call ``function(data, *args)`` there.

        Raises
        ------
        EndedError
            If the worker died or has not answered within ``seconds``; it cannot be used any more.
        CallError
            If the call raised an error, or does not pickle.
        """
        kind, value, reason = self._with_modules(lambda: self._asked(function, args, seconds))
        if kind != "ok":
            raise CallError(reason)
        return value

    def _with_modules(self, ask: Callable[[], Answer], again: Callable[[], Answer] | None = None) -> Answer:
        """Ask, and ask again with modules that the worker cannot import pickled by value."""
        answer = ask()
        sent: list[Any] = []
        try:
            while answer[0] == "module" and answer[1] in sys.modules and len(sent) < _BY_VALUE:
                sent.append(sys.modules[answer[1]])
                cloudpickle.register_pickle_by_value(sent[-1])
                answer = (again or ask)()
        finally:
            for module in sent:
                with suppress(ValueError):  # another thread was quicker
                    cloudpickle.unregister_pickle_by_value(module)
        return answer

    def _sent(self, message: bytes) -> Answer:
        self.pipe.send_bytes(message)
        if not self._answers_within(_START_SECONDS):
            raise NoWorkerError(f"a process has not read the data within {_START_SECONDS:g} s")
        return pickle.loads(self.pipe.recv_bytes())

    def _asked(self, function: Callable[..., Any], args: tuple[Any, ...], seconds: float) -> Answer:
        try:
            message = cloudpickle.dumps((function, args), protocol=pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            raise CallError(f"it does not pickle: {describe(error)}") from error
        try:
            self.pipe.send_bytes(message)
            if not self._answers_within(seconds):
                raise EndedError("it did not stop at its deadline, and its process was ended")
            answer = self.pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise EndedError(self._how_it_ended()) from error
        try:  # code of others runs here, too
            return call_within(None if seconds == float("inf") else max(seconds, _SLICE), pickle.loads, answer)
        except Exception as error:
            raise CallError(f"its result does not unpickle: {describe(error)}") from error

    def _answers_within(self, seconds: float) -> bool:
        """Wait for an answer, or for the end of the process: a child of this one may hold the pipe open by chance."""
        last = time.monotonic()
        while not self.pipe.poll(min(_SLICE, max(0.0, seconds))):
            if self.process.poll() is not None and not self.pipe.poll(0):
                raise EOFError
            if seconds <= 0:
                return False
            now = time.monotonic()
            seconds -= min(now - last, 2 * _SLICE)  # more only passes where everything is stopped, the worker too
            last = now
        return True

    def _how_it_ended(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            code = self.process.wait(_EXIT_SECONDS)
            if self.why:
                return f"{self.why}, and its process was ended"
            if code >= 0:
                return f"its process ended with exit code {code}"
            why = ", most likely for want of memory" if code == -9 else ""
            return f"its process was killed by signal {-code}{why}"
        return "its process closed the connection"

    def end(self, *, kindly: bool) -> None:
        """End the process and all that it has started; an idle one may tidy up first."""
        self.pipe.close()  # which ends the loop of an idle worker
        if kindly:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_EXIT_SECONDS)
        self.process.kill()
        self.process.wait()
        end_group(self.process.pid)


class Payload:
    """Pickled data; large arrays lie in a file without a name, which no crash leaves behind, if one can be written."""

    def __init__(self, data: Any):
        self.data = data
        self.file: Any = None
        buffers: list[memoryview] = []

        def outside(buffer: pickle.PickleBuffer) -> bool:
            large = buffer.raw().nbytes >= _LARGE
            if large:
                buffers.append(buffer.raw())
            return not large

        message = cloudpickle.dumps(data, protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=outside)
        self.message = pickle.dumps((None, [], message))
        if buffers:
            try:
                self.file, places = _written(buffers)
                self.message = pickle.dumps((self.file.fileno(), places, message))
            except OSError:  # no space, no folder to write to
                self.message = self.plain()

    def plain(self) -> bytes:
        """All of it in one message."""
        return pickle.dumps((None, [], cloudpickle.dumps(self.data, protocol=pickle.HIGHEST_PROTOCOL)))

    def close(self) -> None:
        """Free the file, once no worker reads it any more."""
        if self.file is not None:
            self.file.close()


def _written(buffers: list[memoryview]) -> tuple[Any, list[tuple[int, int]]]:
    """Write buffers to a file; return it with the place and the size of each."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as there are workers
    places = []
    for buffer in buffers:
        file.seek(-(-file.tell() // _ALIGNED) * _ALIGNED)
        places.append((file.tell(), buffer.nbytes))
        file.write(buffer)
    file.flush()
    return file, places
