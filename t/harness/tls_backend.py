"""Backends that speak TLS."""

import os
import socket

from harness.backends import Backend, EchoBackend, RecordingBackend, SilentBackend


class TlsBackend(Backend):
    """Does the server's side of the handshake with the context `tls`, and then as its other base
    says. Stands before that base."""

    def __init__(self, *args, tls, **options):
        self._tls = tls
        self.refused = []  # errors of handshakes
        super().__init__(*args, **options)

    def _run(self, connection):
        try:
            # Its own handle: unwrapped it still tells how the stream below ends.
            connection.below = socket.socket(fileno=os.dup(connection.sock.fileno()))
            connection.sock = self._tls.wrap_socket(connection.sock, server_side=True,
                                                    suppress_ragged_eofs=False)
        except OSError as error:
            self.refused.append(error)
            connection.below.close()
            connection.close()
            return
        try:
            super()._run(connection)
        finally:
            connection.below.close()


class TlsEchoBackend(TlsBackend, EchoBackend):
    pass


class ImpatientTlsBackend(TlsEchoBackend):
    """Speaks before the handshake, and then as if it had not."""

    def _run(self, connection):
        connection.sock.sendall(b"in plain")
        super()._run(connection)


class TlsRecordingBackend(TlsBackend, RecordingBackend):
    pass


class TlsSilentBackend(TlsBackend, SilentBackend):
    pass


def opened(gateway, raw, service, settings="", *, client=None, **parts):
    front = gateway(f"location / {{ ws_pass {service.address}; ws_ssl on; {settings} }}", **parts)
    made = raw(front.port, **(client or {}))
    made.open("/")
    return front, made
