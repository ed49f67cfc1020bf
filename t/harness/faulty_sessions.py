"""Sessions with all that is usual, in a worker whose allocations fail: what they see is true."""

from contextlib import ExitStack, nullcontext
from dataclasses import dataclass

from harness.allocations import HEAP
from harness.deflate_client import RSV1, DeflateClient, Deflater
from harness.gateway import client_tls, wait_until
from harness.raw import BINARY, CLOSE, PING, PONG, Closed

MESSAGE = b"what a client has to say, again and again; " * 100
QUESTION = b"are you there"

# What nginx and the module may say where memory is lacking.
NO_MEMORY = r"(malloc|posix_memalign|mmap|mremap)\(.*\) failed"


@dataclass
class Outcome:
    """What the client of one session saw; what did not come is None."""

    status: int = None
    echo: bytes = b""
    pong: bytes = None
    close: tuple = None
    end: str = None

    def complete(self):
        return self == Outcome(101, MESSAGE, QUESTION, (4000, ""), "eof")

    def check(self):
        """Whatever came is true, and an end came."""
        assert self.status in (None, 101, 500, 502, 503), self
        assert MESSAGE.startswith(self.echo) and self.pong in (None, QUESTION), self
        assert self.close is None or self.close[0] in (1011, 1013) or self.complete(), self
        assert self.end, self


class Client(DeflateClient):
    """Takes any answer to its handshake; one that is not 101 is the end."""

    def __init__(self, seen, *args, **options):
        self.seen = seen
        super().__init__(*args, **options)

    def handshake(self, *args, **how):
        response = super().handshake(*args, **how)
        self.seen.status = response.status
        if response.status != 101:
            raise Closed("refused")
        return response


def converse(front, tls=False, faults=nullcontext()):
    """A session with all that is usual, however far it comes: compressed if the gateway agrees.
    `faults` are there from its first byte on; under TLS, from the handshake's end, because newer
    versions of OpenSSL crash if it lacks memory."""
    seen = Outcome()
    try:
        with ExitStack() as stack:
            if not tls:
                stack.enter_context(faults)
            secure = {"tls": client_tls()} if tls else {}
            client = stack.enter_context(
                Client(seen, front.ssl_port if tls else front.port, **secure))
            if tls:
                # The gateway's side of the handshake ends after the client's.
                client.send(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert client.read_response().status == 204
                stack.enter_context(faults)
            _converse(client, seen)
            seen.end = client.read_end()
    except Closed as end:
        seen.end = end.how
    except OSError:  # of TLS too
        seen.end = "reset"
    return seen


def _converse(client, seen):
    client.open("/")
    if client.answer:
        client.send_frame(BINARY, Deflater()(MESSAGE), rsv=RSV1)
    else:
        client.send_frame(BINARY, MESSAGE)
    client.send_frame(PING, QUESTION)
    while len(seen.echo) < len(MESSAGE) or seen.pong is None:
        got = client.read_frame()
        if got.opcode == CLOSE:
            seen.close = got.close
            client.send_close(*seen.close[:1])
            return
        if got.opcode == PONG:
            seen.pong = got.payload
        else:
            seen.echo += got.payload
    client.send_close(4000)
    seen.close = client.read_close()


class Witness:
    """A session from before the fault, which must not notice it."""

    def __init__(self, client):
        self._client, self._count = client, 0
        client.open("/")
        self.check()

    def check(self):
        self._count += 1
        said = b"said %d" % self._count
        self._client.send_frame(BINARY, said)
        assert self._client.read_data(len(said)) == said


def all_ended(service, but=0):
    """Of each connection, but for the first so many, the gateway has ended its direction."""
    for connection in service.connections[but:]:
        if connection.sock.fileno() != -1:  # or the service has ended it first, without its TLS
            connection.wait_ended()


def each_allocation_fails(service, front, client, allocations, count, tls=False, step=1):
    """One session for each allocation that fails, or for each so many of them."""
    witness = Witness(client)
    workers = front.workers()
    for _ in range(3):
        usual = allocations.failing(front, HEAP)
        assert converse(front, tls, usual).complete()
    assert usual.seen >= 2 and usual.failed == 0
    files = wait_until(lambda: len(service.connections) == 4 and front.open_files())

    failed = 0
    for number in range(1, usual.seen + 1, step):
        injected = allocations.failing(front, HEAP, number, count)
        converse(front, tls, injected).check()
        failed += injected.failed > 0
        witness.check()
        if number % 10 == 0:
            assert converse(front, tls).complete(), f"after allocation {number} failed"
    assert failed >= usual.seen // step // 2

    assert converse(front, tls).complete()
    all_ended(service, but=1)
    wait_until(lambda: front.open_files() <= files, what="closed descriptors")
    assert front.workers() == workers
    witness.check()
