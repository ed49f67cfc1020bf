"""Wires that are cut, between the client of client/ and a gateway with resume: t/client/serve.mjs."""

import os
import subprocess

import pytest

from harness.gateway import ROOT, certificate
from harness.node import PACKAGES
from harness.npm_package import files


# A test's own services are reached by the port that the query names.
def any_port(settings="", resume="on away"):
    return f"location / {{ ws_pass 127.0.0.1:$arg_port; ws_resume {resume}; ws_origin any; {settings} }}"


class Wire:
    """An echo behind the scripted gateway of the client's tests, or behind `front`, over TLS or
    not."""

    def __init__(self, front=None, scheme="ws"):
        port = [] if front is None else [str(front.ssl_port if scheme == "wss" else front.port)]
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "node", str(ROOT / "t/client/serve.mjs"), *port],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "NODE_PATH": PACKAGES})
        self.front = front
        self.url = self._process.stdout.readline().strip().replace("ws:", f"{scheme}:")

    def at(self, path, scheme="ws"):
        """Another address behind the wire."""
        return f"{scheme}://{self.url.split('/')[2]}{path}"

    def cut(self, how):
        """One of the lines that serve.mjs knows."""
        self._process.stdin.write(f"{how}\n")
        self._process.stdin.flush()

    def stop(self):
        self._process.stdin.close()
        self._process.wait(10)


@pytest.fixture
def wired(gateway):
    """wired(settings, scheme=..., resume=..., **parts): a wire before the built module, with these
    directives beside ws_resume."""
    made = []

    def start(settings="", *, scheme="ws", resume="on away", **parts):
        front = gateway(any_port(settings, resume), tls=scheme == "wss", **parts)
        made.append(Wire(front, scheme))
        return made[-1]

    yield start
    for wire in made:
        wire.stop()


def trusting():
    """The environment of a node that trusts the gateway's certificate."""
    return {"NODE_PATH": PACKAGES, "NODE_EXTRA_CA_CERTS": str(certificate()[0])}


PAGE = """
    const load = async () => {
        await page.goto(args.page);
        await page.evaluate(async (url) => {
            const { ResumableSocket } = await import('./ngx-ws-filter.min.js');
            const { persist } = await import('./persist.js');
            Object.assign(globalThis, { ResumableSocket, persist, url });
            globalThis.event = (target, name) =>
                new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));
        }, args.url);
    };
    const inside = (action, more) => page.evaluate(action, more);
    await load();
"""


def page_of(gateway, browser, wire):
    """page(script, **args): what a script with `page`, which is open, and `inside` gives: inside(f)
    calls a function in the page, which sees `url`, ResumableSocket and persist."""
    front = gateway(
        f"location / {{ root {files()}; types {{ text/javascript js; }} }}"
        'location = /page { default_type text/html; return 200 "<!doctype html>"; }')

    def run(script, **args):
        return browser.run(PAGE + script, page=front.url("/page", "http"), url=wire.url, timeout=150, **args)

    return run
