"""HAProxy, on a free port of loopback."""

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.gateway import wait_until
from harness.ports import free_port

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")

needs_haproxy = pytest.mark.skipif(not HAPROXY, reason="haproxy is missing")

GLOBAL = """
global
    log stdout format raw local0
    maxconn 50
"""


class HaProxy:
    """One with this configuration, in which @PORT@ is replaced by its port."""

    def __init__(self, folder, config):
        folder.mkdir()
        self.log = folder / "log"
        path = folder / "haproxy.cfg"
        for _ in range(4):
            self.port = free_port()
            path.write_text(GLOBAL + config.replace("@PORT@", str(self.port)))
            with open(self.log, "wb") as log:
                self._process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "TERM", HAPROXY, "-db", "-f", str(path)],
                    stdout=log, stderr=log)
            wait_until(lambda: self._process.poll() is not None or self._listens(),
                       what="haproxy")
            if self._process.poll() is None:
                return
        raise AssertionError(self.log.read_text())

    def _listens(self):
        # Not by a connection, which would have to bring what the configuration asks for.
        rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
        return any(row.split()[1] == f"0100007F:{self.port:04X}" and row.split()[3] == "0A"
                   for row in rows)

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
