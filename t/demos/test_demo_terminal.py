"""./build.sh run terminal: the page with xterm.js before a shell, in headless Chromium."""

import socket

import pytest

from harness.pictures import check, picture
from harness.services import needs

pytestmark = needs("socat", "socat")

PRELUDE = """
    const state = (name) => page.waitForSelector(`#state[data-state=${name}]`, { timeout: 20000 });
    const open = (key) => page.goto(`${args.url}#${key}`);
    // A line of the screen that is one of these and nothing else.
    const line = (...words) => page.waitForFunction(
        (words) => [...document.querySelectorAll('.xterm-rows > div')].some(
            (row) => words.includes(row.textContent.trim())), words, { timeout: 20000 });
    // The shell asks. What was typed before would stand in no line of its own.
    const shell = async () => {
        await open(args.key);
        await state('open');
        await line('#', '$');
    };
    const type = async (text) => {
        await page.keyboard.type(text);
        await page.keyboard.press('Enter');
    };
    const delivered = (count) => page.waitForSelector(`#delivered[data-bytes="${count}"]`, { timeout: 20000 });
"""


@pytest.fixture
def demo(real, browser, monkeypatch):
    """demo(script): what it gives with the page open, and the service."""
    monkeypatch.setenv("SHELL", "/bin/sh")  # which remembers nothing in the user's home
    monkeypatch.delenv("PS1", raising=False)
    service, front = real("terminal")
    key = (service.folder / "key").read_text()
    return lambda script, **args: browser.run(
        PRELUDE + script, url=front.url("/", "http"), key=key, timeout=50, **args), service


def test_shell_is_in_the_page(demo):
    run, _ = demo
    got = run("""
        await shell();
        await type('stty size; echo $((6 * 7))');
        await line('24 80');
        await line('42');
        return messages;
    """)
    assert got == []


def test_keys_typed_without_a_network_arrive(demo, tmp_path):
    run, _ = demo
    path = picture("terminal", tmp_path)
    got = run("""
        await shell();
        await type('n=41');
        await delivered(`${args.key}\\nn=41\\r`.length);
        await page.click('#network');
        await state('detached');
        await type('echo is $((n + 1))');
        await page.waitForFunction(() => document.getElementById('waiting').dataset.bytes > 0);
        await page.setViewportSize({ width: 780, height: 580 });
        await page.screenshot({ path: args.picture });
        const during = await page.getAttribute('#delivered', 'data-bytes');
        await page.click('#network');
        await line('is 42');
        await state('open');
        await delivered(`${args.key}\\nn=41\\recho is $((n + 1))\\r`.length);
        return during;
    """, picture=path)
    assert got == str(len("0" * 32 + "\nn=41\r"))
    check(path)


def test_reloaded_page_goes_on_with_its_shell(demo):
    run, _ = demo
    got = run("""
        await shell();
        await type('n=40; echo the first $((n + 1))');
        await line('the first 41');
        await page.reload();
        await state('open');
        await line('the first 41');
        await type('echo and now $((n + 2))');
        await line('and now 42');
        return page.innerText('#state');
    """)
    assert got == "the same shell as before"


def test_end_of_the_shell_is_told(demo):
    run, _ = demo
    got = run("""
        await shell();
        await type('exit');
        await state('closed');
        return page.innerText('#state');
    """)
    assert got.startswith("ended with 1000")


def test_without_the_key_there_is_no_shell(demo):
    run, service = demo
    assert run("""
        await open('0123');
        await state('closed');
        await line('wrong key');
        return page.innerText('#state');
    """).startswith("ended with 1000")
    for line in (b"\n", b"id; id\n"):
        with socket.create_connection(("127.0.0.1", service.port), 10) as client:
            client.sendall(line)
            assert client.makefile("rb").read() == b"wrong key\r\n"


def test_shell_is_on_loopback_alone(demo):
    _, service = demo
    listening = open("/proc/net/tcp", encoding="ascii").read()
    assert f" 0100007F:{service.port:04X} 00000000:0000 0A" in listening
    assert f" 00000000:{service.port:04X} " not in listening
    assert (service.folder / "key").stat().st_mode & 0o077 == 0
