"""docs/resume-protocol.md, sections 7 and 8: what becomes of a session whose client is away."""

import os
import re
import signal
import time

import pytest

from harness.backends import EchoBackend, RecordingBackend, ScriptedBackend
from harness.gateway import wait_until
from harness.raw import BINARY
from harness.resumable import another, connector, resumable
from harness.resume_client import DATA, ResumeClient, number, refused, sized

__all__ = ["resumable"]

UNKNOWN = 4001


def nothing_is_left(front, files):
    wait_until(lambda: front.open_files() <= files, what="the descriptors to be closed")


def test_grace_that_is_over_ends_the_session(resumable):
    one = resumable(RecordingBackend, "ws_resume_timeout 300ms;")
    assert one.limits["grace"] == 300
    one.send(b"last words")
    one.cut("reset")
    service = one.service.wait_connection()
    assert service.wait_ended() == "eof"
    assert service.received == b"last words"
    assert refused(one.try_resume()) == UNKNOWN
    assert one.front.wait_log("ws: nobody came back")


def test_leg_within_the_grace_begins_it_anew(resumable):
    one = resumable(settings="ws_resume_timeout 700ms;")
    for _ in range(4):
        one.cut("close")
        time.sleep(0.35)
        one.resume()
        one.send(b"x")
        one.receive(len(one.sent))
    assert one.close() == (1000, "")


def test_end_of_the_client_is_told_to_the_service_and_the_other_way_round(resumable):
    one = resumable(settings="ws_half_close on;")
    one.send(b"last words")
    one.end()
    one.receive(10)
    assert one.read_close() == (1000, "")
    assert one.ended and one.acked == 10
    assert one.service.wait_connection().wait_ended() == "eof"


def test_end_that_was_said_before_the_cut_is_said_again(resumable):
    def serve(connection):
        connection.read_all()
        time.sleep(0.3)
        connection.send(b"after your end")

    one = resumable(ScriptedBackend, "ws_half_close on;", script=serve)
    one.send(b"x")
    one.end()
    one.wait_acked(1)
    one.cut("reset")
    one.resume()
    one.receive(14)
    assert one.read_close() == (1000, "")
    assert one.ended and one.received == b"after your end"


def test_service_that_ends_meanwhile_has_its_end_kept(resumable):
    def serve(connection):
        connection.read_exactly(2)
        time.sleep(0.2)
        connection.send(b"the end")

    one = resumable(ScriptedBackend, script=serve)
    one.send(b"go")
    one.wait_acked(2)
    one.cut("reset")
    time.sleep(0.6)
    one.resume()
    one.receive(7)
    assert one.read_close() == (1000, "")
    assert one.ended and one.received == b"the end"


def test_service_that_resets_meanwhile_has_that_told(resumable):
    def serve(connection):
        connection.read_exactly(2)
        time.sleep(0.2)
        connection.reset()

    one = resumable(ScriptedBackend, script=serve)
    one.send(b"go")
    one.wait_acked(2)
    one.cut("reset")
    time.sleep(0.6)
    one.resume()
    assert one.read_close()[0] == 1011


def test_close_that_was_not_answered_is_answered_on_the_next_leg(resumable):
    one = resumable(ScriptedBackend, script=lambda c: (time.sleep(0.5), c.read_all()))
    one.send(b"x" * 1000)
    one.leg.send_close(1000)
    one.cut("reset")
    leg = one.try_resume()
    one.leg = leg
    first = leg.read_frame()
    if first.opcode == BINARY:
        assert first.payload[:2] == b"\0\2"
        leg.send_close(1000)
        assert one.read_close()[0] == 1000
    else:
        assert first.close[0] == UNKNOWN  # it was over by then
    assert one.service.wait_connection().wait_ended() == "eof"
    assert len(one.service.connections[0].received) == 1000


def test_bytes_taken_before_the_cut_reach_a_service_that_reads_late(resumable):
    def serve(connection):
        time.sleep(1)
        connection.read_all()

    one = resumable(ScriptedBackend, "ws_backend_window 16k;", script=serve, receive_buffer=4096)
    data = bytes(range(256)) * 800
    one.send(data)
    one.cut("close")
    one.resume()
    one.wait_acked(len(data))
    assert one.close() == (1000, "")
    assert one.service.connections[0].received == data


def test_broken_rule_ends_the_session_whose_valid_bytes_go_to_the_service(resumable):
    one = resumable(RecordingBackend)
    one.send(b"valid")
    one.say(number(0x0002, 0))  # only the gateway says that
    assert one.read_close()[0] == 1002
    assert one.service.wait_connection().wait_ended() == "eof"
    assert one.service.connections[0].received == b"valid"
    assert refused(one.try_resume()) == UNKNOWN


@pytest.mark.parametrize("message, code", [
    (number(0x0007, 99), 4006), (sized(DATA, bytes(16385)), 1009), (b"\0", 1002),
    (number(0x4002, 7), 1002)], ids=["ack ahead", "data too long", "too short", "end elsewhere"])
