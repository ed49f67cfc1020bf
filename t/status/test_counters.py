"""What is counted of sessions, while they run and when they end."""

import json
import zlib

import pytest

from harness.backends import EchoBackend, RecordingBackend, SilentBackend
from harness.flood import Flood
from harness.gateway import wait_until
from harness.pki import server_tls
from harness.raw import BINARY, PING, PONG, TEXT, frame
from harness.resume_client import ResumeClient, refused
from harness.sessions import location, opened
from harness.status import counted, get, samples, sessions, wait_sum
from harness.tls_backend import TlsEchoBackend


@pytest.fixture
def front(gateway, backend):
    """front(kind, *settings): a counted gateway before a backend of this kind."""
    def start(kind, *settings, **options):
        service = backend(kind, **options)
        made = gateway(**counted(location(service, *settings)))
        made.service = service
        return made

    return start


def test_a_session_shows_its_bytes_while_it_runs(front, raw):
    one = front(EchoBackend)
    client = opened(one, raw)
    client.send_frame(BINARY, b"a" * 1000)
    client.read_data(1000)
    wait_sum(one, 1000, "payload_bytes_total", **{"from": "client"})
    wait_sum(one, 1000, "payload_bytes_total", **{"from": "backend"})
    told = samples(one)
    assert told.sum("sessions") == 1
    assert told.sum("frames_total", **{"from": "client"}) == 1
    assert told.sum("handshakes_total") == told.sum("handshakes_total", status="101") == 1
    assert told.sum("connect_seconds_count") == 1
    assert told.sum("closes_total") == told.sum("session_duration_seconds_count") == 0


def test_an_end_is_counted_by_code_and_by_whom(front, raw):
    one = front(EchoBackend)
    client = opened(one, raw)
    client.send_close(4321)
    assert client.read_close() == (4321, "")
    client.read_end()
    client.close()
    wait_sum(one, 1, "closes_total", code="4xxx", by="client")
    told = samples(one)
    assert told.sum("sessions") == 0
    assert told.sum("closes_total") == 1
    assert told.sum("receipts_total", result="given") == 1
    assert told.sum("receipts_total", result="refused") == 0
    assert told.sum("session_duration_seconds_count") == 1

    opened(one, raw).reset()
    wait_sum(one, 1, "closes_total", code="1006", by="client")
    client = opened(one, raw)
    one.service.wait_connection(2).finish()
    assert client.read_close()[0] == 1000
    client.close()
    wait_sum(one, 1, "closes_total", code="1000", by="backend")
    assert samples(one).sum("receipts_total") == 1


def test_a_stall_is_told_while_it_lasts_and_what_was_lost_at_the_end(front, raw):
    one = front(SilentBackend, "ws_close_timeout 200ms;", receive_buffer=4096)
    client = opened(one, raw)
    Flood(client.send, (frame(BINARY, bytes(65536)) for _ in range(1000)))
    wait_sum(one, 1, "stalled_sessions", by="backend")
    assert samples(one).sum("stalled_sessions", by="client") == 0
    assert samples(one).sum("held_buffers") >= 1
    [session] = sessions(one)["sessions"]
    assert session["backend_stalls"] is True and session["client_stalls"] is False
    # Somebody looks, so that the worker asks from now on.
    wait_until(lambda: sessions(one)["sessions"][0]["unacknowledged_backend"], 15, "an answer")
    assert sessions(one)["sessions"][0]["unacknowledged_client"] == 0
    # It grows although nothing happens.
    wait_until(lambda: samples(one).sum("stall_seconds_total", by="backend") > 4, 20, "a stall")
    one.service.wait_connection().reset()
    wait_sum(one, 0, "sessions")
    told = samples(one)
    assert told.sum("stalled_sessions") == told.sum("held_buffers") == 0
    assert told.sum("most_held_buffers") >= 1
    assert told.sum("undelivered_bytes_total", to="backend") > 0


def test_a_refused_receipt_is_counted(front, raw):
    one = front(SilentBackend, "ws_close_timeout 100ms;", receive_buffer=4096)
    client = opened(one, raw)
    client.send_frame(BINARY, bytes(15_000))
    client.send_close(1000)
    assert client.read_close()[0] == 1011
    client.close()
    wait_sum(one, 1, "receipts_total", result="refused")
    wait_sum(one, 1, "closes_total", code="1011", by="client")
    assert samples(one).sum("undelivered_bytes_total", to="backend") > 0


