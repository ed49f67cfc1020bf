"""What looks on while nginx runs, as WS_CHECKER says: the sanitizers built into it, or valgrind.
Whatever one of them reports ends up in files beside nginx's logs."""

import os
import re
from pathlib import Path

CHECKER = os.environ.get("WS_CHECKER", "")
SUPPRESSIONS = Path(__file__).resolve().parent.parent / "suppressions"

# Everything is slower under them, and what has to come at once may come later.
SLOWNESS = {"": 1, "asan": 3, "valgrind": 10}[CHECKER]

# What a sanitizer sees beyond its end is the smaller buffer, in which more stands that came with
# the request. For the http block, by directive.
BUFFERS = {
    "ws_buffer_size": "48k",
    "client_header_buffer_size": "128k",
    "large_client_header_buffers": "4 128k",
} if CHECKER == "asan" else {}

# Ends of pipes that a process has because of it.
PIPES = 2 if CHECKER == "valgrind" else 0

# Their own memory cannot be told from nginx's.
MEASURES_MEMORY = not CHECKER


def command(prefix, config_only=False):
    """What stands before nginx in its command line. `nginx -t`, config_only, leaves what it holds
    to the kernel, so its leaks are none."""
    if CHECKER != "valgrind":
        return []
    return ["valgrind", "--quiet", f"--log-file={prefix}/checker.%p", "--num-callers=30",
            f"--leak-check={'no' if config_only else 'full'}", "--show-leak-kinds=definite",
            "--sim-hints=lax-ioctls",  # SIOCOUTQNSD, which it does not know
            f"--suppressions={SUPPRESSIONS}/valgrind"]


def environment(prefix, config_only=False):
    if CHECKER != "asan":
        return {}
    options = [
        f"log_path={prefix}/checker",
        f"detect_leaks={int(not config_only)}",
        "quarantine_size_mb=1",  # tests look at memory
        "fast_unwind_on_malloc=0",  # through OpenSSL, which has no frame pointers
        "detect_stack_use_after_return=1",
        "strict_string_checks=1",
        "verify_asan_link_order=0",  # t/faults stands before it
    ]
    return {"ASAN_OPTIONS": ":".join(options),
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
        # A fork puts its own name before that, and may put more behind it.
        return re.match(rb"\S+: worker process", title) is not None, b"shutting down" in title
    return True, bool(re.search(rf"\] {pid}#\d+: (gracefully shutting down|exiting)", log()))
