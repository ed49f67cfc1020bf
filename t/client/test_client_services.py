"""The client's doors where libraries take a socket: real services, with their demos' configurations."""

import base64
import subprocess

from harness.gateway import ROOT
from harness.node import PACKAGES
from harness.npm_package import MQTT_READER, files
from harness.pages import blocks
from harness.services import COMMAND, needs

MQTT = MQTT_READER + """
    const seen = [];
    const all = new Promise((done) => reader.on('message', (topic, payload) => {
        seen.push(payload.length);
        if (seen.length === 20) done();
    }));
    const writer = await open();
    for (let i = 1; i <= 20; i++) await writer.publishAsync('a', Buffer.alloc(i * 1000), { qos: 2 });
    await all;
    await writer.endAsync();
    await reader.endAsync();
    return seen;
"""


@needs("mosquitto", "mosquitto")
def test_mqtt_takes_a_duplex(real, node):
    _, front = real("mqtt")
    client = (ROOT / "client/node/index.js").as_uri()
    assert node.run(MQTT, url=front.url("/mqtt"), client=client) == [i * 1000 for i in range(1, 21)]


@needs("redis-server", "redis-server")
def test_redis_answers_the_command(real):
    _, front = real("redis")
    process = subprocess.Popen(["node", COMMAND, front.url("/redis")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(b"PING\r\nQUIT\r\n")  # redis itself ends the session
    process.stdin.flush()
    assert process.stdout.read() == b"+PONG\r\n+OK\r\n"
    assert process.wait(10) == 0


@needs("redis-server", "redis-server")
def test_example_for_ioredis_runs(real, tmp_path):
    _, front = real("redis")
    [[_, _, text]] = [block for block in blocks("mjs", "client.md") if "'ioredis'" in block[2]]
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "ioredis").symlink_to(f"{PACKAGES}/ioredis")
    (modules / "ngx-ws-filter").symlink_to(files())
    script = tmp_path / "script.mjs"
    script.write_text(text.replace("wss://example.com/", front.url("/")))
    done = subprocess.run(["node", script], capture_output=True, timeout=30)
    assert (done.stdout, done.returncode) == (b"PONG\n", 0), done.stderr


VNC = """
    await page.goto(args.url);
    return page.evaluate(async ({ bundle, ws }) => {
        const { ResumableSocket } = await import(bundle);
        const { default: RFB } = await import('/novnc/core/rfb.js');
        const place = document.createElement('div');
        document.body.append(place);
        const socket = new ResumableSocket(ws, ['binary']);
        const rfb = new RFB(place, socket);
        await new Promise((resolve, reject) => {
            rfb.addEventListener('connect', resolve);
            rfb.addEventListener('disconnect', () => reject(new Error('disconnected')));
        });
        const { width, height } = place.querySelector('canvas');
        const ended = new Promise((resolve) => socket.addEventListener('close', resolve));
        rfb.disconnect();
        const { code } = await ended;
        return [width > 0 && height > 0, rfb.capabilities.power !== undefined, code];
    }, args);
"""


@needs("Xtigervnc", "tigervnc-standalone-server")
@needs("xsetroot", "x11-xserver-utils")
def test_novnc_takes_a_socket(real, browser):
    _, front = real("vnc")
    bundle = (files() / "ngx-ws-filter.min.js").read_bytes()
    source = "data:text/javascript;base64," + base64.b64encode(bundle).decode()
    got = browser.run(VNC, url=front.url("/", "http"), ws=front.url("/vnc"), bundle=source)
    assert got == [True, True, 1005]
