"""ws_ssl: who the backend is is checked before the client sees 101, and who the gateway is is shown."""

import re
import ssl
import time

import pytest

from harness.backends import Backend, EchoBackend
from harness.gateway import wait_until
from harness.pki import Authority, authority, client_pair, server_tls
from harness.processes import stopped
from harness.raw import BINARY
from harness.tls_backend import ImpatientTlsBackend, TlsEchoBackend

VERIFY = "ws_ssl_verify on; ws_ssl_name backend; ws_ssl_trusted_certificate {0};"
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def location(service, settings=""):
    return f"location / {{ ws_pass {service.address}; ws_ssl on; {settings} }}"


def verify(by=None):
    return VERIFY.format((by or authority()).cert)


def assert_connects(raw, front, path="/"):
    client = raw(front.port)
    client.open(path)
    client.send_frame(BINARY, b"there and back")
    assert client.read_data(14) == b"there and back"
    return client


def assert_refused(raw, front, status=502):
    """The client is told so, and the error log why, in the only line at this level, which is
    returned."""
    response = raw(front.port).handshake("/")
    assert response.status == status
    assert response.get("upgrade") is None
    lines = [line for line in front.error_log().splitlines() if "[error]" in line]
    assert len(lines) == 1, lines
    return lines[0]


# --- the backend's certificate

@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_trusted_certificate_of_the_right_name(gateway, backend, raw, version):
    service = backend(TlsEchoBackend, tls=server_tls(version=version))
    front = gateway(location(service, verify()))
    assert_connects(raw, front)
    assert service.connections[0].sock.version() == {TLS_1_2: "TLSv1.2", TLS_1_3: "TLSv1.3"}[version]


def test_without_verify_any_certificate_will_do(gateway, backend, raw):
    pair = authority().issue("backend", days=-1)
    front = gateway(location(backend(TlsEchoBackend, tls=server_tls(pair))))
    assert_connects(raw, front)


def test_unix_socket(gateway, backend, raw):
    front = gateway(location(backend(TlsEchoBackend, tls=server_tls(), unix=True), verify()))
    assert_connects(raw, front)


def test_expired_certificate_is_refused(gateway, backend, raw):
    pair = authority().issue("backend", days=-1)
    front = gateway(location(backend(TlsEchoBackend, tls=server_tls(pair)), verify()))
    assert "certificate has expired" in assert_refused(raw, front)


def test_wrong_name_is_refused(gateway, backend, raw):
    pair = authority().issue("somebody.else")
    front = gateway(location(backend(TlsEchoBackend, tls=server_tls(pair)), verify()))
    assert 'certificate does not match "backend"' in assert_refused(raw, front)


def test_unknown_authority_is_refused(gateway, backend, raw):
    stranger = Authority("Somebody else")
    front = gateway(location(backend(TlsEchoBackend, tls=server_tls(stranger.issue("backend"))),
                             verify()))
    assert re.search("unable to get (local )?issuer certificate|unable to verify",
                     assert_refused(raw, front))


def test_revoked_certificate_is_refused(gateway, backend, raw):
    own = Authority()
    good, bad = own.issue("backend"), own.issue("backend")
    revoked = f"ws_ssl_crl {own.revoke(bad)};"
    front = gateway(location(backend(TlsEchoBackend, tls=server_tls(good)), verify(own) + revoked))
    assert_connects(raw, front)
    front = gateway(location(backend(TlsEchoBackend, tls=server_tls(bad)), verify(own) + revoked))
    assert "certificate revoked" in assert_refused(raw, front)


@pytest.mark.parametrize(("settings", "accepted"), [
    ("", True), ("ws_ssl_verify_depth 1;", True), ("ws_ssl_verify_depth 0;", False)])
def test_verify_depth_is_obeyed(gateway, backend, raw, settings, accepted):
    between = Authority("intermediate", by=authority())
    service = backend(TlsEchoBackend, tls=server_tls(between.issue("backend")))
    front = gateway(location(service, verify() + settings))
    if accepted:
        assert_connects(raw, front)
    else:
        assert "verify error" in assert_refused(raw, front)


