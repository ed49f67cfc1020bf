"""docs/resume.md: real services whose clients, by way of client/node/cli.js, are cut again and again,
while nginx is reloaded. None of them sees anything of it."""

import getpass
import hashlib
import shlex
import subprocess

import pytest

from harness.cutting_wire import CuttingWire
from harness.gateway import wait_until
from harness.ports import free_port
from harness.services import COMMAND, INITDB, accepts, needs
from services.test_service_redis import pipelined


@pytest.fixture
def cut_wire(gateway):
    """A wire before four workers that pass the bytes of sessions to this port:
    cut_wire(port, most=100000, cuts=20, reload_each=5)."""
    wires = []

    def start(port, *, reload_each=0, **how):
        front = gateway(f"location / {{ ws_pass 127.0.0.1:{port}; ws_resume on; }}", workers=4,
                        listen="reuseport")

        def reload_at_times(cuts):
            if reload_each and cuts % reload_each == 0:
                front.reload()

        wire = CuttingWire(front.port, on_cut=reload_at_times, **how)
        wires.append(wire)
        wire.front, wire.url = front, f"ws://127.0.0.1:{wire.port}/"
        return wire

    yield start
    for wire in wires:
        with wire:
            assert wire.failure is None, wire.failure


def remote(service, wire):
    """What ssh and scp need to get to the demo's server over the wire."""
    proxy = f"node {shlex.quote(str(COMMAND))} {wire.url}"
    return ["-F", "none", "-i", service.folder / "client_key", "-o", f"ProxyCommand={proxy}",
            "-o", f"UserKnownHostsFile={service.folder / 'known_hosts'}",
            "-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes",
            "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"]


@needs("sshd", "openssh-server")
@needs("ssh", "openssh-client")
def test_ssh_session_goes_on(real, cut_wire):
    service, _ = real("ssh")
    wire = cut_wire(service.port, most=300000, cuts=40, reload_each=10)
    data = hashlib.shake_128(b"ssh").digest(8 << 20)
    done = subprocess.run(
        ["ssh", *remote(service, wire), "-T", f"{getpass.getuser()}@demo", "cat; exit 7"],
        input=data, capture_output=True, timeout=120)
    assert done.returncode == 7, done.stderr
    assert done.stdout == data
    assert wire.cuts == 40


@needs("sshd", "openssh-server")
@needs("scp", "openssh-client")
def test_scp_of_100_mib_is_exact(real, cut_wire, tmp_path):
    service, _ = real("ssh")
    wire = cut_wire(service.port, most=1500000, cuts=100, reload_each=10)
    there, here = tmp_path / "there", tmp_path / "here"
    there.write_bytes(hashlib.shake_128(b"scp").digest(100 << 20))
    done = subprocess.run(
        ["scp", "-O", *remote(service, wire), f"{getpass.getuser()}@demo:{there}", here],
        capture_output=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert here.read_bytes() == there.read_bytes()
    assert wire.cuts == 100


@needs("redis-server", "redis-server")
def test_redis_pipeline_is_answered_in_order(real, cut_wire):
    service, _ = real("redis")
    wire = cut_wire(service.port, most=60000, cuts=20, reload_each=5)
    commands, due = pipelined()
    done = subprocess.run(["node", COMMAND, wire.url], input=commands + b"QUIT\r\n",
                          capture_output=True, timeout=60)
    assert done.stdout == due + b"+OK\r\n", done.stderr
    assert wire.cuts == 20


TRANSACTION = """
create table t (n int, text text);
begin;
insert into t select n, repeat(md5(n::text), 10) from generate_series(1, 3000) n;
{rows}
select count(*), sum(n), md5(string_agg(text, '' order by n)) from t;
commit;
select count(*) from t;
"""


@needs(INITDB, "postgresql")
@needs("psql", "postgresql-client")
def test_postgresql_transaction_goes_on(real, cut_wire):
    each = "insert into t select {0}, repeat(md5('{0}'), 10); select text from t where n = {0};"
    rows = "\n".join(each.format(n) for n in range(3001, 4501))
    service, _ = real("postgres")
    wire = cut_wire(service.port, most=30000, cuts=20, reload_each=5)
    port = free_port()
    door = subprocess.Popen(["node", COMMAND, "-L", str(port), wire.url])
    try:
        wait_until(lambda: accepts(port), 30, "the client's door")
        done = subprocess.run(
            ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
             str(port), "-U", "demo", "demo"],
            input=TRANSACTION.format(rows=rows).encode(), capture_output=True, timeout=120)
    finally:
        door.terminate()
        door.wait()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().split()
    texts = [hashlib.md5(str(n).encode()).hexdigest() * 10 for n in range(1, 4501)]
    whole = hashlib.md5("".join(texts).encode()).hexdigest()
    assert lines == [*texts[3000:], f"4500|{sum(range(4501))}|{whole}", "4500"]
    assert wire.cuts == 20
