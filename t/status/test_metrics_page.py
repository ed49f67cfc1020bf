"""docs/metrics.md has what ws_status tells, and nothing else."""

import re

from harness.backends import EchoBackend
from harness.pages import DOCS, PAGES
from harness.sessions import location, opened
from harness.status import counted, get

ROW = re.compile(r"^\| `(nginx_ws_\w+)` \|([^|]*)\| (.+) \|$", re.M)


def test_all_metrics_and_no_others_are_described_with_their_labels(gateway, backend, raw):
    front = gateway(**counted(location(backend(EchoBackend))))
    opened(front, raw)
    text = get(front)[2]
    told = {}
    for name in re.findall(r"^# TYPE (\w+) \w+$", text, re.M):
        label_sets = re.findall(rf"^{name}(?:_bucket)?\{{(.*)\}} ", text, re.M)
        told[name] = {label for labels in label_sets for label in re.findall(r'(\w+)="', labels)}
    described = {}
    for name, labels, _ in ROW.findall(PAGES[DOCS / "metrics.md"]):
        assert name not in described
        described[name] = set(re.findall(r"`(\w+)`", labels))
    assert described == {name: labels - {"zone", "le"} for name, labels in told.items()}


def test_all_alerts_are_explained():
    rules = (DOCS.parent / "packaging/prometheus/ngx_ws_filter.rules.yml").read_text()
    rows = re.findall(r"^\| `(WebSocket\w+)` \|", PAGES[DOCS / "operations.md"], re.M)
    assert sorted(rows) == sorted(re.findall(r"- alert: (\w+)", rules))
