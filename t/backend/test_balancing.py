"""upstream{} balances sessions as it balances requests, and always knows how many there are."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.backends import Backend, EchoBackend, RecordingBackend, has_ipv6
from harness.gateway import wait_until
from harness.pki import authority, server_tls
from harness.ports import free_port
from harness.raw import BINARY, Closed, RawClient, frame
from harness.tls_backend import TlsEchoBackend

# The 101 names the server that was chosen, and those that failed before it.
NAMED = "add_header X-Server $upstream_addr always;"


def upstream(*servers, method=""):
    return "upstream service {%s %s}" % (method, "".join(f" server {one};" for one in servers))


def balanced(gateway, *servers, method="", settings="", **parts):
    return gateway(f"location / {{ ws_pass service; {NAMED} {settings} }}",
                   http=upstream(*servers, method=method), **parts)


def dial(raw, front, path="/"):
    """A session that works, and its server."""
    client = raw(front.port)
    server = client.open(path).get("x-server")
    client.send_frame(BINARY, b"there and back")
    assert client.read_data(14) == b"there and back"
    return client, server


def end(client):
    """Waits until the gateway's side is gone too."""
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    assert client.read_end() == "eof"
    client.close()


def refused(raw, front, status=502):
    return raw(front.port).handshake("/").status == status


def a_dead_port():
    return f"127.0.0.1:{free_port()}"


# --- who is chosen

def test_weights(gateway, backend, raw):
    heavy, light = backend(EchoBackend).address, backend(EchoBackend).address
    front = balanced(gateway, f"{heavy} weight=3", light)
    assert Counter(dial(raw, front)[1] for _ in range(8)) == {heavy: 6, light: 2}


def test_least_conn_counts_open_sessions(gateway, backend, raw):
    one, two = backend(EchoBackend).address, backend(EchoBackend).address
    front = balanced(gateway, one, two, method="least_conn;", log_format="$upstream_addr")
    sessions = [dial(raw, front) for _ in range(8)]
    assert Counter(server for _, server in sessions) == {one: 4, two: 4}
    mine = [client for client, server in sessions if server == one]
    for client in mine:
        end(client)
    front.access_log(len(mine))
    assert [dial(raw, front)[1] for _ in range(4)] == [one] * 4


def test_consistent_hash_keeps_a_key_with_its_server(gateway, backend, raw):
    servers = [backend(EchoBackend).address for _ in range(3)]
    front = balanced(gateway, *servers, method="hash $arg_session consistent;")
    keys = [f"/?session={number}" for number in range(24)]
    first = {key: dial(raw, front, key)[1] for key in keys}
    assert len(set(first.values())) > 1
    assert {key: dial(raw, front, key)[1] for key in keys} == first

    # Without one of them its keys are spread, and no others.
    front.reload(http=upstream(*servers[:2], method="hash $arg_session consistent;"))
    for key in keys:
        server = dial(raw, front, key)[1]
        assert server == first[key] or first[key] == servers[2]


def test_server_marked_down_gets_nothing(gateway, backend, raw):
    down, up = backend(EchoBackend), backend(EchoBackend)
    front = balanced(gateway, f"{down.address} down", up.address)
    assert {dial(raw, front)[1] for _ in range(4)} == {up.address}
    assert not down.connections


def test_servers_of_every_kind_of_address(gateway, backend, raw):
    services = [backend(EchoBackend), backend(EchoBackend, unix=True)]
    if has_ipv6():
        services.append(backend(EchoBackend, host="::1"))
    servers = [service.address for service in services]
    front = balanced(gateway, *servers)
    assert {dial(raw, front)[1] for _ in servers} == set(servers)


# --- who fails

def test_backup_serves_while_all_others_fail(gateway, backend, raw):
    dead, spare = a_dead_port(), backend(EchoBackend).address
    front = balanced(gateway, f"{dead} max_fails=1 fail_timeout=60s", f"{spare} backup")
    assert [dial(raw, front)[1] for _ in range(3)] == [f"{dead}, {spare}", spare, spare]


def test_server_that_comes_back_is_chosen_again(gateway, backend, raw):
    port = free_port()
    spare = backend(EchoBackend).address
    front = balanced(gateway, f"127.0.0.1:{port} max_fails=1 fail_timeout=1s", f"{spare} backup")
    assert dial(raw, front)[1] == f"127.0.0.1:{port}, {spare}"
    assert dial(raw, front)[1] == spare
    backend(EchoBackend, port=port)
    wait_until(lambda: dial(raw, front)[1] == f"127.0.0.1:{port}", what="the server's return")


def test_handshake_of_tls_that_fails_is_a_failure_of_its_server(gateway, backend, raw):
    expired = backend(TlsEchoBackend, tls=server_tls(authority().issue("service", days=-1)))
    good = backend(TlsEchoBackend, tls=server_tls(authority().issue("service")))
    front = balanced(
        gateway, f"{expired.address} max_fails=2 fail_timeout=60s", f"{good.address} backup",
        settings="ws_ssl on; ws_ssl_verify on;"
                 f" ws_ssl_trusted_certificate {authority().cert};")
    both = f"{expired.address}, {good.address}"
    assert [dial(raw, front)[1] for _ in range(4)] == [both, both, good.address, good.address]


def test_client_that_leaves_before_its_backend_stands_gives_back_its_place(gateway, backend, raw):
    # A backend that never answers the handshake of TLS.
    silent = backend(RecordingBackend)
    front = balanced(gateway, f"{silent.address} max_conns=1", settings="ws_ssl on;",
                     log_format="$status")
    for number in range(3):
        client = raw(front.port)
        client.send(client.request("/"))
        silent.wait_connection(number).wait_received(5)
        assert refused(raw, front)
        client.close()
        wait_until(lambda: front.access_log().count("499") == number + 1, what="its end")