def test_pings_pongs_and_late_pongs_are_counted(front, raw):
    one = front(RecordingBackend, "ws_ping_interval 50ms; ws_pong_timeout 200ms;")
    client = opened(one, raw)
    ping = client.read_frame()
    assert ping.opcode == PING
    client.send_frame(PONG, ping.payload)
    wait_sum(one, 1, "pongs_total")
    assert client.read_to_close()[1:] == (1008, "no pong in time")
    client.close()
    wait_sum(one, 1, "pong_timeouts_total")
    told = samples(one)
    assert told.sum("pings_total") == 2
    assert told.sum("round_trip_seconds_count") == 1
    assert told.sum("closes_total", code="1008", by="gateway") == 1


def test_compressed_and_plain_bytes_are_counted(front, raw):
    one = front(EchoBackend, "ws_deflate on;")
    client = raw(one.port)
    client.open("/", fields=(("Sec-WebSocket-Extensions", "permessage-deflate"),))
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    said = b"again and " * 100
    small = deflater.compress(said) + deflater.flush(zlib.Z_SYNC_FLUSH)
    client.send_frame(BINARY, small[:-4], rsv=4)
    wait_sum(one, len(said), "plain_bytes_total", **{"from": "client"})
    wait_sum(one, len(said), "plain_bytes_total", **{"from": "backend"})
    told = samples(one)
    # The end that RFC 7692 leaves out is given to zlib all the same.
    assert told.sum("compressed_bytes_total", **{"from": "client"}) == len(small) - 4
    assert 0 < told.sum("compressed_bytes_total", **{"from": "backend"}) < len(said) / 4


