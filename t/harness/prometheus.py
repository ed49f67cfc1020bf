"""Debian's Prometheus, which scrapes one gateway four times a second."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from harness.gateway import wait_until
from harness.ports import free_port

CONFIG = """\
global:
  scrape_interval: 250ms
  evaluation_interval: 250ms
rule_files: [@RULES@]
scrape_configs:
  - job_name: nginx
    metrics_path: @PATH@
    static_configs: [{targets: ["127.0.0.1:@PORT@"]}]
"""

FOUND = shutil.which("prometheus") and shutil.which("promtool")


class Prometheus:
    def __init__(self, folder, target, path="/status", rules=""):
        self._folder = folder
        folder.mkdir()
        config = CONFIG.replace("@PORT@", str(target)).replace("@PATH@", path)
        (folder / "prometheus.yml").write_text(config.replace("@RULES@", json.dumps(str(rules))))
        self._process = None
        for _ in range(4):
            self.port = free_port()
            if self._start():
                return
        raise AssertionError(f"Prometheus did not start:\n{self.said()}")

    def _start(self):
        with open(self._folder / "output.log", "ab") as output:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "prometheus",
                 f"--config.file={self._folder / 'prometheus.yml'}",
                 f"--storage.tsdb.path={self._folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        wait_until(lambda: self._process.poll() is not None or self._ready(), 30, "Prometheus")
        return self._process.poll() is None

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def said(self):
        return (self._folder / "output.log").read_text(errors="replace")

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, what, **arguments):
        """The data of an answer of the API."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(arguments)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{arguments}: {error.read().decode()}") from None

    def query(self, expression):
        """The values of an expression by their labels, as sets of pairs."""
        result = self.ask("query", query=expression)["result"]
        return {frozenset((name, value) for name, value in one["metric"].items()
                          if name not in ("__name__", "job", "instance")): float(one["value"][1])
                for one in result}

    def wait_value(self, expression, wanted, timeout=15):
        """Waits until the expression, which has one value, has this one."""
        wait_until(lambda: list(self.query(expression).values()) == [wanted] or time.sleep(0.1),
                   timeout, f"{expression} to be {wanted}, not {self.query(expression)}")
