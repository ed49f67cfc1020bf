"""The harness among other nginxes than Debian's."""

import pytest

from harness import checker
from harness.gateway import version_of
from harness.stream import is_inside

pytestmark = pytest.mark.skipif(checker.CHECKER == "valgrind", reason="has other titles")


@pytest.mark.parametrize("title, expected", [
    (b"nginx: worker process", (True, False)),
    (b"nginx: worker process is shutting down", (True, True)),
    (b"angie: worker process #3", (True, False)),
    (b"angie: worker process is shutting down #3", (True, True)),
    (b"nginx: master process /usr/sbin/nginx -c worker process", (False, False)),
    (b"nginx: cache manager process", (False, False)),
    (b"/usr/sbin/nginx\0-p\0/tmp/worker process", (False, False)),
])
def test_worker_is_known_by_its_title(title, expected):
    assert checker.is_worker(1, title, str) == expected


@pytest.mark.parametrize("built, expected", [
    ("nginx version: nginx/1.22.1\nbuilt with OpenSSL 3.0.19", (1, 22, 1)),
    ("nginx version: freenginx/1.27.2", (1, 27, 2)),
    ("Tengine version: Tengine/3.1.0\nnginx version: nginx/1.24.0", (1, 24, 0)),
    ("Angie version: Angie/1.13.0\nbuilt by gcc 12.2.0", (1, 13, 0)),
])
def test_version_is_that_of_nginx(built, expected):
    assert version_of(built) == expected


@pytest.mark.parametrize("arguments, expected", [
    ("--with-compat --with-stream --with-threads", True),
    ("--with-stream", True),
    ("--with-stream=dynamic --with-stream_ssl_module", False),
    ("--with-stream_ssl_module", False),
    ("--with-compat", False),
])
def test_stream_module_inside_needs_no_loading(arguments, expected):
    assert is_inside(f"nginx version: nginx/1.22.1\nconfigure arguments: {arguments}\n") is expected
