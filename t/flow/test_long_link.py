"""Far away: as fast as the path, and no more hidden than it holds."""

import contextlib

import pytest

from harness.gateway import wait_until
from harness.long_paths import Way, long_paths
from harness.netns import needs_long_link
from harness.stream import needs_stream
from harness.tcp_info import rtt

pytestmark = [needs_long_link, pytest.mark.time_limit(300)]

KIB = 1024
PROMISE = 256 * KIB  # and what is under way in a round trip

# Seconds and bits a second: both hold 1.2 MB.
LONG, FAST = (0.1, 100e6), (0.05, 200e6)


def far_end(transfer, way):
    return transfer.pairs[0][1 if way.far == "backend" else 0]


@needs_stream
@pytest.mark.parametrize("way", [Way(), Way(up=False), Way(tls=True), Way(ipv6=True),
                                 Way(far="backend"), Way(far="both", connections=2)], ids=str)
def test_link_is_as_long_and_as_fast_as_it_says(tmp_path, way):
    """So that the other tests tell something."""
    with long_paths(tmp_path, 0.05, 20e6, way) as paths, paths.transfer("stream") as transfer:
        transfer.rate(1)
        speed = transfer.rate(1)
        assert 0.05 <= rtt(far_end(transfer, way)) < 1
        assert 0.3 * 20e6 / 8 < speed < 1.3 * 20e6 / 8


# --- speed


def speed(paths, name, seconds=2):
    """Bytes a second, from the first byte on."""
    with paths.transfer(name) as transfer:
        return transfer.rate(seconds)


def is_as_fast(tmp_path, point, way, least=0.8, rounds=8, **link):
    """In one of some rounds, on a machine that does much else at the same time. A fixed window of
    160k never came beyond 0.1."""
    ratios = []
    with long_paths(tmp_path, *point, way, **link) as paths:
        while len(ratios) < rounds and max(ratios, default=0) < least:
            ratios.append(speed(paths, "ours") / speed(paths, "stream"))
    assert max(ratios) >= least, ratios


@needs_stream
@pytest.mark.parametrize("way, point", [(Way(), LONG), (Way(tls=True), FAST), (Way(up=False), LONG)],
                         ids=["up ws 100 ms", "up wss 50 ms", "down ws 100 ms"])
def test_far_client_is_as_fast_as_through_a_plain_proxy(tmp_path, way, point):
    is_as_fast(tmp_path, point, way)


@needs_stream
def test_so_is_the_way_to_a_far_backend(tmp_path):
    is_as_fast(tmp_path, LONG, Way(far="both"))


@needs_stream
def test_so_are_many_sessions_over_ipv6(tmp_path):
    is_as_fast(tmp_path, LONG, Way(connections=8, ipv6=True))


@needs_stream
def test_so_is_a_sender_that_paces_where_packets_are_lost(tmp_path):
    is_as_fast(tmp_path, (0.05, 100e6), Way(), congestion="bbr", loss=0.001)


# --- what hides


@contextlib.contextmanager
def in_full_flight(paths, tries=8):
    """A sender that has lost much at the end of its first doubling is slow for long."""
    for left in reversed(range(tries)):
        with paths.transfer("ours") as transfer:
            transfer.rate(3)
            speed = transfer.rate(1)
            if speed > 0.4 * paths.link.rate / 8:
                yield transfer
                return
        assert left, f"it was no full flight: {speed} bytes a second"


def stop(transfer):
    """A slow sender fills what the receiver's own kernel takes first."""
    transfer.stall()
    wait_until(lambda: transfer.now_hidden() > 0, 20, "something to be hidden")


def stalled(paths):
    """What hides of a transfer in full flight when its receiver stops."""
    with in_full_flight(paths) as transfer:
        transfer.stall()
        return transfer.watch(1.5)


@pytest.mark.parametrize("way", [Way(), Way(up=False), Way(tls=True, far="both")],
                         ids=lambda way: f"{way} {way.far}")
def test_little_hides_at_a_sudden_stall(tmp_path, way):
    """In one of some rounds: where a loaded machine is late, the round trips are longer, and more is
    under way. Nginx's stream proxy hides 15 to 30 MB of an upload here, and 4 MB of a download.
    Segments come as from a network: a kernel that is handed many in one finds room for more."""
    # With a short queue on either way the other takes too long to come to its speed.
    queue = 300_000 if way.far == "client" else 1_250_000
    with long_paths(tmp_path, *LONG, way, offload=False, queue=queue) as paths:
        # The kernel tells a window by the overhead that it expects, and takes more if there is less.
        held = 1.5 * paths.link.product + queue
        bound = PROMISE + (2 if way.far == "both" else 1) * held
        rounds = []
        while len(rounds) < 10 and min(rounds, default=bound) >= bound:
            rounds.append(stalled(paths))
    assert 0 < min(rounds) < bound, rounds


def test_little_hides_from_a_slow_backend_behind_a_fast_long_link(tmp_path):
    """What the client was told at first is taken back no faster than the backend reads."""
    with long_paths(tmp_path, *LONG, offload=False, backend_buffer=32 * KIB) as paths:
        with paths.transfer("ours") as transfer:
            transfer.slow_down(100_000)
            assert transfer.watch(1) < 3 * PROMISE
            wait_until(lambda: transfer.now_hidden() < 0.7 * PROMISE, 20, "little to be hidden")
            assert transfer.watch(1) <= 1.5 * PROMISE


def test_window_is_never_more_than_its_cap(tmp_path):
    """However long a round trip seems to be. It is the window that the client is told."""
    cap = 384 * KIB
    with long_paths(tmp_path, 0.3, 100e6, settings="ws_client_rcvbuf auto max=384k;",
                    offload=False) as paths:
        with paths.transfer("ours") as transfer:
            transfer.rate(3)
            stop(transfer)
            assert transfer.watch(1) <= 1.6 * cap + 96 * KIB


@pytest.mark.parametrize("size", ["64k", "auto max=64k"])
def test_size_is_a_fixed_bound(tmp_path, size):
    with long_paths(tmp_path, *LONG, settings=f"ws_client_rcvbuf {size};") as paths:
        with paths.transfer("ours") as transfer:
            assert transfer.rate(2) < 1.5 * 64 * KIB / paths.link.rtt
            stop(transfer)
            assert transfer.watch(1) <= (64 + 96) * KIB


def test_speed_comes_back_after_a_stall(tmp_path):
    """Within the first second, in one of some rounds: what was told to the client before is read at
    once, and it is told of more in time."""
    with long_paths(tmp_path, *LONG) as paths:
        enough, speeds = 0.6 * paths.link.rate / 8, []
        with in_full_flight(paths) as transfer:
            while len(speeds) < 8 and max(speeds, default=0) <= enough:
                transfer.stall()
                transfer.watch(1)
                transfer.resume()
                speeds.append(transfer.rate(1))
                transfer.rate(1)
    assert max(speeds) > enough, speeds
