"""A client of docs/resume-protocol.md made by hand, which holds the gateway to every rule of it."""

import struct
from urllib.parse import quote

from harness.raw import BINARY, CLOSE, PING, PONG, Closed, RawClient

OWN, SSH, CLOUD = "v1.resume.ngx-ws-filter", "ssh", "relay.tunnel.cloudproxy.app"

CONNECT_SUCCESS, RECONNECT_SUCCESS, DATA, ACK = 0x0001, 0x0002, 0x0004, 0x0007
LIMITS, EOF, NEW_SID, GOAWAY, PART, EMPTY = range(0x4001, 0x4007)
LONGEST = 0x4008

MAX_DATA = 16384
SID_CHARACTERS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def number(tag, value):
    """ACK, EOF, EMPTY and whatever else has a u64."""
    return struct.pack("!HQ", tag, value)


def sized(tag, data):
    """DATA, PART, NEW_SID."""
    return struct.pack("!HI", tag, len(data)) + data


class Ended(Exception):
    """The gateway closed the leg where something else was due."""

    def __init__(self, code, reason):
        super().__init__(f"Close {code} {reason!r}")
        self.code, self.reason = code, reason


class ResumeClient:
    """A session. `connect` opens a RawClient; the counts are positions of the protocol."""

    def __init__(self, connect, *, path="/", name=OWN, offers=(), fields=()):
        self._connect, self._path, self.name, self._fields = connect, path, name, list(fields)
        self._offers = [*offers, name]
        self.own = name == OWN
        self.leg = None
        self.sid = None
        self.old_sids = []
        self.pending = None  # the SID that NEW_SID has offered
        self.sent = bytearray()  # all that was ever given to send()
        self.said_end = False
        self.received = bytearray()
        self.acked = 0  # the gateway's last ACK
        self.taken = 0  # what RECONNECT_SUCCESS said
        self.told = 0  # our last ACK
        self.limits = None
        self.most = MAX_DATA  # bytes of a DATA that it takes on this leg
        self.ended = False  # the service's EOF has come

    # --- legs

    def _open(self, query=""):
        leg = self._connect()
        fields = [*self._fields, ("Sec-WebSocket-Protocol", ", ".join(self._offers))]
        response = leg.open(self._path + query, fields=fields)
        assert response.get("sec-websocket-protocol") == self.name, response
        return leg

    def begin(self):
        self.leg = self._open()
        tag, body = self.command()
        assert tag == CONNECT_SUCCESS, hex(tag)
        self.sid = self._sid(body)
        self._read_limits()
        return self

    def try_resume(self, sid=None, ack=None, query=None):
        """A reconnect whose answer is not looked at: the new leg's RawClient."""
        sid = self.sid if sid is None else sid
        ack = len(self.received) if ack is None else ack
        return self._open(f"?sid={quote(sid, safe='')}&ack={ack}" if query is None else query)

    def resume(self, *, echo=True, again=True, **how):
        """Comes back, and sends `again` what the gateway has not taken."""
        ack = how.get("ack", len(self.received))
        leg = self.try_resume(**how)
        self.cut()
        self.leg, self.told, self.most = leg, ack, MAX_DATA
        del self.received[ack:]
        self.ended = False
        self._greeted()
        if echo and self.pending:
            self.echo_sid()
        if again:
            self._send_again()
        if self.said_end:
            self.say(number(EOF, len(self.sent)))
        return self

    def _greeted(self):
        tag, body = self.command()
        assert tag == RECONNECT_SUCCESS and len(body) == 8, (hex(tag), body)
        self.taken, = struct.unpack("!Q", body)
        assert self.acked <= self.taken <= len(self.sent), (self.acked, self.taken, len(self.sent))
        self._read_limits()
        if not self.own:
            self.acked = max(self.acked, self.taken)
            return
        tag, body = self.command()
        assert tag == NEW_SID, hex(tag)
        self._offered(self._sid(body))
        tag, body = self.command()
        assert tag == ACK, hex(tag)
        self._note_ack(body)

    def _read_limits(self):
        if not self.own:
            return
        tag, body = self.command()
        assert tag == LIMITS, hex(tag)
        self._note_limits(body)

    def cut(self, how="close"):
        """Ends the leg without a Close: by a FIN, a "reset", or in "silence", unseen."""
        if self.leg and how != "silence":
            getattr(self.leg, how)()
        self.leg = None

    # --- to the gateway

    def say(self, message, **how):
        self.leg.send_frame(BINARY, message, **how)

    def send(self, data):
        """Bytes for the service."""
        self.sent += data
        self._send_data(data)

    def _send_again(self):
        if self.taken < len(self.sent):
            self._send_data(bytes(self.sent[self.taken:]))

    def _send_data(self, data):
        most = self.limits["longest"] if self.own else MAX_DATA
        for begin in range(0, len(data), most):
            self.say(sized(DATA, data[begin:begin + most]))

    def take_longest(self, size=65536):
        """Takes DATA of so many bytes on this leg, and learns how long its own may be."""
        self.say(struct.pack("!HI", LONGEST, size))
        self.most = max(MAX_DATA, size)
        while self.step() != LIMITS:
            pass
        return self.limits["longest"]

    def ack(self, position=None):
        self.told = len(self.received) if position is None else position
        self.say(number(ACK, self.told))

    def echo_sid(self):
        """From now on the old SID is unknown."""
        self.say(sized(NEW_SID, self.pending.encode()))
        self.old_sids.append(self.sid)
        self.sid, self.pending = self.pending, None

    def end(self):
        self.said_end = True
        self.say(number(EOF, len(self.sent)))

    # --- from the gateway

    def message(self):
        """The next message: pings on the way are answered, and a Close raises."""
        while True:
            got = self.leg.read_frame()
            if got.opcode == PING:
                assert self.name != CLOUD, "gcloud dies of a ping"
                self.leg.send_frame(PONG, got.payload)
            elif got.opcode == CLOSE:
                raise Ended(*got.close)
            elif got.opcode != PONG:
                assert got.opcode == BINARY and got.fin, got
                return got.payload

    def command(self):
        """Tag and body of the next command."""
        message = self.message()
        assert len(message) >= 2, message
        tag, = struct.unpack("!H", message[:2])
        assert self.own or tag < 0x4000, f"{tag:#x} under a name of v4"
        assert tag in (CONNECT_SUCCESS, RECONNECT_SUCCESS, DATA, ACK, LIMITS, EOF, NEW_SID, GOAWAY,
                       PART, EMPTY), hex(tag)
        return tag, message[2:]

    def step(self):
        """Takes the next command, whatever it is, and returns its tag."""
        tag, body = self.command()
        self.take(tag, body)
        return tag

    def take(self, tag, body):
        if tag in (DATA, PART):
            self._note_data(body)
        elif tag == ACK:
            self._note_ack(body)
        elif tag == EOF:
            assert struct.unpack("!Q", body) == (len(self.received),), body
            self.ended = True
        elif tag == NEW_SID:
            self._offered(self._sid(body))
        elif tag == LIMITS:
            self._note_limits(body)
        else:
            assert tag in (GOAWAY, EMPTY), f"{tag:#x} in the middle"

    def _note_data(self, body):
        size, = struct.unpack("!I", body[:4])
        assert 0 < size <= self.most and len(body) == 4 + size, (size, len(body))
        assert not self.ended, "data behind the end"
        self.received += body[4:]
        if self.own:
            under_way = len(self.received) - self.told
            assert under_way <= self.limits["replay"], under_way

    def _note_ack(self, body):
        position, = struct.unpack("!Q", body)
        assert self.acked <= position <= len(self.sent), (self.acked, position, len(self.sent))
        self.acked = position

    def _note_limits(self, body):
        replay, grace, interval, size = struct.unpack("!IIII", body[:16])
        window, due, flags = struct.unpack("!III", body[16 + size:28 + size])
        tail = body[28 + size:]
        assert replay >= 65536
        assert not tail or (len(tail) == 4 and self.most > MAX_DATA), "it was not asked"
        limits = {"replay": replay, "grace": grace, "interval": interval,
                  "service": body[16:16 + size].decode(), "window": window, "bytes": due,
                  "flags": flags, "longest": int.from_bytes(tail, "big") or MAX_DATA}
        for name in ("service", "flags"):
            assert self.limits is None or self.limits[name] == limits[name], name
        self.limits = limits

    def _offered(self, sid):
        assert sid != self.sid and sid not in self.old_sids
        assert self.pending in (None, sid), "another one is pending"
        self.pending = sid

    @staticmethod
    def _sid(body):
        size, = struct.unpack("!I", body[:4])
        sid = body[4:].decode("ascii")
        assert len(sid) == size and 1 <= size <= 256 and set(sid) <= SID_CHARACTERS, body
        return sid

    def receive(self, size, acks=True):
        """Reads until so many bytes of the service have come in all, and acknowledges them."""
        while len(self.received) < size:
            if self.step() in (DATA, PART) and acks:
                self.ack()
        return bytes(self.received)

    def wait_acked(self, position):
        while self.acked < position:
            self.step()

    def read_close(self):
        """Takes all that comes up to a Close, answers that, and returns code and reason."""
        try:
            while True:
                self.step()
        except Ended as end:
            self.leg.send_close(end.code or 1000)
            return end.code, end.reason

    def close(self, code=1000):
        """Ends the session; returns the gateway's answer."""
        self.leg.send_close(code)
        try:
            while True:
                self.step()
        except Ended as end:
            return end.code, end.reason


def refused(leg):
    """The code of the one frame with which a reconnect was refused."""
    code, _ = leg.read_close()
    leg.send_close(code)
    assert leg.read_end() == "eof"
    leg.close()
    return code


__all__ = ["ResumeClient", "Ended", "Closed", "RawClient", "refused", "number", "sized"]
