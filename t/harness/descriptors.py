"""What a process has open, by the names in /proc."""

import os


def names(pid):
    found = []
    folder = f"/proc/{pid}/fd"
    for number in os.listdir(folder):
        try:
            found.append(os.readlink(f"{folder}/{number}"))
        except FileNotFoundError:
            pass  # closed while we looked
    return found


def count_own(pids, master):
    """How many the processes hold that `master` does not. It has all of nginx's channels, which
    come to a worker some time after that has begun to serve."""
    masters = set(names(master))
    return sum(name not in masters for pid in pids for name in names(pid))
