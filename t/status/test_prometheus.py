"""Prometheus itself takes what ws_status tells, and the rules and the dashboard ask for what is
there."""

import json
import re
import subprocess

import pytest

from harness.backends import EchoBackend
from harness.gateway import ROOT
from harness.prometheus import FOUND, Prometheus
from harness.raw import BINARY, PING, PONG
from harness.sessions import location, opened
from harness.status import counted, get, wait_sum

pytestmark = pytest.mark.skipif(not FOUND, reason="Debian's prometheus is missing")

RULES = ROOT / "packaging/prometheus/ngx_ws_filter.rules.yml"
DASHBOARD = json.loads((ROOT / "packaging/grafana/ngx_ws_filter.json").read_text())


@pytest.fixture
def scraped(gateway, backend, tmp_path):
    """A gateway with something of everything to tell, and the Prometheus that scrapes it."""
    front = gateway(**counted(location(
        backend(EchoBackend), "ws_deflate on; ws_ping_interval 50ms; ws_status_zone chat;")))
    prometheus = Prometheus(tmp_path / "prometheus", front.port, rules=RULES)
    yield front, prometheus
    prometheus.stop()


def talk(front, raw):
    """A session that says, hears, answers a ping and ends; and one that is refused."""
    client = opened(front, raw)
    ping = client.read_frame()
    assert ping.opcode == PING
    client.send_frame(PONG, ping.payload)
    client.send_frame(BINARY, bytes(1000))
    client.read_data(1000)
    client.send_close(1000)
    client.read_to_close()
    client.close()
    assert raw(front.port).handshake("/", without=("Upgrade",)).status == 426


def test_prometheus_scrapes_it_and_answers_queries(scraped, raw):
    front, prometheus = scraped
    prometheus.wait_value("up", 1)
    prometheus.wait_value("sum(nginx_ws_sessions)", 0)
    talk(front, raw)
    clients = [opened(front, raw) for _ in range(3)]
    wait_sum(front, 3, "sessions")
    prometheus.wait_value("sum(nginx_ws_sessions)", 3)
    prometheus.wait_value('nginx_ws_closes_total{code="1000",by="client"}', 1)
    prometheus.wait_value('nginx_ws_payload_bytes_total{from="client"}', 1000)
    prometheus.wait_value('nginx_ws_handshakes_total{status="426"}', 1)
    assert prometheus.query('sum by (zone) (nginx_ws_sessions)') == {frozenset([("zone", "chat")]): 3}
    kinds = prometheus.ask("metadata")
    assert kinds["nginx_ws_sessions"][0]["type"] == "gauge"
    assert kinds["nginx_ws_closes"][0]["type"] == "counter"
    assert kinds["nginx_ws_round_trip_seconds"][0]["type"] == "histogram"
    assert all(known[0]["help"] for name, known in kinds.items() if name.startswith("nginx_ws_"))
    rules = prometheus.ask("rules")["groups"][0]["rules"]
    assert len(rules) == 7 and all(rule["health"] == "ok" for rule in rules), rules
    for client in clients:
        client.close()


def test_each_query_of_the_dashboard_finds_something(scraped, raw):
    front, prometheus = scraped
    talk(front, raw)
    prometheus.wait_value('nginx_ws_closes_total{code="1000",by="client"}', 1)
    # A rate needs what has changed between two scrapes.
    talk(front, raw)
    prometheus.wait_value('nginx_ws_closes_total{code="1000",by="client"}', 2)
    names = re.findall(r"^    Family\{\.name = \"(nginx_ws_\w+)\"|^    Family\{\.name =\s+\"(\w+)\"",
                       (ROOT / "ngx_ws_filter/ws_status/families.hpp").read_text(), re.M)
    asked = set()
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "1m")
            expression = re.sub(r"\$\w+", ".*", expression)
            asked |= set(re.findall(r"nginx_ws_\w+", expression))
            found = prometheus.query(expression)
            assert found or "refused" in expression, f"{panel['title']}: {expression}"
            legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            for labels in found:
                assert legend <= {name for name, _ in labels}, f"{panel['title']}: {labels}"
    missing = [name for one in names for name in one
               if name and not any(known.startswith(name) for known in asked)]
    assert len(names) > 20 and not missing


def test_promtool_finds_nothing_to_say(scraped, raw):
    front, _ = scraped
    talk(front, raw)
    done = subprocess.run(["promtool", "check", "metrics"], input=get(front)[2], text=True,
                          capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_alerts_come_when_they_are_due():
    done = subprocess.run(["promtool", "test", "rules", RULES.with_name("ngx_ws_filter.test.yml")],
                          text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tested = RULES.with_name("ngx_ws_filter.test.yml").read_text()
    for alert in re.findall(r"- alert: (\w+)", RULES.read_text()):
        assert f"alertname: {alert}" in tested
