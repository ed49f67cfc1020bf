"""ws_control: sessions end by order, in all workers, and the answer says how many."""

import http.client
import json
import os
import re
import select
import signal
import urllib.parse

import pytest

from harness.backends import EchoBackend, RecordingBackend
from harness.black_hole import BlackHole
from harness.gateway import wait_until
from harness.raw import BINARY
from harness.resume_client import OWN, ResumeClient
from harness.status import counted, get_or_none, sessions, wait_sum

by_workers = pytest.mark.parametrize("workers", [1, 4])

CONTROL = "location = /control { ws_control; }"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def front(gateway, backend):
    """A gateway with sessions that have keys, and a location that ends them."""
    def start(more="", *, kind=EchoBackend, locations="", **parts):
        service = backend(kind)
        one = f"ws_pass {service.address}; ws_session_key $arg_user$http_x_user; {more}"
        made = gateway(**counted(f"location / {{ {one} }} {CONTROL} {locations}"
                                 f" location /other {{ {one} ws_status_zone other; }}", **parts))
        made.service = service
        return made

    return start


def ask(front, body, method="POST", path="/control", **fields):
    """Status, fields and what the JSON of the answer says."""
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
    connection.request(method, path, body, headers={"Content-Type": FORM, **fields})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, json.loads(text) if text else None


def end(front, **form):
    status, headers, said = ask(front, urllib.parse.urlencode(form))
    assert (status, headers["Content-Type"]) == (200, "application/json"), said
    return said


def opened(front, raw, user, path="/"):
    client = raw(front.port)
    client.open(f"{path}?user={user}")
    return client


def say(client, text=b"hello"):
    client.send_frame(BINARY, text)
    assert client.read_data(len(text)) == text


@by_workers
def test_all_sessions_of_a_key_end_in_all_workers(front, raw, workers):
    one = front(workers=workers)
    theirs = [opened(one, raw, "ada", path) for path in ("/", "/other") * 10]
    others = [opened(one, raw, user) for user in ("bob", "", "ad", "Ada")]
    if workers > 1:
        assert len({session["worker"] for session in sessions(one)["sessions"]}) > 1
    assert end(one, key="ada", code=4321, reason="logged out: tschüß") == {"ended": 20}
    for client in theirs:
        assert client.read_to_close()[1:] == (4321, "logged out: tschüß")
        client.close()
    for client in others:
        say(client)
    assert end(one, key="ada") == {"ended": 0}
    wait_sum(one, 20, "closes_total", code="4xxx", by="gateway")
    wait_sum(one, 4, "sessions")
    assert re.search("gateway closed: logged out: tschüß, code 4321", one.error_log())


@by_workers
def test_a_zone_a_number_and_all_of_it_choose(front, raw, workers):
    one = front(workers=workers)
    first, second = opened(one, raw, "ada"), opened(one, raw, "ada")
    other, bob = opened(one, raw, "ada", "/other"), opened(one, raw, "bob")
    by_upstream = sorted(session["number"] for session in sessions(one)["sessions"])
    assert end(one, number=by_upstream[0]) == {"ended": 1}
    assert first.read_to_close()[1:] == (4000, "")
    assert end(one, zone="other", key="bob") == {"ended": 0}
    assert end(one, zone="other", key="ada") == {"ended": 1}
    assert other.read_to_close()[1] == 4000
    assert end(one, zone="nobody has it") == end(one, number=1 << 60) == {"ended": 0}
    say(second)
    assert end(one, zone="-") == {"ended": 2}
    for client in (second, bob):
        assert client.read_to_close()[1] == 4000


def test_sessions_of_old_workers_end_too(front, raw):
    one = front(workers=2)
    old = [opened(one, raw, "ada") for _ in range(6)]
    one.reload()
    new = [opened(one, raw, "ada") for _ in range(6)]
    assert end(one, key="ada") == {"ended": 12}
    for client in old + new:
        assert client.read_to_close()[1] == 4000


