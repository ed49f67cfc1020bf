"""docs/resume.md: a worker that is told to go hands its sessions to one that stays, and exits."""

import os
import random
import ssl
import threading

import pytest

from harness.backends import Backend, EchoBackend, SilentBackend
from harness.gateway import wait_until
from harness.resumable import another, assert_echoes, assert_goes_on, connector, resumable
from harness.resume_client import CLOUD, DATA, GOAWAY, MAX_DATA, OWN, SSH, Closed, Ended
from harness.resume_client import ResumeClient
from harness.status import STATUS, ZONE, samples
from harness.upgrading import UpgradableGateway, old_workers_leave, upgraded

__all__ = ["resumable"]

SOON = "worker_shutdown_timeout 1s;"
SIZE = int(os.environ.get("WS_HANDOVER_MIB", "16")) << 20
LEAVES = (4004, "this worker leaves")
# A leg is over: by a Close, or by the loss of its connection, whoever notices it.
OVER = (Ended, Closed, ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


@pytest.mark.parametrize("name", [OWN, SSH, CLOUD])
def test_session_that_waits_survives_two_reloads(resumable, name):
    one = resumable(parts={"main": SOON}, how={"name": name})
    assert_echoes(one, b"before")
    one.cut("close")
    one.front.wait_log("the session waits")
    for _ in range(2):
        one.front.reload()
        old_workers_leave(one.front)
    assert_goes_on(one, b", after")
    assert len(one.service.connections) == 1


def test_client_is_told_to_leave_in_the_words_of_its_name(resumable, raw):
    one = resumable(parts={"main": SOON})
    cloud = another(one, raw, name=CLOUD)
    ssh = another(one, raw, name=SSH)
    one.front.reload()
    tags = []
    with pytest.raises(Ended) as end:
        while True:
            tags.append(one.step())
    assert GOAWAY in tags and (end.value.code, end.value.reason) == LEAVES
    assert cloud.read_close() == LEAVES
    with pytest.raises(Closed):
        ssh.step()
    old_workers_leave(one.front)
    for each in (one, cloud, ssh):
        assert_goes_on(each)


class Traveller:
    """Sends data to an echo and takes it back, on a new leg whenever one is lost or left."""

    def __init__(self, one, data):
        self._one, self._data = one, data
        self.legs = 1

    def run(self, each, on_each):
        """`on_each` is called whenever so many bytes have come."""
        one, at = self._one, each
        while len(one.received) < len(self._data):
            try:
                self._say()
                if one.step() == DATA:
                    one.ack()
            except OVER as end:
                assert not isinstance(end, Ended) or end.code == 4004, end
                self._come_back()
            if len(one.received) >= at:
                at += each
                on_each()
        assert one.received == self._data

    def _say(self):
        one = self._one
        end = min(len(self._data), one.acked + one.limits["window"])
        while len(one.sent) < end:
            one.send(self._data[len(one.sent):min(end, len(one.sent) + MAX_DATA)])

    def _come_back(self):
        self.legs += 1
        try:
            self._one.resume()
        except OVER as end:
            assert not isinstance(end, Ended) or end.code == 4004, end
            self._come_back()

    def close(self):
        while (end := self._one.close()) == LEAVES:
            self._come_back()
        return end


@pytest.mark.time_limit(90)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("workers", [1, 4])
def test_echo_over_reloads_is_exact(resumable, tls, workers):
    one = resumable(tls=tls, parts={"main": SOON, "workers": workers, "listen": "reuseport"})
    front = one.front
    traveller = Traveller(one, random.Random(workers).randbytes(SIZE))
    traveller.run(SIZE // 12, front.reload)
    assert traveller.legs > 3
    assert traveller.close() == (1000, "")
    one.leg.close()
    assert len(one.service.connections) == 1
    old_workers_leave(front)


def test_sessions_go_to_another_binary(backend, raw, tmp_path):
    service = backend(EchoBackend)
    with UpgradableGateway(tmp_path / "upgraded", f"""
            location / {{ ws_pass {service.address}; ws_resume on; }}""", main=SOON) as front:
        assert_survive_an_upgrade(front, raw)
    assert len(service.connections) == 2


def assert_survive_an_upgrade(front, raw):
    one = ResumeClient(connector(front, raw)).begin()
    one.front = front
    waiting = another(one, raw)
    assert_echoes(one)
    assert_echoes(waiting)
    waiting.cut("close")
    one.front.wait_log("the session waits")
    with upgraded(one.front):
        assert one.read_close() == LEAVES
        for each in (one, waiting):
            each.resume()
            assert_echoes(each, b", by the new one")
            assert each.close() == (1000, "")
            each.leg.close()


class Doorkeeper(Backend):
    """Answers auth_request once it may."""

    def __init__(self, **options):
        self.asked, self.may_answer = threading.Event(), threading.Event()
        super().__init__(**options)

    def serve(self, connection):
        connection.read()
        self.asked.set()
        self.may_answer.wait(30)
        connection.send(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


def reloading(front, raw, door):
    """What opens a leg whose request is in the worker when that is told to go."""
    def connect():
        client = raw(front.port)
        send = client.send

        def send_and_reload(data):
            client.send = send
            send(data)
            assert door.asked.wait(30)
            front.reload()
            door.may_answer.set()

        client.send = send_and_reload
        return client

    return connect


@pytest.mark.parametrize("name", [OWN, SSH, CLOUD])
def test_session_that_begins_in_a_worker_that_goes_is_handed_over(gateway, backend, raw, name):
    service, door = backend(EchoBackend), backend(Doorkeeper)
    front = gateway(
        f"location / {{ ws_pass {service.address}; ws_resume on; auth_request /door; }}"
        f"location = /door {{ internal; proxy_pass http://{door.address}; }}",
        main="worker_shutdown_timeout 9s;")
    one = ResumeClient(reloading(front, raw, door), name=name).begin()
    assert name != OWN or one.limits["grace"] == 60_000
    one._connect = connector(front, raw)  # pylint: disable=protected-access
    with pytest.raises((Ended, Closed)):
        while True:
            one.step()
    one.resume()
    old_workers_leave(front)
    assert_echoes(one, b"and on")
    assert one.close() == (1000, "")
    one.leg.close()
    assert len(service.connections) == 1


def test_worker_without_a_time_keeps_who_does_not_leave(resumable):
    """Neither worker_shutdown_timeout nor ws_drain_time: nobody is sent away, and who comes back
    comes to a new worker."""
    one = resumable()
    [old] = one.front.reload()
    one.front.wait_log("hands its sessions")
    assert_echoes(one)
    assert one.front.workers(exiting=True) == [old]
    one.cut("close")
    one.resume()
    assert_echoes(one, b", elsewhere")
    old_workers_leave(one.front)
    assert_echoes(one, b", and on")


def test_ws_drain_time_sends_away_and_ends_none(resumable, raw):
    one = resumable(settings="ws_drain_time 500ms;")
    others = [another(one, raw) for _ in range(5)]
    one.front.reload()
    for each in (one, *others):
        assert each.read_close() == LEAVES
        each.resume()
        assert_echoes(each)
    old_workers_leave(one.front)
    for each in (one, *others):
        assert_echoes(each, b", still")


class LateBackend(Backend):
    """Speaks when its client has ended, and it is told to."""

    def __init__(self, **options):
        self.may_speak = threading.Event()
        super().__init__(**options)

    def serve(self, connection):
        connection.read_all()
        self.may_speak.wait(30)
        connection.send(b"and mine")


def test_end_that_came_meanwhile_comes_with_the_session(resumable):
    one = resumable(LateBackend, parts={"main": SOON})
    one.send(b"last words")
    one.end()
    one.wait_acked(10)
    one.cut("close")
    one.front.wait_log("the session waits")
    assert one.service.wait_connection().wait_ended() == "eof"
    one.front.reload()
    old_workers_leave(one.front)
    one.service.may_speak.set()
    one.resume()
    assert one.receive(8) == b"and mine"
    assert one.read_close() == (1000, "")


def test_bytes_that_the_service_did_not_take_go_with_the_session(resumable):
    one = resumable(SilentBackend, parts={"main": SOON}, receive_buffer=4096)
    text = random.Random(3).randbytes(one.limits["window"])
    one.send(text)
    one.cut("close")
    one.front.wait_log("the session waits")
    one.front.reload()
    old_workers_leave(one.front)
    one.resume()
    one.service.resume()
    one.wait_acked(len(text))
    assert one.service.wait_connection().received == text


def test_places_and_counts_are_right_behind_it(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(
        f"location / {{ ws_pass services; ws_resume on; }} {STATUS}", main=SOON, http=f"""{ZONE}
        upstream services {{ zone services 64k; server {service.address} max_conns=1; }}""")
    one = ResumeClient(connector(front, raw)).begin()
    one.front = front
    assert_echoes(one)
    one.cut("close")
    one.front.wait_log("the session waits")
    for _ in range(2):
        one.front.reload()
        old_workers_leave(one.front)
    now = samples(one.front)
    assert now.sum("handovers_total", result="moved") == 2
    assert now.sum("sessions") == now.sum("detached_sessions") == 1
    one.resume()
    assert_echoes(one, b" and back")
    assert one.close() == (1000, "")
    one.leg.close()
    for _ in range(3):
        wait_until(lambda: samples(one.front).sum("sessions") == 0, what="the end of the session")
        other = another(one, raw)
        assert_echoes(other)
        assert other.close() == (1000, "")
        other.leg.close()
    wait_until(lambda: samples(one.front).sum("sessions") == 0, what="the end of all sessions")
    last = samples(one.front)
    assert last.sum("detached_sessions") == 0
    assert last.sum("payload_bytes_total", **{"from": "client"}) == 13 + 12


def test_leaves_nothing_behind(resumable, raw):
    one = resumable(parts={"main": SOON, "workers": 2, "listen": "reuseport"})
    assert one.close() == (1000, "")
    one.leg.close()
    one.front.reload()
    old_workers_leave(one.front)
    leaves_nothing = one.front.open_files()
    sessions = [another(one, raw) for _ in range(20)]
    for turn in range(3):
        for each in sessions:
            if turn == 0:
                each.cut("close")
        one.front.reload()
        old_workers_leave(one.front)
    for each in sessions:
        assert_goes_on(each)
    one.front.reload()
    old_workers_leave(one.front)
    wait_until(lambda: one.front.open_files() <= leaves_nothing, 30, "closed descriptors")
