"""What the kernel tells of a socket: bytes sent, acknowledged, received."""

import fcntl
import socket
import struct
import termios
import time

# Offsets in struct tcp_info (linux/tcp.h).
_RTT = 68
_BYTES_ACKED = 120
_BYTES_RECEIVED = 128


def _info(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)


def bytes_acked(sock):
    """Bytes, of TLS records too, that the peer's kernel has taken."""
    return struct.unpack_from("Q", _info(sock), _BYTES_ACKED)[0]


def bytes_received(sock):
    """Bytes that our kernel has taken in their order, read or not."""
    return struct.unpack_from("Q", _info(sock), _BYTES_RECEIVED)[0]


def rtt(sock):
    """Seconds."""
    return struct.unpack_from("I", _info(sock), _RTT)[0] / 1e6


def unread(sock):
    """Bytes that are there to be read."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))[0]


def unsent(sock):
    """SIOCOUTQ: bytes that the peer's kernel has not acknowledged, of a unix socket those that the
    peer has not read."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]


class Hidden:
    """Bytes that the kernel before the gateway has acknowledged to `source` and the kernel behind
    it has not acknowledged for `destination`, both sockets as their owners hold them. `ratio` is
    what of the source's bytes comes out at the other side, which has no frames or no TLS."""

    def __init__(self, source, destination, ratio=1.0):
        self._source, self._destination, self._ratio = source, destination, ratio
        self._acked, self._received = bytes_acked(source), bytes_received(destination)
        self.most = 0

    def now(self):
        # In this order bytes that move meanwhile count as hidden, and never the reverse. A sample
        # is taken again if many did, because something else had the processor.
        while True:
            received = bytes_received(self._destination)
            acked = bytes_acked(self._source) - self._acked
            if bytes_received(self._destination) - received <= 4096:
                break
        hidden = acked * self._ratio - (received - self._received)
        self.most = max(self.most, hidden)
        return hidden

    def watch(self, seconds, interval=0.005):
        """The most that was hidden at any time of so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.now()
            time.sleep(interval)
        return self.most
