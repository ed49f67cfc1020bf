"""JavaScript clients: the package ws, and pages in headless Chromium."""

import json
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path

from harness.gateway import ROOT

HERE = Path(__file__).resolve().parent
PACKAGES = os.environ.get("NODE_PATH", str(ROOT / "build" / "npm" / "node_modules"))


class NodeError(AssertionError):
    """What the script threw, with its stack."""


class Host:
    """A node process that runs scripts, each the body of an async function. They see `args`, which
    are the keyword arguments, `require`, and what `program` adds; the value they return comes back
    by way of JSON."""

    def __init__(self, program):
        # For Chromium's profile and whatever else wants a home. Its path must be short, because of
        # the sockets in it.
        self._folder = tempfile.TemporaryDirectory(prefix="ngx_ws_", ignore_cleanup_errors=True)
        home = {"HOME": self._folder.name, "TMPDIR": self._folder.name}
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "node", str(HERE / program)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, **home, "NODE_PATH": PACKAGES},
        )

    def run(self, script, timeout=30, **args):
        request = json.dumps({"script": script, "args": args})
        self._process.stdin.write(request.encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._read_line(timeout))
        if "error" in answer:
            raise NodeError(answer["error"])
        return answer.get("value")

    def _read_line(self, timeout):
        line = b""
        end = time.monotonic() + timeout
        while not line.endswith(b"\n"):
            left = max(0, end - time.monotonic())
            ready, _, _ = select.select([self._process.stdout], [], [], left)
            if not ready:
                self._process.kill()  # its next answer would belong to this script
                self._process.wait()
                raise NodeError(f"no answer in {timeout} s")
            data = os.read(self._process.stdout.fileno(), 65536)
            if not data:
                raise NodeError("node ended")
            line += data
        return line

    def running(self):
        return self._process.poll() is None

    def stop(self):
        """node ends what it has started when its input does."""
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()
