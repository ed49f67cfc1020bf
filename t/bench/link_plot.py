"""What hides over long links as a picture for docs/flow-control.md: SVG, bars by link and server."""

import statistics

from plot import COLORS, Picture, WIDTH

LEFT, RIGHT, TOP, BAR, GAP = 250, 120, 96, 16, 22
TITLES = {"stream": "nginx stream", "ours": "ngx_ws_filter"}
MIB = 1024 * 1024


def draw(points):
    """`points`: of each its title, the bound in bytes, and by server the rounds of link.py."""
    picture = Picture()
    title = "Bytes that hide when the receiver stops in full flight"
    picture.text(20, 26, title, size=16, weight="bold")
    picture.text(20, 44, "MiB, medians with least and most; the line is 256 KiB and 1.25 of what the"
                         " link holds; behind each bar the speed in Mbit/s", size=11, color="#59636e")
    for number, (name, words) in enumerate(TITLES.items()):
        picture.bar(20 + 130 * number, 58, 10, 10, COLORS[name])
        picture.text(34 + 130 * number, 67, words, size=11)
    longest = max(row[2] for _, _, figures in points for rows in figures.values() for row in rows)
    y = TOP
    for words, bound, figures in points:
        y = _link(picture, y, words, bound, figures, (WIDTH - LEFT - RIGHT) / longest)
    return picture.document(y, title)


def _link(picture, y, words, bound, figures, scale):
    picture.text(LEFT - 10, y + BAR + 4, words, "end")
    for number, name in enumerate(TITLES):
        speeds, _, hidden = zip(*figures[name])
        top, middle = y + number * BAR, statistics.median(hidden)
        picture.bar(LEFT, top + 1, middle * scale, BAR - 2, COLORS[name])
        picture.line(LEFT + min(hidden) * scale, top + BAR / 2, LEFT + max(hidden) * scale,
                     top + BAR / 2, "#1f2328")
        picture.text(LEFT + max(hidden) * scale + 6, top + 12,
                     f"{middle / MIB:.1f} at {statistics.median(speeds) * 8e-6:.0f}", size=10,
                     weight="bold" if name == "ours" else "normal")
    picture.line(LEFT + bound * scale, y - 3, LEFT + bound * scale, y + 2 * BAR + 3, "#cf222e")
    return y + 2 * BAR + GAP
