"""nginx's stream module, as a service that others wrote."""

import os
import re

import pytest

from harness.gateway import BUILT, NGINX

# Debian's fits Debian's nginx alone; another nginx comes with the path of its own, or has it inside.
DEBIANS = "/usr/lib/nginx/modules/ngx_stream_module.so" if NGINX == "/usr/sbin/nginx" else ""
MODULE = os.environ.get("WS_STREAM_MODULE") or DEBIANS


def is_inside(built):
    """Whether an nginx that was configured so has it inside."""
    return re.search(r" --with-stream(\s|$)", built) is not None


INSIDE = is_inside(BUILT)
IS_THERE = INSIDE or os.path.isfile(MODULE)
LOAD = f"load_module {MODULE};" if IS_THERE and not INSIDE else ""
needs_stream = pytest.mark.skipif(not IS_THERE, reason="needs nginx's stream module")


def stream_parts(server, settings=""):
    """Arguments of Gateway for an nginx that has only this server{} in a stream{}."""
    return {"module": False, "main": f"{LOAD} stream {{ {settings} server {{ {server} }} }}"}
