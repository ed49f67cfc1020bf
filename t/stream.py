"""nginx's stream module, as a service that others wrote."""

from pathlib import Path

import pytest

from gateway import NGINX

MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")

# Debian's, which fits no other nginx.
needs_stream = pytest.mark.skipif(NGINX != "/usr/sbin/nginx" or not MODULE.exists(),
                                  reason="needs nginx's stream module")


def stream_parts(server, settings=""):
    """Arguments of Gateway for an nginx that has only this server{} in a stream{}."""
    return {"module": False,
            "main": f"load_module {MODULE}; stream {{ {settings} server {{ {server} }} }}"}
