"""Who takes nothing is cut by ws_send_timeout, and who takes little is not."""

import threading
from pathlib import Path

import pytest

from harness.backends import ScriptedBackend, SilentBackend
from harness.flood import MEGABYTE, Flood, digest, frames, noise
from harness.gateway import wait_until
from harness.raw import BINARY
from harness.senders import SendingFirstBackend
from harness.sessions import location, opened

SHORT = "ws_send_timeout 600ms;"
# With as much in the kernel as it likes to take: room for a write is long in coming.
PATIENT = "ws_send_timeout 1s; ws_backend_window 0; ws_client_window 0; ws_notsent_lowat 0;"


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_backend_that_takes_nothing_is_cut(gateway, backend, raw, unix):
    silent = backend(SilentBackend, unix=unix)
    front = gateway(location(silent, SHORT), listen="rcvbuf=64k")
    client = opened(front, raw, timeout=30)
    flood = Flood(client.send, frames(noise(32 * MEGABYTE)))
    code, reason = client.read_close()
    assert code == 1013 and reason.endswith(" bytes undelivered, backend takes no data")
    client.reset()
    wait_until(lambda: not flood.running(), what="the flood's end")
    front.wait_log(r"ws: gateway closed: backend takes no data, code 1013")


def test_client_that_takes_nothing_is_cut(gateway, backend, raw):
    flooding = backend(SendingFirstBackend, noise(32 * MEGABYTE))
    front = gateway(location(flooding, SHORT, "ws_close_timeout 300ms;"))
    client = opened(front, raw)
    client.send_frame(BINARY, b"before the flood")
    flooding.wait_stalled(0.2)
    front.wait_log(r"ws: gateway closed: client takes no data, code 1008")
    connection = flooding.wait_connection()
    connection.wait_ended()
    assert connection.received == b"before the flood"
    wait_until(lambda: front.open_files() and not [
        line for line in connections_of(front) if line], what="the client's connection to end")


def connections_of(front):
    """Established connections of the listener's port, as the kernel tells."""
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    port = f":{front.port:04X}"
    return [row for row in rows if row.split()[1].endswith(port) and row.split()[3] == "01"]


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_backend_that_trickles_is_not_cut(gateway, backend, raw, unix):
    """For far longer than the timeout it reads a little at a time, with much in the kernel's
    buffers, then the rest."""
    fast = threading.Event()

    def trickle(connection):
        while not fast.wait(0.1) and connection.read(2048):
            pass
        connection.read_all()

    trickling = backend(ScriptedBackend, trickle, unix=unix, receive_buffer=8192)
    front = gateway(location(trickling, PATIENT), listen="rcvbuf=64k")
    client = opened(front, raw, timeout=30)
    data = noise(12 * MEGABYTE)
    flood = Flood(client.send, frames(data))
    flood.wait_stalled()
    client.nothing_comes(3)
    fast.set()
    flood.wait_done()
    assert digest(trickling.wait_connection().wait_received(len(data), 30)) == digest(data)


def test_client_that_trickles_is_not_cut(gateway, backend, raw):
    data = noise(12 * MEGABYTE)
    flooding = backend(SendingFirstBackend, data)
    front = gateway(location(flooding, PATIENT))
    client = opened(front, raw, receive_buffer=8192)
    client.read_slowly(2048, 0.1)
    got = client.read_data(60_000)
    assert front.access_log() == []
    client.read_slowly(262144, 0)
    got += client.read_data(len(data) - len(got))
    assert digest(got) == digest(data)
    assert client.read_close() == (1000, "")
