"""A real nginx with the module, in a prefix of its own."""

import functools
import os
import re
import signal
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

from harness import checker, descriptors
from harness.ports import free_port
from harness.tls_socket import shared

ROOT = Path(__file__).resolve().parent.parent.parent
NGINX = os.environ.get("WS_NGINX", "/usr/sbin/nginx")
MODULE = os.environ.get("WS_MODULE", str(ROOT / "build" / "ngx_http_ws_module.so"))
LOAD_MODULE = f"load_module {MODULE};" if MODULE else ""  # none: nginx has it inside


def version_of(built):
    """That of nginx, which forks tell beside their own, or a fork's own where it is all."""
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", built)
    found = found or re.search(r"\w/(\d+)\.(\d+)\.(\d+)", built)
    return tuple(map(int, found.groups()))


# What nginx says of itself: its version and OpenSSL's.
BUILT = subprocess.run([NGINX, "-V"], capture_output=True, text=True, check=False).stderr
OPENSSL_3_0 = "OpenSSL 3.0." in BUILT
VERSION = version_of(BUILT)

# Lines of the error log that no test may cause unless it says so with Gateway.allow().
FORBIDDEN = re.compile(
    r"\[(alert|emerg|crit)\]|exited on signal|runtime error:|(Address|Leak|UndefinedBehavior)Sanitizer"
)

CONFIG = """\
@LOAD_MODULE@
@USER@
daemon off;
worker_processes @WORKERS@;
pid @PREFIX@/nginx.pid;
error_log @PREFIX@/error.log @LOG_LEVEL@;
@MAIN@

events {
    worker_connections @CONNECTIONS@;
    @EVENTS@
}

http {
    client_body_temp_path @PREFIX@/body;
    proxy_temp_path       @PREFIX@/proxy;
    fastcgi_temp_path     @PREFIX@/fastcgi;
    uwsgi_temp_path       @PREFIX@/uwsgi;
    scgi_temp_path        @PREFIX@/scgi;

    log_format test '@LOG_FORMAT@';
    access_log @PREFIX@/access.log test;
    @BUFFERS@
    @HTTP@

    server {
        listen 127.0.0.1:@PORT@ @LISTEN@;
        @LISTEN_SSL@
        @SERVER@
        @LOCATIONS@
    }
}
"""

COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" "$http_user_agent"'
)


@functools.cache
def _certificate_folder():
    folder = tempfile.TemporaryDirectory(prefix="ngx_ws_cert_")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1",
         "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder.name, check=True, capture_output=True,
    )
    return folder


def certificate():
    """A self-signed certificate for localhost and its key, made once a process: two paths."""
    folder = Path(_certificate_folder().name)
    return folder / "cert.pem", folder / "key.pem"


def client_tls():
    """A TLS context that trusts certificate()."""
    return shared(ssl.create_default_context(cafile=str(certificate()[0])))


def wait_until(condition, timeout=10, what="a condition"):
    """The first true value of condition(), or an assertion that it never came."""
    end = time.monotonic() + timeout * checker.SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout} s for {what}"
        time.sleep(0.01)


def assert_idle(front, seconds=0.5):
    """The worker sleeps: while nothing moves there is nothing to do. What still moves has 3 s to
    come to its end."""
    def sleeps():
        before = front.cpu_seconds()
        time.sleep(seconds)
        return front.cpu_seconds() - before <= 0.05 * seconds

    wait_until(sleeps, 3, "a worker that sleeps")


