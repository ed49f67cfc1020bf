"""ws_limit_sessions: so many sessions of one key, in all workers, once access is granted."""

import os
import select
import signal

import pytest

from harness.backends import EchoBackend, SilentBackend
from harness.gateway import wait_until
from harness.ports import free_port
from harness.raw import BINARY
from harness.resume_client import ResumeClient
from harness.status import counted, get_or_none, samples, sessions, wait_sum

by_workers = pytest.mark.parametrize("workers", [1, 4])

KEY = "ws_session_key $arg_user$http_x_user;"


def limited(service, limit, more=""):
    return f"location / {{ ws_pass {service.address}; {KEY} ws_limit_sessions {limit}; {more} }}"


@pytest.fixture
def front(gateway, backend):
    """front("2 displace", workers=4): a gateway with this limit before an echo."""
    def start(limit, *, more="", kind=EchoBackend, locations="", **parts):
        service = backend(kind)
        made = gateway(**counted(limited(service, limit, more) + locations, **parts))
        made.service = service
        return made

    return start


def asks(front, raw, user="ada", path="/"):
    """A client, and the status that it got."""
    client = raw(front.port)
    return client, client.handshake(f"{path}?user={user}").status


def say(client, text=b"hello"):
    client.send_frame(BINARY, text)
    assert client.read_data(len(text)) == text


def end(client):
    client.send_close(1000)
    client.read_to_close()
    client.close()


def wait_free(front, raw, user="ada"):
    """A session, as soon as there is a place for it."""
    def tried():
        client, status = asks(front, raw, user)
        if status != 101:
            client.close()
        return client if status == 101 else None

    return wait_until(tried, 10, "a place")


@by_workers
def test_beyond_the_limit_there_is_503_and_an_end_makes_room(front, raw, workers):
    one = front(3, workers=workers)
    clients = [asks(one, raw) for _ in range(3)]
    assert [status for _, status in clients] == [101] * 3
    for _ in range(8):
        assert asks(one, raw)[1] == 503
    one.wait_log(r"\[info\].* ws: refused: its key has all 3 sessions of ws_limit_sessions")
    assert asks(one, raw, "bob")[1] == 101
    for client, _ in clients:
        say(client)
    assert len(one.service.connections) == 4
    wait_sum(one, 8, "limited_sessions_total", result="refused")
    end(clients[0][0])
    say(wait_free(one, raw))
    assert asks(one, raw)[1] == 503


@by_workers
def test_of_simultaneous_handshakes_exactly_as_many_succeed(front, raw, workers):
    one = front(5, workers=workers)
    for turn in range(5):
        clients = [raw(one.port) for _ in range(40)]
        for client in clients:
            client.send(client.request(f"/?user=u{turn}"))
        statuses = [client.read_response().status for client in clients]
        assert sorted(statuses) == [101] * 5 + [503] * 35
    if workers > 1:
        assert len({session["worker"] for session in sessions(one)["sessions"]}) > 1


@by_workers
def test_the_oldest_is_displaced_with_a_code_of_its_own(front, raw, workers):
    one = front("2 displace", workers=workers)
    clients = []
    for _ in range(12):
        client, status = asks(one, raw)
        assert status == 101
        clients.append(client)
    for client in clients[:-2]:
        assert client.read_to_close()[1:] == (4029, "displaced by a newer session")
        client.close()
    for client in clients[-2:]:
        say(client)
    wait_sum(one, 10, "limited_sessions_total", result="displaced")
    wait_sum(one, 10, "closes_total", code="4xxx", by="gateway")
    wait_sum(one, 2, "sessions")


@by_workers
def test_in_a_race_of_newer_ones_as_many_stay_as_may(front, raw, workers):
    one = front("3 displace", workers=workers)
    clients = [raw(one.port) for _ in range(40)]
    for client in clients:
        client.send(client.request("/?user=ada"))
    # Who is displaced before its 101 gets 503 in its place.
    statuses = [client.read_response().status for client in clients]
    assert set(statuses) <= {101, 503}
    wait_sum(one, 37, "limited_sessions_total", result="displaced")
    opened = {client.sock: client for client, status in zip(clients, statuses) if status == 101}
    while len(opened) > 3:
        # The Close of some was read together with their 101.
        readable = [sock for sock, client in opened.items() if client.buffer]
        readable = readable or select.select(list(opened), [], [], 20)[0]
        assert readable, f"{len(opened)} sessions are left"
        for sock in readable:
            client = opened.pop(sock)
            assert client.read_to_close()[1] == 4029
            client.close()
    for client in opened.values():
        say(client)


def test_only_who_is_let_in_takes_a_place(front, raw):
    one = front(1, more="auth_request /auth;", locations="""
        location = /auth { if ($request_uri ~ pass=yes) { return 204; } return 403; }
        location = /none { return 404; }""")
    for _ in range(3):
        assert asks(one, raw, "ada")[1] == 403
    client, status = asks(one, raw, "ada&pass=yes")
    assert status == 101
    assert asks(one, raw, "ada")[1] == 403
    assert asks(one, raw, "ada&pass=yes")[1] == 503
    end(client)


