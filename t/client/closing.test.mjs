// How a session ends, and what of it is a message: docs/resume-protocol.md, section 8.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Host, limits, number } from './host.mjs';

const open = (settings, options) => new Host(options).open(settings);

test('closes when all is acknowledged', () => {
    const host = open();
    host.session.write(Buffer.from('hi'));
    host.session.close(4321, 'bye');
    assert.deepEqual(host.closes, []);
    host.hear(`0007${number(2)}`);
    assert.deepEqual(host.closes, [[4321, 'bye']]);
    host.cut(4321, '');
    assert.deepEqual(host.end, [4321, '', true]);
});

test('closes after ten seconds without progress, and tells the truth', () => {
    const host = open();
    host.session.write(Buffer.from('hi'));
    host.session.close(4321, 'bye');
    host.pass(9999);
    assert.deepEqual(host.closes, []);
    host.pass(1);
    assert.deepEqual(host.closes, [[4321, 'bye']]);
    host.cut(1011, '2 bytes undelivered');
    assert.deepEqual(host.end, [1011, '2 bytes undelivered', true]);

    const stuck = open({ window: 1 });
    stuck.session.write(Buffer.from('hi'));
    stuck.session.close(4321, 'bye');
    stuck.pass(10000);
    stuck.cut(4321);
    assert.deepEqual(stuck.end, [1011, '2 bytes undelivered', false]);
});

test('sends nothing behind its Close, and counts nothing of it as delivered', () => {
    const wakers = {
        ACK: () => {},
        question: (host) => host.session.wake(),
        LIMITS: (host) => host.hear(limits({ window: 4 })),
    };
    for (const [name, wake] of Object.entries(wakers)) {
        const host = open({ window: 2 });
        host.session.write(Buffer.from('held'));
        host.session.close(4321, 'bye');
        host.pass(10000);
        assert.deepEqual([host.said.length, host.closes.length], [1, 1]);
        host.hear(`0007${number(2)}`);
        wake(host);
        assert.deepEqual(host.said.filter((said) => said.startsWith('0004')), ['0004000000026865'], name);
        host.cut(4321);
        assert.deepEqual(host.end, [1011, '2 bytes undelivered', false], name);
        assert.equal(host.session.outbox.acked, 2);
    }
});

test('what its Close kept back goes out on the next leg', () => {
    const host = open({ window: 2 });
    host.session.write(Buffer.from('held'));
    host.session.close(4321, 'bye');
    host.pass(10000);
    host.hear(`0007${number(2)}`);
    host.cut();
    host.pass(0);
    host.resume(2, { window: 2 });
    assert.equal(host.said[0], '0004000000026c64');
    host.hear(`0007${number(4)}`);
    assert.equal(host.closes.length, 2);
    host.cut(4321);
    assert.deepEqual(host.end, [4321, '', true]);
});

test('closes again if the answer was lost, and believes its ACKs', () => {
    const host = open();
    host.session.close(4321, 'bye');
    host.cut();
    host.pass(0);
    host.resume(0);
    assert.deepEqual(host.closes, [[4321, 'bye'], [4321, 'bye']]);
    host.cut();
    host.pass(0);
    host.cut(4001, 'unknown session');
    assert.deepEqual(host.end, [4321, '', true]);
});

test('is over at once if it is closed before it is open', () => {
    const host = new Host();
    host.session.close(1000, '');
    assert.deepEqual([host.left, host.end[0]], [[1000], 1006]);
});

test('a close without a code is answered by one', () => {
    const host = open();
    host.session.close(undefined, '');
    assert.deepEqual(host.closes, [[undefined, '']]);
    host.cut(1005);
    assert.deepEqual(host.end, [1005, '', true]);
});

test('a close that has nothing to deliver is not waited for long', () => {
    const host = open();
    host.session.close(1000, '');
    host.cut();
    for (let i = 0; i < 9 && !host.end; i++) {
        host.pass(host.session.deadline - host.time);
        host.session.legClosed(1006, '', 503);
    }
    assert.deepEqual([host.end, host.time], [[1000, '', true], 10000]);
});

test('a question is asked behind what has to be told', () => {
    const host = open();
    host.hear('00040000000161');
    host.session.read();
    host.hear('00040000000162');
    host.session.read();
    host.session.wake();
    assert.deepEqual(host.said.slice(-2), [`0007${number(2)}`, `0007${number(2)}`]);
});

test('an end is one when everything before it is read', () => {
    const host = open();
    host.hear('00040000000161', `4002${number(1)}`);
    assert.equal(host.session.inbox.ended, false);
    host.cut(); // what was not read comes again
    assert.equal(host.session.inbox.ended, false);
    host.pass(0);
    host.resume(0);
    host.hear('00040000000161', `4002${number(1)}`);
    assert.equal(host.session.inbox.ended, false);
    host.session.read();
    assert.equal(host.session.inbox.ended, true);
});

test('a message without bytes comes once, read or not', () => {
    for (const readFirst of [true, false]) {
        const host = open({ flags: 1 });
        host.hear('00040000000161', `4006${number(0)}`);
        const seen = [];
        const read = () => {
            for (let piece; (piece = host.session.read());) seen.push(piece.bytes.length);
        };
        if (readFirst) read();
        host.cut();
        host.pass(0);
        host.resume(0, { flags: 1 });
        if (!readFirst) host.hear('00040000000161');
        host.hear(`4006${number(0)}`, `4006${number(1)}`);
        read();
        assert.deepEqual(seen, [1, 0, 0]);
        host.hear(`4006${number(3)}`);
        assert.equal(host.end[0], 4008);
    }
});

test('messages keep their ends in pieces', () => {
    const host = open({ flags: 1 });
    host.session.write(Buffer.alloc(16385));
    host.session.write(Buffer.alloc(0));
    host.session.write(Buffer.alloc(1));
    assert.deepEqual(host.said.map((said) => said.slice(0, 4)), ['4005', '0004', '4006', '0004']);
    host.hear(`0007${number(16385)}`);
    host.cut();
    host.pass(0);
    host.resume(16385, { flags: 1 });
    assert.deepEqual(host.said, [`4006${number(0)}`, '00040000000100', '4003000000026232']);
});