def test_a_session_that_is_ending_is_not_counted_again(front, raw):
    one = front()
    client = opened(one, raw, "ada")
    assert end(one, key="ada", code=4001) == {"ended": 1}
    assert end(one, key="ada", code=4002) == {"ended": 0}
    assert client.read_to_close()[1] == 4001


@pytest.mark.parametrize("setting", ["", "ws_resume on;"])
def test_one_whose_backend_is_still_dialled_gets_403(gateway, raw, setting):
    hole = BlackHole()
    one = gateway(**counted(
        f"location / {{ ws_pass {hole.address}; ws_session_key ada; {setting} }} {CONTROL}"))
    client = raw(one.port)
    offer = (("Sec-WebSocket-Protocol", OWN),) if setting else ()
    client.send(client.request("/", fields=offer))
    wait_until(lambda: end(one, key="ada")["ended"], 10, "a session that is dialled")
    assert end(one, key="ada") == {"ended": 0}
    hole.serve()
    assert client.read_response().status == 403
    hole.close()


@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_resumable_session_ends_with_all_its_legs(front, raw, attached, workers):
    one = front("ws_resume on;", workers=workers)
    client = ResumeClient(lambda: raw(one.port), fields=(("X-User", "ada"),)).begin()
    client.say(b"one")
    if not attached:
        client.cut()
        wait_until(lambda: sessions(one)["sessions"][0]["phase"] == "detached", 10, "the cut")
    assert end(one, key="ada", code=4999, reason="bye") == {"ended": 1}
    if attached:
        assert client.read_close() == (4999, "bye")
        client.leg.close()
    one.service.wait_connection().wait_ended()
    wait_sum(one, 0, "sessions")
    assert end(one, key="ada") == {"ended": 0}


def test_bytes_before_the_order_are_not_lost(front, raw):
    one = front(kind=RecordingBackend)
    client = opened(one, raw, "ada")
    client.send_frame(BINARY, bytes(5000))
    one.service.wait_connection().wait_received(5000)
    assert end(one, key="ada") == {"ended": 1}
    assert client.read_to_close()[1] == 4000
    client.close()
    connection = one.service.wait_connection()
    connection.wait_ended()
    assert len(connection.received) == 5000


def test_many_sessions_end_at_once(front, raw):
    one = front(workers=4)
    clients = {client.sock: client for client in (opened(one, raw, "ada") for _ in range(400))}
    assert end(one, key="ada", code=4000) == {"ended": 400}
    while clients:
        readable, _, _ = select.select(list(clients), [], [], 20)
        assert readable, f"{len(clients)} sessions are left"
        for sock in readable:
            client = clients.pop(sock)
            assert client.read_to_close()[1] == 4000
            client.close()
    wait_sum(one, 0, "sessions")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(front, method):
    status, headers, said = ask(front(), None, method)
    assert (status, headers["Allow"]) == (405, "POST")
    assert said is None if method == "HEAD" else said == {"error": "only POST is allowed"}


@pytest.mark.parametrize("body, problem", [
    ("", "one of key, zone and number is missing"),
    ("code=4000", "one of key, zone and number is missing"),
    ("key=", "the key is empty"),
    ("key=a&code=1000", "the code is no number from 4000 to 4999"),
    ("number=x", "the number is no number above 0"),
    ("key=a&reason=" + "a" * 124, "the reason has more than 123 bytes"),
    ("key=a&reason=%ff", "the reason is not UTF-8"),
    ("key=%zz", "a % does not stand before two hexadecimal digits"),
    ('{"key":"a"}', "there is a field that is none of key, zone, number, code and reason"),
    ("key=a&key=b", "a field stands twice"),
])
def test_a_broken_body_is_400_and_says_why(front, raw, body, problem):
    one = front()
    client = opened(one, raw, "a")
    status, _, said = ask(one, body)
    assert (status, said) == (400, {"error": problem})
    say(client)


