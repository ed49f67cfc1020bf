"""What compression may cost: a bomb takes neither memory nor the turns of other sessions."""

import time

import pytest

from harness import checker
from harness.backends import EchoBackend, RecordingBackend, SilentBackend, SlowBackend
from harness.deflate_client import (RSV1, TAKEOVER, DeflateClient, Deflater, bomb, deflated, half_noise,
                            text_of)
from harness.flood import MEGABYTE, Flood, digest
from harness.gateway import assert_idle, wait_until
from harness.raw import BINARY, PING, PONG, frame

__all__ = ["deflated"]  # a fixture

# What a session takes once its memory has been touched, see test_pressure.py.
SESSION_MEMORY = 4 * MEGABYTE

measures_memory = pytest.mark.skipif(not checker.MEASURES_MEMORY,
                                     reason="more than nginx's memory would be measured")


@measures_memory
def test_bomb_costs_a_worker_no_memory(deflated):
    front, service, client = deflated(SlowBackend, 65536, 0.01, receive_buffer=262144)
    client.send(frame(BINARY, Deflater(takeover=False)(bytes(100_000)), rsv=RSV1))
    service.wait_connection().wait_received(100_000)
    before = front.memory()
    Flood(client.send, [frame(BINARY, bomb(1024 * MEGABYTE), rsv=RSV1)])
    most = before
    until = time.monotonic() + 3
    while time.monotonic() < until:
        most = max(most, front.memory())
        time.sleep(0.02)
    assert len(service.wait_connection().received) > 4 * MEGABYTE
    assert most - before < SESSION_MEMORY


def test_worker_sleeps_while_a_bomb_waits_for_its_backend(deflated):
    front, _, client = deflated(SilentBackend, receive_buffer=262144)
    Flood(client.send, [frame(BINARY, bomb(64 * MEGABYTE), rsv=RSV1)])
    time.sleep(0.5)
    assert_idle(front, 1)
    other = DeflateClient(front.port)
    other.open()
    other.send_frame(PING, b"awake")
    assert other.read_frame().payload == b"awake"
    other.close()


def test_bomb_lets_other_sessions_have_their_turn(deflated):
    front, service, client = deflated(RecordingBackend)
    Flood(client.send, [frame(BINARY, bomb(512 * MEGABYTE), rsv=RSV1)])
    service.wait_connection().wait_received(MEGABYTE)
    other = DeflateClient(front.port)
    other.open()
    waits = []
    for _ in range(20):
        begin = time.monotonic()
        other.send_frame(PING, b"?")
        assert other.read_frame().opcode == PONG
        waits.append(time.monotonic() - begin)
    other.close()
    assert sorted(waits)[10] < 0.1 * checker.SLOWNESS, waits


def test_bomb_ends_with_its_client(deflated):
    front, service, client = deflated(SlowBackend, receive_buffer=262144)
    Flood(client.send, [frame(BINARY, bomb(256 * MEGABYTE), rsv=RSV1)])
    service.wait_connection().wait_received(100_000)
    service.wait_connection().close()
    assert client.read_close()[0] == 1011
    client.close()
    front.wait_log("ws: backend closed")


def test_message_after_a_stall_is_whole(deflated):
    front, service, client = deflated(SilentBackend, receive_buffer=65536)
    data = text_of(8 * MEGABYTE)
    deflate = Deflater(takeover=False)
    flood = Flood(client.send, [frame(BINARY, deflate(data[at:at + 500_000]), rsv=RSV1)
                                for at in range(0, len(data), 500_000)])
    time.sleep(0.5)
    service.resume()
    assert digest(service.wait_connection().wait_received(len(data), 30)) == digest(data)
    flood.wait_done()


def test_all_that_came_before_the_client_vanished_arrives(deflated):
    _, service, client = deflated(SlowBackend, 65536, 0.01, receive_buffer=65536)
    data = text_of(4 * MEGABYTE)
    client.send(frame(BINARY, Deflater(takeover=False, level=9)(data), rsv=RSV1))
    client.close()
    assert service.wait_connection().wait_ended(30) == "eof"
    assert digest(service.wait_connection().received) == digest(data)


@measures_memory
def test_idle_sessions_hold_no_memory_without_takeover(deflated):
    front, _, first = deflated(EchoBackend)
    clients = [first] + [DeflateClient(front.port) for _ in range(200)]
    deflate = Deflater(takeover=False)
    try:
        for client in clients[1:]:
            client.open()
        before = front.memory()
        for client in clients:
            client.send(frame(BINARY, deflate(bytes(5000)), rsv=RSV1))
            assert client.read_data(5000) == bytes(5000)
        assert front.memory() - before < 2 * MEGABYTE
    finally:
        for client in clients:
            client.close()


