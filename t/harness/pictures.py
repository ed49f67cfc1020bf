"""Pictures of the demos, as docs/pictures has them: WS_PICTURES=docs/pictures ./build.sh test t/demos."""

import os

from harness.gateway import ROOT

MOST = 100000  # bytes of one


def picture(name, folder):
    """Where a script is to write that picture: a folder of the test, unless they are to be kept."""
    kept = os.environ.get("WS_PICTURES")
    return str((ROOT / kept if kept else folder) / f"{name}.png")


def check(path):
    with open(path, "rb") as file:
        data = file.read()
    assert data.startswith(b"\x89PNG")
    assert len(data) < MOST, len(data)
