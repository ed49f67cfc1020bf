"""README.md and docs/ against the module: the reference, the examples and the links."""

import json
import os
import re
from pathlib import Path

import pytest

from harness.gateway import ROOT, nginx_t
from harness.pages import DOCS, PAGES, anchors, blocks, localized, name_of, outermost, wrapped

REFERENCE = DOCS / "directives"
SOURCES = "\n".join(path.read_text() for path in sorted((ROOT / "module").rglob("*.cpp")))
# Where a session ends.
LIFE = SOURCES + "\n".join(path.read_text()
                           for path in sorted((ROOT / "ngx_ws_filter").glob("ws_*/*.cpp")))


def library(name):
    return (ROOT / "ngx_ws_filter" / name).read_text()


BUILD = Path(os.environ.get("WS_BUILD", ROOT / "build"))
DIRECTIVES = {entry["name"]: entry for entry in
              json.loads((BUILD / "settings" / "directives.json").read_text())}


def variables():
    return re.findall(r'\{ngx_string\("(ws_\w+)"\), nullptr, get_', SOURCES)


UNITS = {
    "bytes": {"": 1, "k": 1024, "m": 1024 * 1024},
    "milliseconds": {"": 1000, "ms": 1, "s": 1000, "m": 60000, "h": 3600000},
    "": {"": 1},
}


def canonical(text, unit):
    """A default as the table has it: numbers of bytes and of milliseconds, nothing for a dash."""
    number = re.fullmatch(r"(\d+)([a-z]*)", text)
    if number:
        return str(int(number[1]) * UNITS[unit][number[2]])
    return "" if text == "—" else text


def reference_pages():
    return [text for path, text in PAGES.items() if path.parent == REFERENCE]


def reference():
    """Of docs/directives/: the fields of each directive's block, with the text that follows it."""
    found = {}
    pattern = (r"^## (\w+)\n\n```\nSyntax: +([^\n]+);\nDefault: +([^\n]+)\n"
               r"Context: +([^\n]+)\n```\n"
               r"(.*?)(?=^##|\Z)")
    for page in reference_pages():
        for name, syntax, default, context, text in re.findall(pattern, page, re.M | re.S):
            assert name not in found, f"{name} is described twice"
            found[name] = (syntax, default, context, text)
    return found


def each_page():
    return [pytest.param(path, id=name_of(path)) for path in PAGES]


def nginx_blocks():
    return [pytest.param(text, id=f"{name_of(path)}:{line}")
            for path, line, text in blocks("nginx")]


# --- the pages


def test_there_are_examples():
    assert len(nginx_blocks()) > 60


@pytest.mark.parametrize("path", each_page())
def test_page_is_short_and_says_its_question_first(path):
    lines = PAGES[path].splitlines()
    assert len(lines) <= (200 if path.parent == ROOT else 399)
    assert lines[0].startswith("# ")
    assert lines[0].endswith("?") or path.parent == ROOT


@pytest.mark.parametrize("path", each_page())
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[path]):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        page = (path.parent / file).resolve() if file else path
        assert page.exists(), target
        if anchor:
            assert anchors(page).count(anchor) == 1, target


def test_all_pages_are_in_the_list_of_pages():
    listed = set(re.findall(r"\]\(([^)]+\.md)\)", PAGES[DOCS / "README.md"]))
    pages = {str(path.relative_to(DOCS)) for path in PAGES if DOCS in path.parents}
    inside = {str(path.relative_to(DOCS)) for path in REFERENCE.glob("*.md")}
    listed_inside = set(re.findall(r"\]\(([^)#]+\.md)\)", PAGES[REFERENCE / "README.md"]))
    assert pages - inside - {"README.md"} <= listed
    assert {path.name for path in REFERENCE.glob("*.md")} - {"README.md"} <= listed_inside


