"""Speed over a long link, ours beside nginx stream in the same run. Called by ./build.sh bench link.

Prints for each point of the grid the medians in Mbit/s, the ratio of neighbouring runs with its
extremes, and with --stall what hides of a session when its receiver stops in full flight.
"""

import argparse
import itertools
import json
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from link_plot import draw  # noqa: E402
from harness.long_paths import Way, long_paths  # noqa: E402
from harness.netns import why_not_long  # noqa: E402

NAMES = ("stream", "ours")


def arguments():
    parser = argparse.ArgumentParser(prog="./build.sh bench link", description=__doc__.splitlines()[0])
    parser.add_argument("--rtt", default="1,10,50,100,300", help="milliseconds, some of them")
    parser.add_argument("--rate", default="10,100,200,1000", help="Mbit/s")
    parser.add_argument("--loss", default="0", help="parts of all packets, such as 0,0.001")
    parser.add_argument("--congestion", default="cubic,bbr")
    parser.add_argument("--connections", default="1,16")
    parser.add_argument("--direction", default="up,down")
    parser.add_argument("--protocol", default="ws,wss")
    parser.add_argument("--far", default="client", help="client, backend, both")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0,
                        help="of each transfer; by default 3, or 30 round trips if that is more")
    parser.add_argument("--queue", type=float, default=1, help="of the link, in what it holds")
    parser.add_argument("--settings", default="", help="directives of ours")
    parser.add_argument("--stall", action="store_true", help="and what hides in a stall")
    parser.add_argument("--out", help="a file for the figures, a line of JSON each")
    parser.add_argument("--plot", help="a file for a picture of what hides at all points of --out")
    asked = parser.parse_args()
    if asked.plot and not asked.out:
        parser.error("--plot needs --out")
    return asked


def points(asked):
    def numbers(text):
        return [float(word) for word in text.split(",")]

    for rtt, rate, loss, congestion in itertools.product(
            numbers(asked.rtt), numbers(asked.rate), numbers(asked.loss),
            asked.congestion.split(",")):
        for protocol, connections, direction, far in itertools.product(
                asked.protocol.split(","), numbers(asked.connections),
                asked.direction.split(","), asked.far.split(",")):
            yield (rtt / 1e3, rate * 1e6, loss, congestion,
                   Way(direction == "up", protocol == "wss", int(connections), far))


def measure(asked, rtt, rate, loss, congestion, way):
    """For each name the figures of all rounds: bytes a second, of the last half, hidden bytes."""
    figures = {name: [] for name in NAMES}
    seconds = asked.seconds or max(3, 30 * rtt)
    queue = max(asked.queue * rtt * rate / 8, 256 * 1024)
    with tempfile.TemporaryDirectory(prefix="ngx_ws_link_") as prefix, long_paths(
            prefix, rtt, rate, way, asked.settings, loss=loss, congestion=congestion,
            queue=queue) as paths:
        for number in range(asked.rounds):
            # The order alternates: what comes first finds the machine in another state.
            for name in NAMES[::-1] if number % 2 else NAMES:
                with paths.transfer(name) as transfer:
                    first, last = transfer.rate(seconds / 2), transfer.rate(seconds / 2)
                    hidden = 0
                    if asked.stall:
                        transfer.stall()
                        hidden = transfer.watch(max(1, 10 * rtt))
                    figures[name].append(((first + last) / 2, last, hidden))
    return figures


def promised(rtt, rate):
    """The most that may hide: a quarter is for what the kernel's round trips are off."""
    return 256 * 1024 + 1.25 * rtt * rate / 8


def tell(figures, rtt, rate, loss, congestion, way):
    columns = {name: [list(column) for column in zip(*rows)] for name, rows in figures.items()}

    def ratio(number):
        pairs = zip(columns["ours"][number], columns["stream"][number])
        ratios = sorted(ours / stream for ours, stream in pairs)
        return statistics.median(ratios), ratios[0], ratios[-1]

    whole, least, most = ratio(0)
    middle = {name: [statistics.median(column) for column in columns[name]] for name in NAMES}
    line = (f"{rtt * 1e3:4.0f} ms {rate / 1e6:5.0f} Mbit/s loss {loss:g} {congestion:5} {way!s:12}"
            f"{way.far:8} {middle['stream'][0] * 8e-6:6.1f} {middle['ours'][0] * 8e-6:6.1f}"
            f"  {whole:.3f} ({least:.2f}..{most:.2f}) {ratio(1)[0]:.3f}")
    if any(columns["ours"][2]):
        bound = promised(rtt, rate) / 1024
        line += (f"  hidden {middle['stream'][2] / 1024:6.0f} {middle['ours'][2] / 1024:6.0f}"
                 f" (most {max(columns['ours'][2]) / 1024:.0f}) of {bound:.0f} KiB")
    print(line, flush=True)


def of_file(name):
    """What draw() wants of each point."""
    with open(name, encoding="ascii") as lines:
        for point in map(json.loads, lines):
            rtt, rate = point["rtt"], point["rate"]
            words = (f"{rate / 1e6:.0f} Mbit/s, {rtt * 1e3:.0f} ms,"
                     f" {'upload' if point['up'] else 'download'}")
            yield words, promised(rtt, rate), {name: point[name] for name in NAMES}


def main():
    asked = arguments()
    why = why_not_long()
    if why:
        sys.exit(f"no long link can be made: {why}")
    print("round trip, rate, loss, congestion, way, who is far; Mbit/s of stream and ours;"
          " ours/stream (least..most), and in the last half")
    for point in points(asked):
        figures = measure(asked, *point)
        tell(figures, *point)
        if asked.out:
            with open(asked.out, "a", encoding="ascii") as out:
                rtt, rate, loss, congestion, way = point
                out.write(json.dumps({"rtt": rtt, "rate": rate, "loss": loss,
                                      "congestion": congestion, **vars(way), **figures}) + "\n")
    if asked.plot:
        Path(asked.plot).write_text(draw(list(of_file(asked.out))), encoding="utf-8")


if __name__ == "__main__":
    main()
