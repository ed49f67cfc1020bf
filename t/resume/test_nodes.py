"""Several nodes behind a balancer that knows nothing of sessions: a reconnect that comes to another
node than its session's is passed on."""

import os
import signal

import pytest

from harness.backends import EchoBackend
from harness.haproxy import HaProxy, needs_haproxy
from harness.resumable import bulk_over_cuts
from harness.resume_client import OWN, ResumeClient

OFFER = ("Sec-WebSocket-Protocol", OWN)
SECRET = "0" * 32

LOCATION = """
location / {
    ws_resume on;
    ws_pass   @SERVICE@;
    @SETTINGS@

    if ($other_node) {
        proxy_pass http://$other_node;
    }
    proxy_http_version 1.1;
    proxy_set_header   Host           $http_host;
    proxy_set_header   Upgrade        $http_upgrade;
    proxy_set_header   Connection     upgrade;
    proxy_set_header   Ws-Resume-Node $ws_resume_node;
    proxy_read_timeout 1h;
}
"""


def named(name, others):
    """What stands in http of the node with this name: `others` are names and ports."""
    rows = "".join(f"{other} 127.0.0.1:{port};" for other, port in others.items())
    return f"ws_resume_node {name}; map $ws_resume_node $other_node {{ {rows} }}"


def sid(node):
    return f"{node}.{1:016x}.{1:016x}.{SECRET}"


class Nodes:
    """Gateways by their names, each of which knows where all others are."""

    def __init__(self, gateway, raw, service, names="abc", settings=""):
        self.raw, self.service = raw, service
        location = LOCATION.replace("@SERVICE@", service.address).replace("@SETTINGS@", settings)
        self.fronts = {name: gateway(location, http=named(name, {}),
                                     log_format="$status [$ws_resume_node] $ws_leg")
                       for name in names}
        for name in names:
            self.know(name, {other: front.port for other, front in self.fronts.items()
                             if other != name})

    def know(self, name, others):
        self.fronts[name].reload(http=named(name, others))

    def session(self, name):
        """A new one on the node with this name."""
        made = ResumeClient(lambda: self.raw(self.fronts[name].port)).begin()
        made.send(b"one")
        assert made.receive(3) == b"one"
        return made

    def at(self, name, client, **how):
        """The session's next leg comes to this node."""
        client._connect = lambda: self.raw(self.fronts[name].port)
        client.cut()
        return client.resume(**how)

    def reconnect(self, name, sid, *fields, **how):
        """A reconnect that comes to this node: the connection, and the answer."""
        leg = self.raw(self.fronts[name].port, **how)
        return leg, leg.handshake(f"/?sid={sid}&ack=0", fields=[OFFER, *fields])

    def refused(self, name, sid):
        """The code of the Close that answers it."""
        leg, answer = self.reconnect(name, sid)
        assert answer.status == 101
        code, _ = leg.read_close()
        leg.close()
        return code


@pytest.fixture
def nodes(gateway, backend, raw):
    return lambda **how: Nodes(gateway, raw, backend(EchoBackend), **how)


@pytest.fixture
def balanced(nodes, tmp_path):
    """Three nodes and HAProxy in front of them, which takes the next one each time."""
    made = nodes()
    servers = "".join(f"    server {name} 127.0.0.1:{front.port}\n"
                      for name, front in made.fronts.items())
    made.balancer = HaProxy(tmp_path / "haproxy", f"""
defaults
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
    timeout tunnel 1h
    option redispatch 1
listen nodes
    bind 127.0.0.1:@PORT@
    balance roundrobin
{servers}""")
    yield made
    made.balancer.stop()


@needs_haproxy
def test_session_resumes_whichever_node_answers(balanced, raw):
    one = ResumeClient(lambda: raw(balanced.balancer.port)).begin()
    owner = one.sid.partition(".")[0]
    bulk_over_cuts(one, os.urandom(20 * 32768), 32768)
    assert len(balanced.service.connections) == 1
    for name, front in balanced.fronts.items():
        lines = [line for line in front.access_log(1) if f"[{owner}]" in line]
        assert bool(lines) == (name != owner), (name, owner, lines)


