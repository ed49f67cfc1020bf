"""Runs several servers on the same work in turn and compares them. Called by ./build.sh bench."""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import loads
import peers
from figures import Figures
from plot import draw
from tables import tell


def arguments():
    parser = argparse.ArgumentParser(
        prog="./build.sh bench",
        description="Work for each second of server CPU, as a ratio to nginx stream with its"
                    " default buffers in the same round: medians over the rounds, and (min..max).",
        epilog=f"loads: {' '.join(load.name for load in loads.ALL)};"
               f" peers: {' '.join(peer.name for peer in peers.ALL)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is run (default 5)")
    parser.add_argument("--seconds", type=float, default=2, help="of each run (default 2)")
    parser.add_argument("--only", metavar="LOAD,...", help="these loads")
    parser.add_argument("--peers", metavar="PEER,...", help="these peers; stream is always run")
    parser.add_argument("--with", dest="builds", metavar="NAME=MODULE.so", action="append",
                        default=[], help="another build of the module, in the same rounds, and"
                        " ours in relation to it; may be repeated")
    parser.add_argument("--quick", action="store_true", help="about a minute: ours and stream")
    parser.add_argument("--nginx", default="/usr/sbin/nginx", help=argparse.SUPPRESS)
    parser.add_argument("--module", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, required=True, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.quick:
        asked.rounds, asked.seconds = 2, 1
    asked.loads = chosen(parser, asked.only, loads.ALL, lambda load: not asked.quick or load.quick)
    asked.peers = chosen(parser, asked.peers, peers.ALL,
                         lambda peer: peer.by_default
                         and (not asked.quick or peer.name in (peers.BASE, "ours")))
    asked.builds = [build(parser, text) for text in asked.builds]
    asked.peers += asked.builds
    if peers.ALL[0] not in asked.peers:
        asked.peers.insert(0, peers.ALL[0])
    return asked


def chosen(parser, names, everything, by_default):
    if names is None:
        return [one for one in everything if by_default(one)]
    known = {one.name: one for one in everything}
    unknown = set(names.split(",")) - known.keys()
    if unknown:
        parser.error(f"unknown: {' '.join(sorted(unknown))}; known: {' '.join(known)}")
    return [known[name] for name in names.split(",")]


def build(parser, text):
    """The peer that NAME=MODULE.so asks for."""
    name, _, module = text.partition("=")
    if not name or name in (peer.name for peer in peers.ALL) or not Path(module).is_file():
        parser.error(f'invalid "--with {text}": expected NAME=MODULE.so, a name that is no peer\'s'
                     ' and a file that is there')
    return peers.build(name, Path(module).resolve())


def run_load(asked, load, peer, pid):
    """What the load generator says: the figures of one run, or why there are none."""
    connections = load.connections
    if load.mode == "idle":
        # Each is two descriptors for the server.
        connections = peer.idle or min(connections, asked.files // 2 - 100)
    command = [asked.out / "load", f"mode={load.mode}", f"path=/{load.service}",
               f"protocol={peer.protocol(load)}", f"tls={'on' if load.tls else 'off'}",
               f"port={peer.port(load.service)}",
               f"control={peer.backend.control}", f"server={pid}", f"size={load.size}",
               f"connections={connections}", f"depth={load.depth}", f"seconds={asked.seconds}"]
    try:
        done = subprocess.run(command, preexec_fn=peers.pinned(0), capture_output=True, text=True,
                              timeout=asked.seconds + 25, check=False)
    except subprocess.TimeoutExpired:
        return {"error": "no result in time"}
    complaint = peer.complaint()
    if done.returncode != 0 or complaint:
        return {"error": " ".join((done.stderr + " " + complaint).split())}
    return json.loads(done.stdout)


def run(asked, load, kind):
    prefix = asked.out / "run" / kind.name
    prefix.mkdir(parents=True, exist_ok=True)
    (prefix / "error.log").unlink(missing_ok=True)
    backend = peers.Backend(asked.out, prefix)
    peer = kind(asked, prefix, backend)
    try:
        return run_load(asked, load, peer, peer.start(load))
    except RuntimeError as error:
        return {"error": str(error)}
    finally:
        peer.stop()
        backend.stop()


def present(asked):
    kinds = []
    for kind in asked.peers:
        why = kind.missing(asked)
        if why:
            print(f"{kind.title} is left out: {why}", file=sys.stderr)
        else:
            kinds.append(kind)
    return kinds


def measure(asked, kinds):
    figures = Figures([kind.name for kind in kinds], asked.loads)
    for number in range(asked.rounds):
        # In another order each time: what comes first finds the machine in another state.
        order = kinds[number % len(kinds):] + kinds[:number % len(kinds)]
        for load in asked.loads:
            for kind in [kind for kind in order if kind.takes(load)]:
                show(f"round {number + 1} of {asked.rounds}: {load.name}, {kind.name}")
                figures.add(number, load, kind.name, run(asked, load, kind))
    show("")
    return figures


def show(progress):
    if sys.stderr.isatty():
        print(f"\r\033[K{progress}", end="", file=sys.stderr, flush=True)


def main():
    asked = arguments()
    asked.out = asked.out.resolve()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asked.files = min(hard, 20000)
    kinds = present(asked)
    begin = time.time()
    figures = measure(asked, kinds)
    titles = {kind.name: kind.title for kind in kinds}
    print(tell(figures, titles, [kind.name for kind in asked.builds]))
    print(f"{asked.rounds} rounds of {asked.seconds:g} s, {os.cpu_count()} CPUs, load"
          f" {os.getloadavg()[1]:.1f}, {time.time() - begin:.0f} s")
    (asked.out / "results.json").write_text(json.dumps(figures.as_json(titles), indent=1) + "\n")
    (asked.out / "bench.svg").write_text(draw(figures, titles))
    print(f"{asked.out}/results.json, {asked.out}/bench.svg")
    return 1 if figures.failures("ours") else 0


if __name__ == "__main__":
    sys.exit(main())
