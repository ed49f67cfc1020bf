"""A real Redis server, with its demo's configuration."""

import threading

from harness.raw import BINARY, frame
from harness.services import needs

COMMANDS = 10000


def command(*words):
    """A request in Redis' own protocol."""
    parts = [f"*{len(words)}\r\n".encode()]
    parts += [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


def bulk(value):
    return b"$%d\r\n%b\r\n" % (len(value), value)


def value_of(number):
    """Bytes of every kind, and of lengths on both sides of a frame's 126."""
    return bytes((number + i) & 255 for i in range(number % 300))


def pipelined():
    """The commands, and the one answer to each that is right only in this order."""
    sent, due = [], []
    for number in range(COMMANDS // 4):
        key, value = b"key%d" % number, value_of(number)
        sent += [command(b"SET", key, value), command(b"GET", key), command(b"INCR", b"count"),
                 command(b"ECHO", value)]
        due += [b"+OK\r\n", bulk(value), b":%d\r\n" % (number + 1), bulk(value)]
    assert len(sent) == COMMANDS
    return b"".join(sent), b"".join(due)


def in_frames(data):
    """Frames of many lengths, whose borders fall anywhere in the commands."""
    frames, at, size = [], 0, 1
    while at < len(data):
        frames.append(frame(BINARY, data[at:at + size]))
        at += size
        size = size * 7 % 3001
    return b"".join(frames)


@needs("redis-server", "redis-server")
def test_replies_to_pipelined_commands_are_exact(real, raw):
    _, front = real("redis")
    sent, due = pipelined()
    client = raw(front.port, timeout=30)
    client.open("/redis")
    sender = threading.Thread(target=client.send, args=(in_frames(sent),))
    sender.start()
    got = client.read_data(len(due))
    sender.join()
    assert got == due
    client.send_close(4000)
    assert client.read_close() == (4000, "")


@needs("redis-server", "redis-server")
def test_end_of_redis_is_a_normal_close(real, raw):
    _, front = real("redis")
    client = raw(front.port)
    client.open("/redis")
    client.send_frame(BINARY, command(b"QUIT"))
    data, code, _ = client.read_to_close()
    assert (data, code) == (b"+OK\r\n", 1000)
