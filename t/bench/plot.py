"""The ratios as a picture for docs/benchmarks.md: SVG, bars by load and peer."""

from xml.sax.saxutils import escape

from figures import rated
from peers import BASE

COLORS = {
    "stream": "#8c959f",
    "stream-64k": "#b6bec7",
    "tunnel": "#54aeff",
    "haproxy": "#218bff",
    "lighttpd": "#c297ff",
    "websockify": "#e0a458",
    "ours": "#1a7f37",
    "counted": "#4ac26b",
}
COLOR_OF_BUILDS = "#bf8700"

WIDTH = 860
LEFT = 250  # of the bars
RIGHT = 60
TOP = 78
BAR = 13
GAP = 16  # between groups
LONGEST = 2.5  # a longer bar is cut, and its number tells


class Picture:
    def __init__(self):
        self._parts = []

    def text(self, x, y, text, anchor="start", size=12, color="#1f2328", weight="normal"):
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
            f' fill="{color}" font-weight="{weight}">{escape(text)}</text>')

    def bar(self, x, y, width, height, color):
        self._parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}"'
                           f' height="{height}" rx="2" fill="{color}"/>')

    def line(self, x1, y1, x2, y2, color, dash=""):
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
                           f' stroke="{color}"{dashes}/>')

    def document(self, height, title):
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}"'
                f' viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}"'
                ' font-family="system-ui, -apple-system, Segoe UI, sans-serif">')
        paper = f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
        return "\n".join([head, paper, *self._parts, "</svg>"]) + "\n"


def draw(figures, titles):
    loads = [load for load in figures.loads if rated(load) and load.mode != "idle"]
    names = [name for name in figures.names if name != BASE]
    picture = Picture()
    title = "Work for each second of server CPU"
    picture.text(20, 26, title, size=16, weight="bold")
    picture.text(20, 44, "nginx stream, relaying raw TCP, is 1.0; medians, with least and most;"
                         " more is better", size=11, color="#59636e")
    legend(picture, names, titles)
    bottom = groups(picture, figures, loads, names)
    grid(picture, bottom)
    return picture.document(bottom + 30, title)


def across(ratio):
    return LEFT + min(ratio, LONGEST) / LONGEST * (WIDTH - LEFT - RIGHT)


def legend(picture, names, titles):
    x = 20.0
    for name in names:
        picture.bar(x, 55, 10, 10, COLORS.get(name, COLOR_OF_BUILDS))
        picture.text(x + 14, 64, titles[name], size=11)
        x += 14 + 6.2 * len(titles[name]) + 16


def groups(picture, figures, loads, names):
    y = TOP
    for load in loads:
        there = [name for name in names if figures.ran(load, name)]
        middle = y + BAR * len(there) / 2
        picture.text(LEFT - 10, middle + 4, load.title, "end")
        for name in there:
            one_bar(picture, y, figures.ratios(load, name), name)
            y += BAR
        y += GAP
    return y - GAP + 6


def one_bar(picture, y, ratio, name):
    color = COLORS.get(name, COLOR_OF_BUILDS)
    if ratio is None:
        picture.text(LEFT + 4, y + 10, "failed", size=10, color="#cf222e")
        return
    picture.bar(LEFT, y + 1, across(ratio.median) - LEFT, BAR - 2, color)
    middle = y + BAR / 2
    picture.line(across(ratio.least), middle, across(ratio.most), middle, "#1f2328")
    picture.text(max(across(ratio.most), across(ratio.median)) + 5, y + 10,
                 f"{ratio.median:.2f}", size=10, weight="bold" if name == "ours" else "normal")


def grid(picture, bottom):
    for tenths in (0, 5, 10, 15, 20, 25):
        x = across(tenths / 10)
        if tenths == 10:
            picture.line(x, TOP - 4, x, bottom, "#1f2328", "4 3")
        picture.text(x, bottom + 16, f"{tenths / 10:.1f}", "middle", 10, "#59636e")