@measures_memory
def test_memory_is_given_back_with_its_session(deflated):
    front, _, first = deflated(EchoBackend, settings=TAKEOVER + "ws_deflate_memory_level 9;")
    data = half_noise(60_000)
    ended = 0

    def burst():
        nonlocal ended
        clients = [DeflateClient(front.port) for _ in range(50)]
        for client in clients:
            client.open()
            client.send_frame(BINARY, data)
            assert client.read_data(len(data)) == data
            assert client.compressed > 0
        most = front.memory()
        for client in clients:
            client.close()
        ended += len(clients)
        front.access_log(lines=ended)
        return most

    burst()
    before = front.memory()
    assert burst() - before > 10 * MEGABYTE
    assert front.memory() - before < MEGABYTE


def test_compression_ends_where_its_memory_does(deflated):
    # 40 KiB to inflate and about 150 KiB to deflate, for each session.
    front, _, first = deflated(EchoBackend, settings=TAKEOVER, http="ws_deflate_memory 500k;")
    clients = [DeflateClient(front.port) for _ in range(4)]
    try:
        for client in clients:
            client.open()
        assert [bool(client.answer) for client in [first] + clients] == [True] * 2 + [False] * 3
        clients[-1].send_frame(BINARY, b"a" * 1000)
        assert clients[-1].read_data(1000) == b"a" * 1000
        assert clients[-1].compressed == 0
        assert "ws_deflate_memory is used up" in front.error_log()
        first.close()
        wait_until(lambda: any_agreed(front), what="memory for a new session")
    finally:
        for client in clients:
            client.close()


# Promised to nobody any more: the first location had no backend.
@pytest.mark.parametrize("first", ["127.0.0.1:9", "$arg_target"])
@pytest.mark.parametrize("next_one", ["/next", "@next"])
def test_memory_is_promised_once_to_a_request_that_is_redirected(gateway, backend, first,
                                                                 next_one):
    echo = backend(EchoBackend)
    front = gateway(f"""
        ws_deflate on; ws_deflate_context_takeover on;
        location / {{ ws_pass {first}; error_page 502 = {next_one}; }}
        location {next_one} {{ ws_pass {echo.address}; }}
    """, http="ws_deflate_memory 300k;")
    with DeflateClient(front.port) as client:
        client.open()
        assert client.answer, "the memory was promised twice"
        client.send_frame(BINARY, b"a" * 1000)
        assert client.read_data(1000) == b"a" * 1000
        with DeflateClient(front.port) as other:
            other.open()
            assert not other.answer
    wait_until(lambda: any_agreed(front), what="memory for a new session")


# The page that it gets instead takes its time.
def test_memory_is_promised_to_no_request_that_failed(gateway, backend, raw):
    echo, slow = backend(EchoBackend), backend(SilentBackend)
    front = gateway(f"""
        ws_deflate on; ws_deflate_context_takeover on;
        location / {{ ws_pass {echo.address}; }}
        location /failed {{ ws_pass 127.0.0.1:9; error_page 502 /page; }}
        location /page {{ proxy_pass http://{slow.address}; }}
    """, http="ws_deflate_memory 300k;")
    waiting = raw(front.port)
    waiting.send(waiting.request("/failed",
                                 fields=[("Sec-WebSocket-Extensions", "permessage-deflate")]))
    slow.wait_connection()
    assert any_agreed(front)


def any_agreed(front):
    with DeflateClient(front.port) as client:
        client.open()
        return client.answer


def test_many_sessions_share_their_states(deflated):
    front, _, first = deflated(EchoBackend)
    deflate = Deflater(takeover=False)
    clients = [first] + [DeflateClient(front.port) for _ in range(19)]
    for client in clients[1:]:
        client.open()
    try:
        # Each has a message open while the others do; half of it comes at a time.
        messages = [text_of(30_000 + number, seed=number) for number in range(20)]
        sent = [frame(BINARY, deflate(message), rsv=RSV1) for message in messages]
        for client, whole in zip(clients, sent):
            client.send(whole[:len(whole) // 2])
        for client, whole in zip(clients, sent):
            client.send(whole[len(whole) // 2:])
        for client, message in zip(clients, messages):
            assert client.read_data(len(message)) == message
            assert client.compressed > 0
    finally:
        for client in clients:
            client.close()
