"""Stages the pages for mkdocs: docs.py OUT. Links between pages and to pictures are kept, wherever the
files go; what leads to other files of the repository becomes plain text."""

import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
TOP = ["CONTRIBUTING.md", "SECURITY.md"]
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)]*)?\)")
CODE = re.compile(r"(^```.*?^```)", re.M | re.S)


def staged_names():
    """Of each page: its path in the repository, and its place among the staged ones."""
    names = {path: path.relative_to(DOCS) for path in DOCS.rglob("*.md")}
    return {**names, **{ROOT / name: Path(name) for name in TOP}}


def main():
    out = Path(sys.argv[1])
    names = staged_names()
    shutil.rmtree(out, ignore_errors=True)

    for page, name in names.items():
        def moved(match):
            picture, text, file, anchor = match.groups()
            if not file or "://" in file:
                return match[0]
            target = (page.parent / file).resolve()
            if picture:
                place = Path("pictures") / target.name
                (out / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(target, out / place)
            elif target in names:
                place = names[target]
            else:
                return text
            return f"{picture}[{text}]({os.path.relpath(place, name.parent)}{anchor or ''})"

        parts = CODE.split(page.read_text())
        parts[::2] = [LINK.sub(moved, part) for part in parts[::2]]
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("".join(parts))


if __name__ == "__main__":
    main()
