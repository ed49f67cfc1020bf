"""The client before the built module with `ws_resume on`: what its sessions survive, and how they end."""

import os
import re
import signal
import subprocess

import pytest

from harness.gateway import ROOT
from harness.node_tests import run_tests
from harness.services import COMMAND
from harness.wire import any_port, page_of, trusting, wired  # noqa: F401

# The package is packed and Chromium started within the first test that needs them.
pytestmark = pytest.mark.time_limit(200)


@pytest.mark.time_limit(500)
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_doors_survive_what_wires_do(gateway, scheme):
    front = gateway(any_port(), tls=scheme == "wss", workers=2)
    run_tests("resume", GATEWAY=front.url("/", scheme), **trusting())
    assert "the session waits" in front.error_log()


def test_messages_of_a_framing_stay_whole(gateway):
    front = gateway(any_port("ws_framing line;"), workers=2)
    run_tests("messages", GATEWAY=front.url("/", "ws"))
    assert "the session waits" in front.error_log()


class Command:
    """client/node/cli.js, with -v, before an echo."""

    def __init__(self, url):
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "node", COMMAND, "-v", url], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.hears(b"connected\n")

    def hears(self, words):
        """What it tells the user next."""
        assert self._process.stderr.readline() == b"ngx-ws-filter: " + words

    def echoes(self, text):
        self._process.stdin.write(text)
        self._process.stdin.flush()
        assert self._process.stdout.read(len(text)) == text

    def signal(self, number):
        self._process.send_signal(number)

    def ends(self):
        """Its status, once its input has ended."""
        self._process.stdin.close()
        return self._process.wait(20)

    def fails(self, code, reason=rb".*"):
        """It says why, and ends with 1."""
        said = self._process.stderr.readline()
        assert re.fullmatch(b"ngx-ws-filter: the session ended with %d %s\n" % (code, reason), said), said
        assert self._process.wait(20) == 1

    def stop(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def command():
    started = []

    def start(url):
        started.append(Command(url))
        return started[-1]

    yield start
    for one in started:
        one.stop()


# A computer that sleeps answers no Ping.
PINGS = "ws_ping_interval 100ms; ws_pong_timeout 400ms;"


def test_computer_that_slept_goes_on(wired, command):  # noqa: F811
    wire = wired(PINGS)
    one = command(wire.url)
    one.echoes(b"before")
    one.signal(signal.SIGSTOP)
    wire.front.wait_log("the session waits")
    one.signal(signal.SIGCONT)
    one.echoes(b"after")
    one.hears(b"connection lost\n")
    one.hears(b"resumed\n")
    assert one.ends() == 0


def test_computer_that_slept_for_too_long_is_told_so(wired, command):  # noqa: F811
    wire = wired(PINGS + " ws_resume_timeout 1s;")
    one = command(wire.url)
    one.echoes(b"before")
    one.signal(signal.SIGSTOP)
    wire.front.wait_log("nobody came back", timeout=20)
    one.signal(signal.SIGCONT)
    one.hears(b"connection lost\n")
    one.fails(4001, b"unknown session")


def test_session_outlives_reloads_and_cuts_between_them(wired, command):  # noqa: F811
    wire = wired()
    one = command(wire.url)
    one.echoes(b"before")
    for turn in range(3):
        wire.front.reload()
        one.echoes(b"after reload %d" % turn)
        wire.cut("reset")
        one.hears(b"connection lost\n")
        one.hears(b"resumed\n")
        one.echoes(b"after cut %d" % turn)
    assert one.ends() == 0


def test_worker_that_was_killed_ends_the_session_with_4001(wired, command):  # noqa: F811
    wire = wired()
    one = command(wire.url)
    one.echoes(b"before")
    wire.front.allow("exited on signal")
    os.kill(*wire.front.workers(), signal.SIGKILL)
    one.hears(b"connection lost\n")
    one.fails(4001, b"unknown session")


def test_worker_whose_time_is_up_costs_nothing(wired, command):  # noqa: F811
    wire = wired(main="worker_shutdown_timeout 1s;")
    one = command(wire.url)
    one.echoes(b"before")
    wire.front.reload()
    one.hears(b"connection lost\n")
    one.hears(b"resumed\n")
    one.echoes(b"after")
    assert one.ends() == 0


def test_who_is_not_let_in_any_more_is_told_so(wired, command):  # noqa: F811
    wire = wired("if (-f @PREFIX@/closed) { return 403; }")
    one = command(wire.url)
    one.echoes(b"before")
    (wire.front.prefix / "closed").touch()
    wire.cut("reset")
    one.hears(b"connection lost\n")
    one.fails(4033, b"HTTP 403")


def in_page(gateway, browser, wire, script):  # noqa: F811
    """What a function in a page gives, which has `url`, ResumableSocket and event()."""
    return page_of(gateway, browser, wire)("return inside(async () => {" + script + "});")


def test_page_that_comes_too_late_hears_4001(gateway, browser, wired):  # noqa: F811
    wire = wired("ws_resume_timeout 100ms;")
    code, said = in_page(gateway, browser, wire, """
        const late = ({ reconnect }) => new Promise((resolve) => {
            setTimeout(resolve, reconnect ? 2000 : 0, url);
        });
        const socket = new ResumableSocket(late);
        await event(socket, 'open');
        socket.send('cut soon');
        await event(socket, 'detach');
        socket.send('never delivered');
        const flushed = socket.flushed().catch((error) => error.closeCode);
        const { code, reason, wasClean } = await event(socket, 'close');
        return [code, [reason, wasClean, await flushed, socket.readyState]];
    """)
    assert (code, said) == (4001, ["unknown session", True, 4001, 3])


def test_service_that_is_not_there_is_told_to_the_page(gateway, browser, wired):  # noqa: F811
    assert in_page(gateway, browser, wired(), """
        const socket = new ResumableSocket(url.replace(/port=.*/, 'port=1'));
        const failed = event(socket, 'error');
        const { code } = await event(socket, 'close');
        await failed;
        return code;
    """) == 4003


def test_session_beyond_the_bound_knows_that_it_ends_with_its_socket(gateway, browser, wired):  # noqa: F811
    wire = wired(http="ws_resume_sessions 1;")
    assert in_page(gateway, browser, wire, """
        const [first, second] = [new ResumableSocket(url), new ResumableSocket(url)];
        await Promise.all([event(first, 'open'), event(second, 'open')]);
        const resumable = [first.resumable, second.resumable].sort();
        const [kept, other] = first.resumable ? [first, second] : [second, first];
        const [{ code }] = await Promise.all([event(other, 'close'), event(kept, 'resume'), other.send('cut soon')]);
        kept.close();
        await event(kept, 'close');
        return [...resumable, code];
    """) == [False, True, 1006]


MEMORY = """
    const { ResumableSocket } = await import(args.client);
    const socket = new ResumableSocket(args.url);
    const { opened, readable, writable } = socket.streams();
    await opened;
    const before = socket.resumable;
    const data = Buffer.alloc(1 << 20, 'so it is said ');
    const sent = new Blob([data]).stream().pipeTo(writable);
    while (socket.resumable) await new Promise((resolve) => { setTimeout(resolve, 10); });
    const parts = [];
    for await (const bytes of readable) parts.push(bytes);
    await sent;
    return [before, Buffer.concat(parts).equals(data)];
"""


def test_gateway_without_memory_says_so_and_loses_nothing(node, wired):  # noqa: F811
    wire = wired("ws_resume_buffer 256k;", http="ws_resume_memory 128k;")
    client = (ROOT / "client/node/index.js").as_uri()
    assert node.run(MEMORY, url=wire.url, client=client) == [True, True]


@pytest.mark.parametrize("resume", ["on away", "on"])
def test_page_that_is_reloaded_goes_on(gateway, browser, wired, resume):  # noqa: F811
    page = page_of(gateway, browser, wired(resume=resume))
    assert page("""
        const open = () => inside(async () => {
            globalThis.socket = new ResumableSocket(url, [], { persist: persist('p') });
            await event(socket, 'open');
            return socket.resumed;
        });
        const before = await open();
        await load();
        return [before, await open()];
    """) == [False, True]
