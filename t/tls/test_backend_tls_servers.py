"""ws_ssl before TLS servers that others wrote, with both certificates verified."""

import subprocess

from harness.backends import EchoBackend
from harness.flood import MEGABYTE, Flood, Reader, digest, frames, noise
from harness.gateway import wait_until
from harness.pki import authority, client_pair, server_pair
from harness.ports import free_port
from harness.raw import BINARY
from harness.stream import needs_stream, stream_parts

VERIFIED = ("ws_ssl_verify on; ws_ssl_name backend;"
            f" ws_ssl_trusted_certificate {authority().cert};")


def test_openssl_s_server(gateway, raw, tmp_path):
    pair = server_pair()
    port = free_port()
    with open(tmp_path / "log", "wb") as log:
        server = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "openssl", "s_server", "-accept", f"127.0.0.1:{port}",
             "-cert", pair.cert, "-key", pair.key, "-Verify", "1", "-verify_return_error", "-CAfile",
             authority().cert, "-rev", "-naccept", "1"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: b"ACCEPT" in (tmp_path / "log").read_bytes(), what="s_server")
            own = client_pair()
            front = gateway(f"location / {{ ws_pass 127.0.0.1:{port}; ws_ssl on; {VERIFIED}"
                            f" ws_ssl_certificate {own.cert}; ws_ssl_certificate_key {own.key}; }}")
            client = raw(front.port)
            client.open("/")
            client.send_frame(BINARY, b"desrever\n")
            assert client.read_data(9) == b"reversed\n"
            client.send_close(1000)
            assert client.read_close() == (1000, "")
            assert server.wait(10) == 0
        finally:
            server.kill()
            server.wait()


@needs_stream
def test_nginx_stream_ssl(gateway, backend, raw):
    echo, port = backend(EchoBackend), free_port()
    pair, own = server_pair(), client_pair()
    gateway(**stream_parts(f"""
        listen 127.0.0.1:{port} ssl; proxy_pass {echo.address}; proxy_half_close on;
        ssl_certificate {pair.cert}; ssl_certificate_key {pair.key};
        ssl_verify_client on; ssl_client_certificate {authority().cert};"""))
    front = gateway(
        f"location / {{ ws_pass 127.0.0.1:{port}; ws_ssl on; {VERIFIED}"
        f" ws_ssl_certificate {own.cert}; ws_ssl_certificate_key {own.key}; }}"
        f"location /nobody {{ ws_pass 127.0.0.1:{port}; ws_ssl on; {VERIFIED}"
        " ws_ssl_session_reuse off; }",  # a session would bring the certificate with it
        log_format="$status $ws_close_code $ws_bytes_in $ws_bytes_out $ws_undelivered_backend")
    client = raw(front.port, timeout=30)
    client.open("/")
    data = noise(4 * MEGABYTE)
    reader = Reader(client)
    Flood(client.send, frames(data)).wait_done()
    assert digest(reader.wait_payload(len(data))) == digest(data)
    client.send_close(1000)
    assert reader.wait_end() == "eof"
    assert reader.controls[-1].close == (1000, "")
    client.close()
    assert front.access_log(1) == [f"101 1000 {len(data)} {len(data)} 0"]
    # nginx lets everybody shake hands, and closes at once who has shown no certificate.
    stranger = raw(front.port)
    if stranger.handshake("/nobody").status == 101:
        assert stranger.read_close()[0] in (1000, 1011)
    assert len(echo.connections) == 1
