// Commands to bytes and back, and the queue of what is not acknowledged.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Outbox } from '../../client/outbox.js';
import { numbered, parse } from '../../client/wire.js';
import { hex, limits } from './host.mjs';
import { bytesAt, mismatch, randomOf } from './sim.mjs';

const read = (digits) => parse(new Uint8Array(Buffer.from(digits, 'hex')).buffer);

test('reads each command as the page about the protocol shows it', () => {
    assert.deepEqual(read('0001000000026131'), { tag: 1, value: 'a1' });
    assert.deepEqual(read('00020000000000000002'), { tag: 2, value: 2 });
    assert.deepEqual(read('00070000000100000000'), { tag: 7, value: 2 ** 32 });
    assert.deepEqual(read('0004000000026869').value, new Uint8Array([0x68, 0x69]));
    assert.deepEqual(read('40040000ea60'), { tag: 0x4004, value: 60000 });
    assert.deepEqual(read(`4001000400000000ea6000000064000000046d717474${'00040000000080000000000'}3`).value,
        { grace: 60000, interval: 100, protocol: 'mqtt', window: 0x40000, bytes: 0x8000, flags: 3 });
});

test('a command that is cut anywhere is no command', () => {
    const whole = ['0001000000026131', '00020000000000000002', '0004000000026869', limits(),
        '4003000000026131', '40040000ea60', '40020000000000000002', '40060000000000000000'];
    for (const digits of whole) {
        assert.notEqual(read(digits).value, undefined);
        for (let cut = 0; cut < digits.length; cut += 2) {
            assert.equal(read(digits.slice(0, cut)).value, undefined, digits.slice(0, cut));
        }
    }
});

test('unknown tags are ignored, whatever follows', () => {
    for (const digits of ['0000', '0003', '000500', '000a00000bb8ffffffff', '4007', 'ffff00']) {
        assert.equal(read(digits).value, null, digits);
    }
});

test('random bytes throw nothing', () => {
    const random = randomOf(1);
    const tags = [1, 2, 4, 7, 0x4001, 0x4002, 0x4003, 0x4004, 0x4005, 0x4006, 9];
    for (let i = 0; i < 20000; i++) {
        const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 50) }, () => random() * 256));
        if (bytes.length > 1) bytes.writeUInt16BE(tags[Math.floor(random() * tags.length)]);
        if (bytes.length > 5 && random() < 0.5) bytes.writeUInt32BE(bytes.length - 6, 2);
        parse(new Uint8Array(bytes).buffer);
    }
});

test('numbers are big endian to the last bit', () => {
    assert.equal(hex(numbered(0x4002, 2 ** 53 - 1)), '4002001fffffffffffff');
});

// What a peer would make of it: all bytes in order, wherever it forgets and asks again.
test('the queue gives every byte again from wherever a leg begins', () => {
    for (let seed = 1; seed <= 80; seed++) {
        const random = randomOf(seed);
        const box = new Outbox();
        let taken = 0;
        let acked = 0;
        for (let step = 0; step < 300; step++) {
            const kind = random();
            if (kind < 0.4) {
                box.write(bytesAt(box.end, Math.floor(random() ** 3 * 60000), 1));
            } else if (kind < 0.85) {
                const frame = box.pull(random() < 0.8 ? 100000 : 5000);
                if (!frame) continue;
                assert.ok(frame.length <= 6 + 16384);
                assert.equal(mismatch(frame.subarray(6), taken, 1), -1, `seed ${seed}`);
                taken += frame.length - 6;
            } else if (kind < 0.95) {
                acked += Math.floor(random() * (taken - acked + 1));
                box.release(acked);
            } else {
                taken = acked + Math.floor(random() * (taken - acked + 1));
                box.rewind(taken);
            }
            assert.equal(box.next, taken);
            assert.equal(box.missing, box.end - acked);
        }
        box.rewind(taken);
        for (let frame; (frame = box.pull(Infinity));) {
            assert.equal(mismatch(frame.subarray(6), taken, 1), -1, `seed ${seed}`);
            taken += frame.length - 6;
        }
        assert.equal(taken, box.end);
        assert.ok(box.drained);
        box.release(box.end);
        assert.equal(box.pieces.length, 0);
    }
});

test('small writes that wait share a frame', () => {
    const box = new Outbox();
    for (let i = 0; i < 1000; i++) box.write(new Uint8Array(10));
    assert.equal(box.pieces.length, 1);
    assert.equal(box.pull(Infinity).length, 6 + 10000);
});
