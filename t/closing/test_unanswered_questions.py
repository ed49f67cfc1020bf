"""A kernel that cannot be asked what is acknowledged: nothing is, and nothing else is different."""

import os
import subprocess

import pytest

from harness.backends import EchoBackend, RecordingBackend
from harness.flood import Flood, digest, frames, noise
from harness.gateway import ROOT
from harness.raw import BINARY, PING, PONG, frame

LOG = "$ws_close_code $ws_undelivered_backend"


@pytest.fixture(scope="module")
def mute(tmp_path_factory):
    """The environment of a worker whose kernel does not answer."""
    library = tmp_path_factory.mktemp("questions") / "questions.so"
    subprocess.run(
        [os.environ.get("CXX", "g++"), "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC",
         "-shared", "-o", library, ROOT / "t" / "faults" / "questions.cpp"], check=True)
    return {"LD_PRELOAD": str(library)}


def start(session, mute, kind, settings=""):
    return session(kind, settings=f"ws_close_timeout 500ms; {settings}",
                   parts={"environment": mute, "log_format": LOG})


def test_nothing_is_confirmed_that_nobody_has_acknowledged(session, mute):
    one = start(session, mute, RecordingBackend)
    one.client.send(frame(BINARY, b"all of it") + frame(PING, b"has it arrived"))
    assert one.connection.wait_received(9) == b"all of it"
    one.client.nothing_comes(0.2)
    one.client.send_close(4000)
    assert one.client.read_close() == (
        1011, "at most 9 bytes undelivered, not acknowledged by the backend")
    assert one.connection.wait_ended() == "eof"
    one.client.close()
    assert one.front.access_log(1) == ["1011 9"]


def test_what_needs_no_confirmation_goes_on(session, mute):
    one = start(session, mute, EchoBackend, "ws_backend_window 16k; ws_client_window 16k;")
    one.client.send_frame(PING, b"nothing before it")
    assert one.client.read_frame().opcode == PONG
    data = noise(200_000)
    flood = Flood(one.client.send, frames(data))
    assert digest(one.client.read_data(len(data))) == digest(data)
    flood.wait_done()


def test_client_that_leaves_ends_its_session(session, mute):
    one = start(session, mute, RecordingBackend)
    one.client.send_frame(BINARY, b"all of it")
    one.client.reset()
    assert one.connection.wait_ended() == "eof"
    assert one.front.access_log(1) == ["1006 9"]
