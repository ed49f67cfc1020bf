"""What the tests of endings share."""

import fcntl
import struct
import termios
import threading

from harness.gateway import wait_until

# One line for the end of each session.
AN_END = {"log_format": "$status $ws_closed_by $ws_close_code"}


def logged_end(one):
    [line] = one.front.access_log(1)
    return line


def wait_acknowledged(client):
    """Waits until the gateway's kernel has all that was sent."""
    def pending():
        return struct.unpack("i", fcntl.ioctl(client.sock, termios.TIOCOUTQ, b"\0\0\0\0"))[0]

    wait_until(lambda: pending() == 0, what="acknowledgements")


def in_background(do, *args):
    """A thread, whose exception is in its list of errors."""
    errors = []

    def run():
        try:
            do(*args)
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.errors = errors
    thread.start()
    return thread
