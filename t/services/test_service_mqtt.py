"""A real mosquitto, with its demo's configuration, and the npm package mqtt as its client."""

import re

import pytest

from harness.services import needs

pytestmark = needs("mosquitto", "mosquitto")

# What every script begins with. mqtt speaks WebSocket by the package ws.
PRELUDE = """
    const mqtt = require('mqtt');
    const { once } = require('node:events');
    const connect = (options = {}) => mqtt.connectAsync(args.url, {
        reconnectPeriod: 0, connectTimeout: 10000, ...options });
    const bytes = (size) => {
        const made = Buffer.alloc(size);
        for (let i = 0; i < size; i++) made[i] = (i * 31 + (i >> 8)) & 255;
        return made;
    };
"""


def run(node, front, script, **args):
    return node.run(PRELUDE + script, url=front.url("/mqtt"), **args)


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_messages_arrive_once_in_order_at_each_qos(real, node, qos):
    _, front = real("mqtt")
    got = run(node, front, """
        const reader = await connect();
        const granted = await reader.subscribeAsync('a/+', { qos: args.qos });
        const seen = [];
        const all = new Promise((done) => reader.on('message', (topic, payload, packet) => {
            seen.push([topic, String(payload), packet.qos, packet.dup]);
            if (String(payload) === 'last') done();
        }));
        const writer = await connect();
        // mosquitto loses messages of QoS 2 if more than 20 are in flight, also without a gateway.
        for (let i = 0; i < 200; i += 10) {
            await Promise.all(Array.from({ length: 10 }, (_, j) => writer.publishAsync(
                `a/${(i + j) % 3}`, `message ${i + j}`, { qos: args.qos })));
        }
        await writer.publishAsync('a/0', 'last', { qos: args.qos });
        await all;
        await writer.endAsync();
        await reader.endAsync();
        return { granted: granted[0].qos, seen };
    """, qos=qos)
    assert got["granted"] == qos
    due = [[f"a/{i % 3}", f"message {i}", qos, False] for i in range(200)]
    assert got["seen"] == [*due, ["a/0", "last", qos, False]]


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_payload_of_a_mebibyte_arrives_whole(real, node, qos):
    _, front = real("mqtt")
    got = run(node, front, """
        const client = await connect();
        await client.subscribeAsync('large', { qos: args.qos });
        const arrived = once(client, 'message');
        await client.publishAsync('large', bytes(1 << 20), { qos: args.qos });
        const [, payload] = await arrived;
        await client.endAsync();
        return { size: payload.length, equal: payload.equals(bytes(1 << 20)) };
    """, qos=qos)
    assert got == {"size": 1 << 20, "equal": True}


def test_subprotocol_is_what_the_client_asked_for(real, node):
    _, front = real("mqtt")
    got = run(node, front, """
        const WebSocket = require('ws');
        let socket;
        const client = await connect({ createWebsocket: (url, protocols) => {
            socket = new WebSocket(url, protocols);
            return socket;
        } });
        const { protocol } = socket;
        await client.endAsync();
        return protocol;
    """)
    assert got == "mqtt"


def test_client_without_the_subprotocol_is_refused(real, raw):
    _, front = real("mqtt")
    assert raw(front.port).handshake("/mqtt").status == 400


def test_client_reconnects_when_the_broker_is_back(real, node):
    service, front = real("mqtt")
    options = """{ clientId: 'the same', clean: false, reconnectPeriod: 100 }"""
    run(node, front, f"""
        const client = await connect({options});
        await client.subscribeAsync('kept', {{ qos: 1 }});
        globalThis.kept = {{ client, seen: [] }};
        client.on('error', () => {{}});  // until the broker is back
        client.on('message', (topic, payload) => kept.seen.push(String(payload)));
        kept.closed = once(client, 'close');
    """)
    service.stop()
    run(node, front, "await kept.closed; kept.connected = once(kept.client, 'connect');")
    service.start()
    got = run(node, front, """
        const [{ sessionPresent }] = await kept.connected;
        // Not subscribed anew: the broker has kept the session, and the client the stream.
        const arrived = once(kept.client, 'message');
        await kept.client.publishAsync('kept', 'after', { qos: 1 });
        await arrived;
        await kept.client.endAsync();
        return { sessionPresent, seen: kept.seen };
    """)
    assert got == {"sessionPresent": True, "seen": ["after"]}
    # The broker's end is no failure of the gateway.
    assert re.search(r"ws: backend closed, code 1000", front.error_log())
