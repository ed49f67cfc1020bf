"""A backend that reads the header of the PROXY protocol, and receivers of others."""

import socket
import struct
from dataclasses import dataclass, field

from harness.backends import Backend

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ALPN, AUTHORITY, UNIQUE_ID, SSL = 0x01, 0x02, 0x05, 0x20
SSL_VERSION, SSL_CN, SSL_CIPHER = 0x21, 0x22, 0x23


@dataclass
class Header:
    version: int
    source: object  # (address, port), a path, or None
    destination: object
    facts: dict = field(default_factory=dict)  # a TLV's type to its value
    size: int = 0

    @property
    def tls(self):
        """The client's flags, the result of the verification, and a dict of sub-TLVs."""
        value = self.facts[SSL]
        return value[0], struct.unpack("!I", value[1:5])[0], tlvs(value[5:])


def tlvs(data):
    found = {}
    while data:
        kind, size = struct.unpack("!BH", data[:3])
        assert len(data) >= 3 + size, "a TLV is cut"
        assert kind not in found, f"two TLVs of type {kind}"
        found[kind], data = data[3:3 + size], data[3 + size:]
    return found


def read_header(connection):
    """The next bytes of a connection, which must be a header, held to every rule of a sender."""
    begin = connection.read_exactly(12)
    if begin == SIGNATURE:
        return _read_v2(connection)
    while not begin.endswith(b"\r\n"):
        assert len(begin) < 107, f"no header: {begin!r}"
        begin += connection.read_exactly(1) or b"\r\n-- the end --"
    return _parse_v1(begin)


def _parse_v1(line):
    words = line[:-2].decode("ascii").split(" ")
    assert words[0] == "PROXY", line
    if words[1] == "UNKNOWN":
        return Header(1, None, None, size=len(line))
    kind, source, destination, from_port, to_port = words[1:]
    family = {"TCP4": socket.AF_INET, "TCP6": socket.AF_INET6}[kind]
    for address in source, destination:
        assert socket.inet_ntop(family, socket.inet_pton(family, address)) == address
    for port in from_port, to_port:
        assert port == str(int(port)) and int(port) < 65536
    return Header(1, (source, int(from_port)), (destination, int(to_port)), size=len(line))


def _read_v2(connection):
    command, family, size = struct.unpack("!BBH", connection.read_exactly(4))
    data = connection.read_exactly(size)
    assert len(data) == size and 16 + size <= 536
    assert command == 0x21, command
    header = Header(2, None, None, size=16 + size)
    if family in (0x11, 0x21):
        width, kind = (4, socket.AF_INET) if family == 0x11 else (16, socket.AF_INET6)
        ports = struct.unpack("!HH", data[2 * width:2 * width + 4])
        addresses = [socket.inet_ntop(kind, data[at:at + width]) for at in (0, width)]
        header.source, header.destination = zip(addresses, ports)
        data = data[2 * width + 4:]
    elif family == 0x31:
        header.source, header.destination = (
            data[at:at + 108].rstrip(b"\0").decode() for at in (0, 108))
        data = data[216:]
    else:
        assert family == 0, family
    header.facts = tlvs(data)
    return header


class ProxiedBackend(Backend):
    """Reads a header, and echoes what follows it."""

    def serve(self, connection):
        connection.header = read_header(connection)
        while data := connection.read():
            connection.send(data)