# --- the name that is asked for

class NamedBackend(TlsEchoBackend):
    """Keeps the server_name of each handshake, None if there was none."""

    def __init__(self, **options):
        self.names = []
        context = server_tls()
        context.sni_callback = lambda _, name, __: self.names.append(name)
        super().__init__(tls=context, **options)


@pytest.mark.parametrize(("settings", "name"), [
    ("", None),
    ("ws_ssl_server_name off;", None),
    ("ws_ssl_server_name on;", "service.test"),
    ("ws_ssl_server_name on; ws_ssl_name other.test;", "other.test"),
    ("ws_ssl_server_name on; ws_ssl_name other.test:443;", "other.test"),
    ("ws_ssl_server_name on; ws_ssl_name $arg_to;", "of.the.client"),
    ("ws_ssl_server_name on; ws_ssl_name 127.0.0.1;", None),  # RFC 6066: no addresses
])
def test_server_name(gateway, backend, raw, settings, name):
    service = backend(NamedBackend)
    front = gateway(f"location / {{ ws_pass service.test; ws_ssl on; {settings} }}",
                    http=f"upstream service.test {{ server {service.address}; }}")
    assert_connects(raw, front, "/?to=of.the.client")
    assert service.names == [name]


def test_name_of_a_variable_target_is_verified(gateway, backend, raw):
    service = backend(TlsEchoBackend, tls=server_tls())
    front = gateway(
        "location / { ws_pass $arg_to; ws_ssl on; ws_ssl_verify on;"
        f" ws_ssl_trusted_certificate {authority().cert}; }}",
        http=f"upstream backend {{ server {service.address}; }}"
             f"upstream another {{ server {service.address}; }}")
    assert_connects(raw, front, "/?to=backend")
    assert raw(front.port).handshake("/?to=another").status == 502
    front.wait_log('certificate does not match "another"')


# --- our certificate

def asking(backend):
    return backend(TlsEchoBackend, tls=server_tls(ask=authority(), version=TLS_1_2))


def test_client_certificate_is_shown(gateway, backend, raw):
    service = asking(backend)
    pair = client_pair()
    front = gateway(location(service, f"ws_ssl_certificate {pair.cert};"
                                      f" ws_ssl_certificate_key {pair.key};"))
    assert_connects(raw, front)
    subject = dict(part[0] for part in service.connections[0].sock.getpeercert()["subject"])
    assert subject["commonName"] == "a client"


def test_backend_that_wants_a_certificate_refuses_who_has_none(gateway, backend, raw):
    service = asking(backend)
    front = gateway(location(service))
    front.allow(r"\[crit\].*SSL_do_handshake")
    assert raw(front.port).handshake("/").status == 502
    assert "handshake failure" in front.error_log() or "certificate required" in front.error_log()
    wait_until(lambda: len(service.refused) == 1, 20, "the backend to have refused")


def test_backend_that_wants_another_certificate_refuses(gateway, backend, raw):
    stranger = Authority("Somebody else")
    pair = stranger.issue("a client")
    front = gateway(location(asking(backend), f"ws_ssl_certificate {pair.cert};"
                                              f" ws_ssl_certificate_key {pair.key};"))
    assert "unknown ca" in assert_refused(raw, front)


def test_refusal_after_the_handshake_of_tls_1_3_is_an_end(gateway, backend, raw):
    # There the server judges the certificate when the client has everything it waits for.
    service = backend(TlsEchoBackend, tls=server_tls(ask=authority(), version=TLS_1_3))
    front = gateway(location(service))
    front.allow(r"\[crit\].*certificate required")  # nginx's level for an alert it does not know
    client = raw(front.port)
    status = client.handshake("/").status
    if status == 101:
        assert client.read_close()[0] in (1000, 1011)
    else:
        assert status == 502


