"""Far away: as fast as the path, and no more hidden than it holds."""

import pytest

from harness.long_paths import Way, long_paths
from harness.netns import needs_long_link
from harness.tcp_info import rtt

pytestmark = needs_long_link


@pytest.mark.parametrize("way", [Way(), Way(up=False), Way(tls=True), Way(ipv6=True),
                                 Way(far="backend"), Way(far="both", connections=2)], ids=str)
def test_link_is_as_long_and_as_fast_as_it_says(tmp_path, way):
    """So that the other tests tell something."""
    with long_paths(tmp_path, 0.05, 20e6, way) as paths, paths.transfer("stream") as transfer:
        transfer.rate(1)
        speed = transfer.rate(1)
        far = transfer.pairs[0][1 if way.far == "backend" else 0]
        assert 0.05 <= rtt(far) < 1
        assert 0.3 * 20e6 / 8 < speed < 1.3 * 20e6 / 8