def test_each_broken_rule_has_its_code(resumable, message, code):
    one = resumable(RecordingBackend)
    one.say(message)
    assert one.read_close()[0] == code


def test_sessions_beyond_the_bound_end_with_their_leg(resumable, raw):
    one = resumable(parts={"http": "ws_resume_sessions 1;"})
    two = another(one, raw)
    assert (one.limits["grace"], two.limits["grace"]) == (60000, 0)
    two.send(b"works")
    two.receive(5)
    two.cut("close")
    assert one.service.wait_connection(1).wait_ended() == "eof"
    assert refused(two.try_resume()) == UNKNOWN
    one.resume()
    assert one.close() == (1000, "")


def test_memory_bounds_what_is_kept_for_clients(resumable, raw):
    """A service that says too much to clients that are away."""
    def flood(connection):
        while True:
            connection.send(bytes(65536))

    one = resumable(ScriptedBackend, script=flood, parts={"http": "ws_resume_memory 512k;"})
    everybody = [one, *(another(one, raw) for _ in range(8))]
    before = one.front.memory()
    for each in everybody:
        each.receive(1000, acks=False)
        each.cut("close")
    time.sleep(1)
    if before:
        assert one.front.memory() - before < 3 << 20


def test_leaves_nothing_behind(resumable, raw):
    one = resumable(settings="ws_resume_timeout 500ms;")
    files = one.front.open_files() - 2
    for turn in range(30):
        other = another(one, raw)
        other.send(b"x")
        other.cut(["close", "reset"][turn % 2])
        if turn % 3 == 0:
            other.resume()
            assert other.close() == (1000, "")
            other.leg.close()
    one.cut("reset")
    nothing_is_left(one.front, files)


def test_upstream_counts_a_detached_session_until_it_ends(gateway, backend, raw):
    """max_conns, with and without a zone: a place is taken as long as the session lives."""
    first, second = backend(EchoBackend), backend(EchoBackend)
    front = gateway("location / { ws_pass pool; ws_resume on; ws_resume_timeout 600ms; }", http=f"""
        upstream pool {{ zone pool 64k; least_conn;
            server {first.address} max_conns=1; server {second.address} max_conns=1; }}""")
    one = ResumeClient(connector(front, raw)).begin()
    two = ResumeClient(connector(front, raw)).begin()
    first.wait_connection()
    second.wait_connection()
    one.cut("reset")
    assert refused(ResumeClient(connector(front, raw))._open()) == 4003
    one.resume()
    two.cut("reset")
    assert refused(ResumeClient(connector(front, raw))._open()) == 4003
    wait_until(lambda: any(s.connections[0].ended for s in (first, second)), what="the grace")
    three = ResumeClient(connector(front, raw)).begin()
    three.send(b"in")
    assert three.receive(2) == b"in"
    assert one.close() == (1000, "")


def test_connection_limit_counts_legs_and_not_sessions(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(
        f"location / {{ ws_pass {service.address}; ws_resume on; limit_conn all 1; }}",
        http="limit_conn_zone $server_port zone=all:1m;")
    one = ResumeClient(connector(front, raw)).begin()
    one.cut("close")
    front.wait_log("the session waits")
    one.resume()
    one.send(b"x")
    assert one.receive(1) == b"x"


def test_killed_worker_is_no_more_than_a_lost_service(resumable):
    one = resumable()
    [pid] = one.front.workers()
    one.front.allow("exited on signal")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: one.front.workers() not in ([], [pid]), what="a new worker")
    assert refused(one.try_resume()) == UNKNOWN


def test_each_leg_has_its_line(resumable):
    one = resumable(parts={"log_format":
                           "$ws_session $ws_leg $ws_resumed $ws_detached_time $ws_closed_by"
                           " $ws_close_code $ws_bytes_in $ws_bytes_out $ws_subprotocol"
                           " $upstream_addr $upstream_bytes_sent $upstream_bytes_received"},
                    how={"offers": ["mqtt"]})
    assert one.limits["service"] == "mqtt"
    one.send(b"four")
    one.receive(4)
    one.cut("close")
    one.front.access_log(1)
    time.sleep(0.05)
    one.resume()
    one.send(b"sixsix")
    one.receive(10)
    assert one.close() == (1000, "")
    one.leg.close()
    first, second = (line.split() for line in one.front.access_log(2))
    assert first[:4] == [first[0], "1", "0", "0.000"] and first[4:8] == ["client", "1006", "4", "4"]
    assert second[:3] == [first[0], "2", "1"] and second[4:8] == ["client", "1000", "6", "6"]
    assert 0.05 <= float(second[3]) < 5
    address = one.service.address
    assert first[8:] == ["mqtt", address, "4", "4"]
    assert second[8:] == ["mqtt", address, "6", "6"]


def test_raw_session_is_one_leg(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_resume on; }}",
                    log_format="$connection $ws_session $ws_leg $ws_resumed $ws_detached_time")
    client = raw(front.port)
    client.open("/")
    client.close()
    [line] = front.access_log(1)
    assert re.fullmatch(r"(\d+) \1 1 0 0\.000", line)
