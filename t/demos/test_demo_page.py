"""The demo in headless Chromium: the page, through demo/nginx.conf, to the demo's services. The page is
always under a Content-Security-Policy that allows nothing inline and nothing from elsewhere."""

import os
import re
import subprocess
import threading

import pytest

from harness.demo import DemoBackend, DemoGateway, build_backend
from harness.endings import in_background
from harness.pictures import check, picture

# What every script begins with.
PRELUDE = """
    const state = (name) => page.waitForSelector(`#state[data-state=${name}]`, { timeout: 10000 });
    const choose = (service) => page.check(`input[value=${service}]`);
    const equal = (count) => page.waitForSelector(
        `#verify[data-verdict=complete][data-compared="${count}"]`, { timeout: 20000 });
    const text = (selector) => page.locator(selector).first().innerText();
    const bytes = async (name) => Number(await page.getAttribute(`#value-${name}`, 'data-bytes'));
    const rows = () => page.$$eval('#log li:not([data-direction=note])', (rows) => rows.map(
        (row) => ({ ...row.dataset, what: row.querySelector('.what').textContent })));
    const connect = async (service) => {
        await choose(service);
        await page.click('#toggle');
        await state('open');
    };
    const closed = async () => {
        await state('closed');
        return {
            ...await page.$eval('#state', (state) => ({ ...state.dataset })),
            reason: await text('#close-reason'),
            words: await text('#state-text'),
        };
    };
    await page.goto(args.url);
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return build_backend(tmp_path_factory.mktemp("demo"))


class Demo:
    def __init__(self, services, front, browser):
        self.services, self.front, self._browser = services, front, browser

    def run(self, script, **args):
        return self._browser.run(PRELUDE + script, url=self.front.url("/", "http"), **args)

    def websocket_lines(self, count=1):
        """The access log's lines of WebSockets, once there are so many."""
        page = 0
        while True:
            lines = self.front.access_log(page + count)
            found = [line for line in lines if " 101 " in line]
            if len(found) >= count:
                return found
            page = len(lines) - len(found)


@pytest.fixture
def demo(program, tmp_path, browser):
    services = DemoBackend(program)
    ports = {name: services.port(name) for name in services.addresses}
    with DemoGateway(tmp_path / "gateway", ports) as front:
        yield Demo(services, front, browser)
    services.stop()


def test_text_is_echoed_and_compared(demo):
    got = demo.run("""
        await connect('echo');
        await page.fill('#text', 'Grüße, 世界');
        await page.press('#text', 'Enter');
        await equal(15);
        return { rows: await rows(), field: await page.inputValue('#text'), messages };
    """)
    assert [(row["direction"], row["what"]) for row in got["rows"]] == [
        ("out", "Grüße, 世界"), ("in", "Grüße, 世界")]
    assert [row["kind"] for row in got["rows"]] == ["text", "binary"]
    assert got["field"] == ""
    assert got["messages"] == []


def test_large_send_comes_back_whole_and_keeps_bufferedamount_bounded(demo):
    got = demo.run("""
        await connect('echo');
        await page.evaluate(() => {
            const value = document.getElementById('value-buffered');
            new MutationObserver(() => {
                const most = Number(document.body.dataset.most ?? 0);
                document.body.dataset.most = Math.max(most, Number(value.dataset.bytes));
            }).observe(value, { attributes: true });
        });
        await page.click('.bulk[data-mebibytes="16"]');
        await page.waitForSelector('#transfer[data-state=done]', { timeout: 20000 });
        await equal(16 << 20);
        return {
            words: await text('#verify'),
            most: Number(await page.getAttribute('body', 'data-most')),
            rows: (await rows()).length,
        };
    """)
    assert got["words"] == "All 16 MiB came back, byte for byte the same."
    assert 0 < got["most"] <= 8 << 20
    assert got["rows"] < 100


def test_files_are_sent_one_after_the_other(demo, tmp_path):
    (tmp_path / "notes.txt").write_text("Straße\n", encoding="utf-8")
    (tmp_path / "noise").write_bytes(os.urandom(300_001))
    (tmp_path / "empty").write_bytes(b"")
    got = demo.run("""
        await connect('echo');
        await page.setInputFiles('#files', args.files);
        await equal(300001 + 8);
        return { rows: await rows(), last: await text('#transfer-text') };
    """, files=[str(tmp_path / name) for name in ("noise", "empty", "notes.txt")])
    assert got["last"] == "notes.txt: all 8 B handed over"
    assert ("out", "Straße") in [(row["direction"], row["what"]) for row in got["rows"]]


def test_dropped_file_is_sent(demo):
    got = demo.run("""
        await connect('echo');
        await page.evaluate(() => {
            const dropped = new DataTransfer();
            dropped.items.add(new File(['dropped'], 'file.txt'));
            for (const name of ['dragover', 'drop']) {
                document.querySelector('.drop').dispatchEvent(new DragEvent(
                    name, { bubbles: true, cancelable: true, dataTransfer: dropped }));
            }
        });
        await equal('dropped'.length);
        return (await rows()).map((row) => row.what);
    """)
    assert got == ["dropped", "dropped"]