class Gateway:
    """One nginx master and its workers.

    `locations` goes into a server that listens on `port` (and on `ssl_port` if `tls`), `server`
    stands before it, `http`, `events` and `main` in their contexts; `listen` has
    parameters of the plain listener. In all of them @PORT@, @SSL_PORT@, @PREFIX@, @CERT@ and @KEY@
    are replaced.
    """

    def __init__(self, prefix, locations="", *, server="", http="", events="", main="",
                 tls=False, workers=1, log_level="info", log_format=COMBINED, module=True,
                 listen="", connections=2048, environment=None):
        self.prefix = Path(prefix)
        self.port = self.ssl_port = None
        self._parts = {
            "LOAD_MODULE": LOAD_MODULE if module else "",
            # As root, nginx would change to a user who cannot enter the prefix.
            "USER": "user root;" if os.geteuid() == 0 else "",
            "WORKERS": workers,
            "LOG_LEVEL": log_level,
            "LOG_FORMAT": log_format,
            "LOCATIONS": locations,
            "SERVER": server,
            "HTTP": http,
            "LISTEN": listen,
            "CONNECTIONS": connections,
            "EVENTS": events,
            "MAIN": main,
        }
        self._tls = tls
        self._workers = workers
        self._environment = environment
        self._allowed = []
        self._forced = False
        self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        self.check_log()

    # --- configuration

    def _buffers(self):
        """Buffers of other sizes than usual, but for those that the test sets."""
        text = " ".join(map(str, self._parts.values()))
        module = "ws_pass" in text
        return " ".join(f"{name} {size};" for name, size in checker.BUFFERS.items()
                        if name not in text and (module or not name.startswith("ws_")))

    def write_config(self, **changes):
        """Writes nginx.conf anew; `changes` replaces parts, e.g. locations="..."."""
        self._parts.update({name.upper(): text for name, text in changes.items()})
        self.prefix.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        parts = dict(self._parts, LISTEN_SSL="", BUFFERS=self._buffers())
        if self._tls:
            self.ssl_port = self.ssl_port or free_port()
            parts["LISTEN_SSL"] = (
                "listen 127.0.0.1:@SSL_PORT@ ssl;"
                " ssl_certificate @CERT@; ssl_certificate_key @KEY@;"
            )
        text = CONFIG
        # Twice: a part may name others.
        for _ in range(2):
            for name, part in parts.items():
                text = text.replace(f"@{name}@", str(part))
        text = text.replace("@PORT@", str(self.port)).replace("@PREFIX@", str(self.prefix))
        if self._tls:
            cert, key = certificate()
            text = text.replace("@SSL_PORT@", str(self.ssl_port))
            text = text.replace("@CERT@", str(cert)).replace("@KEY@", str(key))
        self.config.write_text(text)

    @property
    def config(self):
        return self.prefix / "nginx.conf"

    def _command(self, config_only=False):
        return [*checker.command(self.prefix, config_only), NGINX, "-p", f"{self.prefix}/",
                "-c", str(self.config), "-e", str(self.prefix / "error.log")]

    def test_config(self):
        """Runs `nginx -t`: whether it accepts the configuration, and what it says."""
        self.write_config()
        done = subprocess.run(self._command(config_only=True) + ["-t"], capture_output=True,
                              text=True, timeout=30 * checker.SLOWNESS,
                              env=self._env(config_only=True))
        reports = checker.reports(self.prefix)
        assert not reports, reports
        assert done.returncode in (0, 1), f"nginx -t ended with {done.returncode}:\n{done.stderr}"
        return done.returncode == 0, done.stderr

    def _env(self, config_only=False):
        return {**os.environ, **checker.environment(self.prefix, config_only),
                **(self._environment or {})}

    # --- life

    def start(self):
        for _ in range(4):
            self.write_config()
            if self._start_once():
                return self
            # Somebody else took a port between our look and nginx's.
            taken = "Address already in use" in self.error_log()
            assert taken, f"nginx did not start:\n{self.stderr()}\n{self.error_log()}"
            self.port = self.ssl_port = None
            (self.prefix / "error.log").unlink()
        raise AssertionError("found no free port")

    def _start_once(self):
        # nginx ends with the test process, whatever ends that.
        command = ["setpriv", "--pdeathsig", "TERM", *self._command()]
        with open(self.prefix / "stderr.log", "wb") as stderr:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stderr,
                                             stderr=stderr, env=self._env())
        wait_until(lambda: not self.running() or len(self.workers()) >= self._workers,
                   what="nginx's workers")
        return self.running()

    def running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        return self._process.pid

    def signal(self, number):
        self._process.send_signal(number)

    def quit(self):
        """Begins the graceful exit."""
        self.signal(signal.SIGQUIT)

    def wait(self, timeout=10):
        """Waits for the exit of the master and returns its status."""
        return self._process.wait(timeout)

    def stop(self, grace=1):
        """Ends nginx: gracefully, so that it tells of leaked connections; by force if the test
        left some open for longer than `grace` seconds."""
        if not self.running():
            return
        self.quit()
        try:
            self.wait(grace * checker.SLOWNESS)
            return
        except subprocess.TimeoutExpired:
            self._forced = True
        self.signal(signal.SIGTERM)
        try:
            self.wait(10 * checker.SLOWNESS)
        except subprocess.TimeoutExpired:
            for pid in self.workers() + self.workers(exiting=True) + [self.pid]:
                os.kill(pid, signal.SIGKILL)
            self.wait()
            raise AssertionError("nginx did not obey SIGTERM") from None

    def reload(self, **changes):
        """Reloads, with a changed configuration if parts are given, and waits for the workers
        of the new one. Returns the pids of the old ones."""
        old = self.workers()
        if changes:
            self.write_config(**changes)
        self.signal(signal.SIGHUP)

        def replaced():
            now = set(self.workers())
            return len(now) >= self._workers and not now & set(old)

        wait_until(replaced, what="new workers")
        return old

    # --- what can be seen from outside

    def workers(self, exiting=False):
        """Pids of the workers: those that serve, or those that are shutting down."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        pids = []
        try:
            for pid in map(int, children.read_text().split()):
                title = Path(f"/proc/{pid}/cmdline").read_bytes()
                worker, ending = checker.is_worker(pid, title, self.error_log)
                if worker and ending == exiting:
                    pids.append(pid)
        except (FileNotFoundError, ProcessLookupError):
            return []  # gone while we looked; whoever waits asks again
        return pids

    def memory(self):
        """Resident bytes of all workers that serve; none where that would tell nothing."""
        total = 0
        if not checker.MEASURES_MEMORY:
            return total
        for pid in self.workers():
            status = Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024
        return total

    def cpu_seconds(self):
        """Processor time that the workers have used."""
        ticks = 0
        for pid in self.workers():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def open_files(self):
        """How many descriptors the workers hold that are not the master's, too."""
        return descriptors.count_own(self.workers(), self.pid)

    def url(self, path="/", scheme="ws"):
        port = self.ssl_port if scheme in ("wss", "https") else self.port
        return f"{scheme}://127.0.0.1:{port}{path}"

    # --- logs

    def _read(self, name):
        path = self.prefix / name
        return path.read_text(errors="replace") if path.exists() else ""

    def error_log(self):
        return self._read("error.log")

    def stderr(self):
        return self._read("stderr.log")

    def access_log(self, lines=0, timeout=5):
        """The lines of the access log, once there are at least so many."""
        if lines:
            wait_until(lambda: self._read("access.log").count("\n") >= lines, timeout,
                       f"{lines} lines in the access log")
        return self._read("access.log").splitlines()

    def wait_log(self, pattern, timeout=5):
        """The first match of a regular expression in the error log, once there is one."""
        return wait_until(lambda: re.search(pattern, self.error_log()), timeout,
                          f"{pattern!r} in the error log")

    def allow(self, pattern):
        """Lets lines of the error log that match pass check_log()."""
        self._allowed.append(re.compile(pattern))

    def check_log(self):
        bad = []
        for line in (self.error_log() + self.stderr()).splitlines():
            if not FORBIDDEN.search(line) or any(p.search(line) for p in self._allowed):
                continue
            if self._forced and re.search(r"open socket #|\] \d+#\d+: aborting", line):
                continue  # the test's own, see stop()
            bad.append(line)
        assert not bad, "in the error log:\n" + "\n".join(bad)
        reports = checker.reports(self.prefix)
        assert not reports, reports


def nginx_t(prefix, locations="", **parts):
    """Whether `nginx -t` accepts a configuration, and what it says. Arguments as for Gateway."""
    return Gateway(prefix, locations, **parts).test_config()


def line_named(prefix, said):
    """The line of a gateway's configuration that a message names."""
    lines = (prefix / "nginx.conf").read_text().splitlines()
    return lines[int(re.search(r"nginx\.conf:(\d+)", said)[1]) - 1]
