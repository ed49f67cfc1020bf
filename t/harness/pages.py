"""README.md and docs/: what stands in them, and their examples made runnable."""

import re

from harness.gateway import ROOT
from harness.ports import free_port

DOCS = ROOT / "docs"
PAGES = {path: path.read_text() for path in [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]}


def name_of(path):
    return str(path.relative_to(ROOT))


def blocks(language, page=None):
    """The examples in a language: of each its page, the number of its first line, and its text."""
    fence = re.compile(rf"^```{language}\n(.*?)^```$", re.M | re.S)
    return [(path, text.count("\n", 0, match.start()) + 2, match[1])
            for path, text in PAGES.items() if page is None or path == DOCS / page
            for match in fence.finditer(text)]


def prose(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(path):
    headings = re.findall(r"^#+ (.+)$", prose(PAGES[path]), re.M)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def localized(example):
    """Without what only the reader's machine has: ports, certificates, folders of logs."""
    ports = {}

    def listen(match):
        port = ports.setdefault(match[2], free_port())
        return f"listen{match[1]}127.0.0.1:{port}"

    example = re.sub(r"\blisten( +)(\d+)", listen, example)
    files = "(ssl_(?:certificate|trusted_certificate|crl|password_file) +)"
    example = re.sub(files + r"\S+;", r"\1@CERT@;", example)
    example = re.sub(r"(ssl_certificate_key +)\S+;", r"\1@KEY@;", example)
    return re.sub(r"(access|error)_log( +)/\S+?(?=[; ])", r"\1_log\2@PREFIX@/ws.log", example)


def outermost(example):
    """The names of the directives that stand in no block."""
    flat = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "''", example)
    while re.search(r"\{[^{}]*\}", re.sub(r"\$\{\w+\}", "", flat)):
        flat = re.sub(r"\{[^{}]*\}", ";", flat)
    return {part.split()[0] for part in flat.split(";") if part.strip()}


MAIN = {"worker_shutdown_timeout", "error_log", "worker_rlimit_nofile"}
HTTP = {"server", "map", "upstream", "log_format", "limit_conn_zone", "ws_buffer_size", "ws_zone"}


# What needs a zone that counts.
COUNTED = re.compile(r"ws_(status|control|session_key|limit_sessions)\b")


def wrapped(example):
    """The parts of a Gateway that make a whole configuration of it."""
    names = outermost(example)
    zone = "ws_zone ws:1m;" if COUNTED.search(example) else ""
    if names & MAIN:
        # The test's own events{} has another count of connections.
        return {"main": re.sub(r"^events \{.*?^\}", "", example, flags=re.M | re.S)}
    if names & HTTP:
        return {"http": example}
    if "location" in names:
        return {"server": example, "http": zone}
    if "http" in names:
        return {"http": re.search(r"http \{\n(.*)^\}", example, re.M | re.S)[1]}
    return {"locations": f"location / {{ ws_pass 127.0.0.1:4000; {example} }}", "http": zone}
