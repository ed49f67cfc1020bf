"""The servers that are compared. Each is started anew for every run, with one worker."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from certificate import Certificate
from loads import SERVICES

STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")

NGINX = """\
{modules}
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {prefix}/nginx.pid;
error_log {prefix}/error.log error;
events {{ worker_connections {connections}; }}
{body}
"""

NGINX_HTTP = """\
http {{
    access_log off;
    client_body_temp_path {prefix}/body;
    proxy_temp_path {prefix}/proxy;
    fastcgi_temp_path {prefix}/fastcgi;
    uwsgi_temp_path {prefix}/uwsgi;
    scgi_temp_path {prefix}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096{tls};
{locations}
    }}
}}
"""


def free_port(taken):
    """A free TCP port of loopback, from below the range that the kernel gives to clients."""
    while True:
        port = random.SystemRandom().randrange(10000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in taken:
            taken.add(port)
            return port


def pinned(cpu):
    """For preexec_fn: the program stays on this CPU, if the machine has a second one."""
    def pin():
        if len(os.sched_getaffinity(0)) > 1:
            os.sched_setaffinity(0, {cpu})
    return pin


def spawn(command, cpu, log, **more):
    # It ends with the driver, whatever ends that.
    return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], preexec_fn=pinned(cpu),
                            stderr=log, **more)


class Backend:
    """One process with all services, each as plain TCP and as WebSocket."""

    def __init__(self, programs, prefix):
        taken = set()
        self.raw = {name: free_port(taken) for name in SERVICES}
        self.ws = {name: free_port(taken) for name in SERVICES}
        self.control = free_port(taken)
        arguments = [f"control:raw:{self.control}"]
        for name, (task, size) in SERVICES.items():
            arguments += [f"{task}/{size}:raw:{self.raw[name]}", f"{task}/{size}:ws:{self.ws[name]}"]
        with open(prefix / "backend.log", "wb") as log:
            self._process = spawn([programs / "backend", *arguments], 0, log,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("the backend did not start: " + (prefix / "backend.log").read_text())

    def stop(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


class Peer:
    """`idle` is how many idle connections it is given; without `by_default` it runs only by name."""

    name = title = program = ""
    idle = None
    by_default = True

    def __init__(self, settings, prefix, backend):
        self.settings = settings
        self.prefix = prefix
        self.backend = backend
        self.certificate = Certificate(settings.out)
        self.taken = set()
        self._process = None

    @classmethod
    def missing(cls, _settings):
        """Why it cannot run here, or nothing."""
        return "" if shutil.which(cls.program) else f"{cls.program} is not installed"

    # Whether it can be had with TLS, and without.
    plain, tls = True, True

    @classmethod
    def takes(cls, load):
        return cls.tls if load.tls else cls.plain

    def port(self, service):
        raise NotImplementedError

    def protocol(self, _load):
        """What its clients speak."""
        return "ws"

    def start(self, load):
        command = self.command(load)
        with open(self.prefix / "server.log", "wb") as log:
            self._process = spawn(command, 1, log, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port(load.service)), 1).close()
                break
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("did not start: " + self.log()) from None
                time.sleep(0.02)
        time.sleep(0.1)
        return self._process.pid

    def log(self):
        return " ".join((self.prefix / "server.log").read_text(errors="replace").split()[-40:])

    def complaint(self):
        """What its log says that makes the result worthless."""
        return "" if self._process.poll() is None else "it died: " + self.log()

    def stop(self):
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Nginx(Peer):
    module = ""
    # A burst of new connections must not meet a full queue.
    connections = 9000

    def write_config(self, body):
        user = "user root;" if os.geteuid() == 0 else ""
        modules = f"load_module {self.module};" if self.module else ""
        (self.prefix / "nginx.conf").write_text(NGINX.format(
            modules=modules, user=user, prefix=self.prefix, body=body,
            connections=self.connections, files=self.settings.files))

    def command(self, load):
        self.write_config(self.body(load))
        return [self.settings.nginx, "-p", f"{self.prefix}/", "-c", self.prefix / "nginx.conf",
                "-e", self.prefix / "error.log"]

    def log(self):
        path = self.prefix / "error.log"
        return super().log() + (path.read_text(errors="replace")[-600:] if path.exists() else "")

    def complaint(self):
        path = self.prefix / "error.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        bad = [line for line in lines if any(f"[{w}]" in line for w in ("alert", "emerg", "crit"))]
        return bad[0] if bad else super().complaint()

    @classmethod
    def missing(cls, settings):
        return "" if os.access(settings.nginx, os.X_OK) else f"there is no {settings.nginx}"


class HandsOn:
    """A port for each service, whose bytes are handed on as they are. Stands before the class of
    the server."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._ports = {name: free_port(self.taken) for name in SERVICES}

    def port(self, service):
        return self._ports[service]

    def protocol(self, load):
        return "ws" if load.session else "raw"

    def target(self, load, service):
        """The port of the backend that the service is, as this load wants it."""
        return (self.backend.ws if load.session else self.backend.raw)[service]


