// Messages that mean something to the service, before a gateway that keeps them apart: GATEWAY has
// ws_framing line.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ResumableSocket } from '../../client/node/index.js';
import { GATEWAY, behind, echo, event, harass, until } from './fixture.mjs';

const SIZES = [1, 0, 125, 16384, 0, 0, 16385, 40000];

test('messages stay whole, whatever the wire does', { skip: !GATEWAY, timeout: 200000 }, async (t) => {
    const { url, wire } = await behind(t, echo);
    const socket = new ResumableSocket(url, [], { retry: [10, 100] });
    socket.binaryType = 'arraybuffer';
    const got = [];
    let resumes = 0;
    socket.onmessage = ({ data }) => got.push(Buffer.from(data).toString());
    socket.onresume = () => resumes++;
    await event(socket, 'open');

    const sent = [];
    const cuts = harass(wire);
    for (let i = 0; resumes < 4; i++) {
        const message = `${i % 10}`.repeat(SIZES[i % SIZES.length]);
        sent.push(message);
        socket.send(message);
        await until(() => socket.bufferedAmount < 200000, 'the service to take it', 60000);
    }
    await until(() => got.length >= sent.length, 'the echo', 100000);
    cuts.stop();

    assert.ok(sent.length >= SIZES.length);
    assert.deepEqual(got, sent);
    await socket.flushed();
    socket.close();
    assert.equal((await event(socket, 'close')).wasClean, true);
});
