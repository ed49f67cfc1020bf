// DATA of more than 16384 bytes: docs/resume-protocol.md, section 3, rule 8.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Host, limits, number } from './host.mjs';

const LONGEST = '400800010000';

const longLimits = `${limits()}00010000`;

const data = (size) => `0004${size.toString(16).padStart(8, '0')}${'00'.repeat(size)}`;

// How many bytes each DATA had; the rest as it is.
const sizes = ({ said }) => said.map((text) => (text.startsWith('0004') ? text.length / 2 - 6 : text));

test('is sent when much waits, once the gateway takes it', () => {
    const host = new Host().open();
    host.session.write(new Uint8Array(65536));
    assert.deepEqual(sizes(host), [16384, 16384, 16384, 16384], 'for so much it is not worth a word');
    host.said = [];
    host.session.write(new Uint8Array(70000));
    assert.deepEqual(sizes(host), [LONGEST, 16384, 16384, 16384, 16384, 4464]);
    host.said = [];
    host.hear(`0007${number(135536)}`, longLimits);
    host.session.write(new Uint8Array(70000));
    assert.deepEqual(sizes(host), [65536, 4464]);
});

test('is cut where a window or a gateway wants it', () => {
    const host = new Host().open();
    host.session.write(new Uint8Array(200000));
    assert.equal(host.said.length, 14);
    host.said = [];
    host.hear(limits({ window: 200000 }), `0007${number(200000)}`, longLimits);
    host.session.write(new Uint8Array(262144 + 65536));
    assert.deepEqual(sizes(host), [65536, 65536, 65536, 65536]);
    host.said = [];
    host.hear(`0007${number(200000 + 65535)}`);
    assert.deepEqual(sizes(host), [], 'no piece is cut for one byte');
    host.hear(`0007${number(200000 + 65536)}`);
    assert.deepEqual(sizes(host), [65536]);
});

test('is said anew on each leg, and what was sent long is sent short until then', () => {
    const host = new Host().open();
    host.session.write(new Uint8Array(100000));
    host.hear(longLimits);
    host.cut();
    host.pass(0);
    host.resume(10000);
    assert.deepEqual(sizes(host).slice(0, 7), [LONGEST, 16384, 16384, 16384, 6384, 16384, 16384]);
    assert.equal(host.session.limits.longest, undefined);
});

test('is taken when much came, and not before the word', () => {
    const host = new Host().open();
    const take = (size) => {
        host.hear(data(size));
        while (host.session.read());
    };
    for (let i = 0; i < 6; i++) take(16384);
    assert.ok(host.said.includes(LONGEST));
    take(65536);
    assert.equal(host.said.at(-1), `0007${number(6 * 16384 + 65536)}`, 'it is acknowledged at once');
    host.hear(data(65537));
    assert.equal(host.end[0], 4008);

    const other = new Host().open();
    other.hear(data(16385));
    assert.equal(other.end[0], 4008);
});

test('a gateway that does not know it gets short DATA', () => {
    const host = new Host().open();
    host.session.write(new Uint8Array(300000));
    for (let acked = 16384; acked < 300000; acked += 16384) host.hear(`0007${number(acked)}`);
    assert.ok(Math.max(...sizes(host).filter(Number.isInteger)) <= 16384);
    assert.equal(host.said.filter((text) => text === LONGEST).length, 1);
    assert.equal(host.session.outbox.next, 300000);
});