def test_all_down_is_502_at_once(gateway, raw):
    front = balanced(gateway, a_dead_port(), f"{a_dead_port()} down", f"{a_dead_port()} backup")
    began = time.monotonic()
    assert refused(raw, front)
    assert refused(raw, front)
    assert time.monotonic() - began < 5


# --- how many there are

LIMIT = 4  # sessions a server
ZONE = "zone service 64k;"


class Obedient(Backend):
    """Echoes; ends as the first byte says: "c" closes, "r" resets, "s" stops reading."""

    def __init__(self, **options):
        self._stopped = threading.Event()
        super().__init__(**options)

    def serve(self, connection):
        connection.sock.settimeout(30)
        order = connection.read(1)
        if order == b"r":
            connection.reset()
        elif order == b"s":
            self._stopped.wait(1)
        elif order != b"c":
            connection.send(order)
            while data := connection.read():
                connection.send(data)

    def stop(self):
        self._stopped.set()
        super().stop()


def closes(client):
    client.send_close(random.choice([None, 1000, 4000]))
    client.read_close()


def closes_and_stays(client):
    client.send_close(1000)
    client.read_rest()


def vanishes(_):
    pass


def resets(client):
    client.reset()


def half_closes(client):
    client.finish()
    client.read_rest()


def is_left_by_the_backend(client):
    client.send_frame(BINARY, b"c")
    client.send_close(1000)
    client.read_close()


def is_reset_by_the_backend(client):
    client.send_frame(BINARY, b"r")
    client.read_close()


def breaks_a_rule(client):
    client.send(random.choice([frame(3), frame(BINARY, b"x", mask=None), frame(BINARY, rsv=4),
                               frame(1, b"\xff"), frame(8, b"\0"), frame(BINARY, length=2**63)]))
    client.read_close()


def breaks_off_inside_a_frame(client):
    client.send(frame(BINARY, b"half of this")[:-5])


def sends_nothing(client):
    client.read_to_close()


def sends_more_than_is_taken(client):
    try:
        client.send_frame(BINARY, b"s" + bytes(300_000))
        client.read_rest()
    except TimeoutError:
        pass


def echoes(client):
    client.send_frame(BINARY, b"echo")
    client.read_data(4)


ENDINGS = [
    # what happens, in which location, how often in a hundred
    (closes, "/", 15), (closes_and_stays, "/", 10), (vanishes, "/", 15), (resets, "/", 15),
    (half_closes, "/", 5), (is_left_by_the_backend, "/", 10), (is_reset_by_the_backend, "/", 8),
    (breaks_a_rule, "/", 10), (breaks_off_inside_a_frame, "/", 5), (echoes, "/", 2),
    (sends_nothing, "/idle", 2), (sends_nothing, "/pong", 2), (sends_more_than_is_taken, "/stuck", 1),
    (half_closes, "/half", 3), (is_left_by_the_backend, "/half", 2),
    (None, "/tls", 3),  # never begins: the backend speaks no TLS
]


def one_ending(port, chosen):
    how, path, _ = chosen
    # All places may be taken by sessions whose end the gateway has not seen yet.
    while True:
        client = RawClient(port)
        begun = client.handshake(path).status == 101
        if begun == bool(how):
            break
        client.close()
        time.sleep(0.01)
    try:
        if begun:
            how(client)
    except (Closed, ConnectionError):
        pass
    client.close()


def hold_all(raw, front, places):
    """As many sessions as there are places, once all ended ones have given back theirs."""
    held = []

    def fill():
        client = raw(front.port)
        response = client.handshake("/")
        if response.status == 101:
            held.append((client, response.get("x-server").split(", ")[-1]))
        return len(held) == places

    wait_until(fill, 10, f"{places} free places")
    return held


@pytest.mark.parametrize("method", ["", "least_conn;", "hash $request_id consistent;",
                                    "random two least_conn;"],
                         ids=["round_robin", "least_conn", "hash", "random"])
@pytest.mark.parametrize("zone", [False, True], ids=["worker", "zone"])
def test_places_are_free_again_after_a_thousand_mixed_endings(gateway, backend, raw, method, zone):
    count = 1000 if method == "least_conn;" else 200
    servers = [backend(Obedient).address for _ in range(2)]
    front = gateway(
        f"""
        {NAMED}
        ws_close_timeout 500ms; ws_connect_timeout 2s;
        location / {{ ws_pass service; }}
        location /idle {{ ws_pass service; ws_idle_timeout 100ms; }}
        location /pong {{ ws_pass service; ws_ping_interval 100ms; ws_pong_timeout 100ms; }}
        location /stuck {{ ws_pass service; ws_send_timeout 200ms; }}
        location /half {{ ws_pass service; ws_half_close on; }}
        location /tls {{ ws_pass service; ws_ssl on; }}
        """,
        http=upstream(*(f"{one} max_conns={LIMIT} max_fails=0" for one in servers),
                      f"{a_dead_port()} max_fails=0", method=(ZONE if zone else "") + method),
        workers=2 if zone else 1)
    chance = random.Random(count)
    endings = chance.choices(ENDINGS, [often for _, _, often in ENDINGS], k=count)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda chosen: one_ending(front.port, chosen), endings))

    # A count that was left too high takes a place for ever, one that was left too low is no limit.
    held = hold_all(raw, front, LIMIT * len(servers))
    assert Counter(server for _, server in held) == dict.fromkeys(servers, LIMIT)
    assert refused(raw, front) and refused(raw, front)
    end(held[0][0])
    wait_until(lambda: not refused(raw, front), what="the place of the one that ended")
