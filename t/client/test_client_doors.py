"""The client of client/: its own tests, and its doors before the built module."""

import os
import subprocess

import pytest

from harness import checker
from harness.gateway import ROOT
from harness.node import PACKAGES

TESTS = ROOT / "t" / "client"

# A test's own services are reached by the port that the query names.
ANY_PORT = """
    location / { ws_pass 127.0.0.1:$arg_port; }
    location /half { ws_pass 127.0.0.1:$arg_port; ws_half_close on; }
"""


def run_tests(*names, **environment):
    """Runs node's tests, and shows what they said if one fails."""
    files = [str(TESTS / f"{name}.test.mjs") for name in names]
    done = subprocess.run(
        ["setpriv", "--pdeathsig", "TERM", "node", "--test", "--test-timeout=60000", *files],
        env={**os.environ, "NODE_PATH": PACKAGES, **environment},
        capture_output=True, text=True, timeout=500 * checker.SLOWNESS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n# pass 0\n" not in done.stdout, "nothing was tested"


@pytest.mark.time_limit(300)
@pytest.mark.parametrize("name", sorted(path.name.split(".")[0] for path in TESTS.glob("*.test.mjs")))
def test_own_tests(name):
    run_tests(name)


@pytest.mark.time_limit(120)
def test_raw_mode_works_before_the_module(gateway):
    front = gateway(ANY_PORT)
    run_tests("raw", RAW_GATEWAY=front.url("/"))
