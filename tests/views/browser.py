"""A real browser for tests: Chromium without a window, told what to do over a pipe, with the standard library alone."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe")


class Browser:
    """One page of Chromium.

    Attributes
    ----------
    events : list of dict
        What the page reported: messages of the console, requests, dialogs.
    """

    def __init__(self, folder):
        there, self._in = os.pipe()
        self._out, back = os.pipe()
        words = shlex.join([PROGRAM, *_FLAGS, f"--user-data-dir={folder}", "about:blank"])
        self._process = subprocess.Popen(
            ["bash", "-c", f"exec {words} 3<&{there} 4>&{back}"],
            pass_fds=(there, back),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(there)
        os.close(back)
        self._buffer, self._number, self._session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._in)  # which ends it
        os.close(self._out)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def call(self, method, **params):
        """Send a command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._in, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def open(self, path, *, width=390, height=844, scheme="light"):
        """Show a file on a screen of some pixels, and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events = []
        self.call("Page.navigate", url=Path(path).resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._note(self._read())

    def run(self, code):
        """Value of an expression on the page."""
        found = self.call("Runtime.evaluate", expression=code, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key, code):
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    def troubles(self):
        """Errors on the console, dialogs, and requests for anything but the file itself."""
        found = []
        for event in self.events:
            name, params = event["method"], event["params"]
            wrong = name in ("Runtime.exceptionThrown", "Page.javascriptDialogOpening")
            wrong |= name == "Log.entryAdded" and params["entry"]["level"] == "error"
            wrong |= name == "Runtime.consoleAPICalled" and params["type"] == "error"
            address = params["request"]["url"] if name == "Network.requestWillBeSent" else "file:"
            if wrong or not address.startswith(("file:", "data:")):
                found.append(event)
        return found

    def _note(self, event):
        self.events.append(event)
        if event.get("method") == "Page.javascriptDialogOpening":  # else the page stands still
            self._number += 1
            answer = {"id": self._number, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
            os.write(self._in, json.dumps({**answer, "sessionId": self._session}).encode() + b"\0")

    def _read(self):
        while b"\0" not in self._buffer:
            part = os.read(self._out, 2**16)
            assert part, "the browser ended"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)
