"""A TLS socket for more than one thread. OpenSSL's object is for one at a time: without a lock a
thread that reads takes the writer's "no room yet" for the end of the stream, or waits for what the
other should wait for."""

import select
import ssl
import threading
import time


class TlsSocket(ssl.SSLSocket):
    """One thread may read while others send, and another close it. No thread waits for the network
    with the lock. A timeout counts from the beginning of a call."""

    _patience = None
    _lock = None  # before the handshake, and once TLS is taken off, the socket is as usual

    def do_handshake(self, block=False):
        super().do_handshake(block)
        self._patience = self.gettimeout()
        super().settimeout(0)
        self._sending = threading.Lock()
        self._lock = threading.Lock()

    def settimeout(self, value):
        if self._lock is None:
            super().settimeout(value)
        self._patience = value

    def recv(self, buflen=1024, flags=0):
        return self._patiently(lambda: super(TlsSocket, self).recv(buflen, flags))

    def recv_into(self, buffer, nbytes=None, flags=0):
        return self._patiently(lambda: super(TlsSocket, self).recv_into(buffer, nbytes, flags))

    def send(self, data, flags=0):
        return self._patiently(lambda: super(TlsSocket, self).send(data, flags))

    def sendall(self, data, flags=0):
        if self._lock is None:
            super().sendall(data, flags)
            return
        with self._sending:
            super().sendall(data, flags)

    def unwrap(self):
        self._be_as_usual()
        return super().unwrap()

    def shutdown(self, how):  # which takes TLS off
        self._be_as_usual()
        super().shutdown(how)

    def _real_close(self):  # pylint: disable=arguments-differ
        if self._lock is None:
            super()._real_close()
            return
        with self._lock:
            super()._real_close()

    def _be_as_usual(self):
        self._lock = None
        super().settimeout(self._patience)

    def _patiently(self, action):
        if self._lock is None:
            return action()
        end = None if self._patience is None else time.monotonic() + self._patience
        while True:
            try:
                with self._lock:
                    return action()
            except ssl.SSLWantReadError:
                self._wait_for(select.POLLIN, end)
            except ssl.SSLWantWriteError:
                self._wait_for(select.POLLOUT, end)

    # In steps: a socket that is closed meanwhile wakes nobody.
    def _wait_for(self, event, end):
        waiting = select.poll()
        while (fd := self.fileno()) != -1:
            waiting.register(fd, event)
            if waiting.poll(50):
                return
            waiting.unregister(fd)
            if end is not None and time.monotonic() >= end:
                raise TimeoutError("timed out")


def shared(context):
    """The context, whose sockets are for more than one thread."""
    context.sslsocket_class = TlsSocket
    return context
