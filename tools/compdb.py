"""Writes compile_commands.json from what `make --dry-run --always-make` would do. Standard input has
for each run of make the line "directory PATH", and then what make said."""

import json
import os
import shlex
import sys


def commands(lines):
    """The directory, the words and the source of each command that compiles C++."""
    directory, pending = "", ""
    for line in lines:
        pending += line.rstrip("\n")
        if pending.endswith("\\"):
            pending = pending[:-1] + " "
            continue
        text, pending = pending, ""
        if text.startswith("directory "):
            directory = text.partition(" ")[2]
        elif ".cpp" in text and " -c " in text:
            words = shlex.split(text)
            for source in (word for word in words if word.endswith(".cpp")):
                yield directory, words, source


def main():
    root = os.getcwd()
    entries = {}
    for directory, words, source in commands(sys.stdin):
        path = os.path.normpath(os.path.join(directory, source))
        # The first command for a file is the one that counts.
        if path.startswith(root + os.sep) and path not in entries:
            entries[path] = {"directory": directory, "file": path, "arguments": words}
    json.dump(list(entries.values()), sys.stdout, indent=1)
    print()


main()
