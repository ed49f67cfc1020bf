"""The npm package that `./build.sh client` packs, in an empty folder: in Node, in Chromium, by its types,
and by the examples of docs/client.md."""

import gzip
import json
import os
import re
import subprocess

import pytest

from harness.backends import EchoBackend
from harness.gateway import ROOT, wait_until
from harness.npm_package import package
from harness.pages import blocks

MOST = 6144  # bytes of what a page loads, with gzip


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with nothing but the package, installed without a network. npm would install into
    a folder above it that has a package.json."""
    made = tmp_path_factory.mktemp("client")
    run(made, "npm", "install", "--prefix", ".", "--offline", "--no-audit", "--no-fund",
        "--ignore-scripts", package())
    return made


def run(where, *command, **options):
    """What a command says; a failure shows all of it."""
    done = subprocess.run(
        ["setpriv", "--pdeathsig", "TERM", *command], cwd=where, capture_output=True, timeout=50,
        env={**os.environ, "npm_config_cache": str(where / "npm"), "npm_config_update_notifier": "false"},
        **options)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode()


def script(folder, text):
    (folder / "script.mjs").write_text(text)
    return run(folder, "node", "script.mjs")


def test_version_is_that_of_the_module():
    version, = re.findall(r'version\[\] = "(.*)"', (ROOT / "module/ngx_http_ws_version.hpp").read_text())
    assert json.loads((ROOT / "client/package.json").read_text())["version"] == version


def test_depends_on_nothing(folder):
    assert [path.name for path in (folder / "node_modules").iterdir() if path.name[0] != "."] == ["ngx-ws-filter"]


def test_page_loads_six_kilobytes(folder):
    bundle = (folder / "node_modules/ngx-ws-filter/ngx-ws-filter.min.js").read_bytes()
    assert len(gzip.compress(bundle, 9)) <= MOST


def test_command_runs(folder, gateway, backend):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_half_close on; }}")
    said = run(folder, "npx", "--no-install", "ngx-ws-filter", front.url("/"), input=b"there and back")
    assert said == "there and back"


TYPES = """
import { ResumableSocket, SUBPROTOCOL, type Options } from 'ngx-ws-filter';
import { connect, ResumableDuplex } from 'ngx-ws-filter/node';
import { persist } from 'ngx-ws-filter/persist';
import type { Duplex } from 'node:stream';

const options: Options = { heartbeat: 1, retry: [1, 2], persist: persist('x') };
const socket = new ResumableSocket(async ({ reconnect }) => `wss://host/?again=${reconnect}`, 'mqtt', options);
const asWebSocket: Pick<WebSocket, 'send' | 'close' | 'bufferedAmount' | 'readyState' | 'onmessage'> = socket as any;
socket.onclose = (event) => { const code: number = event.code; };
socket.addEventListener('resume', () => socket.send(new Uint8Array(1)));
const delivered: number = socket.delivered;
socket.flushed().then(() => socket.close(4000, 'x'));
const { opened, writable } = new ResumableSocket('wss://host').streams();
opened.then(({ readable }) => readable.getReader());
class Mine extends ResumableSocket { static options = { raw: false }; }
const stream: Duplex = connect(new URL('wss://host'), { protocols: ['a'], transport: { ca: 'x' } });
const state: ResumableDuplex['readyState'] = 'open';
const name: 'v1.resume.ngx-ws-filter' = SUBPROTOCOL;
const open: 1 = ResumableSocket.OPEN;
"""


def test_types_fit_their_use(folder):
    (folder / "types.mts").write_text(TYPES)
    tools = ROOT / "build/client/node_modules"
    run(folder, tools / ".bin/tsc", "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext",
        "--typeRoots", tools / "@types", "--types", "node", "types.mts")
    (folder / "types.mts").write_text(TYPES + "socket.flush();\n")
    with pytest.raises(AssertionError, match="flush"):
        run(folder, tools / ".bin/tsc", "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext",
            "--typeRoots", tools / "@types", "--types", "node", "types.mts")


def examples():
    """All but those that need a library and its service: test_client_services.py."""
    return [pytest.param(text, id=f"line {line}") for _, line, text in blocks("mjs", "client.md")
            if "'ioredis'" not in text]


# What an example has to say before the echo that it speaks to.
SAID = ["ended with 1000", "the service has 100000 bytes", "no subprotocol, ", "for the first time", "welcome", "hello"]


@pytest.mark.parametrize("text", examples())
def test_example_runs(folder, gateway, backend, text):
    service = backend(EchoBackend)
    front = gateway(f"location /console {{ ws_pass {service.address}; }}")
    said = script(folder, text.replace("wss://example.com", front.url("").rstrip("/")))
    expected = [words for words in SAID if re.search(r"console\.log", text) and words.split()[0] in said]
    assert expected or "console.log" not in text, said
    service.wait_connection()


def test_every_example_says_something_that_is_looked_at(folder, gateway, backend):
    service = backend(EchoBackend)
    front = gateway(f"location /console {{ ws_pass {service.address}; }}")
    address = front.url("").rstrip("/")
    said = "".join(script(folder, case.values[0].replace("wss://example.com", address)) for case in examples())
    for words in SAID:
        assert words in said


def test_commands_of_the_page_run(folder, gateway, backend):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_half_close on; }}")
    [[_, _, text]] = [block for block in blocks("sh", "client.md") if "npx" in block[2]]
    first = text.splitlines()[0].replace("wss://example.com/console", front.url("/"))
    assert run(folder, "bash", "-c", f"echo hi | {first}") == "hi\n"


PAGE = """
    await page.goto(args.url + 'page.html');
    return page.evaluate(async ({ ws: url, protocols }) => {
        const { ResumableSocket } = await import('./ngx-ws-filter.min.js');
        const socket = new ResumableSocket(url, protocols);
        socket.binaryType = 'arraybuffer';
        await new Promise((resolve) => { socket.onopen = resolve; });
        let size = 0;
        const all = new Promise((resolve) => {
            socket.onmessage = ({ data }) => (size += data.byteLength) === 300000 && resolve();
        });
        for (let i = 0; i < 3; i++) socket.send(new Uint8Array(100000));
        await all;
        await socket.flushed();
        socket.close(4321);
        const { code, wasClean } = await new Promise((resolve) => { socket.onclose = resolve; });
        return [socket.resumable, socket.delivered, socket instanceof EventTarget, code, wasClean];
    }, args);
"""


@pytest.mark.parametrize("protocols, tries", [([], 3), (["binary"], 1)])
def test_page_without_a_bundler_speaks_raw_bytes(folder, gateway, backend, browser, protocols, tries):
    service = backend(EchoBackend)
    files = folder / "node_modules/ngx-ws-filter"
    front = gateway(
        f"location /ws {{ ws_pass {service.address}; }}"
        f"location / {{ root {files}; types {{ text/javascript js; }} }}"
        'location /page.html { default_type text/html; return 200 "<!doctype html>"; }')
    got = browser.run(PAGE, url=front.url("/", "http"), ws=front.url("/ws"), protocols=protocols)
    assert got == [False, 300000, True, 4321, True]
    wait_until(lambda: len(service.connections) == tries, what="the connections of its tries")
