// The three doors before a gateway without resume: the one of these tests, or with RAW_GATEWAY=
// ws://127.0.0.1:PORT/path another, which carries to the port that the query names.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { ResumableSocket, SUBPROTOCOL, connect } from '../../client/node/index.js';
import { digest, echo, event, noise, pause, service, sha, until } from './fixture.mjs';
import { Proxy, Server } from './server.mjs';

const WebSocket = createRequire(import.meta.url)('ws');

async function rawBehind(t, serve, settings) {
    const { port, sockets } = await service(t, serve);
    const target = new URL(process.env.RAW_GATEWAY ?? 'ws://127.0.0.1/');
    let server;
    if (!process.env.RAW_GATEWAY || settings) {
        server = await new Server({ raw: true, ...settings }).start();
        t.after(() => server.stop());
        target.port = server.port;
    }
    const wire = await new Proxy(+target.port).start();
    t.after(() => wire.stop());
    target.port = wire.port;
    target.search = `?port=${port}`;
    return { url: target.href, wire, server, sockets };
}

test('a WebSocket works as a bare one does', async (t) => {
    const { url } = await rawBehind(t, echo);
    const socket = new ResumableSocket(url);
    socket.binaryType = 'arraybuffer';
    await event(socket, 'open');
    assert.deepEqual([socket.resumable, socket.protocol], [false, '']);

    const parts = [];
    let size = 0;
    socket.onmessage = ({ data }) => {
        parts.push(Buffer.from(data));
        size += data.byteLength;
    };
    const data = noise(1 << 20);
    socket.send('text is bytes ');
    socket.send(new Blob(['blobs too ']));
    for (let at = 0; at < data.length; at += 70000) socket.send(data.subarray(at, at + 70000));
    await socket.flushed();
    await until(() => size === data.length + 24, 'the echo');
    assert.equal(sha(Buffer.concat(parts)), sha(Buffer.concat([Buffer.from('text is bytes blobs too '), data])));

    socket.close(4567, 'done');
    const { code, wasClean } = await event(socket, 'close');
    assert.deepEqual([code, wasClean], [4567, true]);
});

test('blobs are what messages are unless something else is asked for', async (t) => {
    const { url } = await rawBehind(t, echo);
    const socket = new ResumableSocket(url);
    await event(socket, 'open');
    socket.send('x');
    const { data } = await event(socket, 'message');
    assert.equal(await data.text(), 'x');
    socket.close();
    await event(socket, 'close');
});

test('a cut ends it, as it ends a bare one', async (t) => {
    const { url, wire } = await rawBehind(t, echo);
    const socket = new ResumableSocket(url);
    await event(socket, 'open');
    const failed = event(socket, 'error');
    wire.cut();
    assert.equal((await event(socket, 'close')).code, 1006);
    await failed;
});

test('a Duplex says all before its end', async (t) => {
    const got = [];
    const { url } = await rawBehind(t, (socket) => socket.on('data', (bytes) => got.push(bytes)));
    const stream = connect(url);
    const data = noise(1 << 20);
    stream.end(data);
    stream.resume();
    await once(stream, 'close');
    await until(() => Buffer.concat(got).length === data.length, 'the last byte');
    assert.equal(sha(Buffer.concat(got)), sha(data));
});

// There the gateway answers the client's Close when the service has ended: ws_half_close on.
test('a Duplex hears what is said behind its end', { skip: !process.env.RAW_GATEWAY }, async (t) => {
    const { url } = await rawBehind(t, digest);
    const stream = connect(url.replace('/?', '/half?'));
    const data = noise(1 << 20);
    stream.end(data);
    assert.equal(Buffer.concat(await stream.toArray()).toString(), `${data.length} ${sha(data)}`);
});

// The gateway of these tests queues without end.
test('a Duplex that is not read lets the service wait', { skip: !process.env.RAW_GATEWAY }, async (t) => {
    let said = 0;
    const piece = Buffer.alloc(65536, 7);
    const { url } = await rawBehind(t, (socket) => {
        const talk = () => {
            while (said < 64 << 20 && socket.write(piece)) said += piece.length;
        };
        socket.on('drain', talk);
        talk();
    });
    const stream = connect(url);
    let before = -1;
    while (before !== said) {
        before = said;
        await pause(300);
    }
    assert.ok(said < 32 << 20, `${said} bytes were said to nobody`);
    let read = 0;
    for await (const bytes of stream) {
        read += bytes.length;
        if (read > 40 << 20) break;
    }
});

test('what the service said last comes before its end', async (t) => {
    const data = noise(1 << 20);
    const { url } = await rawBehind(t, (socket) => socket.end(data));
    const { opened, closed, readable } = new ResumableSocket(url).streams();
    await opened;
    const parts = [];
    for await (const bytes of readable) parts.push(bytes);
    assert.equal(sha(Buffer.concat(parts)), sha(data));
    assert.equal((await closed).closeCode, 1000);
});

test('a server that takes the name of the service is spoken to in raw bytes', async (t) => {
    const choose = (offers) => (offers.includes('mqtt') ? 'mqtt' : false);
    const { url, server } = await rawBehind(t, echo, { choose });
    const socket = new ResumableSocket(url, ['mqtt', 'mqttv3.1']);
    await event(socket, 'open');
    assert.deepEqual([socket.resumable, socket.protocol], [false, 'mqtt']);
    assert.equal(server.requests[0].headers['sec-websocket-protocol'], `mqtt, mqttv3.1, ${SUBPROTOCOL}`);
    socket.close();
    await event(socket, 'close');
});

test('a server that repeats the first offer is noticed by its first message', async (t) => {
    const greet = (socket) => {
        socket.write('220 hello\r\n');
        echo(socket);
    };
    const { url } = await rawBehind(t, greet, { choose: ([first]) => first });
    const socket = new ResumableSocket(url);
    const heard = [];
    socket.onmessage = async ({ data }) => heard.push(await data.text());
    await event(socket, 'open');
    assert.equal(socket.resumable, false);
    socket.send('again');
    await until(() => heard.join('') === '220 hello\r\nagain', 'both');
    socket.close();
    await event(socket, 'close');
});

test('a WebSocket that fails where none of its offers is taken is asked without one', async (t) => {
    const { url, server } = await rawBehind(t, echo, {});
    const socket = new ResumableSocket(url, [], { WebSocket }); // ws fails as browsers do
    await event(socket, 'open');
    assert.equal(socket.resumable, false);
    assert.equal(server.requests.length, 3); // the second one since a cut looks the same
    socket.send('x');
    await event(socket, 'message');
    socket.close();
    await event(socket, 'close');
});

test('who wants resume or nothing gets nothing', async (t) => {
    const { url, server } = await rawBehind(t, echo, {});
    const socket = new ResumableSocket(url, [], { WebSocket, raw: false });
    assert.equal((await event(socket, 'close')).code, 1006);
    assert.equal(server.requests.length, 1);
});

test('a refusal is told with its status', async (t) => {
    const { url } = await rawBehind(t, echo, { refuse: () => 404 });
    const socket = new ResumableSocket(url);
    const failed = event(socket, 'error');
    const { code, reason } = await event(socket, 'close');
    assert.deepEqual([code, reason], [1006, 'HTTP 404']);
    await failed;
});