@needs_haproxy
def test_node_that_is_gone_is_a_bad_gateway(balanced, raw):
    one = ResumeClient(lambda: raw(balanced.balancer.port)).begin()
    gone = one.sid.partition(".")[0]
    one.cut()
    balanced.fronts[gone].signal(signal.SIGTERM)
    balanced.fronts[gone].wait()
    answer = raw(balanced.balancer.port).handshake(f"/?sid={one.sid}&ack=0", fields=[OFFER])
    assert answer.status == 502


def test_leg_that_is_passed_on_is_a_leg_like_others(nodes):
    there = nodes(names="ab")
    one = there.at("b", there.session("a"))
    one.send(b"two")
    assert one.receive(6) == b"onetwo"
    assert one.close(4321) == (4321, "")
    assert there.fronts["a"].access_log(2)[-1] == "101 [] 2"
    assert there.fronts["b"].access_log(1) == ["101 [a] -"]


def test_node_that_nobody_knows_is_an_unknown_session(nodes):
    there = nodes(names="ab")
    one = there.session("a")
    for node in ("nobody", "localhost", "127-0-0-1", "A", "aa", "-"):
        assert there.refused("b", sid(node)) == 4001
    assert [line.split()[0] for line in there.fronts["b"].access_log(6)] == ["101"] * 6
    there.at("b", one).send(b"two")
    assert one.receive(6) == b"onetwo"
    assert one.close() == (1000, "")


@pytest.mark.parametrize("query", ["b", "b.", f"b.{1:016x}.{1:016x}.", f"b.{1:016x}.{1:016x}.x",
                                   f"/b.{1:016x}.{1:016x}.{SECRET}", f"@b.{1:x}.{1:x}.{SECRET}",
                                   f"{sid('b')}&sid={sid('b')}", f"{sid('b')}%00", ""])
def test_sid_that_is_none_stays_where_it_is(nodes, query):
    there = nodes(names="ab")
    assert there.refused("a", query) == 4001
    assert there.fronts["b"].access_log() == []


def test_request_that_was_passed_on_is_not_passed_on_again(nodes):
    there = nodes(names="ab")
    for name, other in ("ab", "ba"):
        there.know(name, {"c": there.fronts[other].port})
    assert there.refused("a", sid("c")) == 4001
    assert there.fronts["a"].access_log(1) == ["101 [c] -"]
    assert there.fronts["b"].access_log(1) == ["101 [] -"]


def test_both_nodes_ask_who_it_is(nodes):
    there = nodes(names="ab", settings="deny 127.0.0.2;")
    one = there.session("a")
    _, answer = there.reconnect("b", one.sid, ("Origin", "https://other.example"))
    assert answer.status == 403
    there.fronts["a"].wait_log("refused: foreign origin")
    _, answer = there.reconnect("b", one.sid, source="127.0.0.2")
    assert answer.status == 403
    there.fronts["b"].wait_log("access forbidden by rule")
    there.at("b", one).send(b"two")
    assert one.receive(6) == b"onetwo"
    assert one.close() == (1000, "")


def test_variable_is_the_other_node_of_a_reconnect(gateway, raw):
    front = gateway('location = /where { keepalive_timeout 0; return 200 "[$ws_resume_node]"; }',
                    http="ws_resume_node a;")

    def where(query, *fields, **how):
        client = raw(front.port)
        client.handshake(f"/where?{query}", fields=fields, **how)
        return client.read_rest().decode()

    reconnect = f"sid={sid('b')}&ack=0"
    assert where(reconnect, OFFER) == "[b]"
    assert where(reconnect, ("Sec-WebSocket-Protocol", "mqtt, ssh")) == "[b]"
    assert where(f"sid={sid('a')}&ack=0", OFFER) == "[]"
    assert where("ack=0", OFFER) == "[]"
    assert where(reconnect, ("Sec-WebSocket-Protocol", "mqtt")) == "[]"
    assert where(reconnect) == "[]"
    assert where(reconnect, OFFER, ("ws-resume-node", "")) == "[]"
    assert where(reconnect, OFFER, ("Connection", "close"), without=["Upgrade"]) == "[]"
