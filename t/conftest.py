"""Fixtures: everything a test starts ends with it, and the error log is looked at afterwards."""

import asyncio
import faulthandler
import inspect
import signal
import sys
import threading
import time

import pytest

from harness import checker
from harness.gateway import Gateway, client_tls, nginx_t
from harness.node import Host
from harness.raw import RawClient
from harness.services import Service, ServiceGateway

TIME_LIMIT = 60  # seconds a test; @pytest.mark.time_limit(n) for another


def pytest_configure(config):
    config.addinivalue_line("markers", "time_limit(seconds): ends the test after so long")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs `async def` tests."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(autouse=True)
def _time_limit(request):
    marker = request.node.get_closest_marker("time_limit")
    seconds = (marker.args[0] if marker else TIME_LIMIT) * checker.SLOWNESS
    if threading.current_thread() is not threading.main_thread():
        # execnet may lose its race for the main thread, which alone hears signals.
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
        yield
        faulthandler.cancel_dump_traceback_later()
        return

    def expire(*_):
        raise TimeoutError(f"the test took more than {seconds} s")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.fixture
def gateway(tmp_path):
    """Starts gateways: gateway(locations, **parts) as for Gateway."""
    started = []

    def start(*args, **parts):
        made = Gateway(tmp_path / f"gateway{len(started)}", *args, **parts)
        started.append(made)
        return made.start()

    yield start
    for one in started:
        one.stop()
    for one in started:
        one.check_log()


@pytest.fixture
def config_check(tmp_path):
    """config_check(locations, **parts): whether `nginx -t` accepts it, and what it says."""
    return lambda *args, **parts: nginx_t(tmp_path / "config_check", *args, **parts)


@pytest.fixture
def backend():
    """Starts backends: backend(EchoBackend, unix=True)."""
    started = []

    def start(kind, *args, **options):
        started.append(kind(*args, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()
    errors = [error for one in started for error in one.errors]
    assert not errors, f"a backend failed: {errors!r}"


@pytest.fixture
def real(tmp_path):
    """Starts demos of real services: real("redis") gives the service and the gateway before it."""
    started = []

    def start(name):
        service = Service(name, tmp_path / name)
        started.append(service)
        service.start()
        front = ServiceGateway(tmp_path / f"gateway_{name}", service)
        started.append(front)
        return service, front.start()

    yield start
    for one in reversed(started):
        one.stop()
    for one in started:
        if isinstance(one, ServiceGateway):
            one.check_log()


@pytest.fixture
def raw(gateway):  # the gateway's, so that its connections end before it does
    """Opens raw connections: raw(gateway.port, **options)."""
    opened = []

    def connect(port, **options):
        opened.append(RawClient(port, **options))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


class _Restartable:
    """A Host that is started again after a script that did not end. It ends with the thread that
    started it, which must not be one of a test."""

    def __init__(self, program):
        self._program = program
        self._host = Host(program)

    def run(self, script, **args):
        if not self._host.running():
            self.stop()
            self._host = Host(self._program)
        return self._host.run(script, **args)

    def stop(self):
        self._host.stop()


class Session:
    """A gateway, the backend behind it, and a client that is connected through both."""

    def __init__(self, front, service, client):
        self.front, self.service, self.client = front, service, client

    @property
    def connection(self):
        """The backend's end."""
        return self.service.wait_connection()

    def log_lines(self):
        """What the module wrote into the error log behind the first line of a session."""
        return [line for line in self.front.error_log().splitlines()
                if " ws: " in line and "ws: session opened" not in line]

    def end_lines(self):
        """The same once the client has left: the line of a session comes at its very end."""
        self.client.close()
        until = time.monotonic() + 5
        while not self.log_lines() and time.monotonic() < until:
            time.sleep(0.01)
        return self.log_lines()


@pytest.fixture
def session(gateway, backend, raw):
    """Opens one: session(EchoBackend, settings="ws_frame_type text;"). `client` are options of the
    client, `parts` of the gateway, all others of the backend."""

    def start(kind, *args, settings="", parts=None, client=None, tls=False, then=b"", **options):
        service = backend(kind, *args, **options)
        front = gateway(f"location / {{ ws_pass {service.address}; {settings} }}",
                        **{"tls": tls, **(parts or {})})
        secure = {"tls": client_tls()} if tls else {}
        made = raw(front.ssl_port if tls else front.port, **{**secure, **(client or {})})
        made.open("/", then=then)
        return Session(front, service, made)

    return start


@pytest.fixture(scope="session")
def node():
    """node.run(script, **args): a script in node, with the package ws at hand."""
    host = _Restartable("node_host.js")
    yield host
    host.stop()


@pytest.fixture(scope="session")
def browser():
    """browser.run(script, **args): a script with a `page` of headless Chromium."""
    host = _Restartable("browser.js")
    yield host
    host.stop()