class Stream(HandsOn, Nginx):
    """Bytes as they are. Where the work is whole sessions, its backend speaks WebSocket, as that of
    the tunnel does."""
    name, title = "stream", "nginx stream"
    buffer = ""

    @property
    def module(self):
        # Debian's fits Debian's nginx alone; another one has to have it inside.
        debians = str(self.settings.nginx) == "/usr/sbin/nginx" and STREAM_MODULE.exists()
        return STREAM_MODULE if debians else ""

    def body(self, load):
        tls = self.certificate.for_nginx(load)
        servers = "\n".join(
            f"    server {{ listen 127.0.0.1:{port} backlog=4096{tls};"
            f" proxy_pass 127.0.0.1:{self.target(load, name)}; }}"
            for name, port in self._ports.items())
        return f"stream {{\n    {self.buffer}\n{servers}\n}}"


class Stream64k(Stream):
    name, title = "stream-64k", "nginx stream, 64k buffers"
    buffer = "proxy_buffer_size 64k;"


class NginxHttp(Nginx):
    location = ""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._port = free_port(self.taken)

    def port(self, service):
        return self._port

    def body(self, load):
        locations = "\n".join(
            f"        location = /{name} {{ "
            + self.location.format(raw=self.backend.raw[name], ws=self.backend.ws[name]) + " }"
            for name in SERVICES)
        return NGINX_HTTP.format(prefix=self.prefix, port=self._port, locations=locations,
                                 tls=self.certificate.for_nginx(load))


class Tunnel(NginxHttp):
    """Hands the frames on as they are: its backend speaks WebSocket and does the work on them."""
    name, title = "tunnel", "nginx proxy_pass tunnel"
    location = ("proxy_pass http://127.0.0.1:{ws}; proxy_http_version 1.1;"
                " proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;")


class Ours(NginxHttp):
    name, title = "ours", "ngx_ws_filter"
    location = "ws_pass 127.0.0.1:{raw};"
    built = ""  # another module than the one that is measured

    @property
    def module(self):
        return self.built or self.settings.module

    @classmethod
    def missing(cls, settings):
        module = cls.built or settings.module
        return super().missing(settings) if os.path.exists(module) else f"there is no {module}"


class Counted(Ours):
    """With what each session brings to the counters and to the list of sessions."""
    name, title = "counted", "ngx_ws_filter with ws_zone"
    by_default = False

    def body(self, load):
        return super().body(load).replace("http {", "http {\n    ws_zone bench:8m;", 1)


class Resumed(Ours):
    """Its clients could come back to their sessions, and acknowledge what they have."""
    name, title = "resumed", "ngx_ws_filter with ws_resume"
    by_default = False
    tls = False
    location = Ours.location + " ws_resume on;"

    @classmethod
    def takes(cls, load):
        return super().takes(load) and not load.session and load.size <= 16384

    def protocol(self, _load):
        return "resume"


def build(name, module):
    """Ours, from another module."""
    return type(name, (Ours,), {"name": name, "title": f"ngx_ws_filter {name}", "built": module})


class Haproxy(HandsOn, Peer):
    """Takes TLS off and hands bytes on, as nginx stream does."""
    name, title, program = "haproxy", "HAProxy", "haproxy"
    plain = False
    idle = 200

    def command(self, load):
        both = self.certificate.paths()[2]
        proxies = "\n".join(f"""\
listen {name}
    bind 127.0.0.1:{port} backlog 4096 ssl crt {both}
    server backend 127.0.0.1:{self.target(load, name)}""" for name, port in self._ports.items())
        (self.prefix / "haproxy.cfg").write_text(f"""\
global
    nbthread 1
    maxconn {Nginx.connections}
defaults
    mode tcp
    maxconn {Nginx.connections}
    timeout connect 10s
    timeout client 60s
    timeout server 60s
{proxies}
""")
        return ["haproxy", "-db", "-f", self.prefix / "haproxy.cfg"]


class Lighttpd(Peer):
    name, title, program = "lighttpd", "lighttpd mod_wstunnel", "lighttpd"
    tls = Path("/usr/lib/lighttpd/mod_openssl.so").exists()

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._port = free_port(self.taken)

    def port(self, service):
        return self._port

    def command(self, load):
        targets = ",\n".join(
            f'    "/{name}" => ( ( "host" => "127.0.0.1", "port" => "{port}" ) )'
            for name, port in self.backend.raw.items())
        tls = (f'server.modules += ( "mod_openssl" )\nssl.engine = "enable"\n'
               f'ssl.pemfile = "{self.certificate.paths()[2]}"' if load.tls else "")
        (self.prefix / "lighttpd.conf").write_text(f"""\
server.modules = ( "mod_wstunnel" )
{tls}
server.bind = "127.0.0.1"
server.port = {self._port}
server.listen-backlog = 4096
server.document-root = "{self.prefix}"
server.errorlog = "{self.prefix}/error.log"
server.max-fds = {self.settings.files}
server.max-connections = {Nginx.connections}
wstunnel.frame-type = "binary"
wstunnel.server = (
{targets}
)
""")
        return ["lighttpd", "-D", "-f", self.prefix / "lighttpd.conf"]


class Websockify(Peer):
    """It has a process for each connection, so it is spared thousands of idle ones."""
    name, title, program = "websockify", "websockify", "websockify"
    idle = 100
    tls = False

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._port = free_port(self.taken)

    def port(self, service):
        return self._port

    def command(self, load):
        return ["websockify", f"127.0.0.1:{self._port}",
                f"127.0.0.1:{self.backend.raw[load.service]}"]


# The first is what the others are compared with.
ALL = [Stream, Stream64k, Tunnel, Haproxy, Lighttpd, Websockify, Ours, Counted, Resumed]
BASE = Stream.name
