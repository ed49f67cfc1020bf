"""Says which classes of the module have more than 20 fields or 30 member functions, one a line.

Reads what `clang -Xclang -ast-dump` prints of a file that includes the module's headers.
"""

import re
import sys

MOST = {"fields": 20, "member functions": 30}
NODE = re.compile(r"([| `-]*)(\w+) 0x[0-9a-f]+ (.*)")
FUNCTIONS = {"CXXMethodDecl", "CXXConstructorDecl", "CXXDestructorDecl", "FunctionTemplateDecl"}


def classes(dump):
    """The name of each class that is defined, with namespaces, and what it has how many of."""
    around = []  # what the present node stands in: depth, name, and counts where it is a class
    for line in dump:
        node = NODE.match(line)
        if not node:
            continue
        depth, kind, rest = len(node[1]) // 2, node[2], node[3]
        while around and around[-1][0] >= depth:
            yield from finished(around)
        defined = re.search(r"(?:class|struct|union) (?:(\w+) )?definition$", rest)
        if kind == "NamespaceDecl":
            around.append((depth, rest.split()[-1], None))
        elif kind == "CXXRecordDecl" and defined:
            around.append((depth, defined[1] or "anonymous", dict.fromkeys(MOST, 0)))
        elif around and around[-1][0] == depth - 1 and around[-1][2] is not None:
            count(around[-1][2], kind, rest)
    while around:
        yield from finished(around)


def count(counts, kind, rest):
    if " implicit " in f" {rest} ":
        return
    if kind == "FieldDecl":
        counts["fields"] += 1
    elif kind in FUNCTIONS:
        counts["member functions"] += 1


def finished(around):
    name = "::".join(part for _, part, _ in around)
    counts = around.pop()[2]
    if counts is not None:
        yield name, counts


def main():
    found = dict(classes(sys.stdin))
    if not any(name.startswith("ngx_ws::") for name in found):
        sys.exit("no class of the module is in what clang has printed")
    for name, counts in found.items():
        for what, number in counts.items():
            if name.startswith("ngx_ws::") and number > MOST[what]:
                print(f"module: {name} has {number} {what}, more than {MOST[what]}")


main()