@pytest.mark.parametrize("key", ["$arg_who.key", "@KEY@"])
def test_certificate_with_variables(gateway, backend, raw, tmp_path, key):
    pair = client_pair()
    (tmp_path / "good.pem").write_bytes(pair.cert.read_bytes())
    (tmp_path / "good.key").write_bytes(pair.key.read_bytes())
    key = f"{tmp_path}/{key}" if "$" in key else str(pair.key)
    front = gateway(location(asking(backend), f"ws_ssl_certificate {tmp_path}/$arg_who.pem;"
                                              f" ws_ssl_certificate_key {key};"))
    assert_connects(raw, front, "/?who=good")
    assert raw(front.port).handshake("/?who=nobody").status == 500
    front.wait_log(r"cannot load certificate.*nobody.pem")
    assert_connects(raw, front, "/?who=good")


@pytest.mark.parametrize("variable", [False, True], ids=["plain", "variable"])
def test_encrypted_key_with_a_password_file(gateway, backend, raw, tmp_path, variable):
    pair = authority().issue("a client", password="open sesame")
    (tmp_path / "passwords").write_text("wrong\nopen sesame\n")
    (tmp_path / "c.key").write_bytes(pair.key.read_bytes())
    key = f"{tmp_path}/$arg_who.key" if variable else pair.key
    front = gateway(location(asking(backend), f"ws_ssl_certificate {pair.cert};"
                                              f" ws_ssl_certificate_key {key};"
                                              f" ws_ssl_password_file {tmp_path}/passwords;"))
    assert_connects(raw, front, "/?who=c")
    assert_connects(raw, front, "/?who=c")


# --- what is spoken

@pytest.mark.parametrize(("settings", "version"), [
    ("ws_ssl_protocols TLSv1.2;", "TLSv1.2"),
    ("ws_ssl_protocols TLSv1.3;", "TLSv1.3"),
    ("ws_ssl_protocols TLSv1.2 TLSv1.3;", "TLSv1.3"),
    ("ws_ssl_conf_command MaxProtocol TLSv1.2;", "TLSv1.2"),
])
def test_protocols(gateway, backend, raw, settings, version):
    service = backend(TlsEchoBackend, tls=server_tls())
    front = gateway(location(service, settings))
    assert_connects(raw, front)
    assert service.connections[0].sock.version() == version


def test_no_common_protocol(gateway, backend, raw):
    front = gateway(location(backend(TlsEchoBackend, tls=server_tls(version=TLS_1_3)),
                             "ws_ssl_protocols TLSv1.2;"))
    assert "alert protocol version" in assert_refused(raw, front)


@pytest.mark.parametrize("settings", [
    "ws_ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256; ws_ssl_protocols TLSv1.2;",
    "ws_ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;",
])
def test_ciphers(gateway, backend, raw, settings):
    service = backend(TlsEchoBackend, tls=server_tls())
    front = gateway(location(service, settings))
    assert_connects(raw, front)
    assert service.connections[0].sock.cipher()[0] in settings


@pytest.mark.parametrize(("settings", "reused"), [
    ("", True), ("ws_ssl_session_reuse on;", True), ("ws_ssl_session_reuse off;", False)])
@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_session_reuse(gateway, backend, raw, settings, reused, version):
    service = backend(TlsEchoBackend, tls=server_tls(version=version))
    front = gateway(location(service, settings))
    for number in range(3):
        client = assert_connects(raw, front)
        assert service.connections[number].sock.session_reused == (reused and number > 0)
        client.send_close(1000)
        assert client.read_close() == (1000, "")
        client.close()


def test_settings_are_inherited(gateway, backend, raw):
    service = backend(TlsEchoBackend, tls=server_tls())
    plain = backend(EchoBackend)
    front = gateway(f"location /tls {{ ws_pass {service.address}; }}"
                    f"location /plain {{ ws_pass {plain.address}; ws_ssl off; }}"
                    f"location /none {{ ws_pass {service.address}; ws_ssl_name other; }}",
                    server="ws_ssl on; " + verify())
    assert_connects(raw, front, "/tls")
    assert_connects(raw, front, "/plain")
    assert raw(front.port).handshake("/none").status == 502


