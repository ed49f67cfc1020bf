"""What looks on while nginx runs, as WS_CHECKER says: the sanitizers built into it, or valgrind.
Whatever one of them reports ends up in files beside nginx's logs."""

import os
import re
from pathlib import Path

CHECKER = os.environ.get("WS_CHECKER", "")
SUPPRESSIONS = Path(__file__).resolve().parent / "suppressions"

# Everything is slower under them, and what has to come at once may come later.
SLOWNESS = {"": 1, "asan": 3, "valgrind": 10}[CHECKER]


def command(prefix):
    """What stands before nginx in its command line."""
    if CHECKER != "valgrind":
        return []
    return ["valgrind", "--quiet", f"--log-file={prefix}/checker.%p", "--num-callers=30",
            "--leak-check=full", "--show-leak-kinds=definite", "--track-fds=no",
            f"--suppressions={SUPPRESSIONS}/valgrind"]


def environment(prefix, config_only=False):
    """`nginx -t` leaves what it holds to the kernel, so its leaks are none."""
    if CHECKER != "asan":
        return {}
    leaks = int(not config_only)
    # The reports of freed memory need some of it kept, but tests look at memory.
    return {"ASAN_OPTIONS": f"log_path={prefix}/checker:detect_leaks={leaks}:quarantine_size_mb=1:"
                            "detect_stack_use_after_return=1:strict_string_checks=1",
            "UBSAN_OPTIONS": f"log_path={prefix}/checker:print_stacktrace=1",
            "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}/leaks:print_suppressions=0"}


def reports(prefix):
    """What was found, empty if that is nothing."""
    return "\n".join(text for path in sorted(prefix.glob("checker.*"))
                     if (text := path.read_text(errors="replace")).strip())


def is_worker(pid, title, log):
    """Whether a child of the master is a worker, and whether one that exits. Under valgrind a
    process has valgrind's own title, and only the error log tells."""
    if CHECKER != "valgrind":
        return title.startswith(b"nginx: worker process"), b"shutting down" in title
    return True, bool(re.search(rf"\] {pid}#\d+: (gracefully shutting down|exiting)", log()))
