"""A session in which whatever may happen does, as a seed decides: data both ways that have nothing to
do with each other, questions, unknown commands, fragments, and cuts at any byte of a frame, a request
or an answer, while impostors ask for it."""

import random
import select
import threading
import time
from urllib.parse import quote

from harness import checker
from harness.backends import Backend
from harness.raw import BINARY, CONTINUATION, RawClient, frame
from harness.resume_client import (ACK, CLOUD, DATA, EOF, MAX_DATA, NEW_SID, OWN, SSH, Closed, Ended,
                                   ResumeClient, number, refused, sized)

LOST = (Closed, ConnectionError)
HANGS = 15  # seconds without any progress
UNKNOWN, BACK, AHEAD = 4001, 4005, 4006


class TalkingBackend(Backend):
    """Says `words` in pieces while it reads; then, if it `ends`, it does so behind the client's last
    byte of `expected`."""

    def __init__(self, words, expected, ends, seed, **options):
        self._words, self._expected, self._ends = words, expected, ends
        self._random = random.Random(seed)
        super().__init__(**options)

    def serve(self, connection):
        thread = threading.Thread(target=self._talk, args=(connection,), daemon=True)
        thread.start()
        connection.read_all()
        thread.join(30)

    def _talk(self, connection):
        try:
            at = 0
            while at < len(self._words):
                size = self._random.choice((1, 100, 4000, 20_000, 100_000))
                connection.send(self._words[at:at + size])
                at += size
            if self._ends:
                connection.wait_received(self._expected, 60)
                connection.finish()
        except OSError:
            pass  # the gateway has gone; the test says whether it may


