"""No memory, no connection, no file descriptor, no disk: the worker lives, the client gets a status
or an end that tells the truth, nothing is leaked, and later sessions work."""

from contextlib import ExitStack, nullcontext
from dataclasses import dataclass

import pytest

from allocations import HEAP, MAPPINGS, Allocations
from backends import EchoBackend, SilentBackend, SpeakFirstBackend
from deflate_client import RSV1, DeflateClient, Deflater
from endings import in_background
from flood import MEGABYTE
from gateway import client_tls, wait_until
from raw import BINARY, CLOSE, PING, PONG, Closed

MESSAGE = b"what a client has to say, again and again; " * 100
QUESTION = b"are you there"

# What nginx and the module may say where memory is lacking.
NO_MEMORY = r"(malloc|posix_memalign|mmap)\(.*\) failed"


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


@pytest.fixture
def allocations(tmp_path):
    return Allocations(tmp_path)


@pytest.fixture
def memory(gateway, backend, allocations):
    """Starts an echo service behind a gateway whose memory can fail: memory(settings)."""

    def start(settings="", kind=EchoBackend, *args, tls=False, **options):
        service = backend(kind, *args, **options)
        front = gateway(f"location / {{ ws_pass {service.address}; {settings} }}", tls=tls,
                        environment=allocations.environment())
        front.allow(NO_MEMORY)
        return service, front

    return start


def all_ended(service, but=0):
    """Of each connection, but for the first so many, the gateway has ended its direction."""
    for connection in service.connections[but:]:
        connection.wait_ended()


# --- memory


@pytest.mark.time_limit(300)
@pytest.mark.parametrize("count", [1, 10**6], ids=["one", "all"])
@pytest.mark.parametrize("settings", ["", "ws_deflate on;"], ids=["plain", "deflate"])
def test_allocation_that_fails_ends_no_more_than_its_session(memory, raw, allocations, settings,
                                                             count):
    service, front = memory(settings)
    each_allocation_fails(service, front, raw(front.port), allocations, count)


@pytest.mark.time_limit(300)
def test_allocation_that_fails_under_tls_ends_no_more_than_its_session(memory, raw, allocations):
    service, front = memory(tls=True)
    # For OpenSSL lack of memory has many names, and it forgets some.
    front.allow(r"SSL_\w+\(\) failed|ignoring stale global SSL error")
    each_allocation_fails(service, front, raw(front.port), allocations, 1, tls=True)


def each_allocation_fails(service, front, client, allocations, count, tls=False):
    """One session for each allocation that fails."""
    witness = Witness(client)
    workers = front.workers()
    for _ in range(3):
        usual = allocations.failing(front, HEAP)
        assert converse(front, tls, usual).complete()
    assert usual.seen >= 2 and usual.failed == 0
    files = wait_until(lambda: len(service.connections) == 4 and front.open_files())

    failed = 0
    for number in range(1, usual.seen + 1):
        injected = allocations.failing(front, HEAP, number, count)
        converse(front, tls, injected).check()
        failed += injected.failed > 0
        witness.check()
        if number % 10 == 0:
            assert converse(front, tls).complete(), f"after allocation {number} failed"
    assert failed >= usual.seen // 2

    assert converse(front, tls).complete()
    all_ended(service, but=1)
    wait_until(lambda: front.open_files() <= files, what="closed descriptors")
    assert front.workers() == workers
    witness.check()


@pytest.mark.time_limit(300)
@pytest.mark.parametrize("kinds, settings", [
    (HEAP, ""), (MAPPINGS, "ws_deflate on;"),
    (MAPPINGS, "ws_deflate on; ws_deflate_context_takeover on;"),
], ids=["heap", "mappings", "takeover"])
def test_first_session_of_a_worker_without_memory_spoils_no_later_one(memory, allocations, kinds,
                                                                      settings):
    service, front = memory(settings)
    front.reload()
    with allocations.failing(front, kinds) as usual:
        assert converse(front).complete()
    assert usual.seen >= 2
    failed = 0
    for number in range(1, usual.seen + 1):
        front.reload()
        with allocations.failing(front, kinds, number) as injected:
            converse(front).check()
        failed += injected.failed > 0
        assert converse(front).complete(), f"after allocation {number} failed"
    assert failed >= usual.seen - 2
    all_ended(service)


