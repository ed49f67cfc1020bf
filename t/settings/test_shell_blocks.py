"""The shell blocks of all pages: each is run by a test, or cannot be run here, for a reason that stands
in this file."""

import json
import re
import subprocess

import pytest

from harness.backends import EchoBackend
from harness.gateway import ROOT
from harness.raw import BINARY

# What a test runs: of each page words of the block, and who runs it.
RUN = {
    ("docs/client.md", "./build.sh client"): "t/client/test_client_package.py",
    ("docs/client.md", "npx ngx-ws-filter"): "t/client/test_client_package.py",
    ("docs/recipes/links.md", "openssl md5"): "t/settings/test_examples.py",
    ("docs/troubleshooting.md", "curl -si"): "t/settings/test_examples.py",
    ("docs/recipes/monitoring.md", "grep nginx_ws_sessions"): "t/settings/test_shell_blocks.py",
    ("docs/recipes/monitoring.md", "sessions&after=16"): "t/settings/test_shell_blocks.py",
    ("docs/directives/status.md", "sort=slowest"): "t/settings/test_shell_blocks.py",
    ("docs/directives/steering.md", "key=ada"): "t/settings/test_shell_blocks.py",
}

ROOT_ONLY = ("packages of the machine are installed: `./build.sh trees` takes these steps in clean trees of "
             "Debian, as root")
SUITE = "this is the command that runs the tests, this one among them"
HOURS = "installs packages, or takes up to hours; test_readme.py looks whether there are such commands"
NO_DOCKER = "needs Docker and a registry of images; packaging/docker/README.md says what was tried"

BY_HAND = ("runs until Ctrl-C on port 8080; test_run.py does so with NAME, and test_demo_page.py has the same "
           "services and configuration")

NOT_RUN = {
    ("README.md", "./build.sh run"): BY_HAND,
    ("README.ja.md", "./build.sh run"): BY_HAND,
    ("docs/try.md", "./build.sh run"): BY_HAND,
    ("README.md", "./build.sh test"): SUITE,
    ("README.ja.md", "./build.sh test"): SUITE,
    ("docs/try.md", "./build.sh test"): SUITE,
    ("CONTRIBUTING.md", "./build.sh deps"): HOURS,
    ("CONTRIBUTING.md", "./build.sh unit frame_reader"): HOURS,
    ("README.md", "./build.sh deb"): ROOT_ONLY,
    ("README.ja.md", "./build.sh deb"): ROOT_ONLY,
    ("docs/install.md", "./build.sh deb"): ROOT_ONLY,
    ("docs/install.md", "apt-get install nginx nginx-dev"): ROOT_ONLY,
    ("docs/install.md", "sudo tee /etc/nginx/modules-enabled"): ROOT_ONLY,
    ("docs/install.md", "systemctl reload nginx"): ROOT_ONLY,
    ("docs/install.md", "NGINX=/usr/local/nginx"):
        "the paths are the reader's; t/nginx/test_build.py builds for such an nginx",
    ("docs/install.md", "./configure --with-http_ssl_module"):
        "builds all of nginx; t/sanitize.sh does it, for `./build.sh sanitize`",
    ("packaging/docker/README.md", "packaging/docker/Dockerfile"): NO_DOCKER,
    ("packaging/docker/README.md", "ENABLED_MODULES=ws"): NO_DOCKER,
    ("packaging/rpm/README.md", "./build.sh rpm"):
        "builds for minutes with rpmbuild, which is not a package that the tests need",
}


def pages():
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "packaging").rglob("*.md"),
            *(ROOT / "client").glob("*.md")]


def shell_blocks(path):
    return re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```$", path.read_text(), re.M | re.S)


ALL = [(str(path.relative_to(ROOT)), block) for path in pages() for block in shell_blocks(path)]


def names_of(page, block):
    return [(name, words) for name, words in [*RUN, *NOT_RUN] if name == page and words in block]


def block_of(page, words):
    [block] = [block for name, block in ALL if name == page and words in block]
    return block


@pytest.mark.parametrize(("page", "block"), ALL, ids=[page for page, _ in ALL])
def test_block_is_run_or_has_a_reason_not_to_be(page, block):
    assert len(names_of(page, block)) == 1, block


def test_blocks_that_are_named_here_are_there():
    there = {name for page, block in ALL for name in names_of(page, block)}
    assert there == set(RUN) | set(NOT_RUN)
    assert not set(RUN) & set(NOT_RUN)


@pytest.mark.parametrize("file", sorted(set(RUN.values())))
def test_who_runs_them_is_there(file):
    assert (ROOT / file).exists()


@pytest.fixture(name="open_session")
def fixture_open_session(gateway, backend, raw):
    """A gateway with a status page, on which a session is open: its port, and the session's client."""
    service = backend(EchoBackend)
    front = gateway(f"location /console {{ ws_pass {service.address}; ws_session_key ada; }}"
                    " location = /status { ws_status; } location = /control { ws_control; }",
                    http="ws_zone ws:1m;")
    client = raw(front.port)
    client.open("/console")
    client.send_frame(BINARY, b"hello")
    assert client.read_data(5) == b"hello"
    return front.port, client


def said_by(block, port):
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", block.replace("8080", str(port))],
                          capture_output=True, text=True, check=True)
    return done.stdout


def test_curl_counts_the_open_sessions(open_session):
    port, _ = open_session
    said = said_by(block_of("docs/recipes/monitoring.md", "grep nginx_ws_sessions"), port)
    assert re.search(r"^nginx_ws_sessions\{[^}]*\} 1$", said, re.M), said


@pytest.mark.parametrize(("page", "words"), [
    ("docs/directives/status.md", "sort=slowest"),
    ("docs/recipes/monitoring.md", "sessions&after=16"),
])
def test_curl_lists_the_open_session(open_session, page, words):
    port, _ = open_session
    # The number of a session of a gateway that has just been started is below 16.
    block = block_of(page, words).replace("after=16", "after=0")
    [session] = json.loads(said_by(block, port))["sessions"]
    assert session["location"] == "/console"


def test_curl_ends_the_open_session(open_session):
    port, client = open_session
    said = said_by(block_of("docs/directives/steering.md", "key=ada"), port)
    assert json.loads(said) == {"ended": 1}
    assert client.read_to_close()[1:] == (4001, "logged out")
