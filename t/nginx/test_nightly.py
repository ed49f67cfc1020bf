"""`./build.sh nightly`, with a build.sh in place of ours that only says with what it was called."""

import os
import subprocess

import pytest

from harness.gateway import ROOT

STAND_IN = '#!/bin/sh\necho "$@" >>"$SAID"\necho output of "$1"\n[ "$1" != "$FAILS" ]\n'
SCRIPT = """
say() { printf '%s\\n' "$*" >&2; }
die() { say "$*"; exit 1; }
build=$OUT root=$OUT
. tools/nightly.sh
cmd_nightly "$@"
"""


class Nightly:
    """One run in a folder: its status, its table, what it called, and its error."""

    def __init__(self, folder, *names, fails=""):
        self.folder = folder
        (folder / "build.sh").write_text(STAND_IN)
        (folder / "build.sh").chmod(0o755)
        (folder / "said").touch()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", SCRIPT, "bash", *names], cwd=ROOT, text=True,
            capture_output=True, check=False,
            env={**os.environ, "OUT": str(folder), "SAID": str(folder / "said"), "FAILS": fails})
        self.status, self.error = done.returncode, done.stderr
        self.table = {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines()}
        self.called = (folder / "said").read_text().splitlines()


STEPS = ["sim", "valgrind", "hostile", "bench", "sanitize", "fuzz", "matrix"]


def test_all_long_runs_are_made_and_told(tmp_path):
    run = Nightly(tmp_path)
    assert run.status == 0
    assert [words.split()[0] for words in run.called] == STEPS
    assert {"sim 20000", "hostile 1000000", "sanitize", "matrix"} <= set(run.called)
    assert run.table == dict.fromkeys(STEPS, "passed")
    assert (tmp_path / "nightly" / "sim.log").read_text() == "output of sim\n"


def test_fuzz_has_ten_minutes_for_each_target(tmp_path):
    [words] = Nightly(tmp_path, "fuzz").called
    # run.sh takes seconds in sum, and runs two targets at a time.
    assert int(words.split()[1]) * 2 == 600 * len(list((ROOT / "t" / "fuzz").glob("*.cpp")))


@pytest.mark.parametrize("failing", STEPS)
def test_one_that_fails_fails_the_night_and_stops_no_other(tmp_path, failing):
    run = Nightly(tmp_path, fails=failing)
    assert run.status == 1
    assert len(run.called) == len(STEPS)
    assert run.table == {name: "FAILED" if name == failing else "passed" for name in STEPS}


def test_some_can_be_named(tmp_path):
    run = Nightly(tmp_path, "sim", "bench")
    assert run.status == 0 and list(run.table) == ["sim", "bench"]


def test_a_name_that_is_none_is_refused(tmp_path):
    run = Nightly(tmp_path, "sim", "simm")
    assert run.status == 1 and not run.called
    assert '"simm" is no step of nightly: expected some of sim valgrind' in run.error