def test_ticker_speaks_first_in_text(demo):
    got = demo.run("""
        await connect('ticker');
        await page.waitForFunction(() => /#3 .*°C/.test(document.getElementById('log').innerText));
        return { rows: await rows(), label: await text('#label-echoed') };
    """)
    # Messages end where the gateway happened to stop reading.
    said = "⏎".join(row["what"] for row in got["rows"]).split("⏎")
    assert said[0].startswith("Hello")
    assert [line.split()[0] for line in said[1:4]] == ["#1", "#2", "#3"]
    assert {row["kind"] for row in got["rows"]} == {"text"}
    assert got["label"] == "Received"


def test_slow_service_makes_bufferedamount_grow(demo):
    got = demo.run("""
        await connect('slow');
        await page.click('.bulk[data-mebibytes="64"]');
        await page.waitForFunction(
            () => document.getElementById('value-buffered').dataset.bytes > 7 << 20);
        await page.waitForTimeout(1500);
        const look = async () => ({
            sent: await bytes('sent'), echoed: await bytes('echoed'), seconds: performance.now() / 1000,
        });
        const first = await look();
        await page.waitForTimeout(2000);
        const later = await look();
        const buffered = await bytes('buffered');
        await page.click('#stop');
        await page.waitForSelector('#transfer[data-state=stopped]');
        const compared = await page.getAttribute('#verify', 'data-verdict');
        await page.click('#toggle');
        await state('closing');
        const closing = await text('#state-text');
        await page.click('#toggle');
        await state('idle');
        return { first, later, buffered, compared, closing };
    """)
    assert got["buffered"] > 7 << 20
    assert got["later"]["sent"] < 32 << 20
    echoed, seconds = (got["later"][what] - got["first"][what] for what in ("echoed", "seconds"))
    assert 16 << 10 < echoed / seconds < 64 << 10
    assert got["compared"] == "matching"
    assert "before the Close frame" in got["closing"]


def most(counter, sockets):
    """What the kernel counted for that of the sockets of other processes that had the most."""
    told = subprocess.run(["ss", "-tinHO", *sockets.split()], capture_output=True, text=True,
                          check=True).stdout
    return max(map(int, re.findall(rf"{counter}:(\d+)", told)), default=0)


def test_gateway_hides_little_while_bufferedamount_grows(demo):
    """The queue that the curve shows is the whole queue: what the page calls sent has arrived, but
    for the gateway's windows."""
    hidden, done = [], threading.Event()

    def watch():
        while not done.wait(0.02):
            taken = most("bytes_received", f"src 127.0.0.1:{demo.services.port('slow')}")
            hidden.append(most("bytes_acked", f"dst 127.0.0.1:{demo.front.port}") - taken)

    watching = in_background(watch)
    got = demo.run("""
        await connect('slow');
        await page.click('.bulk[data-mebibytes="64"]');
        await page.waitForFunction(
            () => document.getElementById('value-buffered').dataset.bytes > 7 << 20);
        const before = await bytes('buffered');
        await page.waitForTimeout(2000);
        return [before, await bytes('buffered')];
    """)
    done.set()
    watching.join(10)
    assert not watching.errors
    assert min(got) > 7 << 20, "the page waits"
    # With what the browser has asked for before.
    assert 64 << 10 < max(hidden) <= (256 << 10) + 8192


def test_disconnect_is_a_clean_close_with_1000(demo):
    got = demo.run("""
        await connect('echo');
        await page.click('#toggle');
        return closed();
    """)
    assert (got["code"], got["clean"], got["reason"]) == ("1000", "true", "(none)")
    assert got["words"] == "A normal end."
    assert "close=1000 by=client bytes=0/0 " in demo.websocket_lines()[0]


def test_end_of_the_service_is_told(demo):
    got = demo.run("""
        await connect('echo');
        await page.fill('#text', 'accepted');  // by more than the service's kernel, which would reset
        await page.press('#text', 'Enter');
        await equal('accepted'.length);
        process.kill(args.services);
        return closed();
    """, services=demo.services.process.pid)
    assert (got["code"], got["clean"]) == ("1000", "true")
    assert "close=1000 by=backend" in demo.websocket_lines()[0]


def test_service_that_is_down_is_explained(demo):
    demo.services.stop()
    got = demo.run("""
        await page.click('#toggle');
        return { ...await closed(), disabled: await page.isDisabled('#send-text') };
    """)
    assert (got["code"], got["clean"], got["disabled"]) == ("1006", "false", True)
    assert got["words"].startswith("The handshake was refused")


def test_other_service_is_connected_when_chosen(demo):
    got = demo.run("""
        await connect('echo');
        await choose('ticker');
        await page.waitForSelector('#log li[data-kind=text]');
        await state('open');
        return text('#route-service');
    """)
    assert got == "Ticker"