def test_bodies_of_other_types_and_sizes_are_refused(front):
    one = front()
    assert ask(one, "{}", **{"Content-Type": "application/json"})[0] == 415
    assert ask(one, "key=" + "a" * 4093)[0] == 413
    assert ask(one, "key=" + "a" * 4092)[2] == {"ended": 0}
    assert ask(one, "key=a", **{"Content-Type": f"{FORM}; charset=utf-8"})[2] == {"ended": 0}
    chunked = iter([b"key=", b"a" * 4000])
    assert ask(one, chunked)[2] == {"ended": 0}
    chunked = iter([b"key=", b"a" * 4000, b"a" * 4000])
    assert ask(one, chunked)[0] == 413


@pytest.mark.parametrize("body_setting", ["client_body_in_file_only on;", "client_body_buffer_size 16;"])
def test_a_body_in_a_file_is_read(front, raw, body_setting):
    one = front(server=body_setting)
    client = opened(one, raw, "a" * 100)
    assert end(one, key="a" * 100) == {"ended": 1}
    assert client.read_to_close()[1] == 4000


def test_a_page_of_a_browser_is_refused(front, raw):
    one = front()
    client = opened(one, raw, "ada")
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{one.port}"):
        status, _, said = ask(one, "key=ada", Origin=origin)
        assert (status, said) == (403, {"error": "requests of pages are refused"})
    say(client)


def test_it_may_be_denied(front, raw):
    one = front(locations="location = /denied { deny all; ws_control; }")
    client = opened(one, raw, "ada")
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=10)
    connection.request("POST", "/denied", "key=ada", headers={"Content-Type": FORM})
    assert connection.getresponse().status == 403
    connection.close()
    say(client)


def open_in_both(one, raw):
    """Clients of sessions that are not all in one of two workers; and the list of the sessions."""
    clients = []

    def opened_in_both():
        clients.append(opened(one, raw, "ada"))
        listed = sessions(one)["sessions"]
        return listed if len({session["worker"] for session in listed}) == 2 else None

    return clients, wait_until(opened_in_both, 20, "sessions in both workers")


def test_a_worker_that_does_not_obey_is_told_of(front, raw):
    one = front(workers=2)
    clients, listed = open_in_both(one, raw)
    stopped = listed[0]["worker"]
    theirs = sum(session["worker"] == stopped for session in listed)
    os.kill(stopped, signal.SIGSTOP)
    try:
        # One that stands still may be the one whose turn it would be to accept.
        said = None
        while said is None:
            try:
                status, _, said = ask(one, "key=ada")
            except TimeoutError:
                pass
        assert status == 504
        assert said == {"ended": len(listed) - theirs, "silent_workers": 1}
    finally:
        os.kill(stopped, signal.SIGCONT)
    # It obeys as soon as it can.
    for client in clients:
        assert client.read_to_close()[1] == 4000


def test_a_worker_that_dies_is_not_waited_for(front, raw):
    one = front(workers=2)
    one.allow("exited on signal 9")
    _, listed = open_in_both(one, raw)
    victim = listed[0]["worker"]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(one.workers()) == 2 and victim not in one.workers(), 10, "a new worker")
    left = sum(session["worker"] != victim for session in listed)
    assert end(one, key="ada") == {"ended": left}


def test_without_a_master_it_works_too(front, raw):
    one = front(main="master_process off;", workers=0)
    wait_until(lambda: get_or_none(one), 10, "a listener")
    client = opened(one, raw, "ada")
    assert end(one, key="ada") == {"ended": 1}
    assert client.read_to_close()[1] == 4000


def test_orders_use_their_memory_again(front, raw):
    one = front(workers=2)
    for turn in range(300):
        assert end(one, key=f"u{turn}") == {"ended": 0}
    client = opened(one, raw, "ada")
    assert end(one, key="ada") == {"ended": 1}
    assert client.read_to_close()[1] == 4000
