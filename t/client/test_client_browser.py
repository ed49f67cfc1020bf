"""The client in headless Chromium, over wires that are cut, before the scripted gateway and before the
built module."""

import pytest

from harness.wire import Wire, page_of, wired  # noqa: F401

# The package is packed and Chromium started within the first test that needs them.
pytestmark = pytest.mark.time_limit(200)


@pytest.fixture(params=["scripted", "module", "module over TLS"])
def wire(request, wired):  # noqa: F811
    if request.param == "scripted":
        made = Wire()
        yield made
        made.stop()
    else:
        yield wired(scheme="wss" if "TLS" in request.param else "ws")


@pytest.fixture
def page(gateway, browser, wire):
    return page_of(gateway, browser, wire)


ECHO = """
    return inside(async ({ size }) => {
        const socket = new ResumableSocket(url, [], { retry: [10, 100] });
        socket.binaryType = 'arraybuffer';
        let resumes = 0;
        socket.onresume = () => resumes++;
        await event(socket, 'open');
        const data = new Uint8Array(size);
        for (let i = 0; i < size; i += 65536) crypto.getRandomValues(data.subarray(i, i + 65536));
        const back = new Uint8Array(size);
        let at = 0;
        const all = new Promise((resolve) => {
            socket.onmessage = ({ data: bytes }) => {
                back.set(new Uint8Array(bytes), at);
                at += bytes.byteLength;
                if (at === size) resolve();
            };
        });
        const send = async () => {
            for (let i = 0; i < size; i += 40000) {
                socket.send(data.subarray(i, i + 40000));
                if (socket.bufferedAmount > 300000) await event(socket, 'drain');
            }
        };
        await Promise.all([send(), all]);
        await socket.flushed();
        const hash = async (bytes) => String(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
        const same = await hash(data) === await hash(back);
        socket.close(4321);
        const { code } = await event(socket, 'close');
        return [same, socket.resumable, socket.delivered === size, resumes > 0, code];
    }, args);
"""


def test_echo_survives_cuts(page, wire):
    wire.cut("later")
    assert page(ECHO, size=4 << 20) == [True, True, True, True, 4321]


def test_first_handshake_that_is_cut_costs_nothing(page, wire):
    wire.cut("first")
    assert page("""
        return inside(async () => {
            const socket = new ResumableSocket(url);
            await event(socket, 'open');
            socket.close(4321);
            const { code } = await event(socket, 'close');
            return [socket.resumable, code];
        });
    """) == [True, 4321]


def test_network_that_is_back_is_tried_at_once(page):
    got = page("""
        await inside(async () => {
            globalThis.socket = new ResumableSocket(url, [], { retry: [1e9, 1e9] });
            globalThis.heard = '';
            globalThis.news = [];
            socket.binaryType = 'arraybuffer';
            socket.onmessage = ({ data }) => { heard += new TextDecoder().decode(data); };
            for (const name of ['detach', 'resume']) socket.addEventListener(name, () => news.push(name));
            addEventListener('online', () => news.push('online'));
            await event(socket, 'open');
            socket.send('cut soon'); // since Chromium's own offline spares connections that stand
        });
        const network = await context.newCDPSession(page);
        await network.send('Network.enable');
        const offline = (on) => network.send('Network.emulateNetworkConditions',
            { offline: on, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
        await offline(true);
        await inside(async () => {
            while (!news.length) await event(socket, 'detach');
            socket.send('said without a network');
            // The first try, which is made at once, has to fail.
            await new Promise((resolve) => { setTimeout(resolve, 500); });
        });
        await offline(false);
        return inside(async () => {
            while (!heard.endsWith('network')) await event(socket, 'message');
            socket.close();
            await event(socket, 'close');
            return { heard, news };
        });
    """)
    assert got == {"heard": "cut soonsaid without a network", "news": ["detach", "online", "resume"]}


def test_reloaded_page_goes_on(page):
    start = """
        globalThis.socket = new ResumableSocket(url, [], { persist: persist('p') });
        await event(socket, 'open');
        globalThis.heard = '';
        socket.binaryType = 'arraybuffer';
        socket.onmessage = ({ data }) => { heard += new TextDecoder().decode(data); };
    """
    got = page(f"""
        const seen = [];
        for (let i = 0; i < 4; i++) {{
            if (i) await load();
            seen.push(await inside(async (i) => {{ {start}
                for (let j = 0; j < 50; j++) socket.send(`${{i}}.${{j}} `);
                while (i && !heard) await event(socket, 'message');
                return [socket.resumed, heard];
            }}, i));
            if (i < 3) continue;
            seen.push(await inside(async () => {{
                while (!heard.includes('3.49 ')) await event(socket, 'message');
                socket.close();
                await event(socket, 'close');
                return [socket.delivered, heard];
            }}));
        }}
        return seen;
    """)
    assert [resumed for resumed, _ in got[:4]] == [False, True, True, True]
    sent = "".join(f"{i}.{j} " for i in range(4) for j in range(50))
    assert got[4][0] == len(sent)
    assert sent.endswith(got[4][1])


def test_streams_wait_and_end(page, wire):
    assert page("""
        return inside(async () => {
            const { opened, closed, readable, writable } = new ResumableSocket(url).streams();
            await opened;
            const writer = writable.getWriter();
            const write = async () => {
                for (let i = 0; i < 40; i++) {
                    await writer.ready;
                    writer.write(new Uint8Array(50000).fill(i));
                }
                await writer.close();
            };
            const read = async () => {
                let size = 0;
                for await (const bytes of readable) size += bytes.length;
                return size;
            };
            const [size] = await Promise.all([read(), write()]);
            return [size, (await closed).closeCode];
        });
    """) == [2000000, 1000]


def test_frozen_page_finds_its_session_again(page, wire):
    assert page("""
        await inside(async () => {
            globalThis.socket = new ResumableSocket(url);
            socket.binaryType = 'arraybuffer';
            globalThis.heard = '';
            socket.onmessage = ({ data }) => { heard += new TextDecoder().decode(data); };
            await event(socket, 'open');
        });
        const life = await context.newCDPSession(page);
        await life.send('Page.setWebLifecycleState', { state: 'frozen' });
        await life.send('Page.setWebLifecycleState', { state: 'active' });
        return inside(async () => {
            socket.send('still here');
            while (heard.length < 10) await event(socket, 'message');
            socket.close();
            await event(socket, 'close');
            return heard;
        });
    """) == "still here"
