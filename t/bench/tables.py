"""The figures as plain text."""

from figures import rated
from peers import BASE


def tell(figures, titles, builds=()):
    parts = [ratios(figures), *(beside(figures, name) for name in builds), rates(figures),
             paces(figures), latencies(figures), idle(figures), stalls(figures),
             failures(figures, titles)]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(heading, rows):
    """Rows of texts below each other, the first column to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [heading]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def cell(spread, digits=2, scale=1):
    if spread is None:
        return "failed"
    low, middle, high = (f"{value / scale:.{digits}f}"
                         for value in (spread.least, spread.median, spread.most))
    return middle if low == high else f"{middle} ({low}..{high})"


def cells(figures, load, names, spread, *how):
    """What spread(load, name) says of each server that had this load."""
    return [cell(spread(load, name), *how) if figures.ran(load, name) else "-" for name in names]


def ratios(figures):
    loads = [load for load in figures.loads if rated(load) and load.mode != "idle"]
    if not loads:
        return ""
    others = [name for name in figures.names if name != BASE]
    rows = [["", *others, "goal of ours"]]
    for load in loads:
        rows.append([load.title, *cells(figures, load, others, figures.ratios),
                     f"{load.goal:.2f}" if load.goal else "-"])
    return table("Work for each second of server CPU, nginx stream = 1 in the same round: "
                 "median (least..most)", rows)


def beside(figures, name):
    loads = [load for load in figures.loads if rated(load)]
    if not loads:
        return ""
    rows = [["", "ours"]]
    for load in loads:
        title = load.title + (", memory" if load.mode == "idle" else "")
        rows.append([title, cell(figures.beside(load, name), 3)])
    return table(f"Ours, {name} = 1 in the same round", rows)


def rates(figures):
    loads = [load for load in figures.loads if rated(load) and load.mode != "idle"]
    if not loads:
        return ""
    rows = [["", "unit", *figures.names]]
    for load in loads:
        row = [load.title, load.unit]
        for name in figures.names:
            rate, busy = figures.rates(load, name), figures.busy(load, name)
            row.append(("failed" if figures.ran(load, name) else "-") if rate is None else
                       f"{rate.median / load.scale:.1f} @{busy.median * 100:.0f}%")
        rows.append(row)
    return table("The same as medians, per second of server CPU, and how busy its CPU was", rows)


def paces(figures):
    loads = [load for load in figures.loads if rated(load) and load.mode != "idle"]
    if not loads:
        return ""
    others = [name for name in figures.names if name != BASE]
    rows = [["", *others]]
    for load in loads:
        rows.append([load.title, *cells(figures, load, others, figures.paces)])
    return table("Work by the clock, nginx stream = 1: below 1 where a server waits, or where"
                 " its CPU is the limit", rows)


def latencies(figures):
    loads = [load for load in figures.loads if load.mode == "echo" and load.depth == 1]
    if not loads:
        return ""
    rows = [["", *figures.names]]
    for load in loads:
        row = [load.title]
        for name in figures.names:
            half = figures.values(load, name, "p50_us")
            most = figures.values(load, name, "p99_us")
            row.append(("failed" if figures.ran(load, name) else "-") if half is None else
                       f"{half.median:.0f} / {most.median:.0f}")
        rows.append(row)
    return table("Round trip, p50 / p99 in microseconds, medians", rows)


def idle(figures):
    rows = [["", *figures.names]]
    for load in figures.loads:
        if load.mode != "idle":
            continue
        for title, key in (("opened only", "memory_opened"), ("after one echo", "memory_used")):
            rows.append([f"{load.title}: {title}",
                         *cells(figures, load, figures.names, figures.values_of(key), 1, 1000)])
        rows.append([f"{load.title}: ratio, opened (goal of ours {load.goal:.2f})",
                     *cells(figures, load, figures.names, figures.ratios)])
    return "" if len(rows) == 1 else table("Memory of an idle connection, kB", rows)


def stalls(figures):
    rows = [["", *figures.names]]
    for load in figures.loads:
        if not load.mode.startswith("stalled"):
            continue
        for what in ("taken", "hidden", "memory"):
            rows.append([f"{load.title}: {what}",
                         *cells(figures, load, figures.names, figures.values_of(what), 0, 1000)])
    if len(rows) == 1:
        return ""
    return table("Stalls, kB a connection: acknowledged to the sender; of that, in neither end's"
                 " kernel; memory", rows)


def failures(figures, titles):
    lines = []
    for name in figures.names:
        for load, number, error in figures.failures(name):
            lines.append(f"  {titles[name]}, {load}, round {number + 1}: {error[:300]}")
    return "\n".join(["Failed, and not counted:", *lines]) if lines else ""
