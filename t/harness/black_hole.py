"""A service that does not answer, until it is told to."""

import socket
import threading


class BlackHole:
    """A listener whose queue is full: the kernel drops each SYN, until it serves."""

    def __init__(self):
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._held = []
        while self._fill():
            pass

    def _fill(self):
        filler = socket.socket()
        filler.settimeout(0.2)
        self._held.append(filler)
        try:
            filler.connect(self._listener.getsockname())
        except TimeoutError:
            return False
        return True

    def serve(self):
        """Accepts everything from now on, and echoes."""
        while self._held:
            self._held.pop().close()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(accepted,), daemon=True).start()

    @staticmethod
    def _echo(accepted):
        with accepted:
            while data := accepted.recv(65536):
                accepted.sendall(data)

    def close(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        for one in [self._listener, *self._held]:
            one.close()
