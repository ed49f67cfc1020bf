"""The examples of docs/ at work: pages' scripts, and what the recipes promise."""

import re
import subprocess

import pytest

from harness.backends import EchoBackend
from harness.pages import blocks, localized, name_of

# What a page has and Node has not. Each socket that a script makes is remembered.
PAGE = """
const made = [];
globalThis.location = { host: args.host };
globalThis.WebSocket = class extends require('ws') {
    constructor(url) {
        super(url);
        this.messages = 0;
        this.addEventListener('message', () => { this.messages++; });
        made.push(this);
    }
};
const seen = async condition => {
    while (!condition()) await new Promise(resolve => setTimeout(resolve, 5));
};
globalThis.console = { log() {} };
"""

# An example that begins in the middle has these before it.
AMID = """
const socket = new WebSocket(`ws://${location.host}/console`);
const chunk = new Uint8Array(1000);
await seen(() => socket.readyState === WebSocket.OPEN);
"""

# What each example leads to: an answer of the echo, or the end that it asks for.
END = """
await seen(() => made[0].messages > 0 || made[0].readyState === WebSocket.CLOSED);
for (const socket of made) socket.terminate();
return made.length;
"""


def scripts():
    return [pytest.param(text, id=f"{name_of(path)}:{line}") for path, line, text in blocks("js")]


@pytest.mark.parametrize("script", [case for case in scripts() if "connect();" not in case.values[0]])
def test_script_of_a_page_runs(gateway, backend, node, script):
    service = backend(EchoBackend)
    front = gateway(f"location /console {{ ws_pass {service.address}; }}")
    amid = "" if "new WebSocket" in script else AMID
    assert node.run(PAGE + amid + script + END, host=f"127.0.0.1:{front.port}") == 1
    service.wait_connection().wait_received(1)


def test_page_comes_back_after_a_loss(gateway, backend, node):
    [script] = [text for _, _, text in blocks("js", "recipes/page.md") if "connect();" in text]
    service = backend(EchoBackend)
    front = gateway(f"location /console {{ ws_pass {service.address}; }}")
    lost = """
        await seen(() => made.length === 1 && made[0].readyState === WebSocket.OPEN);
        made[0].terminate();
        await seen(() => made.length === 2 && made[1].readyState === WebSocket.OPEN);
        made[1].onclose = null;
        made[1].terminate();
    """
    node.run(PAGE + script + lost, host=f"127.0.0.1:{front.port}")
    assert len(service.connections) == 2


@pytest.mark.parametrize("code, tries", [(1000, 0), (1002, 0), (4001, 0), (1001, 1), (1011, 1)])
def test_page_comes_back_only_after_a_loss(node, code, tries):
    [script] = [text for _, _, text in blocks("js", "recipes/page.md") if "connect();" in text]
    closed = """
        globalThis.WebSocket = class { constructor() { made.push(this); } };
        const waits = [];
        const setTimeout = (...what) => waits.push(what);
        """ + script + """
        made[0].onclose({ code: args.code });
        return waits.length;
    """
    page = PAGE.replace("setTimeout(", "globalThis.setTimeout(")
    assert node.run(page + closed, host="nowhere", code=code) == tries


def recipe(page, containing, service):
    """The parts of a gateway from the nginx example of a page that has the words, before `service`."""
    [text] = [text for _, _, text in blocks("nginx", page) if containing in text]
    text = re.sub(r"192\.0\.2\.\d+:4000", service.address, text)
    return {"http": localized(text)}


def port_of(parts):
    return int(re.search(r"listen +127\.0\.0\.1:(\d+)", parts["http"])[1])


def test_secret_token_opens_and_a_wrong_one_is_403(gateway, backend, raw):
    service = backend(EchoBackend)
    parts = recipe("recipes/links.md", "$arg_token", service)
    gateway(**parts)
    client = raw(port_of(parts))
    client.open("/console?token=5f3a9c0e27d14b86")
    for wrong in ("", "?token=", "?token=5F3A9C0E27D14B86", "?token=5f3a9c0e27d14b860"):
        assert raw(port_of(parts)).handshake("/console" + wrong).status == 403, wrong


def signed_link(path, until=None):
    [script] = [text for _, _, text in blocks("sh", "recipes/links.md")]
    script = script.replace("path=/console/lab", f"path={path}")
    if until is not None:
        script = re.sub(r"^until=.*$", f"until={until}", script, flags=re.M)
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True)
    return done.stdout.strip().removeprefix("wss://app.example.com")


def test_signed_link_opens_until_its_time(gateway, backend, raw):
    service = backend(EchoBackend)
    parts = recipe("recipes/links.md", "secure_link", service)
    gateway(**parts)
    good = signed_link("/console/lab")
    raw(port_of(parts)).open(good)
    status = {
        "unsigned": raw(port_of(parts)).handshake("/console/lab").status,
        "other": raw(port_of(parts)).handshake(good.replace("lab", "office")).status,
        "later": raw(port_of(parts)).handshake(good.replace("until=", "until=9")).status,
        "expired": raw(port_of(parts)).handshake(signed_link("/console/lab", 1000)).status,
        "unknown": raw(port_of(parts)).handshake(signed_link("/console/attic")).status,
    }
    assert status == {"unsigned": 403, "other": 403, "later": 403, "expired": 410, "unknown": 404}
    assert len(service.connections) == 1


def test_curl_of_troubleshooting_shows_the_status(gateway, backend):
    service = backend(EchoBackend)
    front = gateway(f"location /console {{ ws_pass {service.address}; }}")
    [script] = [text for _, _, text in blocks("sh", "troubleshooting.md") if "curl" in text]

    def run(script):
        return subprocess.run(["bash", "-c", script.replace("8080", str(front.port))],
                              capture_output=True, text=True, check=False).stdout.strip()

    assert run(script) == "HTTP/1.1 101 Switching Protocols"
    foreign = script.replace("Origin: http://127.0.0.1", "Origin: http://foreign.example")
    assert run(foreign) == "HTTP/1.1 403 Forbidden"
    assert run(script.replace("-H 'Upgrade: websocket' ", "")).startswith("HTTP/1.1 426")
