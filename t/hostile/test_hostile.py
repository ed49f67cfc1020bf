"""Hostile clients by the thousand, each made by a seed: none of them kills, stalls or fattens the
gateway, or touches a byte of those who keep to the rules. `./build.sh hostile` runs more."""

import os
import time

import pytest

from harness.backends import Backend
from harness.flood import MEGABYTE
from harness.hostile_clients import Hostile, wait_files

COUNT = int(os.environ.get("WS_HOSTILE_COUNT", "4000")) // 2  # with either size of buffers
FIRST = int(os.environ.get("WS_HOSTILE_FIRST", "0"))
WARM_UP = max(2000, COUNT // 20)  # conversations until a worker's memory has its size
SHOWN = os.environ.get("WS_HOSTILE_SEED", "")

MEASURED = max(COUNT - WARM_UP, COUNT // 2)

# What nginx says at "crit" of broken records.
BROKEN_TLS = r"\[crit\].* SSL_(read|write|do_handshake)\(\) failed"


@pytest.fixture
def hostile(tmp_path_factory):
    out = os.environ.get("WS_HOSTILE_OUT") or tmp_path_factory.getbasetemp() / "hostile"
    with Hostile(out) as clients:
        yield clients


@pytest.fixture(params=[False, True], ids=["usual", "small"])
def small(request):
    """Whether the buffers are small, and those of nginx for a request large."""
    return request.param


@pytest.fixture
def attacked(gateway, hostile, small):
    front = gateway(hostile.locations(), log_level="notice" if COUNT > 20000 else "info",
                    **hostile.parts(small))
    front.allow(BROKEN_TLS)
    hostile.open(front)
    return front


@pytest.mark.skipif(bool(SHOWN), reason="one seed was asked for")
@pytest.mark.time_limit(120 + COUNT // 50)
def test_hostile_clients_harm_nobody_but_themselves(attacked, hostile, small):
    workers = attacked.workers()
    first = FIRST + (COUNT if small else 0)
    hostile.run(first, WARM_UP)
    files = attacked.open_files()
    memory = attacked.memory()

    done = hostile.run(first + WARM_UP, MEASURED)
    print(done, f"memory {memory} to {attacked.memory()}")
    assert done["conversations"] == MEASURED
    # Or it would be no test of much.
    assert done["upgraded"] > done["conversations"] // 2
    assert done["whole"] > done["conversations"] // 10
    assert done["refused"] > done["conversations"] // 20
    assert done["healthy_bytes"] > 0
    assert done["slow"] <= 1 + done["conversations"] // 1000

    wait_files(attacked, files)
    # Large buffers for requests are nginx's own, and come and go.
    assert attacked.memory() < memory + (8 if small else 3) * MEGABYTE
    assert attacked.workers() == workers
    assert "exited on signal" not in attacked.error_log()


class TricklingBackend(Backend):
    """What the moody ones do, byte by byte, with a pause behind each."""

    def serve(self, connection):
        try:
            _, _, said = connection.read().partition(b"\n")
            while True:
                for byte in said:
                    connection.send(bytes([byte]))
                    time.sleep(0.05)
                said = connection.read()
                if not said:
                    return
        except OSError:
            pass  # the client has gone


@pytest.mark.skipif(bool(SHOWN), reason="one seed was asked for")
@pytest.mark.time_limit(120)
def test_conversation_that_trickles_holds_nobody_up(gateway, hostile, backend):
    hostile.ports["moody"] = str(backend(TricklingBackend).port)
    # The clients lose patience, and not the gateway.
    locations = hostile.locations().replace("ws_send_timeout 10s", "ws_send_timeout 10m")
    front = gateway(locations, **hostile.parts())
    front.allow(BROKEN_TLS)
    hostile.open(front, patience=4)
    done = hostile.run(0, 300)
    assert done["conversations"] == 300
    assert 0 < done["slow"] < 30


@pytest.mark.skipif(not SHOWN, reason="shows one seed, with WS_HOSTILE_SEED")
def test_seed(attacked, hostile, capsys):
    with capsys.disabled():
        print("\n" + hostile.show(int(SHOWN)))
    assert attacked.workers()
    assert not hostile.faults


def test_same_seed_makes_the_same_bytes(attacked, hostile):
    said = [hostile.show(seed).partition("\ndone")[0] for seed in (7, 8, 7)]
    assert said[0].splitlines()[:-1] == said[2].splitlines()[:-1] != said[1].splitlines()[:-1]
    assert attacked.running()
