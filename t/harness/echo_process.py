"""An echo service that is a process of its own: it may be killed, has as many connections as a
process may have, and takes nothing of the tests' time."""

import os
import resource
import select
import socket
import subprocess
import sys

BACKLOG = 4096


class EchoProcess:
    """On loopback; always at the same port."""

    def __init__(self):
        self.port = 0
        self.address = None
        self._process = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", sys.executable, "-B", __file__, str(self.port)],
            stdout=subprocess.PIPE)
        self.port = int(self._process.stdout.readline())
        self.address = f"127.0.0.1:{self.port}"
        self._files = self._count_files()

    def kill(self):
        """The kernel ends its connections for it."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def open(self):
        """How many connections it has."""
        return self._count_files() - self._files

    def _count_files(self):
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))


class _Server:
    def __init__(self, port):
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(BACKLOG)
        self._poll = select.epoll()
        self._poll.register(self._listener, select.EPOLLIN)
        self._sockets = {}
        self._unsent = {}

    def serve(self):
        print(self._listener.getsockname()[1], flush=True)
        while True:
            for number, events in self._poll.poll():
                if number == self._listener.fileno():
                    self._accept()
                else:
                    self._echo(number, events)

    def _accept(self):
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets[sock.fileno()] = sock
        self._poll.register(sock, select.EPOLLIN)

    def _echo(self, number, events):
        """Reads only if everything was sent back."""
        try:
            if events & select.EPOLLOUT:
                data = self._unsent.pop(number)
            else:
                data = self._sockets[number].recv(65536)
            if not data:
                raise EOFError
            sent = self._send(number, data)
        except (OSError, EOFError):
            self._unsent.pop(number, None)
            self._sockets.pop(number).close()
            return
        if sent < len(data):
            self._unsent[number] = data[sent:]
        self._poll.modify(number, select.EPOLLOUT if number in self._unsent else select.EPOLLIN)

    def _send(self, number, data):
        try:
            return self._sockets[number].send(data)
        except BlockingIOError:
            return 0


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    _Server(int(sys.argv[1])).serve()


if __name__ == "__main__":
    main()