def test_page_works_by_keyboard_alone(demo):
    got = demo.run("""
        await page.focus('input[value=echo]');
        await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await state('open');
        await page.keyboard.press('Tab');
        await page.keyboard.type('typed');
        await page.keyboard.press('Enter');
        await equal('typed'.length);
        return (await rows()).map((row) => row.what);
    """)
    assert got == ["typed", "typed"]


def test_page_loads_nothing_foreign_and_obeys_a_strict_policy(demo):
    got = demo.run("""
        const requested = [];
        page.on('request', (request) => requested.push(request.url()));
        await page.reload();
        await connect('echo');
        await page.fill('#text', 'under a policy');
        await page.press('#text', 'Enter');
        await equal('under a policy'.length);
        return { requested, messages };
    """)
    assert got["messages"] == []
    assert len(got["requested"]) >= 4
    assert all(url.startswith(demo.front.url("/", "http")) for url in got["requested"])


def test_curves_are_drawn_at_the_screen_s_resolution(demo):
    got = demo.run("""
        const second = await context.browser().newContext({ deviceScaleFactor: 2 });
        page = await second.newPage();
        await page.goto(args.url);
        await connect('echo');
        await page.click('.bulk[data-mebibytes="16"]');
        await equal(16 << 20);
        await page.waitForTimeout(500);
        const found = await page.$eval('#chart', (canvas) => {
            const style = getComputedStyle(document.documentElement);
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            const count = (name) => {
                const hex = style.getPropertyValue(`--${name}`).trim();
                const color = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
                let pixels = 0;
                for (let i = 0; i < data.length; i += 4) {
                    pixels += color.every((part, j) => data[i + j] === part) && data[i + 3] === 255;
                }
                return pixels;
            };
            return {
                ratio: canvas.width / canvas.clientWidth,
                sent: count('sent'), buffered: count('buffered'),
            };
        });
        await second.close();
        return found;
    """)
    assert got["ratio"] == pytest.approx(2, abs=0.01)
    assert got["sent"] > 50 and got["buffered"] > 50


def test_resumable_service_tells_what_it_has_acknowledged(demo, tmp_path):
    got = demo.run("""
        await connect('slow');
        const before = await page.isVisible('#value-acknowledged');
        await choose('kept');
        await state('open');
        await page.click('.bulk[data-mebibytes="1"]');
        // Some of it is acknowledged, and the rest waits and is counted as bufferedAmount.
        await page.waitForFunction(() => {
            const bytes = (name) => Number(document.getElementById(`value-${name}`).dataset.bytes);
            const [sent, acknowledged, echoed] = ['sent', 'acknowledged', 'echoed'].map(bytes);
            return echoed > 0 && echoed <= acknowledged && acknowledged < sent && sent === 1 << 20
                && sent === acknowledged + bytes('buffered');
        }, undefined, { timeout: 20000 });
        await page.waitForFunction(() => {
            const canvas = document.getElementById('chart');
            const color = getComputedStyle(document.querySelector('.key.acknowledged')).color.match(/[0-9]+/g);
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            let pixels = 0;
            for (let i = 0; i < data.length; i += 4) pixels += color.every((part, j) => data[i + j] === +part);
            return pixels > 50;
        });
        await page.locator('.curves').screenshot({ path: args.picture });
        return [before, await page.isVisible('#value-acknowledged')];
    """, picture=(path := picture("page", tmp_path)))
    assert got == [False, True]
    check(path)


def test_echo_check_sees_every_difference(demo):
    got = demo.run("""
        return page.evaluate(async () => {
            const { EchoCheck } = await import('./echo_check.js');
            const sent = Uint8Array.from({ length: 300 }, (_, i) => i % 251);
            const outcome = (came, cut) => {
                const check = new EchoCheck();
                for (const piece of [sent.subarray(0, 100), sent.subarray(100, 101), sent.subarray(101)]) {
                    check.sent(piece);
                }
                for (let at = 0; at < came.length; at += cut) {
                    check.received(came.subarray(at, at + cut));
                }
                return [check.compared, check.pending, check.differsAt];
            };
            const changed = sent.slice();
            changed[170] ^= 1;
            const longer = new Uint8Array(301);
            longer.set(sent);
            const cuts = [1, 7, 100, 1000];
            return {
                same: cuts.map((cut) => outcome(sent, cut)),
                partial: cuts.map((cut) => outcome(sent.subarray(0, 250), cut)),
                changed: cuts.map((cut) => outcome(changed, cut)[2]),
                longer: cuts.map((cut) => outcome(longer, cut)[2]),
            };
        });
    """)
    assert got["same"] == [[300, 0, -1]] * 4
    assert got["partial"] == [[250, 50, -1]] * 4
    assert got["changed"] == [170] * 4
    assert got["longer"] == [300] * 4


def test_template_has_no_name_that_is_not_filled_in(demo):
    assert "@" not in demo.front.config.read_text().replace("between @ signs", "")
