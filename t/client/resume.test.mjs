// The three doors before a gateway with resume, over wires that break. GATEWAY may name another
// gateway than the one of these tests: see fixture.mjs.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import { ResumableSocket, connect } from '../../client/node/index.js';
import { GATEWAY, behind, digest, echo, event, harass, noise, pause, sha, until } from './fixture.mjs';

const SIZE = 1 << 20;
const HASTY = { retry: [10, 100] };

test('a WebSocket gets back what it sent, whatever the wire does', { timeout: 200000 }, async (t) => {
    const { url, wire } = await behind(t, echo);
    const socket = new ResumableSocket(url, [], { ...HASTY, heartbeat: 200, patience: 500 });
    socket.binaryType = 'arraybuffer';
    const parts = [];
    let size = 0;
    let resumes = 0;
    socket.onmessage = ({ data }) => {
        parts.push(Buffer.from(data));
        size += data.byteLength;
    };
    socket.onresume = () => resumes++;
    await event(socket, 'open');

    const data = noise(SIZE);
    const cuts = harass(wire, { stalls: true });
    let times = 0;
    // Cuts come by chance, after so many bytes.
    do {
        for (let at = 0; at < SIZE; at += 50000) socket.send(data.subarray(at, at + 50000));
        assert.ok(socket.bufferedAmount > 0);
        times++;
        await until(() => size >= times * SIZE, 'the echo', 190000);
    } while (resumes <= 3);
    cuts.stop();

    assert.equal(sha(Buffer.concat(parts)), sha(Buffer.concat(Array(times).fill(data))));
    await socket.flushed();
    assert.equal(socket.delivered, times * SIZE);
    assert.equal(socket.bufferedAmount, 0);
    socket.close(4567, 'done');
    const { code, wasClean } = await event(socket, 'close');
    assert.deepEqual([code, wasClean], [4567, true]);
});

test('streams carry both ways, and their ends', { timeout: 200000 }, async (t) => {
    const { url, wire } = await behind(t, echo);
    const { opened, closed, readable, writable } = new ResumableSocket(url, [], HASTY).streams();
    const { extensions, protocol } = await opened;
    assert.deepEqual([extensions, protocol], ['', '']);

    const data = noise(SIZE);
    const cuts = harass(wire);
    const sent = (async () => {
        const writer = writable.getWriter();
        for (let at = 0; at < SIZE; at += 100000) {
            await writer.ready;
            writer.write(data.subarray(at, at + 100000));
        }
        await writer.close();
    })();
    const parts = [];
    for await (const bytes of readable) parts.push(bytes);
    await sent;
    cuts.stop();

    assert.equal(sha(Buffer.concat(parts)), sha(data));
    assert.equal((await closed).closeCode, 1000);
});

test('a Duplex half-closes and hears the answer', { timeout: 200000 }, async (t) => {
    const { url, wire } = await behind(t, digest);
    const stream = connect(url, HASTY);
    await once(stream, 'connect');
    const data = noise(SIZE);
    const cuts = harass(wire);
    let answer = '';
    stream.setEncoding('latin1').on('data', (text) => {
        answer += text;
    });
    stream.end(data);
    await once(stream, 'close');
    cuts.stop();
    assert.equal(answer, `${SIZE} ${sha(data)}`);
    assert.equal(stream.delivered, SIZE);
});

test('a service that does not read lets the writer wait', { timeout: 120000 }, async (t) => {
    const { url, sockets } = await behind(t, (socket) => socket.pause());
    const { opened, closed, writable } = new ResumableSocket(url, [], { highWaterMark: 100000 }).streams();
    await opened;
    const writer = writable.getWriter();
    const piece = noise(100000);
    let written = 0;
    const writing = (async () => {
        for (let i = 0; i < 300; i++) {
            await writer.ready;
            await writer.write(piece);
            written++;
        }
    })();
    await until(() => written > 0, 'a write', 50000);
    let before = -1;
    while (before !== written) {
        before = written;
        await pause(300);
    }
    assert.ok(written < 300, 'the writer waits');
    for (const socket of sockets) socket.resume();
    await until(() => written > before, 'the writer to go on', 50000);
    const cut = writer.abort();
    await assert.rejects(writing);
    await cut;
    await closed;
});

test('what is not read lets the service wait', { timeout: 120000 }, async (t) => {
    let said = 0;
    const piece = Buffer.alloc(65536, 7);
    const { url } = await behind(t, (socket) => {
        const talk = () => {
            while (said < 64 << 20 && socket.write(piece)) said += piece.length;
        };
        socket.on('drain', talk);
        talk();
    });
    const socket = new ResumableSocket(url);
    const { opened, closed, readable } = socket.streams();
    await opened;
    let before = -1;
    while (before !== said) {
        before = said;
        await pause(300);
    }
    assert.ok(said < 32 << 20, `${said} bytes were said to nobody`);
    const reader = readable.getReader();
    let read = 0;
    while (said === before) read += (await reader.read()).value.length;
    assert.ok(read > 0);
    await reader.cancel();
    await closed;
});

test('a dead wire is noticed by an ACK that is not given', { timeout: 120000 }, async (t) => {
    const { url, wire } = await behind(t, echo);
    const socket = new ResumableSocket(url, [], { ...HASTY, heartbeat: 50, patience: 3000 });
    await event(socket, 'open');
    await pause(300); // it is asked again and again, and answered
    assert.equal(wire.connections, 1);
    wire.cut('stall');
    await event(socket, 'detach');
    await event(socket, 'resume');
    assert.equal(wire.connections, 2);
    socket.close();
    await event(socket, 'close');
});

test('what was written while detached arrives', { timeout: 120000 }, async (t) => {
    const { url, wire } = await behind(t, digest);
    const stream = connect(url, HASTY);
    await once(stream, 'connect');
    wire.cut();
    await once(stream, 'detach');
    stream.end('said to nobody yet');
    assert.equal(Buffer.concat(await stream.toArray()).toString(), `18 ${sha('said to nobody yet')}`);
});

test('each try asks for a fresh address', { timeout: 120000 }, async (t) => {
    const { url, wire } = await behind(t, echo);
    const tries = [];
    const socket = new ResumableSocket(async (attempt) => {
        tries.push(attempt.reconnect);
        return `${url}&token=${tries.length}`;
    }, [], HASTY);
    await event(socket, 'open');
    wire.cut();
    await event(socket, 'resume');
    assert.deepEqual(tries, [false, true]);
    socket.close(1000);
    assert.equal((await event(socket, 'close')).code, 1000);
});

test('the subprotocol for the service is told', { timeout: 120000 }, async (t) => {
    const { url } = await behind(t, echo, GATEWAY ? undefined : { protocol: 'mqtt' });
    const socket = new ResumableSocket(url, ['mqtt', 'mqttv3.1']);
    await event(socket, 'open');
    assert.deepEqual([socket.protocol, socket.resumable], ['mqtt', true]);
    socket.close();
    const { code } = await event(socket, 'close');
    assert.equal(code, 1005);
});
