"""The chat room: pages of headless Chromium and users of plain TCP talk to each other."""

import subprocess
import threading

import pytest

from harness.chat import until_empty
from harness.services import Service, ServiceGateway

PRELUDE = """
    const enter = async (name) => {
        const one = await context.newPage();
        one.on('console', (message) => messages.push(message.text()));
        one.on('pageerror', (error) => messages.push(String(error)));
        await one.goto(args.url);
        if (name) await one.fill('#name', name);
        await one.click('#toggle');
        await one.waitForSelector('#state[data-state=open]');
        if (name) await hears(one, `is now ${name}`);
        return one;
    };
    const hears = (one, text, kind = 'note') => one.waitForFunction(
        ({ text, kind }) => [...document.querySelectorAll(`#lines li[data-kind=${kind}] .said`)]
            .some((said) => said.textContent.includes(text)), { text, kind });
    const said = (one) => one.$$eval('#lines li[data-kind=said] .said', (rows) => rows.map(
        (row) => [row.querySelector('.who').textContent, row.lastChild.textContent]));
    const say = async (one, text) => {
        await one.fill('#text', text);
        await one.press('#text', 'Enter');
    };
    const closed = async (one) => {
        await one.waitForSelector('#state[data-state=closed]');
        return one.evaluate(() => ['code', 'reason', 'clean'].map(
            (name) => document.getElementById(`close-${name}`).textContent));
    };
"""


class Room:
    """The chat server behind its gateway."""

    def __init__(self, service, front, browser):
        self.service, self.front, self._browser = service, front, browser

    def run(self, script, **args):
        return self._browser.run(PRELUDE + script, url=self.front.url("/", "http"), **args)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    service = Service("chat", folder / "service").start()
    with ServiceGateway(folder / "gateway", service) as front:
        yield service, front
    service.stop()


@pytest.fixture
def room(running, browser):
    yield Room(*running, browser)
    until_empty(running[0].port)


