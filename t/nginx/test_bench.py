"""`./build.sh bench`: what it compares, and with what."""

import re
import subprocess
import sys

import pytest

from harness.gateway import ROOT

BENCH = ROOT / "t" / "bench"

# Ours does half as much again as the other build in one round, and as much as it in two.
TABLE = """
import loads, tables
from figures import Figures

load = next(load for load in loads.RATES if load.name == "ping-64")
figures = Figures(["stream", "ours", "before"], [load])
for number, (ours, before) in enumerate([(6, 4), (5, 5), (8, 8)]):
    for name, work in (("stream", 1), ("ours", ours), ("before", before)):
        figures.add(number, load, name, {"work": work, "server_cpu": 1, "seconds": 1,
                                         "p50_us": 1, "p99_us": 1})
print(tables.tell(figures, {}, ["before"]))
"""


def run(*arguments):
    return subprocess.run([sys.executable, "-B", *arguments], cwd=BENCH, text=True,
                          capture_output=True, check=False)


def test_ours_is_compared_with_another_build():
    said = run("-c", TABLE)
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    heading = lines.index("Ours, before = 1 in the same round")
    assert lines[heading + 2].split(maxsplit=4)[-1].endswith("1.000 (1.000..1.500)")


@pytest.mark.parametrize("build", ["before", "=bench.py", "before=", "before=no.so", "ours=bench.py"])
def test_another_build_needs_a_name_and_a_file(tmp_path, build):
    said = run("bench.py", "--module", "bench.py", "--out", tmp_path, "--with", build)
    assert said.returncode == 2 and f'invalid "--with {build}": expected NAME=MODULE.so' in said.stderr


@pytest.mark.time_limit(200)
def test_client_is_measured_beside_a_bare_websocket():
    said = run("doors.py", "--rounds", "1", "--mebibytes", "1", "--only", "node")
    assert said.returncode == 0, said.stderr
    heading, *lines = said.stdout.splitlines()
    assert heading == "where, load, ours / bare (least..most), best / best"
    assert [line.split()[:2] for line in lines] == [["node", load] for load in ("up", "down", "pingpong")]
    assert all(re.search(r" \d+\.\d\d \(\d+\.\d\d\.\.\d+\.\d\d\)  \d+\.\d\d$", line) for line in lines)
