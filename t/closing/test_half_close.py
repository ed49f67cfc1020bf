"""ws_half_close: the end of one side is not the end of the other."""

import time

from harness.backends import ScriptedBackend, SilentBackend
from harness.counts import COUNTS, counts
from harness.flood import MEGABYTE, digest, frames, noise
from harness.raw import BINARY, CLOSE, close_payload, frame
from harness.sessions import plain_and_tls


def answer_after_eof(size):
    """A backend that says its say when the client has said its own."""
    data = noise(size)

    def serve(connection):
        connection.read_all()
        connection.send(data)
        connection.finish()

    return data, serve


@plain_and_tls
def test_half_close_lets_the_backend_finish(session, tls):
    data, serve = answer_after_eof(MEGABYTE)
    one = session(ScriptedBackend, serve, tls=tls, settings="ws_half_close on;", parts=COUNTS)
    one.client.send(frame(BINARY, b"a question") + frame(CLOSE, close_payload(4000, b"that is all")))
    got, code, reason = one.client.read_to_close()
    assert digest(got) == digest(data)
    assert (code, reason) == (4000, "")
    assert one.client.read_end() == "eof"
    assert one.connection.received == b"a question"
    one.client.close()
    assert counts(one) == (10, 0, 0, 4000, "client")


@plain_and_tls
def test_without_half_close_the_answer_comes_at_once(session, tls):
    _, serve = answer_after_eof(MEGABYTE)
    one = session(ScriptedBackend, serve, tls=tls)
    one.client.send(frame(BINARY, b"a question") + frame(CLOSE, close_payload(4000)))
    assert one.client.read_close() == (4000, "")
    assert one.client.read_end() == "eof"


@plain_and_tls
def test_half_close_lets_the_client_finish(session, tls):
    """The backend's FIN is the end of what it says, and not of what it hears."""
    def finish_and_listen(connection):
        connection.send(b"my last word")
        connection.finish()
        connection.read_all()

    one = session(ScriptedBackend, finish_and_listen, tls=tls, settings="ws_half_close on;")
    assert one.client.read_data(12) == b"my last word"
    data = noise(2 * MEGABYTE)
    for piece in frames(data):
        one.client.send(piece)
    one.client.nothing_comes(0.2)
    one.client.send_close(1000)
    assert one.client.read_close() == (1000, "")
    assert digest(one.connection.wait_received(len(data))) == digest(data)
    assert one.connection.wait_ended() == "eof"


def test_backends_fin_ends_the_session_without_half_close(session):
    def finish_and_listen(connection):
        connection.read()
        connection.finish()
        connection.read_all()

    one = session(ScriptedBackend, finish_and_listen)
    one.client.send_frame(BINARY, b"heard")
    assert one.client.read_close() == (1000, "")


def test_half_closed_session_outlives_the_close_timeout(session):
    """The client waits for what it has asked, and is not cut for it."""
    def answer_late(connection):
        connection.read_all()
        time.sleep(1)
        connection.send(b"here it is")

    one = session(ScriptedBackend, answer_late,
                  settings="ws_half_close on; ws_close_timeout 300ms; ws_ping_interval 100ms;"
                           " ws_pong_timeout 200ms;")
    one.client.send_frame(BINARY, b"a question")
    one.client.send_close(1000)
    got, code, _ = one.client.read_to_close()
    assert (got, code) == (b"here it is", 1000)


def test_half_closed_session_ends_with_a_backend_that_dies(session):
    def die(connection):
        connection.read_all()
        connection.reset()

    one = session(ScriptedBackend, die, settings="ws_half_close on;")
    one.client.send_frame(BINARY, b"a question")
    one.client.send_close(1000)
    code, reason = one.client.read_close()
    assert code == 1011 and "reset" in reason
    assert one.client.read_end() == "eof"


def test_half_closed_session_ends_with_a_client_that_vanishes(session):
    one = session(SilentBackend, settings="ws_half_close on; ws_close_timeout 300ms;", parts=COUNTS)
    one.client.send_frame(BINARY, b"a question")
    one.client.send_close(1000)
    one.service.resume()
    assert one.connection.wait_ended() == "eof"
    one.client.reset()
    assert counts(one)[:2] == (10, 0)
