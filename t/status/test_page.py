"""The live page of ws_status in Chromium."""

import http.client
from pathlib import Path

import pytest

from harness.backends import EchoBackend
from harness.gateway import ROOT
from harness.node import PACKAGES
from harness.raw import BINARY, PING, PONG
from harness.sessions import location, opened
from harness.status import counted, wait_sum

# Waits until the page has drawn itself anew so many times.
PRELUDE = """
    await page.setViewportSize(args.size);
    await page.emulateMedia({ colorScheme: args.scheme });
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(args.url);
    const looks = async (count) => {
        for (; count; count--) {
            await page.waitForResponse((answer) => answer.url().includes('sessions'), { timeout: 30000 });
        }
        await page.evaluate(() => new Promise(requestAnimationFrame));
    };
    const text = (selector) => page.locator(selector).first().innerText();
    const rows = (selector) => page.locator(`${selector} tbody tr`).allInnerTexts();
"""


@pytest.fixture
def busy(gateway, backend, raw):
    """A gateway with two names, one of which has sessions and ends."""
    service = backend(EchoBackend)
    front = gateway(**counted(
        location(service, "ws_ping_interval 50ms; ws_status_zone chat;")
        + f" location = /other {{ ws_pass {service.address}; ws_status_zone other; }}"))
    for _ in range(3):
        client = opened(front, raw)
        ping = client.read_frame()
        assert ping.opcode == PING
        client.send_frame(PONG, ping.payload)
        client.send_frame(BINARY, bytes(5000))
        client.read_data(5000)
    raw(front.port).open("/other")
    wait_sum(front, 4, "sessions")
    return front


@pytest.fixture
def look(browser, busy):
    """look(script): what the script gives, with the page open."""
    def run(script, scheme="light", width=1200):
        return browser.run(PRELUDE + script, url=busy.url("/status", "http"), scheme=scheme,
                           size={"width": width, "height": 900}, timeout=50)

    return run


def test_it_shows_sessions_and_asks_nobody_else(busy, look):
    seen = look("""
        await looks(2);
        const charts = await page.evaluate(() => [...document.querySelectorAll('.chart canvas')].map(
            (canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)));
        return { charts, asked, messages, open: await text('[data-tile=sessions]'),
            workers: await text('[data-tile=workers]'), slowest: await rows('#slowest'),
            state: await text('#state'), title: await page.title() };
    """)
    assert seen["messages"] == []
    assert all(url.startswith(busy.url("/status", "http")) for url in seen["asked"]), seen["asked"]
    assert seen["charts"] == [True] * 6
    assert (seen["open"], seen["workers"]) == ("4", "1")
    assert len(seen["slowest"]) == 4
    assert all("127.0.0.1" in row and "open" in row for row in seen["slowest"])
    assert seen["state"].startswith("version ")


def test_a_zone_can_be_chosen_and_ends_are_listed(busy, look, raw):
    client = opened(busy, raw)
    look_again = """
        await page.selectOption('#zone', 'other');
        const open = await text('[data-tile=sessions]');
        await page.selectOption('#zone', 'chat');
        return { open, chat: await text('[data-tile=sessions]'), messages };
    """
    seen = look("await looks(1);" + look_again)
    assert (seen["open"], seen["chat"], seen["messages"]) == ("1", "4", [])

    client.send_close(4000)
    seen = look("""
        await looks(1);
        await page.evaluate(() => fetch('/status?format=json'));  // the page has its first sample
        return { ends: await rows('#ends'), empty: await page.locator('.empty').first().isVisible() };
    """)
    assert seen == {"ends": [], "empty": True}


@pytest.mark.parametrize("scheme, dark", [("light", False), ("dark", True)])
@pytest.mark.parametrize("width", [360, 1200])
def test_it_suits_day_night_and_a_phone(look, tmp_path, scheme, dark, width):
    picture = tmp_path / "page.png"
    seen = look(f"""
        await looks(2);
        await page.screenshot({{ path: {str(picture)!r}, fullPage: true }});
        return page.evaluate(() => {{
            const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number);
            return {{ ground: red + green + blue, overflow: document.documentElement.scrollWidth - innerWidth,
                wide: [...document.querySelectorAll('.chart canvas')].every((c) => c.clientWidth <= innerWidth) }};
        }});
    """, scheme=scheme, width=width)
    assert (seen["ground"] < 200) == dark
    assert seen["overflow"] <= 0 and seen["wide"]
    assert picture.stat().st_size > 10_000


def test_it_says_when_nobody_answers_and_goes_on(look):
    seen = look("""
        await looks(1);
        await page.route('**/status?*', (route) => route.abort());
        await page.locator('#state.lost').waitFor({ timeout: 20000 });
        const lost = await text('#state');
        await page.unroute('**/status?*');
        await page.locator('#state:not(.lost)').waitFor({ timeout: 20000 });
        return { lost, found: await text('#state') };
    """)
    assert seen["lost"].startswith("no answer")
    assert seen["found"].startswith("version")


def test_uplot_is_the_one_of_npm():
    folder = ROOT / "module/ws_status/page"
    package = Path(PACKAGES) / "uplot"
    for ours, theirs in [("uPlot.js", "dist/uPlot.iife.min.js"), ("uPlot.css", "dist/uPlot.min.css"),
                         ("uPlot.LICENSE", "LICENSE")]:
        assert (folder / ours).read_bytes() == (package / theirs).read_bytes()


def test_the_page_lets_nobody_else_in(busy):
    connection = http.client.HTTPConnection("127.0.0.1", busy.port, timeout=10)
    connection.request("GET", "/status?format=html")
    answer = connection.getresponse()
    assert answer.getheader("Content-Security-Policy").startswith("default-src 'none'; script-src 'self'")
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    connection.close()
