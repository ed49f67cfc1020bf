"""ws_status: a gateway whose sessions are counted, and what it tells of them."""

import http.client
import json
import re

from harness.gateway import wait_until

ZONE = "ws_zone ws:1m;"
STATUS = "location = /status { ws_status; }"

SAMPLE = re.compile(r'(\w+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def get(front, path="/status", method="GET", **fields):
    """Status, Content-Type and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
    connection.request(method, path, headers=fields)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.getheader("Content-Type"), body


def get_or_none(front):
    """The same; None before anybody listens."""
    try:
        return get(front)
    except OSError:
        return None


class Samples:
    """The samples of Prometheus' text format."""

    def __init__(self, text):
        self._values = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, labels, value = SAMPLE.fullmatch(line).groups()
                key = frozenset(LABEL.findall(labels or ""))
                assert (name, key) not in self._values, f"{line} came twice"
                self._values[name, key] = float(value)

    def sum(self, name, **labels):
        """Of all samples that have these labels; there must be one."""
        wanted = set(labels.items())
        found = [value for (known, key), value in self._values.items()
                 if known == f"nginx_ws_{name}" and wanted <= key]
        assert found, f"no {name} with {labels}"
        return sum(found)

    def names(self):
        return {name for name, _ in self._values}


def samples(front, path="/status"):
    status, _, text = get(front, path)
    assert status == 200, text
    return Samples(text)


def wait_sum(front, wanted, name, **labels):
    """Waits until a sum is as wanted."""
    return wait_until(lambda: samples(front).sum(name, **labels) == wanted, 10,
                      f"{name} {labels} to be {wanted}, not {samples(front).sum(name, **labels)}")


def sessions(front, arguments=""):
    status, kind, text = get(front, f"/status?sessions{arguments}")
    assert (status, kind) == (200, "application/json"), text
    return json.loads(text)


def counted(locations, **parts):
    """Arguments of a Gateway with a zone and a location that tells of it."""
    return {"locations": f"{locations} {STATUS}", **parts, "http": f"{ZONE} {parts.get('http', '')}"}
