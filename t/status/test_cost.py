"""What it costs a worker to tell of WS_SCALE_CONNECTIONS sessions, 2000 if nothing is said; of 8000
it takes no more than 5 ms either."""

import http.client
import os

import pytest

from harness.crowd import Crowd, most_connections
from harness.echo_process import EchoProcess
from harness.sessions import location
from harness.status import STATUS, samples

WANTED = int(os.environ.get("WS_SCALE_CONNECTIONS", "2000"))
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


@pytest.mark.time_limit(180 + WANTED // 20)
def test_an_answer_takes_little_of_a_worker(gateway):
    sessions = most_connections(WANTED)
    with EchoProcess() as service:
        front = gateway(f"{location(service)} {STATUS}",
                        http="ws_zone ws:8m; keepalive_requests 100000;",
                        connections=2 * sessions + 100, log_level="notice", listen="backlog=4096")
        measure(front, sessions)


def measure(front, sessions):
    with Crowd(front.port, sessions):
        told = samples(front)
        assert told.sum("sessions") == sessions and told.sum("unlisted_sessions_total") == 0
        for path in PATHS:
            seconds = cost(front, path)
            print(f"{path}: {1000 * seconds:.2f} ms, {sessions} sessions")
            assert seconds < 0.005, path
