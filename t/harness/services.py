"""Real services, started as `./build.sh run NAME` starts them: by demo/NAME/start, behind an nginx
with demo/NAME/nginx.conf."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from harness.gateway import LOAD_MODULE, ROOT, Gateway, wait_until
from harness.node import PACKAGES
from harness.ports import free_port

DEMO = ROOT / "demo"
COMMAND = ROOT / "client/node/cli.js"  # a session on standard input and output
# Where Debian's package of each version has it. What the path has may be of elsewhere.
INITDB = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=Path("/usr/lib/postgresql/initdb"))


def needs(program, package):
    """Skips a test whose service is not there."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    return pytest.mark.skipif(not found, reason=f"{program} of Debian's {package} is missing")


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


class Service:
    """The program that demo/NAME/start runs, on a free port."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.folder.mkdir(mode=0o700)
        self.port = None
        self._process = None

    def start(self):
        for _ in range(4):
            self.port = self.port or free_port()
            if self._start_once():
                return self
            self.port = None  # somebody else may have taken it
        raise AssertionError(f"{self.name} did not start:\n{self.said()}")

    def _start_once(self):
        with open(self.folder / "output.log", "ab") as output:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", DEMO / self.name / "start", str(self.port),
                 self.folder],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )
        wait_until(lambda: not self.running() or accepts(self.port), 30, self.name)
        return self.running()

    def running(self):
        return self._process is not None and self._process.poll() is None

    def stop(self):
        if self.running():
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def said(self):
        return (self.folder / "output.log").read_text(errors="replace")


class ServiceGateway(Gateway):
    """nginx with demo/NAME/nginx.conf, but with its error log in a file."""

    def __init__(self, prefix, service):
        super().__init__(prefix)
        self._service = service

    def write_config(self, **changes):
        self.prefix.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        text = (DEMO / self._service.name / "nginx.conf").read_text()
        for old, new in (("error_log stderr notice;", "error_log @PREFIX@/error.log info;"),
                         ("load_module @MODULE@;", LOAD_MODULE)):
            assert old in text
            text = text.replace(old, new)
        values = {"PORT": self.port, "SERVICE": self._service.port, "ROOT": DEMO,
                  "PACKAGES": PACKAGES, "PREFIX": self.prefix}
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        user = "user root;\n" if os.geteuid() == 0 else ""
        self.config.write_text(user + text)
