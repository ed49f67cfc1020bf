"""The client of client/: its own tests, and its doors before the built module."""

import pytest

from harness.node_tests import TESTS, run_tests

# A test's own services are reached by the port that the query names.
ANY_PORT = """
    location / { ws_pass 127.0.0.1:$arg_port; }
    location /half { ws_pass 127.0.0.1:$arg_port; ws_half_close on; }
"""


# Those of messages are for a gateway with a framing alone, and run in test_client_resume.py.
NAMES = {path.name.split(".")[0] for path in TESTS.glob("*.test.mjs")} - {"messages"}


@pytest.mark.time_limit(500)
@pytest.mark.parametrize("name", sorted(NAMES))
def test_own_tests(name):
    run_tests(name)


@pytest.mark.time_limit(500)
def test_raw_mode_works_before_the_module(gateway):
    front = gateway(ANY_PORT)
    run_tests("raw", RAW_GATEWAY=front.url("/"))
