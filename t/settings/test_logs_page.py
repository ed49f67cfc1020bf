"""docs/logs.md has all lines that the module writes into the error log."""

import re

import pytest

from harness.gateway import ROOT
from harness.pages import DOCS, PAGES

LITERAL = r'"((?:[^"\\]|\\.)*)"'


def lines():
    """The texts of the sources that begin with "ws: ", as far as they are the same each time."""
    found = set()
    for path in sorted((ROOT / "module").rglob("*.cpp")):
        for text in re.findall(rf"{LITERAL}(?:\s*{LITERAL})*", path.read_text()):
            if text[0].startswith("ws: "):
                found.add(re.split(r'%|\\"', text[0])[0].rstrip())
    return sorted(found)


def explained():
    """The beginnings of lines that the page names."""
    return [text.rstrip() for text in re.findall(r"`(ws: [^`…]+)", PAGES[DOCS / "logs.md"])]


@pytest.mark.parametrize("beginning", lines())
def test_line_is_explained(beginning):
    if beginning == "ws:":
        return  # with a phase, a side or a verdict behind it, which the page names
    assert any(beginning.startswith(known) or known.startswith(beginning) for known in explained())


def test_there_are_lines():
    assert len(lines()) > 20
