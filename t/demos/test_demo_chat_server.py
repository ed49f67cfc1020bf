"""The chat room's server: what it says to whom, whatever they send."""

import socket
import subprocess
import time

import pytest

from harness.chat import Guest, until_empty
from harness.services import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    running = Service("chat", tmp_path_factory.mktemp("chat") / "service").start()
    yield running
    running.stop()


@pytest.fixture
def guest(service):
    opened = []

    def enter(name=None, **options):
        opened.append(Guest(service.port, name, **options))
        return opened[-1]

    yield enter
    for one in opened:
        one.close()
    until_empty(service.port)


def test_server_names_its_guests(guest):
    first = guest()
    second = guest("second")
    assert first.name.startswith("guest") and first.name in second.here
    assert first.lines_up_to("is now")[-1].endswith("is now second")
    first.send("/who")
    assert set(first.line().split()) == {"*", "here:", first.name, "second"}
    first.send("/nick second")
    assert first.line() == "* second is somebody else"
    for wrong in ("", " ", "a b", "<a>", "x" * 25):
        first.send(f"/nick {wrong}")
        assert "name has up to 24 bytes" in first.line()
    first.send("/dance")
    assert first.line() == "* there are /nick NAME, /who and /quit"
    second.send("/quit")
    assert first.line() == "* second has left"
    with pytest.raises(AssertionError, match="no whole line: b''"):
        second.line()


@pytest.mark.parametrize("sent, heard", [
    (b"lf\n", "lf"), (b"crlf\r\n", "crlf"), (b"tab\there\n", "tab here"),
    (b"bell\x07 and \x1b[31mred\n", "bell and [31mred"),
    (b"no \xfe utf\xed\xa0\x80 \xc3\n", "no \ufffd utf\ufffd\ufffd\ufffd \ufffd"),
    (b"\xc2\x85next line\n", "next line"),
    ("schön 😀\n".encode(), "schön 😀"),
    (b"\xff\xfb\x1f\xff\xfd\x03telnet\r\n", "telnet"),
])
def test_server_says_only_what_is_text(guest, sent, heard):
    one = guest("one")
    one.sock.sendall(sent)
    assert one.line() == f"<one> {heard}"


def test_lines_may_come_in_pieces(guest):
    one = guest("one")
    for byte in b"byte by byte\r\nand\n":
        one.sock.sendall(bytes([byte]))
    assert [one.line(), one.line()] == ["<one> byte by byte", "<one> and"]


def test_too_long_a_line_is_cut(guest):
    one = guest("one")
    one.send("x" * 5000)
    assert one.line() == "<one> " + "x" * 1000
    assert one.line() == "* that was cut, a line has up to 1000 bytes"
    one.send("x" * 1000 + "\r")
    assert one.line() == "<one> " + "x" * 1000
    one.send("fine")
    assert one.line() == "<one> fine"


def test_slow_guest_is_shown_the_door_and_others_hear_all(guest):
    talker, listener = guest("talker"), guest("listener")
    guest("sleeper", receive_buffer=4096)
    for one in (talker, listener):
        one.lines_up_to("is now sleeper")
    said = 0
    heard = []
    while "* sleeper has left, too slow" not in heard:
        assert said < 20_000, "nobody was too slow"
        for _ in range(20):
            talker.send(f"{said} " + "x" * 900)
            said += 1
        for one in (talker, listener):
            heard = one.lines_up_to(f"{said - 1} x")
            assert len([line for line in heard if line.startswith("<talker>")]) == 20


def test_more_guests_than_there_is_room_for_wait_outside(guest, service):
    inside = [guest() for _ in range(128)]
    outside = socket.create_connection(("127.0.0.1", service.port), timeout=0.3)
    with pytest.raises(TimeoutError):
        outside.recv(100)
    inside[5].send("/quit")
    outside.settimeout(10)
    assert outside.recv(100).startswith(b"* welcome")
    outside.close()


def test_server_explains_its_usage(service):
    program = service.folder / "chat_server"
    for arguments in ([], ["x"], ["70000"], ["1", "2"], ["80 "]):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=5)
        assert done.returncode == 2 and "usage: chat_server PORT" in done.stderr
    done = subprocess.run([program, str(service.port)], capture_output=True, text=True, timeout=5)
    assert done.returncode == 1 and "Address already in use" in done.stderr


def test_server_sleeps_when_nobody_speaks(guest, service):
    guest("one")

    def ticks():
        with open(f"/proc/{service._process.pid}/stat") as status:
            return sum(map(int, status.read().rpartition(")")[2].split()[11:13]))

    before = ticks()
    time.sleep(0.5)
    assert ticks() - before <= 1
