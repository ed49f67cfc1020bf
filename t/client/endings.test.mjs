// How sessions end that a gateway of its own kind ends: refusals, losses and wishes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import { ResumableSocket, connect } from '../../client/node/index.js';
import { NodeWebSocket } from '../../client/node/websocket.js';
import { behind, digest, echo, event, pause, until } from './fixture.mjs';

const HASTY = { retry: [10, 50] };
const OURS = {}; // settings of the gateway of these tests, so that it is this one

async function opened(t, settings = OURS, options = HASTY, serve = echo) {
    const all = await behind(t, serve, settings);
    const socket = new ResumableSocket(all.url, [], options);
    await event(socket, 'open');
    return { ...all, socket };
}

test('a gateway that forgot the session ends it with 4001', async (t) => {
    const { socket, server } = await opened(t);
    server.forget();
    const { code, wasClean } = await event(socket, 'close');
    assert.deepEqual([code, wasClean], [4001, true]);
});

test('who is not let in any more hears 4033', async (t) => {
    let refused = 0;
    const { socket, wire } = await opened(t, { refuse: () => refused });
    refused = 403;
    wire.cut();
    assert.equal((await event(socket, 'close')).code, 4033);
});

test('a gateway that is busy is asked again', async (t) => {
    const statuses = [0, 503, 502, 429];
    const { socket, wire } = await opened(t, { refuse: () => statuses.shift() ?? 0 });
    wire.cut();
    await event(socket, 'resume');
    assert.equal(statuses.length, 0);
    socket.close();
    await event(socket, 'close');
});

test('after the grace the session is lost, with 1006', async (t) => {
    let refused = 0;
    const { socket, wire } = await opened(t, { refuse: () => refused, grace: 200 });
    socket.send('never acknowledged');
    refused = 503;
    wire.cut();
    const lost = socket.flushed();
    await assert.rejects(lost, { closeCode: 1006 });
    assert.equal(socket.readyState, ResumableSocket.CLOSED);
});

test('a session without grace ends with its socket', async (t) => {
    const { socket, wire } = await opened(t, { resumable: false });
    assert.equal(socket.resumable, false);
    wire.cut();
    assert.equal((await event(socket, 'close')).code, 1006);
});

test('a service that is not there is told by 4003', async (t) => {
    const { url } = await behind(t, echo, OURS);
    const socket = new ResumableSocket(url.replace(/port=\d+/, 'port=1'));
    const failed = event(socket, 'error');
    assert.equal((await event(socket, 'close')).code, 4003);
    await failed;
});

test('a gateway that wishes it is left and found again', async (t) => {
    const { socket, server, wire } = await opened(t);
    for (const session of server.gateway.sessions) session.goAway(50);
    await event(socket, 'resume');
    assert.equal(wire.connections, 2);
    await until(() => server.closes.includes(4004), 'the Close of the leg that was left');
    socket.close();
    await event(socket, 'close');
});

test('a leg that was displaced is tried once more', async (t) => {
    const { socket, server } = await opened(t);
    for (const session of server.gateway.sessions) session.detach(4002, 'displaced');
    await event(socket, 'detach');
    await event(socket, 'resume');
    socket.close();
    await event(socket, 'close');
});

test('a broken gateway is told so', async (t) => {
    const { socket, server } = await opened(t);
    for (const session of server.gateway.sessions) session.say(Buffer.from('0007ffffffffffffffff', 'hex'));
    assert.equal((await event(socket, 'close')).code, 4008);
    await until(() => server.closes.includes(4008), 'the Close that says so');
});

test('commands of tomorrow are ignored', async (t) => {
    const { socket, server } = await opened(t);
    const [session] = server.gateway.sessions;
    for (const hex of ['4fff', '0003', '000a00000001', '7fff0102030405']) session.say(Buffer.from(hex, 'hex'));
    socket.send('x');
    await event(socket, 'message');
    socket.close();
    await event(socket, 'close');
});

test('a Duplex ends with an error when bytes are missing', async (t) => {
    const { url, server } = await behind(t, (socket) => socket.pause(), OURS);
    const stream = connect(url, HASTY);
    stream.write(Buffer.alloc(1 << 20));
    await once(stream, 'connect');
    server.forget();
    const [error] = await once(stream, 'error');
    assert.equal(error.closeCode, 4001);
});

test('messages are kept where a framing makes them', async (t) => {
    const { socket, server } = await opened(t, { flags: 3 });
    const [session] = server.gateway.sessions;
    const heard = [];
    socket.onmessage = ({ data }) => heard.push(data);
    const got = [];
    session.service.write = (bytes, last) => got.push([bytes.length, last]);
    for (const text of ['one', '', 'x'.repeat(40000)]) socket.send(text);
    for (const hex of ['400500000002c3a4c3'.replace('c3a4c3', 'c3a4'), '00040000000162',
        '40060000000000000000', '000400000002c3bc']) session.say(Buffer.from(hex, 'hex'));
    session.sent = 5;
    await pause(100);
    socket.close();
    session.ackedByService(session.taken);
    await event(socket, 'close');
    assert.deepEqual(heard, ['äb', '', 'ü']);
    assert.deepEqual(got, [[3, true], [0, true], [16384, false], [16384, false], [7232, true]]);
});

// Chromium says so if the connection is reset behind the gateway's Close.
function Unclean(...rest) {
    const socket = new NodeWebSocket(...rest);
    let hear;
    return Object.defineProperty(socket, 'onclose', {
        get: () => hear && ((event) => hear({ ...event, wasClean: false })),
        set: (listener) => { hear = listener; },
    });
}

test('a Close is a clean end, whatever comes of the connection behind it', async (t) => {
    const { url } = await behind(t, digest, OURS);
    const { opened: open, closed, readable, writable } =
        new ResumableSocket(url, [], { WebSocket: Unclean }).streams();
    await open;
    await writable.close();
    const parts = [];
    for await (const bytes of readable) parts.push(bytes);
    assert.match(Buffer.concat(parts).toString(), /^0 /);
    assert.equal((await closed).closeCode, 1000);
});

test('a digest of nothing is an answer too', async (t) => {
    const { url } = await behind(t, digest, OURS);
    const stream = connect(url);
    stream.end();
    assert.match(Buffer.concat(await stream.toArray()).toString(), /^0 /);
});
