"""nginx's stream module, as a service that others wrote."""

import os

import pytest

from gateway import NGINX

# Debian's fits Debian's nginx alone; another nginx comes with the path of its own.
DEBIANS = "/usr/lib/nginx/modules/ngx_stream_module.so" if NGINX == "/usr/sbin/nginx" else ""
MODULE = os.environ.get("WS_STREAM_MODULE") or DEBIANS

needs_stream = pytest.mark.skipif(not os.path.isfile(MODULE), reason="needs nginx's stream module")


def stream_parts(server, settings=""):
    """Arguments of Gateway for an nginx that has only this server{} in a stream{}."""
    return {"module": False,
            "main": f"load_module {MODULE}; stream {{ {settings} server {{ {server} }} }}"}
