"""Real services behind `ws_resume on`, with their demos' configurations, while their clients' wires are
cut and nginx is reloaded: nothing is lost, doubled or reordered."""

import getpass
import hashlib
import shlex
import subprocess

import pytest

from harness.gateway import ROOT, wait_until
from harness.npm_package import MQTT_READER, files
from harness.services import COMMAND, needs
from harness.trouble import CUTS, RELOADS, Trouble, told, troubled, waits  # noqa: F401

pytestmark = pytest.mark.time_limit(400)

def ssh(service, url, *command):
    """OpenSSH's client, by way of client/node/cli.js."""
    known = service.folder / "known_hosts"
    known.write_text(f"demo {(service.folder / 'host_key.pub').read_text()}")
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "ssh", "-F", "none", "-T", "-i", service.folder / "client_key",
         "-o", f"ProxyCommand=node {shlex.quote(str(COMMAND))} {url}",
         "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=none",
         "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
         "-o", "IdentityAgent=none", f"{getpass.getuser()}@demo", *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@needs("sshd", "openssh-server")
@needs("ssh", "openssh-client")
def test_ssh_goes_on(troubled):  # noqa: F811
    service, wire, trouble = troubled("ssh")
    process = ssh(service, wire.at("/ssh"), "cat")
    sent, back = hashlib.sha256(), hashlib.sha256()
    piece = hashlib.shake_128(b"ssh").digest(32768)
    turn = 0
    # What is on its way is less than the pipes hold, so that neither end waits for the other.
    while turn < 10 or not trouble.over():
        data = b"%8d" % turn + piece
        process.stdin.write(data)
        process.stdin.flush()
        sent.update(data)
        back.update(process.stdout.read(len(data)))
        turn += 1
        if turn == 1:  # a session that has not begun yet is not kept
            wire.cut("often")
            trouble.start()
    process.stdin.close()
    assert process.stdout.read() == b""
    assert process.wait(60) == 0
    assert trouble.error is None
    assert back.digest() == sent.digest()


MQTT = MQTT_READER + """
    const { existsSync, writeFileSync } = require('node:fs');
    let wrong = 0;
    let seen = 0;
    reader.on('message', (topic, payload) => { wrong += payload.readUInt32BE() !== seen++; });
    const writer = await open();
    writeFileSync(args.begun, '');
    let turn = 0;
    for (const payload = Buffer.alloc(20000); !existsSync(args.over); turn++) {
        payload.writeUInt32BE(turn);
        await writer.publishAsync('a', payload, { qos: 2 });
    }
    while (seen < turn) await once(reader, 'message');
    await writer.endAsync();
    await reader.endAsync();
    return [seen === turn, wrong];
"""


@needs("mosquitto", "mosquitto")
def test_mqtt_delivers_each_message_once(troubled, node, tmp_path):  # noqa: F811
    _, wire, trouble = troubled("mqtt")
    given = told(wire, trouble, tmp_path)
    client = (ROOT / "client/node/index.js").as_uri()
    got = node.run(MQTT, url=wire.at("/mqtt"), client=client, timeout=350, **given)
    assert trouble.error is None
    assert got == [True, 0]


# The page of the demo itself would have a session of its own.
VNC = """
    await page.goto(args.url);
    const bundle = `data:text/javascript;base64,${require('node:fs').readFileSync(args.bundle, 'base64')}`;
    return page.evaluate(async ({ bundle, ws }) => {
        const { ResumableSocket } = await import(bundle);
        const { default: RFB } = await import('/novnc/core/rfb.js');
        const place = document.createElement('div');
        document.body.append(place);
        const socket = new ResumableSocket(ws, ['binary'], { retry: [10, 100] });
        const rfb = new RFB(place, socket);
        let resumes = 0;
        socket.addEventListener('resume', () => resumes++);
        const lost = new Promise((_, reject) => {
            rfb.addEventListener('disconnect', () => reject(new Error('disconnected')));
        });
        const pixel = () => {
            const canvas = place.querySelector('canvas');
            return [...canvas.getContext('2d').getImageData(5, 5, 1, 1).data.slice(0, 3)].join();
        };
        const shown = async () => {
            while (pixel() !== '204,51,102') await new Promise((resolve) => { setTimeout(resolve, 50); });
        };
        await Promise.race([shown(), lost]);
        return [resumes, rfb._rfbConnectionState];
    }, { bundle, ws: args.ws });
"""


class Painter(Trouble):
    """Cuts the wire by itself, at each new colour of the desktop."""

    def __init__(self, front, service, wire):
        super().__init__(front)
        self._service, self._wire = service, wire

    def run(self):
        try:
            self._front.wait_log("session opened", timeout=100)
            for turn in range(CUTS):
                self._paint(f"#0000{turn:02x}")
                self._wire.cut("reset")
                wait_until(lambda: waits(self._front) > turn, 100, "the cut")
                if turn % (CUTS // RELOADS) == 1:
                    self._front.reload()
                # Nothing is cut before the client is back.
                wait_until(lambda: self._front.error_log().count("session opened") > turn + 1, 100, "a leg")
            self._paint("#cc3366")
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            self.error = error

    def _paint(self, colour):
        display = (self._service.folder / "display.number").read_text().strip()
        subprocess.run(["xsetroot", "-display", f":{display}", "-solid", colour], check=True)


@needs("Xtigervnc", "tigervnc-standalone-server")
@needs("xsetroot", "x11-xserver-utils")
def test_desktop_stays_on_the_page(troubled, browser):  # noqa: F811
    service, wire, trouble = troubled("vnc")
    painter = Painter(wire.front, service, wire)
    painter.start()
    resumes, state = browser.run(
        VNC, url=wire.at("/page.css", "http"), ws=wire.at("/vnc"),
        bundle=str(files() / "ngx-ws-filter.min.js"), timeout=350)
    painter.join()
    assert painter.error is None
    assert resumes > 0  # a cut may come before the page has heard of the leg
    assert state == "connected"
