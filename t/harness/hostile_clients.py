"""The program of t/hostile, and the gateway that it is let loose on."""

import os
import subprocess
from pathlib import Path

from harness import checker
from harness.gateway import OPENSSL_3_0, ROOT, wait_until

TIMES = {
    "calm": "ws_ping_interval 30s; ws_send_timeout 10s; ws_close_timeout 2s;",
    "hasty": "ws_ping_interval 200ms; ws_pong_timeout 200ms; ws_idle_timeout 1s;"
             " ws_send_timeout 400ms; ws_close_timeout 400ms;",
}

# For a gateway, by parts().
PARTS = {
    "tls": True,
    "listen": "backlog=4096",
    "http": "ws_connect_timeout 1s; ws_deflate_memory 1000m; client_header_timeout 3s;"
            " keepalive_timeout 1s; send_timeout 2s; lingering_timeout 500ms; lingering_time 1s;"
            " upstream shared { server 127.0.0.1:@SHARED@; keepalive 8; keepalive_timeout 500ms; }",
    "log_format": "$status $ws_close_code $ws_closed_by $ws_bytes_in $ws_bytes_out $request",
    "server": "access_log /dev/null test;",
}

# What comes with a request is then larger than every buffer of ours.
SMALL_BUFFERS = (" ws_buffer_size 4k; client_header_buffer_size 64k;"
                 " large_client_header_buffers 4 64k;")

PATIENCE = 15  # seconds for a gateway that has all that it wants


class Hostile:
    """The backends, the hostile clients, and two sessions that keep to the rules, one with TLS."""

    def __init__(self, out):
        program = Path(out) / "hostile"
        Path(out).mkdir(parents=True, exist_ok=True)
        # One build at a time: another process may want the same program.
        subprocess.run(["flock", f"{out}/lock", "make", "-s", "-j2", "-f", "t/hostile/Makefile",
                        f"OUT={out}", f"CXX={os.environ.get('CXX', 'g++')}"],
                       cwd=ROOT, check=True)
        self._process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", program], text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ports = dict(line.split()[1:] for line in self._answer()[0])
        self.faults = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def _answer(self):
        """The lines up to the one that ends an answer, and that one's words."""
        lines = []
        for line in self._process.stdout:
            if line.startswith("done"):
                return lines, dict(word.split("=") for word in line.split()[1:])
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"the hostile clients ended: {lines}")

    def _ask(self, *words):
        print(*words, file=self._process.stdin, flush=True)
        lines, results = self._answer()
        self.faults += [line for line in lines if line.startswith("fault")]
        return lines, results

    def locations(self):
        template = (ROOT / "t" / "hostile" / "locations.conf").read_text()
        text = ""
        for pace, times in TIMES.items():
            text += template.replace("@PACE@", pace).replace("@TIMES@", times)
        return self._with_ports(text)

    def parts(self, small=False):
        """What else the gateway needs."""
        http = PARTS["http"] + (SMALL_BUFFERS if small else "")
        return {**PARTS, "http": self._with_ports(http)}

    def _with_ports(self, text):
        for name, port in self.ports.items():
            text = text.replace(f"@{name.upper()}@", port)
        return text

    def open(self, front, patience=PATIENCE):
        # Later versions of OpenSSL fail if they are asked for new keys while they wait for room to
        # write, as 1.1.1 did: "bad length", openssl/openssl#8677.
        self._ask("open", front.port, front.ssl_port, 1000 * patience * checker.SLOWNESS,
                  int(OPENSSL_3_0))

    def run(self, first, count, at_once=256):
        """Conversations with these seeds; what came of them, in numbers by name."""
        _, results = self._ask("run", first, count, at_once)
        assert not self.faults, "\n".join(self.faults)
        return {name: int(number) for name, number in results.items()}

    def show(self, seed):
        """One conversation, as text."""
        return "\n".join(self._ask("show", seed)[0])


def wait_files(front, files):
    wait_until(lambda: front.open_files() <= files, what="closed descriptors")