def test_client_whose_bytes_cannot_be_held_gets_no_close(memory, raw, allocations):
    service, front = memory("", SpeakFirstBackend, bytes(8 * MEGABYTE))
    client = raw(front.port, receive_buffer=4096)
    with allocations.failing(front, MAPPINGS, 1) as injected:
        client.open("/")
        wait_until(injected.has_failed, what="a mapping that fails")
    service.wait_connection().wait_ended()
    with pytest.raises(Closed):
        client.read_data(8 * MEGABYTE)
    front.wait_log(r"ws: client closed: connection lost, code 1006")
    assert front.workers()


def test_client_is_told_if_the_backend_s_bytes_cannot_be_held(memory, raw, allocations):
    service, front = memory("", SilentBackend, receive_buffer=4096)
    client = raw(front.port)
    client.open("/")
    with allocations.failing(front, MAPPINGS, 1) as injected:
        sender = in_background(client.send_frame, BINARY, bytes(16 * MEGABYTE))
        wait_until(injected.has_failed, what="a mapping that fails")
    code, reason = client.read_close()
    assert code == 1011 and "undelivered" in reason, reason
    service.resume()
    service.connections[0].wait_ended()
    assert len(service.connections[0].received) < 16 * MEGABYTE
    client.close()
    sender.join(10)


# --- connections and file descriptors


def test_session_without_a_connection_for_its_backend_gets_a_status(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; }}", connections=16)
    front.allow("worker_connections are not enough")
    files = front.open_files()
    clients = [raw(front.port) for _ in range(16)]
    ends = [end_or_session(client) for client in clients]
    opened = [client for client, end in zip(clients, ends) if end == 101]
    assert len(opened) >= 4 and len(opened) < len(clients)
    assert set(ends) <= {101, 500, 502, 503, "eof", "reset"}, ends
    for client in opened:
        client.send_frame(BINARY, b"still here")
        assert client.read_data(10) == b"still here"
    for client in clients:
        client.close()
    wait_until(lambda: front.open_files() == files, what="closed descriptors")
    all_ended(echo)
    assert converse(front).complete()


def end_or_session(client):
    try:
        return client.handshake("/").status
    except Closed as end:
        return end.how
    except OSError:
        return "reset"


def test_worker_without_file_descriptors_serves_all_once_some_are_free(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; }}", main="worker_rlimit_nofile 32;")
    front.allow(r"(accept4?|socket)\(\) failed \(24:")
    files = front.open_files()
    clients = [raw(front.port) for _ in range(40)]
    for client in clients:
        client.send(client.request("/"))
    front.wait_log(r"(accept4?|socket)\(\) failed \(24:")
    # In the order of the listener's queue: each that ends lets the next one in.
    answers = []
    for client in clients:
        answers.append(client.read_response().status)
        client.close()
    assert set(answers) <= {101, 500, 502, 503} and answers.count(101) >= 8, answers
    wait_until(lambda: front.open_files() == files, what="closed descriptors")
    all_ended(echo)
    assert converse(front).complete()


# --- disk


def test_full_disk_takes_only_the_log_lines(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; }} location /none {{ ws_pass none; }}",
                    main="error_log /dev/full info;", http="access_log /dev/full test;"
                    "upstream none { server 127.0.0.1:1; }")
    front.allow(r'write\(\) to "/dev/full" failed')
    witness = Witness(raw(front.port))
    for _ in range(3):
        assert converse(front).complete()
        assert raw(front.port).handshake("/none").status == 502
        assert raw(front.port).handshake("/", without=["Upgrade"]).status == 426
        witness.check()
    front.wait_log(r'write\(\) to "/dev/full" failed \(28:')
    assert len(front.access_log(9)) == 9
