"""Speed of the client of client/ beside a bare WebSocket, in Node and in Chromium. Called by ./build.sh
bench client.

In Node the bare one is that of the package ws. Both carry the same bytes through the same gateway, in
turn; a figure is how much of the bare one's speed ours has in a round: the median, and the extremes. The
last one compares the best round of each, which says more where other programs run.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.gateway import ROOT, Gateway  # noqa: E402
from harness.node import Host  # noqa: E402
from harness.npm_package import files  # noqa: E402

HERE = Path(__file__).resolve().parent
LOADS = ("up", "down", "pingpong")
NAMES = ("bare", "ours")

# Both give the seconds of one run, behind another in which everything is compiled.
NODE = """
    const { loads } = await import(args.loads);
    const { ResumableSocket } = await import(args.client);
    const Socket = args.name === 'ours' ? ResumableSocket : require('ws');
    const load = () => loads[args.load]((service) => new Socket(args.url + service), args.size);
    await load();
    return load();
"""

CHROMIUM = """
    await page.goto(args.page);
    return page.evaluate(async ({ url, name, load, size }) => {
        const { loads } = await import('/doors.mjs');
        const { ResumableSocket } = await import('/ngx-ws-filter.min.js');
        const Socket = name === 'ours' ? ResumableSocket : WebSocket;
        const run = () => loads[load]((service) => new Socket(url + service), size);
        await run();
        return run();
    }, args);
"""


def arguments():
    parser = argparse.ArgumentParser(prog="./build.sh bench client", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--mebibytes", type=int, default=64, help="of a bulk load")
    parser.add_argument("--only", choices=["node", "chromium"], help="one of the two")
    return parser.parse_args()


class Services:
    def __init__(self, size):
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "node", HERE / "doors_services.mjs", str(size)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ports = json.loads(self._process.stdout.readline())

    def stop(self):
        self._process.stdin.close()
        self._process.wait(10)


def gateway(prefix, ports):
    places = "".join(f"location = /ws/{name} {{ ws_pass 127.0.0.1:{port}; ws_resume on; }}"
                     for name, port in ports.items())
    return Gateway(
        Path(prefix), f"{places} location = /doors.mjs {{ root {HERE}; types {{ text/javascript mjs; }} }}"
        f"location / {{ root {files()}; types {{ text/javascript js; }} }}"
        'location = /page { default_type text/html; return 200 "<!doctype html>"; }')


def measure(host, script, load, rounds, **args):
    """For each name the seconds of its rounds. The order alternates: what comes first finds the machine
    in another state."""
    seconds = {name: [] for name in NAMES}
    for number in range(rounds):
        for name in NAMES[::-1] if number % 2 else NAMES:
            seconds[name].append(host.run(script, timeout=300, load=load, name=name, **args))
    return seconds


def tell(kind, load, seconds):
    ratios = [bare / ours for bare, ours in zip(seconds["bare"], seconds["ours"])]
    best = min(seconds["bare"]) / min(seconds["ours"])
    print(f"{kind:9} {load:9} {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
          f"  {best:.2f}", flush=True)


def main():
    asked = arguments()
    size = asked.mebibytes << 20
    services = Services(size)
    with tempfile.TemporaryDirectory(prefix="ngx_ws_bench_") as prefix:
        front = gateway(prefix, services.ports).start()
        args = {"url": front.url("/ws/"), "size": size, "page": front.url("/page", "http"),
                "loads": (HERE / "doors.mjs").as_uri(), "client": (ROOT / "client/node/index.js").as_uri()}
        print("where, load, ours / bare (least..most), best / best")
        for kind, program, script in (("node", "node_host.js", NODE), ("chromium", "browser.js", CHROMIUM)):
            if asked.only not in (None, kind):
                continue
            host = Host(program)
            for load in LOADS:
                tell(kind, load, measure(host, script, load, asked.rounds, **args))
            host.stop()
        front.stop()
    services.stop()


if __name__ == "__main__":
    main()
