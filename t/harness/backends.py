"""TCP services for the gateway to talk to: real sockets, a thread for each connection."""

import errno
import os
import shutil
import socket
import struct
import tempfile
import threading
import time

from harness import checker


def has_ipv6():
    """Whether this machine's loopback has."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _wait(news, condition, timeout):
    return news.wait_for(condition, timeout * checker.SLOWNESS)


class Connection:
    """One accepted connection and what came over it."""

    def __init__(self, sock):
        self.sock = sock
        self.received = bytearray()
        self.ended = None  # "eof" or "reset", once the gateway has ended its direction
        self._news = threading.Condition()

    def read(self, size=65536):
        """Bytes, recorded as well, or b"" at the end, whichever end it was."""
        try:
            data = self.sock.recv(size)
            ended = None if data else "eof"
        except ConnectionResetError:
            data, ended = b"", "reset"
        except OSError:
            data, ended = b"", self.ended  # closed by ourselves
        with self._news:
            self.received += data
            self.ended = ended or self.ended
            self._news.notify_all()
        return data

    def read_exactly(self, size):
        """`size` more bytes, or fewer at the end."""
        data = b""
        while len(data) < size:
            more = self.read(size - len(data))
            if not more:
                break
            data += more
        return data

    def read_all(self):
        """Reads to the end."""
        while self.read():
            pass

    def send(self, data):
        self.sock.sendall(data)

    def finish(self):
        """Sends a FIN; reading goes on."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise
            raise ConnectionResetError(error.errno, "reset before") from None

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        """Ends the connection with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # For the thread of the test. Each waits, or fails.

    def wait_received(self, size, timeout=10):
        """The received bytes, once there are at least `size`."""
        with self._news:
            came = _wait(self._news, lambda: len(self.received) >= size, timeout)
            assert came, f"{len(self.received)} of {size} bytes came in {timeout} s"
            return bytes(self.received)

    def wait_ended(self, timeout=10):
        """How the gateway ended its direction: "eof" or "reset"."""
        with self._news:
            assert _wait(self._news, lambda: self.ended, timeout), f"no end in {timeout} s"
            return self.ended


class Backend:
    """Listens from its creation until stop(). On loopback, or on a unix socket."""

    def __init__(self, *, host="127.0.0.1", port=0, unix=False, receive_buffer=None, backlog=128):
        self.connections = []
        self.errors = []  # of the threads; the fixture fails the test if there are any
        self._news = threading.Condition()
        self._stopping = False
        self._folder = None
        if unix:
            # A path of its own: a socket's must be short.
            self._folder = tempfile.mkdtemp(prefix="ngx_ws_")
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(os.path.join(self._folder, "s"))
            self.port = None
            self.address = f"unix:{self._folder}/s"
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.socket(family)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((host, port))
            self.port = self._listener.getsockname()[1]
            self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.listen(backlog)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def serve(self, connection):
        """What a connection's thread does; the connection is closed after it."""
        raise NotImplementedError

    def wait_connection(self, number=0, timeout=10):
        """The connection with this number, once it is there."""
        with self._news:
            came = _wait(self._news, lambda: len(self.connections) > number, timeout)
            assert came, f"no connection in {timeout} s"
            return self.connections[number]

    def assert_never_dialled(self):
        """The first connection to a TCP port must be the one that is made here."""
        with socket.create_connection(("127.0.0.1", self.port)) as probe:
            first = self.wait_connection()
            assert first.sock.getpeername() == probe.getsockname(), "somebody dialled before"

    def stop(self):
        self._stopping = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        except OSError:
            pass
        self._listener.close()
        with self._news:
            for connection in self.connections:
                connection.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(sock)
            with self._news:
                self.connections.append(connection)
                self._news.notify_all()
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            self.serve(connection)
        except (BrokenPipeError, ConnectionResetError):
            connection.ended = connection.ended or "reset"
        except Exception as error:  # pylint: disable=broad-except
            if not self._stopping:
                self.errors.append(error)
        finally:
            connection.close()


class EchoBackend(Backend):
    """Sends back what comes; a FIN is answered once everything before it has been."""

    def serve(self, connection):
        while data := connection.read():
            connection.send(data)


class RecordingBackend(Backend):
    """Takes everything and says nothing."""

    def serve(self, connection):
        connection.read_all()


class SilentBackend(Backend):
    """Accepts and never reads, until resume()."""

    def __init__(self, **options):
        self._resumed = threading.Event()
        super().__init__(**options)

    def serve(self, connection):
        self._resumed.wait()
        connection.read_all()

    def resume(self):
        self._resumed.set()

    def stop(self):
        super().stop()
        self._resumed.set()


class SlowBackend(Backend):
    """Reads `size` bytes every `interval` seconds."""

    def __init__(self, size=4096, interval=0.05, **options):
        self._size, self._interval = size, interval
        super().__init__(**options)

    def serve(self, connection):
        while connection.read(self._size):
            time.sleep(self._interval)


class SpeakFirstBackend(Backend):
    """Sends `greeting` at once; then reads to the end, or closes if `close` says so."""

    def __init__(self, greeting, close=False, **options):
        self._greeting, self._close = greeting, close
        super().__init__(**options)

    def serve(self, connection):
        connection.send(self._greeting)
        if self._close:
            connection.finish()
        connection.read_all()


class ResetBackend(Backend):
    """Resets the connection once it has read `after` bytes."""

    def __init__(self, after=0, **options):
        self._after = after
        super().__init__(**options)

    def serve(self, connection):
        connection.read_exactly(self._after)
        connection.reset()


class ScriptedBackend(Backend):
    """Runs a function for each connection."""

    def __init__(self, script, **options):
        self._script = script
        super().__init__(**options)

    def serve(self, connection):
        self._script(connection)


class TickerBackend(Backend):
    """Speaks without a pause while it listens, until it has heard the end and said so."""

    def serve(self, connection):
        ended = threading.Event()
        thread = threading.Thread(target=self._tick, args=(connection, ended), daemon=True)
        thread.start()
        connection.read_all()
        ended.set()
        thread.join(10)

    @staticmethod
    def _tick(connection, ended):
        try:
            while not ended.is_set():
                connection.send(b"tick " * 2000)
        except OSError:
            pass  # the gateway has gone


class FloodingBackend(Backend):
    """Writes without a pause from the first byte that it reads on, and never reads again."""

    def __init__(self, **options):
        self.written = 0
        self.begun = threading.Event()
        self.stopped = threading.Event()  # by an error: the gateway takes no more
        super().__init__(**options)

    def serve(self, connection):
        connection.read(1)
        block = bytes(256 * 1024)
        try:
            while True:
                self.written += connection.sock.send(block)
                self.begun.set()
        except OSError as error:
            connection.ended = type(error).__name__
            self.stopped.set()
