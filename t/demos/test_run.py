"""`./build.sh run NAME` as a newcomer uses it: the command that it prints works, Ctrl-C ends all."""

import os
import re
import signal
import subprocess

import pytest

from harness.gateway import MODULE, ROOT, wait_until
from harness.ports import free_port
from harness.services import needs

pytestmark = pytest.mark.skipif(MODULE != str(ROOT / "build" / "ngx_http_ws_module.so"),
                                reason="`run` takes the module of build/")


COMMAND = re.compile(r"another terminal:\n((?:  .*\\\n)*  .*[^\\])\n")
ADDRESS = re.compile(r"open (http://\S+) ")


@pytest.fixture
def run(tmp_path):
    """run(NAME): the process, which leads a group of its own, and what it has said so far: what to do
    then."""
    started = []

    def start(name, words=COMMAND):
        log = tmp_path / f"{name}.log"
        with open(log, "wb") as out:
            # A shell that began with SIGINT ignored, as behind nohup, never hears Ctrl-C.
            process = subprocess.Popen(
                ["env", "--default-signal=INT", "./build.sh", "run", name], cwd=ROOT, stdout=out,
                stderr=out, env={**os.environ, "PORT": str(free_port())},
                stdin=subprocess.DEVNULL, start_new_session=True)
        started.append(process)
        wait_until(lambda: words.search(log.read_text()) or process.poll() is not None,
                   timeout=120, what=f"{name} to run")
        assert process.poll() is None, log.read_text()
        return process, log

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def command_of(log):
    return COMMAND.search(log.read_text())[1]


def end(process):
    """Ctrl-C, as a terminal gives it: to the whole group."""
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=20) == 0


@needs("redis-server", "redis-server")
def test_command_for_redis_works(run):
    process, log = run("redis")
    done = subprocess.run(["bash", "-c", command_of(log)], capture_output=True, timeout=60,
                          check=True)
    assert done.stdout == b"+PONG\r\n"
    end(process)


@needs("redis-server", "redis-server")
def test_command_for_nodes_comes_back_to_each_of_them(run):
    process, log = run("nodes")
    done = subprocess.run(["bash", "-c", command_of(log)], capture_output=True, timeout=60,
                          check=True, text=True)
    *lines, end_of_it = done.stdout.splitlines()
    found = [re.fullmatch(r"connection (\d+) to the nodes, connection (\d+) to Redis", line).groups()
             for line in lines]
    assert [int(leg) for leg, _ in found] == list(range(1, 8))
    assert len({redis for _, redis in found}) == 1
    assert end_of_it == "closed, 1000"
    end(process)


@needs("sshd", "openssh-server")
def test_command_for_ssh_works_and_leaves_nothing_behind(run, tmp_path):
    process, log = run("ssh")
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(["bash", "-c", command_of(log) + " -F none -o BatchMode=yes echo through"],
                          capture_output=True, timeout=60, check=False,
                          env={**os.environ, "HOME": str(home)})
    assert done.stdout == b"through\n", done.stderr
    assert not list(home.iterdir())
    end(process)


@needs("socat", "socat")
def test_address_of_the_terminal_has_the_key_of_its_shell(run, browser, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.delenv("PS1", raising=False)
    process, log = run("terminal", ADDRESS)
    browser.run("""
        await page.goto(args.url);
        const line = (...words) => page.waitForFunction(
            (words) => [...document.querySelectorAll('.xterm-rows > div')].some(
                (row) => words.includes(row.textContent.trim())), words);
        await line('#', '$');
        await page.keyboard.type('echo $((6 * 7)); exit\\n');
        await line('42');
        await page.waitForSelector('#state[data-state=closed]');
    """, url=ADDRESS.search(log.read_text())[1])
    end(process)
