"""ws_drain_time: a worker that is told to go ends its sessions one by one."""

import re
import selectors
import time

import pytest

from harness.backends import EchoBackend
from harness.crowd import Crowd, most_connections
from harness.gateway import wait_until
from harness.raw import BINARY, CLOSE
from harness.sessions import location, opened

REASON = re.compile(r"reconnect in ([1-9]|10) s")


def close_of(client):
    code, reason = client.read_close()
    assert code == 1012 and REASON.fullmatch(reason), (code, reason)
    client.send_close(1012)
    assert client.read_end() == "eof"
    client.close()


def wait_gone(front, pids):
    wait_until(lambda: not set(pids) & set(front.workers(exiting=True)), 20, "the old workers' exit")


def say(client, text=b"here"):
    client.send_frame(BINARY, text)
    assert client.read_data(len(text)) == text


def test_the_reason_says_when_to_come_back_and_the_worker_goes(gateway, backend, raw):
    front = gateway(location(backend(EchoBackend), "ws_drain_time 300ms;"))
    clients = [opened(front, raw) for _ in range(5)]
    old = front.reload()
    for client in clients:
        close_of(client)
    wait_gone(front, old)
    assert len(re.findall(r"ws: gateway closed: reconnect in \d+ s, code 1012", front.error_log())) == 5
    say(opened(front, raw))


def test_sessions_stay_without_it(gateway, backend, raw):
    front = gateway(location(backend(EchoBackend)))
    client = opened(front, raw)
    front.reload()
    client.nothing_comes(1)
    say(client)


def test_only_the_sessions_of_its_locations_end(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_drain_time 100ms; }}"
                    f" location = /stays {{ ws_pass {service.address}; }}")
    leaves, stays = opened(front, raw), raw(front.port)
    stays.open("/stays")
    front.reload()
    close_of(leaves)
    say(stays)


def test_quiet_sessions_end_first(gateway, backend, raw):
    front = gateway(location(backend(EchoBackend), "ws_drain_time 2s;"))
    clients = [opened(front, raw) for _ in range(4)]
    # Each has spoken later than the one before it.
    order = [clients[number] for number in (2, 0, 3, 1)]
    for client in order:
        say(client)
        time.sleep(0.05)
    front.reload()
    ended = []
    for client in order:
        close_of(client)
        ended.append(time.monotonic())
    assert ended == sorted(ended)
    # What came next was still open when the one before it ended.
    assert ended[-1] - ended[0] > 1


def test_a_session_that_begins_meanwhile_has_the_whole_time(gateway, backend, raw):
    front = gateway(location(backend(EchoBackend), "ws_drain_time 1s;"))
    early = opened(front, raw)
    late = raw(front.port)
    request = late.request("/")
    late.send(request[:20])
    front.wait_log("session opened")
    old = front.reload()
    begun = time.monotonic()
    late.send(request[20:])
    assert late.read_response().status == 101
    say(late)
    close_of(early)
    close_of(late)
    assert time.monotonic() - begun > 0.8
    wait_gone(front, old)


def test_data_before_the_end_arrives(gateway, backend, raw):
    front = gateway(location(backend(EchoBackend), "ws_drain_time 200ms;"))
    client = opened(front, raw)
    client.send_frame(BINARY, bytes(100_000))
    front.reload()
    data, code, _ = client.read_to_close()
    assert (len(data), code) == (100_000, 1012)


@pytest.mark.parametrize("way", ["quit", "timeout"])
def test_other_ends_of_a_worker_are_as_before(gateway, backend, raw, way):
    main = "worker_shutdown_timeout 200ms;" if way == "timeout" else ""
    settings = "ws_drain_time 30s;" if way == "timeout" else "ws_drain_time 100ms;"
    front = gateway(location(backend(EchoBackend), settings), main=main)
    client, other = opened(front, raw), opened(front, raw)
    front.quit()
    codes = {client.read_close()[0], other.read_close()[0]}
    client.close()
    other.close()
    front.wait()
    assert codes == ({1001} if way == "timeout" else {1012})


def reconnects(front, crowd, seconds):
    """When each client came back, in seconds since now: at once, as it was told to go."""
    begun = time.monotonic()
    came = []
    with selectors.DefaultSelector() as selector:
        for client in crowd.clients:
            selector.register(client.sock, selectors.EVENT_READ, client)
        while len(came) < len(crowd.clients) and time.monotonic() < begun + 3 * seconds + 20:
            for key, _ in selector.select(0.5):
                client = key.data
                frame = client.read_frame()
                assert frame.opcode == CLOSE and frame.close[0] == 1012, frame
                came.append(time.monotonic() - begun)
                selector.unregister(client.sock)
                client.send_close(1012)
                client.close()
    return came


@pytest.mark.time_limit(180)
def test_two_thousand_come_back_evenly_and_none_is_lost(gateway, backend):
    seconds = 10
    front = gateway(location(backend(EchoBackend), f"ws_drain_time {seconds}s;"), workers=2,
                    connections=8192, main="worker_rlimit_nofile 16384;", log_level="notice")
    count = most_connections(2000, each=4)
    with Crowd(front.port, count) as crowd:
        old = front.reload()
        came = reconnects(front, crowd, seconds)
        assert len(came) == count
        # The two workers were told at the same time, but for a little.
        shares = [sum(1 for at in came if second <= at < second + 1) for second in range(1, seconds - 1)]
        assert max(shares) <= 2 * min(shares), shares
        assert max(came) < seconds + 5
    wait_gone(front, old)
    with Crowd(front.port, 20) as again:
        again.echo(256)
