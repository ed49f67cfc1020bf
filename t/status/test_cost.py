"""What it costs a worker to tell."""

import http.client

import pytest

from harness.backends import EchoBackend
from harness.crowd import Crowd, most_connections
from harness.sessions import location
from harness.status import STATUS, samples

ANSWERS = 200
PATHS = ["/status", "/status?format=openmetrics", "/status?format=json", "/status?sessions",
         "/status?sessions&sort=slowest&limit=10"]


def cost(front, path):
    """Seconds of a worker's processor for one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
    before = front.cpu_seconds()
    for _ in range(ANSWERS):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
    used = front.cpu_seconds() - before
    connection.close()
    return used / ANSWERS


@pytest.mark.time_limit(180)
def test_an_answer_takes_little_of_a_worker(gateway, backend):
    sessions = most_connections(2000, each=3)
    front = gateway(f"{location(backend(EchoBackend))} {STATUS}",
                    http="ws_zone ws:8m; keepalive_requests 100000;", connections=3 * sessions,
                    main="worker_rlimit_nofile 16384;", log_level="notice")
    with Crowd(front.port, sessions):
        assert samples(front).sum("sessions") == sessions
        for path in PATHS:
            seconds = cost(front, path)
            print(f"{path}: {1000 * seconds:.2f} ms, {sessions} sessions")
            assert seconds < 0.005, path
