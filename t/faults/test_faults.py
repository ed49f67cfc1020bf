"""No memory, no connection, no file descriptor, no disk: the worker lives, the client gets a status
or an end that tells the truth, nothing is leaked, and later sessions work."""

import contextlib
import ssl

import pytest

from harness.allocations import HEAP, MAPPINGS, Allocations
from harness.backends import EchoBackend, ScriptedBackend, SilentBackend, SpeakFirstBackend
from harness.deflate_client import DeflateClient
from harness.endings import in_background
from harness.faulty_sessions import NO_MEMORY, Witness, all_ended, converse, each_allocation_fails
from harness.flood import MEGABYTE
from harness.gateway import OPENSSL_3_0, certificate, wait_until
from harness.raw import BINARY, CLOSE, CONTINUATION, Closed
from harness.tls_backend import TlsEchoBackend


@pytest.fixture
def allocations(tmp_path):
    return Allocations(tmp_path)


@pytest.fixture
def memory(gateway, backend, allocations):
    """Starts an echo service behind a gateway whose memory can fail: memory(settings). `target` is
    what stands in ws_pass, with the service's address in $service."""

    def start(settings="", kind=EchoBackend, *args, tls=False, http="", target=None,
              environment=None, **options):
        service = backend(kind, *args, **options)
        front = gateway(f"location / {{ set $service {service.address};"
                        f" ws_pass {target or service.address}; {settings} }}", tls=tls, http=http,
                        server="location /ready { return 204; }",
                        environment={**allocations.environment(), **(environment or {})})
        front.allow(NO_MEMORY)
        return service, front

    return start


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


def echo_behind_header(connection):
    """Of the PROXY protocol, either version."""
    head = connection.read_exactly(16)
    if head[:6] == b"PROXY ":
        while not head.endswith(b"\r\n"):
            head += connection.read_exactly(1)
    else:
        connection.read_exactly(int.from_bytes(head[14:16], "big"))
    while data := connection.read():
        connection.send(data)


# Nearly each allocation from a pool is one from the heap.
TINY_POOLS = "connection_pool_size 256; request_pool_size 256;"


@pytest.mark.time_limit(300)
@pytest.mark.parametrize("settings, options", [
    ("", {}),
    ("ws_deflate on; ws_subprotocol a b;", {}),
    ("ws_framing line;", {}),
    ("ws_framing length u32; ws_deflate on;", {}),
    ("ws_framing typed;", {}),
    ("ws_proxy_protocol v1;", {"kind": ScriptedBackend, "script": echo_behind_header}),
    ("ws_proxy_protocol v2;", {"kind": ScriptedBackend, "script": echo_behind_header}),
    ("", {"target": "$service"}),
    ("", {"unix": True}),
], ids=["plain", "deflate", "line", "length", "typed", "proxy_v1", "proxy_v2", "variable", "unix"])
def test_any_allocation_on_the_way_may_fail(memory, raw, allocations, settings, options):
    service, front = memory(settings, http=TINY_POOLS, **options)
    client = raw(front.port)
    if "framing" in settings or "deflate" in settings:
        client = DeflateClient(front.port)
    each_allocation_fails(service, front, client, allocations, 1)
    client.close()


class CutTlsEchoBackend(TlsEchoBackend):
    """A session that ends for want of memory is cut, also without close_notify."""

    def serve(self, connection):
        with contextlib.suppress(ssl.SSLEOFError):
            super().serve(connection)


@pytest.mark.skipif(not OPENSSL_3_0, reason="later versions of OpenSSL crash without memory")
@pytest.mark.time_limit(300)
def test_any_allocation_for_tls_to_the_backend_may_fail(memory, raw, allocations):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate())
    # ngx_ssl_create_connection() loses its SSL object where SSL_set_fd() has no memory.
    service, front = memory("ws_ssl on;", lambda: CutTlsEchoBackend(tls=context),
                            environment={"LSAN_OPTIONS": "detect_leaks=0"})
    front.allow(r"SSL_\w+\(\) failed|ignoring stale global SSL error")
    each_allocation_fails(service, front, raw(front.port), allocations, 1, step=4)


@pytest.mark.time_limit(300)
@pytest.mark.parametrize("settings", ["ws_framing length u32;", "ws_framing typed;"])
def test_message_that_cannot_be_held_ends_its_session_alone(memory, raw, allocations, settings):
    """One in fragments, of which no length is known before its end; with room for what is held
    growing as it comes."""
    service, front = memory(settings)
    message = bytes(range(256)) * 1200
    parts = [message[at:at + 30_000] for at in range(0, len(message), 30_000)]

    def hold(client):
        client.open("/")
        for number, part in enumerate(parts):
            client.send_frame(BINARY if number == 0 else CONTINUATION, part,
                              fin=number == len(parts) - 1)
        echo = b""
        try:
            while (got := client.read_frame()).opcode != CLOSE:
                echo += got.payload
                if echo == message:
                    return "whole"
            return got.close[0]
        except Closed:
            return "lost"  # a frame to it could not be finished

    with allocations.failing(front, MAPPINGS) as usual:
        assert hold(raw(front.port)) == "whole"
    assert usual.seen >= 2
    failed = 0
    for number in range(1, usual.seen + 1):
        front.reload()
        with allocations.failing(front, MAPPINGS, number) as injected:
            outcome = hold(raw(front.port))
        failed += injected.failed > 0
        assert outcome in ("whole", "lost", 1011, 1013)
        assert hold(raw(front.port)) == "whole"
    assert failed >= 2 and service.connections


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