class Netcat:
    """A user of nc, who answers when somebody asks, and leaves when somebody says bye."""

    def __init__(self, port):
        self.lines = []
        self._nc = subprocess.Popen(["nc", "127.0.0.1", str(port)], bufsize=0,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def _talk(self):
        for line in self._nc.stdout:
            self.lines.append(line.decode().rstrip("\r\n"))
            if self.lines[-1].endswith("?"):
                self._nc.stdin.write(b"yes, in a shell\n")
            if self.lines[-1].endswith("bye"):
                self._nc.stdin.write(b"/quit\n")
                self._nc.stdin.close()

    def wait_left(self):
        try:
            assert self._nc.wait(10) == 0
        finally:
            self._nc.kill()
        self._thread.join(10)


def test_two_pages_and_netcat_talk_to_each_other(room):
    carol = Netcat(room.service.port)
    got = room.run("""
        const alice = await enter('alice');
        const bob = await enter('bob');
        await hears(alice, 'is now bob');
        await say(alice, 'somebody else?');
        for (const one of [alice, bob]) await hears(one, 'in a shell', 'said');
        await say(bob, 'Grüße, 世界 😀, bye');
        for (const one of [alice, bob]) await hears(one, 'bye', 'said');
        return { all: [await said(alice), await said(bob)], messages };
    """)
    carol.wait_left()
    assert got["messages"] == []
    for heard in got["all"]:
        assert [text for _, text in heard] == [
            "somebody else?", "yes, in a shell", "Grüße, 世界 😀, bye"]
        assert [who for who, _ in heard] == ["alice", heard[1][0], "bob"]
    assert [line for line in carol.lines if line.startswith("<")] == [
        f"<{who}> {text}" for who, text in got["all"][0]]


def test_markup_is_text(room):
    got = room.run("""
        const alice = await enter('alice');
        await say(alice, '<img src=x onerror="document.title = 1"> & <b>bold</b>');
        await hears(alice, 'bold', 'said');
        return { said: await said(alice), images: await alice.$$eval('#lines img', (all) => all.length),
                 messages };
    """)
    assert got["said"] == [["alice", '<img src=x onerror="document.title = 1"> & <b>bold</b>']]
    assert (got["images"], got["messages"]) == (0, [])


def test_own_lines_are_marked_and_names_follow(room):
    got = room.run("""
        const alice = await enter('alice');
        await say(alice, 'first');
        await hears(alice, 'first', 'said');
        await alice.fill('#name', 'alicia');
        await alice.press('#name', 'Enter');
        await hears(alice, 'alice is now alicia');
        await say(alice, '/nick ally');
        await hears(alice, 'alicia is now ally');
        await say(alice, 'second');
        await hears(alice, 'second', 'said');
        return {
            state: await alice.getAttribute('#state', 'data-state'),
            field: await alice.inputValue('#name'),
            own: await alice.$$eval('#lines li[data-kind=said]', (rows) => rows.map(
                (row) => row.dataset.own)),
            said: await said(alice),
        };
    """)
    assert got == {"state": "open", "field": "ally", "own": ["true", "true"],
                   "said": [["alice", "first"], ["ally", "second"]]}


def test_every_part_of_the_socket_is_shown(room):
    got = room.run("""
        const alice = await context.newPage();
        await alice.goto(args.url);
        const fact = (name) => alice.textContent(`#${name}`);
        const before = [await fact('state'), await alice.isDisabled('#text')];
        await alice.click('#toggle');
        await alice.waitForSelector('#state[data-state=open]');
        await hears(alice, 'welcome');
        const open = [await fact('state'), await fact('binary-type'), await fact('buffered'),
                      await alice.isDisabled('#text')];
        await alice.click('#toggle');
        const closing = await closed(alice);
        const events = await alice.$$eval('#events li', (rows) => rows.map(
            (row) => row.dataset.text));
        return { before, open, closing, after: [await fact('state'), await alice.isDisabled('#text')],
                 first: events.at(-1), last: events[0], message: events.includes('onmessage string') };
    """)
    assert got == {
        "before": ["none yet", True],
        "open": ["1, open", "arraybuffer", "0", False],
        "closing": ["1000", "(none)", "true"],
        "after": ["3, closed", True],
        "first": "onopen", "last": "onclose 1000", "message": True,
    }


def test_page_works_by_keyboard_alone(room):
    got = room.run("""
        const alice = await context.newPage();
        await alice.goto(args.url);
        await alice.focus('#name');
        await alice.keyboard.type('alice');
        await alice.keyboard.press('Enter');
        await alice.waitForSelector('#state[data-state=open]');
        await hears(alice, 'is now alice');
        await alice.keyboard.type('typed');
        await alice.keyboard.press('Enter');
        await hears(alice, 'typed', 'said');
        return said(alice);
    """)
    assert got == [["alice", "typed"]]


def test_message_with_a_line_end_is_refused_by_the_gateway(room):
    got = room.run("""
        const alice = await context.newPage();
        await alice.goto(args.url);
        return alice.evaluate(() => new Promise((resolve) => {
            const url = new URL('room', location.href);
            url.protocol = 'ws:';
            const socket = new WebSocket(url);
            socket.onopen = () => socket.send('two' + String.fromCharCode(10) + 'lines');
            socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
        }));
    """)
    assert got == [1007, "message holds a line end", True]


def test_page_of_another_origin_is_refused(room, raw):
    client = raw(room.front.port)
    answer = client.handshake("/room", fields=[("Origin", "https://elsewhere.example")])
    assert answer.status == 403


def test_end_of_the_room_is_told(tmp_path, browser):
    service = Service("chat", tmp_path / "service").start()
    with ServiceGateway(tmp_path / "gateway", service) as front:
        got = Room(service, front, browser).run("""
            const alice = await enter('alice');
            process.kill(args.pid);
            const ended = await closed(alice);
            await alice.click('#toggle');
            await hears(alice, 'the room cannot be reached');
            return { ended, again: await closed(alice),
                     error: await alice.$$eval('#events [data-event=onerror]', (all) => all.length) };
        """, pid=service._process.pid)
    service.stop()
    assert got == {"ended": ["1000", "(none)", "true"], "again": ["1006", "(none)", "false"],
                   "error": 1}
