"""The demo as `./build.sh run` starts it: its services, and a gateway with demo/nginx.conf."""

import os
import subprocess

from harness.gateway import LOAD_MODULE, ROOT, Gateway
from harness.ports import free_port

DEMO = ROOT / "demo"
SERVICES = ("echo", "ticker", "slow")


def build_backend(folder):
    """Compiles demo/backend.cpp into a folder and returns the program's path."""
    program = folder / "demo_backend"
    subprocess.run(
        [os.environ.get("CXX", "g++"), "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror",
         "-o", program, DEMO / "backend.cpp"],
        check=True,
    )
    return program


class DemoBackend:
    """The program with its services at `addresses`, free ports unless they are given."""

    def __init__(self, program, **addresses):
        wanted = addresses or dict.fromkeys(SERVICES, "0")
        self.process = subprocess.Popen(
            [program, *(f"{name}={address}" for name, address in wanted.items())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        lines = [self.process.stdout.readline().split() for _ in wanted]
        self.addresses = {name: address for name, address in lines}

    def port(self, service):
        return int(self.addresses[service].rpartition(":")[2])

    def stop(self):
        """It ends when its input does. Returns its status."""
        self.process.stdin.close()
        try:
            return self.process.wait(5)
        finally:
            self.process.kill()
            self.process.stdout.close()


class DemoGateway(Gateway):
    """nginx with the demo's own configuration, but with its error log in a file and with a strict
    policy for the page."""

    def __init__(self, prefix, ports):
        super().__init__(prefix)
        self._ports = ports

    def write_config(self, **changes):
        self.prefix.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        text = (DEMO / "nginx.conf").read_text()
        text = text.replace("error_log stderr notice;", "error_log @PREFIX@/error.log info;")
        page = "add_header Cache-Control no-cache;"
        assert page in text
        text = text.replace(page, f"{page} add_header Content-Security-Policy \"default-src 'self'\";")
        text = text.replace("load_module @MODULE@;", LOAD_MODULE)
        values = {"PORT": self.port, "ROOT": DEMO, "PREFIX": self.prefix}
        values.update({name.upper(): port for name, port in self._ports.items()})
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        user = "user root;\n" if os.geteuid() == 0 else ""
        self.config.write_text(user + text)
