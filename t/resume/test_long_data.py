"""DATA of more than 16384 bytes, for clients that have said LONGEST. docs/resume-protocol.md, section 3."""

import random

from harness.backends import RecordingBackend
from harness.resumable import resumable
from harness.resume_client import DATA, MAX_DATA, Ended, sized

__all__ = ["resumable"]

LONGEST = 65536


def sizes_of(one, size):
    """Reads until so many bytes of the service have come in all; how long each DATA was."""
    sizes = []
    while len(one.received) < size:
        before = len(one.received)
        if one.step() == DATA:
            sizes.append(len(one.received) - before)
            one.ack()
    return sizes


def assert_refused(one, size):
    one.say(sized(DATA, bytes(size)))
    try:
        while True:
            one.step()
    except Ended as end:
        assert end.code == 1009


def test_long_data_goes_both_ways_over_cuts_and_workers(resumable):
    one = resumable(parts={"workers": 4, "listen": "reuseport"})
    data = random.Random(15).randbytes(1 << 20)
    longest = 0
    for at in range(0, len(data), 1 << 17):
        assert one.take_longest() == LONGEST
        one.send(data[at:at + (1 << 17)])
        longest = max(longest, *sizes_of(one, len(one.sent) - 40000))
        one.cut("reset")
        one.resume()
    one.receive(len(data))
    assert bytes(one.received) == data
    assert longest > MAX_DATA
    assert one.close() == (1000, "")


def test_who_has_not_said_so_gets_and_may_send_short_ones(resumable):
    one = resumable()
    one.send(bytes(200_000))
    assert max(sizes_of(one, 200_000)) <= MAX_DATA
    assert_refused(one, MAX_DATA + 1)


def test_word_counts_for_one_leg(resumable):
    one = resumable()
    one.take_longest()
    one.send(bytes(200_000))
    one.cut("reset")
    one.resume()
    assert one.limits["longest"] == MAX_DATA
    assert max(sizes_of(one, 200_000)) <= MAX_DATA
    assert_refused(one, MAX_DATA + 1)


def test_longer_data_than_limits_tell_is_refused_whatever_the_client_takes(resumable):
    one = resumable(RecordingBackend)
    assert one.take_longest(1 << 20) == LONGEST
    one.send(bytes(LONGEST))
    one.wait_acked(LONGEST)
    assert_refused(one, LONGEST + 1)