@pytest.mark.parametrize("half", ["ngx_ws_filter", "module", "t"])
def test_map_of_rooms_is_that_of_today(half):
    [table] = re.findall(rf"^\| `{half}/` \| \|\n\|---\|---\|\n((?:\|.*\n)+)",
                         PAGES[DOCS / "architecture.md"], re.M)
    named = re.findall(r"`(\w+)/`", " ".join(re.findall(r"^\|(.*?)\|", table, re.M)))
    there = {path.name for path in (ROOT / half).iterdir() if path.is_dir()}
    assert set(named) == there - {"__pycache__", ".pytest_cache"}


# --- the reference


def test_all_directives_and_no_others_are_described():
    assert set(reference()) == set(DIRECTIVES)
    headings = [name for page in reference_pages() for name in re.findall(r"^## (ws_\w+)", page, re.M)]
    assert sorted(headings) == sorted(DIRECTIVES)


def test_list_of_directives_names_each_once():
    listed = re.findall(r"\[`(ws_\w+)`\]\([\w-]+\.md#\1\)", PAGES[REFERENCE / "README.md"])
    assert sorted(listed) == sorted(DIRECTIVES)


@pytest.mark.parametrize("name", DIRECTIVES)
def test_description_of_a_directive_is_right(name):
    directive = DIRECTIVES[name]
    syntax, default, context, text = reference()[name]
    assert context == directive["context"]
    word, _, arguments = syntax.partition(" ")
    assert word == name
    assert arguments == (directive["arguments"] or arguments)
    if default != "—":
        assert default.startswith(f"{name} ") and default.endswith(";")
        default = default[len(name) + 1:-1]
    assert canonical(default, directive["unit"]) == directive["default"]
    assert re.search(r"^```nginx\n(.*\n)*?.*\b" + name + r"\b", text, re.M), "has no example"


def test_all_variables_and_no_others_are_described():
    described = re.findall(r"^\| `\$(ws_\w+)` \|", PAGES[DOCS / "variables.md"], re.M)
    assert sorted(described) == sorted(variables())


@pytest.mark.parametrize("path", each_page())
def test_page_names_only_what_there_is(path):
    # A family of them is named by its beginning, as in ws_ssl_*.
    named = set(re.findall(r"(?<![\w/])ws_\w*[a-z](?![\w/])", PAGES[path]))
    assert named <= set(DIRECTIVES) | set(variables())


def test_commands_of_build_sh_exist():
    script = (ROOT / "build.sh").read_text()
    named = set(re.findall(r"\./build\.sh (\w+)", "\n".join(PAGES.values())))
    assert named
    assert named <= set(re.findall(r"^announce (\w+)", script, re.M))


# --- the table of endings


def endings():
    """Of each reason in the table of endings: its codes."""
    found = {}
    section = PAGES[DOCS / "endings.md"]
    for code, reasons in re.findall(r"^\| (\d{4}) \| (.*?) \|", section, re.M):
        for reason in reasons.removeprefix("*N* bytes undelivered, ").split("; "):
            found.setdefault(reason, set()).add(int(code))
    return found


def test_reasons_of_the_relay_are_in_the_table_with_their_codes():
    codes = dict(re.findall(r"^    (\w+) = (\d{4}),", library("ws_frames/frame.hpp"), re.M))
    said = re.findall(r"(?:close|note_end|conclude_undelivered|stop)\((?:Side::\w+,\s*)?"
                      r"(?:ws::)?CloseCode::(\w+),\s*\"([^\"]+)\"", LIFE)
    assert len(said) >= 8
    for code, reason in said:
        if code != "abnormal":  # of a client that is gone
            assert int(codes[code]) in endings()[reason], reason


def test_reasons_of_the_table_are_said():
    sources = LIFE + library("ws_frames/frame.cpp") + library("ws_framing/framing.cpp")
    for reason, codes in endings().items():
        if not codes <= {1000, 1006} and ":" not in reason:
            assert f'"{reason}"' in sources, reason


# --- the examples


@pytest.mark.parametrize("example", nginx_blocks())
def test_example_is_accepted_by_nginx(tmp_path, example):
    if "load_module" in outermost(example):
        assert "load_module modules/ngx_http_ws_module.so;" in example
    accepted, said = nginx_t(tmp_path, tls=True, **wrapped(localized(example)))
    assert accepted, said
    assert "[warn]" not in said, said