# --- handshakes that fail

def test_backend_without_tls_is_502(gateway, backend, raw):
    class Babbler(Backend):
        def serve(self, connection):
            connection.send(b"220 this is no TLS\r\n")
            connection.read_all()

    # It may be heard before it is seen to be connected.
    front = gateway(location(backend(Babbler)))
    assert re.search(r"SSL_do_handshake\(\) failed.*while SSL handshaking to upstream"
                     "|upstream prematurely sent response", assert_refused(raw, front))


@pytest.mark.parametrize("how", ["close", "reset"])
def test_backend_that_leaves_in_the_handshake_is_502(gateway, backend, raw, how):
    class Leaver(Backend):
        def serve(self, connection):
            connection.read(5)
            getattr(connection, how)()

    front = gateway(location(backend(Leaver)))
    assert "while SSL handshaking to upstream" in assert_refused(raw, front)


class Hanger(Backend):
    """Reads, and never answers."""

    def serve(self, connection):
        connection.read_all()


def test_handshake_that_hangs_is_504_in_time(gateway, backend, raw):
    service = backend(Hanger)
    front = gateway(location(service, "ws_connect_timeout 300ms;"))
    began = time.monotonic()
    assert "timed out" in assert_refused(raw, front, 504)
    assert 0.25 < time.monotonic() - began < 5
    assert service.wait_connection().wait_ended()


def test_client_that_leaves_in_the_handshake_is_noticed(gateway, backend, raw):
    service = backend(Hanger)
    front = gateway(location(service), log_format="$status")
    client = raw(front.port)
    client.send(client.request("/"))
    service.wait_connection().wait_received(5)
    client.close()
    assert front.access_log(1) == ["499"]
    assert service.connections[0].wait_ended()


def test_plain_bytes_before_the_handshake_are_no_data(gateway, backend, raw):
    service = backend(ImpatientTlsBackend, tls=server_tls())
    front = gateway(location(service, verify()))
    # All at once, so that the worker finds the bytes before it has begun the handshake.
    [worker] = front.workers()
    with stopped(worker):
        clients = [raw(front.port) for _ in range(60)]
        for client in clients:
            client.send(client.request("/"))
    assert [client.read_response().status for client in clients] == [502] * 60


@pytest.mark.parametrize("first", ["expired", "plain", "hangs", "wrong name"])
def test_failed_handshake_goes_on_to_the_next_server(gateway, backend, raw, first):
    if first == "hangs":
        bad = backend(Hanger)
    elif first == "plain":
        bad = backend(EchoBackend)
    else:
        pair = (authority().issue("backend", days=-1) if first == "expired"
                else authority().issue("somebody.else"))
        bad = backend(TlsEchoBackend, tls=server_tls(pair))
    good = backend(TlsEchoBackend, tls=server_tls())
    front = gateway(
        "location / { ws_pass service; ws_ssl on; ws_connect_timeout 500ms; " + verify() + "}",
        http="upstream service { server %s max_fails=1 fail_timeout=60s; server %s backup; }" % (
            bad.address, good.address), log_format="$status $upstream_addr $upstream_status")
    for number in range(2):
        client = assert_connects(raw, front)
        client.close()
        front.access_log(number + 1)
    status = "504" if first == "hangs" else "502"
    # The server that failed is left out the second time.
    assert front.access_log(2) == [f"101 {bad.address}, {good.address} {status}, -",
                                   f"101 {good.address} -"]


def test_next_upstream_off_stays_with_the_server_that_failed(gateway, backend, raw):
    pair = authority().issue("backend", days=-1)
    bad = backend(TlsEchoBackend, tls=server_tls(pair))
    good = backend(TlsEchoBackend, tls=server_tls())
    front = gateway(
        "location / { ws_pass service; ws_ssl on; ws_next_upstream off; " + verify() + "}",
        http=f"upstream service {{ server {bad.address}; server {good.address} backup; }}")
    assert_refused(raw, front)
    assert not good.connections