def test_refused_requests_are_counted_by_rule_status_and_origin(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(**counted(
        f"location / {{ ws_pass {service.address}; }}"
        " location = /closed { ws_pass 127.0.0.1:1; error_page 502 = /other; }"
        " location = /other { return 404; }"
        " location = /denied { deny all; ws_pass 127.0.0.1:1; }"
        " location = /guarded { ws_origin same; proxy_pass http://127.0.0.1:1; }"))
    raw(front.port).handshake("/", without=("Upgrade",))
    raw(front.port).handshake("/", without=("Sec-WebSocket-Key",))
    raw(front.port).handshake("/", fields=(("Origin", "https://evil.example"),))
    raw(front.port).handshake("/guarded", fields=(("Origin", "null"),))
    assert raw(front.port).handshake("/closed").status == 404
    assert raw(front.port).handshake("/denied").status == 403
    get(front, "/guarded")
    raw(front.port).open("/")
    wait_sum(front, 1, "handshakes_total", status="101")
    told = samples(front)
    assert told.sum("refusals_total") == 2
    assert told.sum("refusals_total", rule="upgrade_missing") == 1
    assert told.sum("refusals_total", rule="key_missing") == 1
    assert told.sum("origins_total", verdict="refused") == 2
    assert told.sum("origins_total", verdict="missing") == 2
    assert told.sum("handshakes_total", status="426") == 1
    assert told.sum("handshakes_total", status="400") == 1
    assert told.sum("handshakes_total", status="403") == 3
    # What was answered in the end, wherever it led.
    assert told.sum("handshakes_total", status="404") == 1
    assert told.sum("handshakes_total") == 7


def test_a_page_of_the_list_names_each_session(front, raw):
    one = front(EchoBackend, "ws_subprotocol mqtt;")
    clients = []
    for number in range(25):
        client = raw(one.port)
        client.open("/", fields=(("Sec-WebSocket-Protocol", "mqtt"),))
        client.send_frame(TEXT, b"x" * number)
        clients.append(client)
    wait_sum(one, sum(range(25)), "payload_bytes_total", **{"from": "client"})
    found, after = [], 0
    while after is not None:
        page = sessions(one, f"&limit=10&after={after}")
        found += page["sessions"]
        after = page["next"]
    assert len(found) == 25
    numbers = [session["number"] for session in found]
    assert numbers == sorted(set(numbers))
    assert sorted(session["bytes_in"] for session in found) == list(range(25))
    for session in found:
        assert session["client"] == "127.0.0.1" and session["location"] == "/"
        assert session["upstream"] == one.service.address
        assert session["subprotocol"] == "mqtt" and session["zone"] == "-"
        assert session["phase"] == "open" and session["worker"] in one.workers()
        assert 0 <= session["age"] < 60
    # The number is the one that stands in the log.
    assert f"*{numbers[0]} ws: session opened" in one.error_log()
    for client in clients:
        client.close()
    wait_until(lambda: not sessions(one)["sessions"], 10, "an empty list")


def test_sessions_beyond_the_zone_are_counted_and_not_listed(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(**{**counted(location(service)), "http": "ws_zone ws:32k;"})
    clients = [opened(front, raw) for _ in range(60)]
    told = samples(front)
    assert told.sum("sessions") == 60
    unlisted = told.sum("unlisted_sessions_total")
    assert 0 < unlisted < 60
    assert len(sessions(front)["sessions"]) == 60 - unlisted
    clients.pop(0).close()
    wait_sum(front, 59, "sessions")
    opened(front, raw)
    assert samples(front).sum("unlisted_sessions_total") == unlisted
    assert len(sessions(front)["sessions"]) == 60 - unlisted


def test_names_are_chosen_by_server_and_location(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(
        f"location / {{ ws_pass {service.address}; }}"
        f" location = /chat {{ ws_pass {service.address}; ws_status_zone chat; }}"
        " location = /status { ws_status; }",
        server="server_name www.example.org other.example.org;", http="ws_zone ws:1m;")
    client = opened(front, raw)
    raw(front.port).open("/chat")
    told = samples(front)
    assert told.sum("sessions", zone="www.example.org") == 1
    assert told.sum("sessions", zone="chat") == 1
    zones = json.loads(get(front, "/status?format=json")[2])["zones"]
    assert set(zones) == {"www.example.org", "chat"}
    client.close()


@pytest.mark.parametrize("workers", [1, 4])
def test_sessions_that_are_resumed_are_counted(gateway, backend, raw, workers):
    """Each once, whichever worker the client comes back to."""
    one = gateway(**counted(location(backend(EchoBackend), "ws_resume on;"), workers=workers,
                            listen="reuseport" if workers > 1 else ""))
    client = ResumeClient(lambda: raw(one.port)).begin()
    for turn in range(1, 9):
        client.send(b"hello")
        client.receive(len(client.sent), acks=False)
        wait_until(lambda: samples(one).sum("replay_bytes") > 0, 10, "bytes to send again")
        client.cut()
        wait_sum(one, 1, "detached_sessions")
        client.resume()
        wait_sum(one, 0, "detached_sessions")
        wait_sum(one, turn, "resumes_total", result="resumed")
    refused(client.try_resume(sid="nobody has it"))
    refused(client.try_resume(ack=1 << 40))
    wait_sum(one, 1, "resumes_total", result="unknown")
    wait_sum(one, 1, "resumes_total", result="refused")
    assert samples(one).sum("resumes_total") == 10
    assert client.close() == (1000, "")
    client.leg.close()
    wait_sum(one, 0, "sessions")
    wait_sum(one, 0, "detached_sessions")
    wait_sum(one, 0, "replay_bytes")


class CountingClient(ResumeClient):
    """It counts the messages both ways, of all legs."""

    said = heard = 0

    def say(self, message, **how):
        self.said += 1
        super().say(message, **how)

    def message(self):
        message = super().message()
        self.heard += 1
        return message


@pytest.mark.parametrize("legs", [1, 2])
def test_frames_and_receipt_of_a_session_that_resumes_are_counted_to_its_end(front, raw, legs):
    one = front(EchoBackend, "ws_resume on;")
    client = CountingClient(lambda: raw(one.port)).begin()
    for leg in range(1, legs + 1):
        client.send(b"hello")
        client.receive(len(client.sent))
        client.wait_acked(len(client.sent))
        wait_sum(one, client.said, "frames_total", **{"from": "client"})
        if leg < legs:
            client.cut()
            wait_sum(one, 1, "detached_sessions")
            client.resume()
    assert client.close() == (1000, "")
    client.leg.close()
    wait_sum(one, 0, "sessions")
    told = samples(one)
    assert told.sum("frames_total", **{"from": "client"}) == client.said + 1
    assert told.sum("frames_total", **{"from": "backend"}) == client.heard + 1
    assert told.sum("receipts_total", result="given") == 1
    assert told.sum("receipts_total", result="refused") == 0


def test_frames_of_a_session_that_ends_with_its_worker_stay_counted(gateway, backend, raw):
    """Over TLS its service cannot go to another worker."""
    service = backend(TlsEchoBackend, tls=server_tls())
    one = gateway(**counted(location(service, "ws_resume on;", "ws_ssl on;"),
                            main="worker_shutdown_timeout 1s;"))
    client = CountingClient(lambda: raw(one.port)).begin()
    client.send(b"hello")
    client.receive(len(client.sent))
    wait_sum(one, client.said, "frames_total", **{"from": "client"})
    one.reload()
    wait_sum(one, 0, "sessions")
    assert samples(one).sum("frames_total", **{"from": "client"}) == client.said
    assert client.read_close()[0] == 1001
