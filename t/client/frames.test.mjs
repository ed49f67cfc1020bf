// The WebSocket for Node, before servers that are right, by the package ws, and wrong, by hand.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { NodeWebSocket } from '../../client/node/websocket.js';
import { noise, sha } from './fixture.mjs';
import { listen } from './server.mjs';

const { WebSocketServer } = createRequire(import.meta.url)('ws');
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const told = (socket, name) => new Promise((resolve) => {
    socket[`on${name}`] = resolve;
});

async function before(t, serve, ...rest) {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    t.after(() => server.close());
    server.on('connection', serve);
    return new NodeWebSocket(`ws://127.0.0.1:${server.address().port}/`, ...rest);
}

// A server that answers the handshake and then says these bytes, whatever they are.
async function beforeBytes(t, bytes, fields = () => ({})) {
    const server = http.createServer();
    server.on('upgrade', ({ headers }, socket) => {
        const accept = createHash('sha1').update(headers['sec-websocket-key'] + GUID).digest('base64');
        const all = { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Accept': accept, ...fields(headers) };
        const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
        socket.on('error', () => {});
        socket.write(`HTTP/1.1 101 Yes\r\n${lines.join('')}\r\n`);
        socket.write(Buffer.from(bytes, 'hex'));
        t.after(() => socket.destroy());
    });
    const port = await listen(server);
    t.after(() => server.close());
    return new NodeWebSocket(`ws://127.0.0.1:${port}/`, ['one']);
}

test('messages of every size go there and back', async (t) => {
    const socket = await before(t, (peer) => peer.on('message', (data, binary) => peer.send(data, { binary })));
    await told(socket, 'open');
    for (const size of [0, 1, 2, 3, 125, 126, 127, 65535, 65536, 70001, 1 << 20]) {
        const data = noise(size);
        const answer = told(socket, 'message');
        socket.send(data);
        const { data: back } = await answer;
        assert.ok(back instanceof ArrayBuffer);
        assert.equal(sha(new Uint8Array(back)), sha(data), `${size} bytes`);
    }
    const answer = told(socket, 'message');
    socket.send('text \u{1f600}');
    assert.equal((await answer).data, 'text \u{1f600}');
    socket.close(4321, 'bye');
    const { code, wasClean } = await told(socket, 'close');
    assert.deepEqual([code, wasClean], [4321, true]);
});

test('fragments are one message, with a ping between them', async (t) => {
    const socket = await before(t, (peer) => {
        peer.send('one ', { fin: false });
        peer.send('two ', { fin: false });
        peer.ping('are you there');
        peer.send('three', { fin: true });
        peer.on('pong', (data) => peer.close(1000, `${data}`));
    });
    assert.equal((await told(socket, 'message')).data, 'one two three');
    assert.equal((await told(socket, 'close')).reason, 'are you there');
});

test('frames that are cut anywhere are read', async (t) => {
    const socket = await before(t, async (peer) => {
        const [server] = [peer._socket];
        for (const byte of Buffer.from('827e0080'.concat('61'.repeat(128), '8103626364'), 'hex')) {
            server.write(Buffer.from([byte]));
            await new Promise(setImmediate);
        }
        peer.close(1000);
    });
    const heard = [];
    socket.onmessage = ({ data }) => heard.push(data.byteLength ?? data);
    await told(socket, 'close');
    assert.deepEqual(heard, [128, 'bcd']);
});

test('it stops reading while it is told to', async (t) => {
    let buffered;
    const socket = await before(t, (peer) => {
        const piece = Buffer.alloc(1 << 20);
        for (let i = 0; i < 64; i++) peer.send(piece);
        buffered = () => peer.bufferedAmount;
    });
    await told(socket, 'open');
    socket.pause();
    await new Promise((resolve) => {
        setTimeout(resolve, 300);
    });
    assert.ok(buffered() > 32 << 20);
    socket.resume();
    let size = 0;
    await new Promise((resolve) => {
        socket.onmessage = ({ data }) => {
            size += data.byteLength;
            if (size === 64 << 20) resolve();
        };
    });
    socket.close();
    await told(socket, 'close');
});

test('what breaks RFC 6455 ends the connection', async (t) => {
    const bad = {
        'reserved bits': 'c10161', 'a masked frame': '81810000000061', 'an unknown opcode': '830161',
        'an unknown control': '8b00', 'a fragmented ping': '090161', 'a long ping': `897e007e${'61'.repeat(126)}`,
        'a length of two bytes for one': '817e000161', 'a length of eight bytes for two': '827f00000000000000ff',
        'a length without end': '827fffffffffffffffff', 'a continuation of nothing': '800161',
        'a message in a message': '01016181 0162'.replace(' ', ''), 'text that is none': '8101ff',
    };
    for (const [what, bytes] of Object.entries(bad)) {
        const socket = await beforeBytes(t, bytes);
        const { code, wasClean } = await told(socket, 'close');
        assert.deepEqual([code, wasClean], [1006, false], what);
    }
});

test('an answer that is none ends the handshake', async (t) => {
    for (const fields of [
        { 'Sec-WebSocket-Accept': 'nonsense' },
        { 'Sec-WebSocket-Protocol': 'two' },
        { 'Sec-WebSocket-Extensions': 'permessage-deflate' },
    ]) {
        const socket = await beforeBytes(t, '', () => fields);
        const { code, status } = await told(socket, 'close');
        assert.deepEqual([code, status], [1006, 0]);
    }
});

test('a subprotocol is one of the offers, or none', async (t) => {
    for (const [fields, protocol] of [[{}, ''], [{ 'Sec-WebSocket-Protocol': 'one' }, 'one']]) {
        const socket = await beforeBytes(t, '8800', () => fields);
        await told(socket, 'open');
        assert.equal(socket.protocol, protocol);
        assert.equal((await told(socket, 'close')).code, 1005);
    }
});

test('bytes behind the answer are frames', async (t) => {
    const socket = await beforeBytes(t, '81026869');
    assert.equal((await told(socket, 'message')).data, 'hi');
    socket.close();
});
