"""$ws_undelivered_backend tells what the client sent in vain, whoever ended the session."""

import re
import threading

from harness.backends import ScriptedBackend
from harness.endings import wait_acknowledged
from harness.raw import BINARY, CLOSE, close_payload, frame

LOG = "$ws_close_code $ws_undelivered_backend"


def test_bytes_behind_the_backends_end_are_counted(gateway, backend, raw):
    def script(connection):
        connection.send(b"bye")
        connection.finish()
        connection.read_all()

    service = backend(ScriptedBackend, script)
    front = gateway(f"location / {{ ws_pass {service.address}; }}", log_format=LOG)
    client = raw(front.port)
    client.open("/")
    assert client.read_data(3) == b"bye"
    assert client.read_close() == (1000, "")
    client.send(frame(BINARY, bytes(400)) + frame(CLOSE, close_payload(1000)))
    assert client.read_end() == "eof"
    client.close()
    assert front.access_log(1) == ["1000 400"]


def test_reason_and_log_tell_one_number(gateway, backend, raw):
    reset = threading.Event()

    def script(connection):
        reset.wait(10)
        connection.reset()

    service = backend(ScriptedBackend, script, receive_buffer=4096)
    front = gateway(f"location / {{ ws_pass {service.address}; }}", log_format=LOG)
    client = raw(front.port)
    client.open("/")
    client.send(frame(BINARY, bytes(60000)))
    wait_acknowledged(client)
    client.nothing_comes(0.2)
    reset.set()
    code, reason = client.read_close()
    assert code == 1011
    told = int(re.match(r"(\d+) bytes undelivered", reason).group(1))
    assert 0 < told <= 60000
    client.close()
    assert front.access_log(1) == [f"1011 {told}"]
