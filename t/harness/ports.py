"""Ports of loopback for whoever is told where to listen."""

import itertools
import os
import random
import socket


def _own_ports():
    """Those of this process, from below the range that the kernel gives to clients: none of them is
    another pytest worker's, and none comes twice before all have come."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = list(range(10000 + worker, 32000, workers))
    random.SystemRandom().shuffle(ports)
    return itertools.cycle(ports)


_PORTS = _own_ports()


def free_port():
    """A free TCP port of loopback, another one each time."""
    for port in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
