"""The tests of t/client that node runs."""

import os
import subprocess

from harness import checker
from harness.gateway import ROOT
from harness.node import PACKAGES

TESTS = ROOT / "t" / "client"


def run_tests(*names, **environment):
    """Runs node's tests, and shows what they said if one fails."""
    files = [str(TESTS / f"{name}.test.mjs") for name in names]
    done = subprocess.run(
        ["setpriv", "--pdeathsig", "TERM", "node", "--test", "--test-timeout=400000", *files],
        env={**os.environ, "NODE_PATH": PACKAGES, **environment},
        capture_output=True, text=True, timeout=500 * checker.SLOWNESS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n# pass 0\n" not in done.stdout, "nothing was tested"