def test_a_session_without_a_key_has_no_limit(front, raw):
    one = front(1)
    for _ in range(3):
        assert asks(one, raw, "")[1] == 101


def test_zones_and_locations_count_by_their_zone(gateway, backend, raw):
    service = backend(EchoBackend)
    inner = f"ws_pass {service.address}; {KEY} ws_limit_sessions 1;"
    front = gateway(**counted(f"location /a {{ {inner} }} location /b {{ {inner} }}"
                              f" location /c {{ {inner} ws_status_zone other; }}"))
    assert asks(front, raw, path="/a")[1] == 101
    assert asks(front, raw, path="/b")[1] == 503
    assert asks(front, raw, path="/c")[1] == 101
    assert asks(front, raw, path="/c")[1] == 503


def test_a_backend_that_is_not_reached_takes_no_place(gateway, raw):
    front = gateway(**counted(f"location / {{ ws_pass 127.0.0.1:{free_port()}; {KEY}"
                              f" ws_limit_sessions 1; }}"))
    for _ in range(3):
        assert asks(front, raw)[1] == 502


def test_a_killed_worker_holds_no_place(front, raw):
    one = front(4, workers=2)
    one.allow("exited on signal 9")
    clients = [asks(one, raw) for _ in range(4)]
    assert asks(one, raw)[1] == 503
    listed = sessions(one)["sessions"]
    victim = listed[0]["worker"]
    theirs = sum(session["worker"] == victim for session in listed)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(one.workers()) == 2 and victim not in one.workers(), 10, "a new worker")
    for _ in range(theirs):
        say(wait_free(one, raw))
    assert asks(one, raw)[1] == 503
    del clients


@by_workers
def test_places_are_held_over_reloads_and_given_back_by_old_workers(front, raw, workers):
    one = front("2", workers=workers)
    old, _ = asks(one, raw)
    gone = one.reload()
    newer, status = asks(one, raw)
    assert status == 101
    assert asks(one, raw)[1] == 503
    end(old)
    wait_until(lambda: not set(gone) & set(one.workers(exiting=True)), 10, "the old workers' exit")
    say(wait_free(one, raw))
    assert asks(one, raw)[1] == 503
    say(newer)


def test_a_session_of_an_old_worker_is_displaced(front, raw):
    one = front("1 displace")
    old, _ = asks(one, raw)
    gone = one.reload()
    newer, status = asks(one, raw)
    assert status == 101
    assert old.read_to_close()[1] == 4029
    old.close()
    wait_until(lambda: not set(gone) & set(one.workers(exiting=True)), 10, "the old workers' exit")
    say(newer)


def test_a_lower_limit_holds_from_the_next_session_on(front, raw):
    one = front("3 displace")
    clients = [asks(one, raw)[0] for _ in range(3)]
    one.reload(locations=counted(limited(one.service, "1 displace"))["locations"])
    newest, _ = asks(one, raw)
    for client in clients:
        assert client.read_to_close()[1] == 4029
    say(newest)


def test_a_resumable_session_holds_its_place_over_its_legs(front, raw):
    one = front("1", more="ws_resume on;")
    client = ResumeClient(lambda: raw(one.port), fields=(("X-User", "ada"),)).begin()
    client.say(b"one")
    client.cut()
    wait_until(lambda: sessions(one)["sessions"][0]["phase"] == "detached", 10, "the cut")
    assert asks(one, raw)[1] == 503
    client.resume()
    client.say(b"two")
    assert asks(one, raw)[1] == 503
    client.close()
    client.leg.close()
    say(wait_free(one, raw))


@pytest.mark.parametrize("attached", [True, False])
def test_all_legs_of_a_resumable_session_are_displaced(front, raw, attached):
    one = front("1 displace", more="ws_resume on;")
    client = ResumeClient(lambda: raw(one.port), fields=(("X-User", "ada"),)).begin()
    client.say(b"one")
    if not attached:
        client.cut()
        wait_until(lambda: sessions(one)["sessions"][0]["phase"] == "detached", 10, "the cut")
    newer, status = asks(one, raw)
    assert status == 101
    if attached:
        assert client.read_close()[0] == 4029
        client.leg.close()
    wait_sum(one, 1, "sessions")
    one.service.wait_connection(0).wait_ended()
    say(newer)


def test_a_zone_that_is_full_lets_nobody_with_a_key_in(gateway, backend, raw):
    service = backend(SilentBackend)
    front = gateway(**{**counted(limited(service, 1)), "http": "ws_zone ws:32k;"})
    front.allow("ws_zone is full")
    statuses = [asks(front, raw, f"u{number}")[1] for number in range(200)]
    assert set(statuses) == {101, 503}
    assert statuses == sorted(statuses)
    front.wait_log(r"\[error\].* ws: ws_zone is full: ws_limit_sessions cannot count")
    assert asks(front, raw, "")[1] == 101
    assert samples(front).sum("limited_sessions_total") == 0


def test_without_a_master_sessions_are_displaced_too(front, raw):
    one = front("1 displace", main="master_process off;", workers=0)
    wait_until(lambda: get_or_none(one), 10, "a listener")
    old, _ = asks(one, raw)
    newer, status = asks(one, raw)
    assert status == 101
    assert old.read_to_close()[1] == 4029
    say(newer)