class ShortJourney:
    """With `reload`, which is called now and then, legs may be lost at any time, for the sake of a
    worker that leaves."""

    def __init__(self, connect, backend, seed, reload=None):
        dice = self._dice = random.Random(seed)
        self._reload, self._reloads = reload, 0 if reload is None else 2
        self._up = dice.randbytes(dice.choice((0, 100, 20_000, 150_000)))
        self._ends = dice.random() < 0.4
        # One that ends without a word, before the 101, has not been reached.
        self._down = dice.randbytes(dice.choice((int(self._ends), 100, 20_000, 400_000)))
        self._service = backend(TalkingBackend, self._down, len(self._up), self._ends, seed,
                                receive_buffer=dice.choice((None, 4096)))
        self._connect = connect
        self._path = f"/?port={self._service.port}"
        self._one = ResumeClient(connect, path=self._path, name=dice.choice((OWN, OWN, SSH, CLOUD)))
        self._left = dice.randrange(8)  # cuts
        self._at = 0  # of our stream, on this leg
        self._old = []  # legs that were left in silence
        self._known = 0  # our ACK that the gateway must have
        self._unknown_sids = []
        self._seen, self._since = None, 0
        self.legs = 1

    def run(self):
        self._begin()
        self._one.sent += self._up
        try:
            while not self._is_done():
                self._step()
        except Ended as end:
            self._heard_end(end)
        else:
            self._close()
        self._check()

    # --- the middle

    def _is_done(self):
        one = self._one
        return (not self._ends and one.received == self._down and
                self._at == one.acked == len(self._up))

    def _step(self):
        try:
            self._act()
        except Ended as end:
            if end.code not in self._asks_back():
                raise
            self._come_back()
        except LOST:
            assert self._reload and self._one.name != CLOUD
            self._come_back()

    def _asks_back(self):
        return (4002, 4004) if self._reload else (4002,)

    def _act(self):
        acts = {self._say: 30, self._hear: 50, self._ack: 8, self._chat: 5, self._cut: 4, self._lie: 2,
                self._replace_workers: 2}
        self._dice.choices(list(acts), acts.values())[0]()

    def _replace_workers(self):
        if self._reloads:
            self._reloads -= 1
            self._reload()

    def _room(self):
        """v4 has no window, but nobody sends without end."""
        one = self._one
        window = one.limits["window"] if one.own else 256 * 1024
        return min(one.acked + window, len(one.sent)) - self._at

    def _next_data(self):
        size = min(self._room(), self._dice.choice((1, 100, MAX_DATA)))
        self._at += size
        message = sized(DATA, self._one.sent[self._at - size:self._at])
        cut = self._dice.randrange(2 * len(message))  # in half of the cases there is none
        if cut >= len(message):
            return frame(BINARY, message)
        return frame(BINARY, message[:cut], fin=False) + frame(CONTINUATION, message[cut:])

    def _say(self):
        if self._room() > 0:
            self._one.leg.send(self._next_data())

    def _hear(self):
        leg = self._one.leg
        pending = getattr(leg.sock, "pending", lambda: 0)()
        if leg.buffer or pending or select.select([leg.sock], [], [], 0.02)[0]:
            self._one.step()
        else:
            self._ack(everything=True)
            self._assert_lives()

    def _assert_lives(self):
        one, now = self._one, time.monotonic()
        seen = (len(one.received), one.acked, self._at, one.told, self.legs)
        if seen != self._seen:
            self._seen, self._since = seen, now
        assert now - self._since < HANGS * checker.SLOWNESS, f"hangs: {seen}"

    def _ack(self, everything=False):
        one = self._one
        if len(one.received) > one.told:
            least = len(one.received) if everything else one.told + 1
            one.ack(self._dice.randint(least, len(one.received)))
            self._renew_sid()  # it is how the gateway knows that NEW_SID has come

    def _renew_sid(self):
        one = self._one
        if one.pending:
            one.old_sids.append(one.sid)
            one.sid, one.pending = one.pending, None

    def _chat(self):
        """What means nothing to the session, and a question."""
        one = self._one
        what = self._dice.choice((number(3, 1), sized(0x000A, b"abc"), sized(DATA, b""),
                                  number(0x4FFF, 0) + b"more", ACK, NEW_SID))
        if what == ACK and one.own:
            one.say(number(ACK, one.told))
            while one.step() != ACK:
                pass
        elif what == NEW_SID and one.pending:
            one.echo_sid()
        elif isinstance(what, bytes):
            one.say(what)

    # --- cuts

    def _cut(self):
        if self._left == 0:
            return
        self._left -= 1
        one = self._one
        how = self._dice.choice(("close", "reset", "silence", "leave"))
        if how == "leave" and one.own:
            one.leg.send_close(4004)
        elif self._room() > 0:
            message = self._next_data()
            one.leg.send(message[:self._dice.randrange(len(message) + 1)])
        if how in ("silence", "leave"):
            self._old.append(one.leg)
            one.cut("silence")
        else:
            one.cut(how)
        self._come_back()

    def _query(self):
        """What is not told yet is thrown away as often as not. A try that is lost has told it."""
        one = self._one
        if self._dice.random() < 0.5:
            self._renew_sid()
        one.told = self._dice.choice((len(one.received), one.told))
        del one.received[one.told:]
        return f"&sid={quote(one.sid, safe='')}&ack={one.told}"

    def _come_back(self):
        until = time.monotonic() + 2 * HANGS * checker.SLOWNESS
        while time.monotonic() < until:
            query = self._query()
            try:
                if self._dice.random() < 0.3:
                    self._break_off(query)
                    continue
                self._one.resume(query=query, ack=self._one.told, echo=False, again=False)
                self._at, self._known = self._one.taken, self._one.told
                self._unknown_sids = self._one.old_sids[:]
                self.legs += 1
                return
            except LOST:
                assert self._reload
            except Ended as end:
                if end.code not in self._asks_back():
                    raise
        raise AssertionError("no leg in time")

    def _break_off(self, query):
        """A try that ends in the middle of the request or of the answer."""
        one, dice = self._one, self._dice
        leg = self._connect()
        fields = [("Sec-WebSocket-Protocol", one.name)]
        request = RawClient.request(self._path + query, fields=fields)
        leg.send(request[:dice.choice((len(request), dice.randrange(len(request))))])
        if dice.random() < 0.5 and select.select([leg.sock], [], [], 0.02)[0]:
            leg.sock.recv(dice.randrange(1, 400))
        dice.choice((leg.close, leg.reset))()

    # --- impostors

    def _lie(self):
        """A request that is refused and does the session nothing."""
        one = self._one
        ack = len(one.received)
        lies = [(f"&sid={one.sid[:-4]}0000&ack={ack}", UNKNOWN), (f"&sid=&ack={ack}", UNKNOWN),
                (f"&sid={one.sid}&sid={one.sid}&ack={ack}", UNKNOWN), (f"&sid={one.sid}", AHEAD),
                (f"&sid={one.sid}&ack=-1", AHEAD), (f"&sid={one.sid}&ack={1 << 50}", AHEAD)]
        lies += [(f"&sid={old}&ack={ack}", UNKNOWN) for old in self._unknown_sids[-1:]]
        lies += [(f"&sid={one.sid}&ack={self._known - 1}", BACK)] if self._known else []
        query, code = self._dice.choice(lies)
        try:
            got = refused(one.try_resume(query=query))
        except LOST:
            assert self._reload
            return
        # One that has ended by itself meanwhile is unknown.
        assert got == code or got == UNKNOWN and self._ends or got in self._asks_back(), (query, got)

    # --- the ends

    def _begin(self):
        while True:
            try:
                self._one.begin()
                return
            except LOST + (Ended,):
                assert self._reload

    def _heard_end(self, end):
        assert self._ends and (end.code, end.reason) == (1000, ""), end
        assert self._one.acked == len(self._up)
        assert self._one.ended or not self._one.own
        self._one.leg.send_close(1000)

    def _close(self):
        one = self._one
        with_eof = one.own and not self._reload and self._dice.random() < 0.4
        if with_eof:
            one.say(number(EOF, len(self._up)))
            assert one.read_close() == (1000, "")
            assert one.ended
            return
        while True:
            try:
                end = one.close(3000)
            except LOST:
                end = (4004, "lost")
            if end[0] not in (*self._asks_back(), UNKNOWN) or not self._reload:
                assert end == (3000, "")
                return
            if not self._closes_again():
                return

    def _closes_again(self):
        """False if the session was over before: its answer got lost."""
        try:
            self._come_back()
        except Ended as end:
            assert end.code == UNKNOWN
            return False
        while self._room() > 0:
            self._one.leg.send(self._next_data())
        return True

    def _check(self):
        assert self._one.received == self._down
        self._service.wait_connection()
        assert self._reload or len(self._service.connections) == 1
        connection = self._service.connections[-1]
        assert connection.wait_ended() == "eof"
        assert connection.received == self._up
        for leg in (*self._old, self._one.leg):
            leg.close()
        self._service.stop()
