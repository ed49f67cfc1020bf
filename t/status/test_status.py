"""ws_status answers whoever asks, in the form that was asked for."""

import json

import pytest

from harness.backends import EchoBackend
from harness.sessions import location, opened
from harness.status import Samples, counted, get, samples

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# What Prometheus 2.42 sends.
PROMETHEUS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
              "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")


@pytest.fixture
def front(gateway, backend):
    return gateway(**counted(location(backend(EchoBackend))))


@pytest.mark.parametrize("path, accept, expected", [
    ("/status", "*/*", TEXT),
    ("/status", PROMETHEUS, OPEN_METRICS),
    ("/status", "application/json", "application/json"),
    ("/status?format=prometheus", PROMETHEUS, TEXT),
    ("/status?format=openmetrics", "*/*", OPEN_METRICS),
    ("/status?format=json", "text/plain", "application/json"),
    ("/status", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
     "text/html; charset=utf-8"),
    ("/status?format=html", "*/*", "text/html; charset=utf-8"),
    ("/status?file=uPlot.js", "*/*", "text/javascript; charset=utf-8"),
])
def test_form_is_chosen_by_argument_and_accept(front, path, accept, expected):
    status, kind, text = get(front, path, Accept=accept)
    assert (status, kind) == (200, expected)
    assert ("# EOF" in text) == (expected == OPEN_METRICS)


def test_all_forms_tell_the_same(front, raw):
    opened(front, raw)
    told = samples(front)
    other = Samples(get(front, "/status?format=openmetrics")[2].removesuffix("# EOF\n"))
    assert told.names() == other.names()
    assert told.sum("sessions") == other.sum("sessions") == 1
    found = json.loads(get(front, "/status?format=json")[2])
    [zone] = found["zones"].values()
    assert zone["sessions"] == 1
    assert found["worker"]["workers"] == {"current": 1, "old": 0}
    names = {name.removeprefix("nginx_ws_") for name in told.names()}
    for name in zone | found["worker"]:
        assert names & {name, f"{name}_total", f"{name}_count"}, name


def test_head_tells_the_length_and_no_more(front):
    status, kind, text = get(front, method="HEAD")
    assert (status, kind, text) == (200, TEXT, "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_are_refused(front, method):
    assert get(front, method=method)[0] == 405


@pytest.mark.parametrize("arguments", [
    "format=xml", "format=", "sessions&limit=0", "sessions&limit=1001", "sessions&after=-1",
    "sessions&sort=age", "limit=%31", "file="])
def test_what_cannot_be_asked_is_400(front, arguments):
    assert get(front, f"/status?{arguments}")[0] == 400


def test_other_files_than_the_page_s_are_not_there(front):
    for name in ("page.hpp", "../page.cpp", "uPlot.LICENSE", "x"):
        assert get(front, f"/status?file={name}")[0] == 404


def test_other_arguments_are_passed_over(front):
    assert get(front, "/status?_=17&x")[0] == 200


def test_it_may_be_denied_and_served_compressed(gateway, backend):
    front = gateway(**counted(
        location(backend(EchoBackend)) + " location = /denied { deny all; ws_status; }"
        " location = /zipped { gzip on; gzip_types *; gzip_proxied any; ws_status; }"))
    assert get(front, "/denied")[0] == 403
    assert get(front, "/zipped", **{"Accept-Encoding": "identity"})[0] == 200


def test_bytes_of_a_name_are_told_as_they_are(gateway, backend, raw):
    front = gateway(**counted(location(backend(EchoBackend), r'ws_status_zone "a\"b\\c";')))
    opened(front, raw)
    text = get(front)[2]
    assert r'nginx_ws_sessions{zone="a\"b\\c"} 1' in text
    assert r'a"b\c' in json.loads(get(front, "/status?format=json")[2])["zones"]
