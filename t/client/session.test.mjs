// The life of a session, rule by rule: docs/resume-protocol.md.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Host, limits, number } from './host.mjs';
import { NAME } from './gateway.mjs';

const open = (settings, options) => new Host(options).open(settings);

test('says nothing before it knows the limits', () => {
    const host = new Host();
    host.session.write(Buffer.from('hi'));
    host.session.legOpened(NAME);
    host.hear('0001000000026131');
    assert.deepEqual(host.said, []);
    host.hear(limits());
    assert.deepEqual(host.said, ['0004000000026869']);
});

test('begins again as long as nothing was said', () => {
    const host = new Host();
    host.session.legOpened(NAME);
    host.hear('0001000000026131');
    host.cut();
    host.pass(1000);
    assert.deepEqual(host.dials, [{ offer: true, at: 0 }, { offer: true, at: 1000 }]);
    for (let i = 0; i < 4; i++) {
        host.session.legOpened(NAME);
        host.cut();
        host.pass(1000);
    }
    assert.equal(host.end[0], 1006);
});

test('tells where it stands when it comes back', () => {
    const host = open();
    host.hear('0004000000036f6e65');
    assert.equal(host.session.read().bytes.length, 3);
    host.hear('00040000000374776f'); // nobody takes it, so it will come again
    host.cut();
    assert.equal(host.session.deadline, 0);
    host.pass(0);
    assert.deepEqual(host.dials[1], { sid: 'a1', ack: 3, offer: true, at: 0 });
    assert.equal(host.session.read(), undefined);
});

test('goes on behind what was taken, and delivered is what was acknowledged', () => {
    const host = open();
    host.session.write(Buffer.from('0123456789'));
    host.cut();
    host.pass(0);
    host.resume(4);
    assert.deepEqual(host.said, ['000400000006343536373839', '4003000000026232']);
    assert.equal(host.session.outbox.acked, 0);
    host.hear(`0007${number(2)}`);
    assert.equal(host.session.outbox.acked, 2);
    host.cut();
    host.pass(0);
    assert.equal(host.dials[2].sid, 'b2');
});

test('says its end again on each leg', () => {
    const host = open();
    host.session.write(Buffer.from('hi'));
    host.session.end();
    assert.equal(host.said.at(-1), `4002${number(2)}`);
    host.cut();
    host.pass(0);
    host.resume(2);
    assert.equal(host.said[0], `4002${number(2)}`);
    host.hear(`0007${number(2)}`);
    assert.equal(host.said.filter((said) => said.startsWith('4002')).length, 1);
});

test('keeps to the window, and cuts nothing small', () => {
    const host = open({ window: 20000 });
    host.session.write(Buffer.alloc(50000));
    assert.deepEqual(host.said.map((said) => said.length / 2 - 6), [16384]);
    host.hear(`0007${number(10000)}`);
    assert.deepEqual(host.said.map((said) => said.length / 2 - 6), [16384, 13616]);
    host.hear(limits({ window: 100 }), `0007${number(30000)}`);
    assert.equal(host.said.length, 3); // a hundred bytes, since nothing else would bring an ACK
});

test('acknowledges the first bytes at once and later ones in time', () => {
    const host = open();
    host.time = 1000;
    const take = (size) => {
        host.hear(`0004${size.toString(16).padStart(8, '0')}${'00'.repeat(size)}`);
        host.session.read();
    };
    take(1);
    assert.deepEqual(host.said, [`0007${number(1)}`]);
    take(1);
    assert.equal(host.said.length, 1);
    host.pass(100);
    assert.deepEqual(host.said.slice(1), [`0007${number(2)}`]);
    take(16384);
    take(16384);
    assert.equal(host.said.length, 3, 'after 32 KiB');
    take(10000);
    take(10000);
    assert.equal(host.said.length, 4, 'before another piece would be too much');
});

test('what is not read is not acknowledged', () => {
    const host = open();
    host.hear('000400000001aa');
    host.pass(1000);
    assert.deepEqual(host.said, []);
});

test('tries with full jitter, and once more behind the grace', () => {
    const host = open({ grace: 60000 });
    host.cut();
    const refuse = () => host.session.legClosed(1006, '', 503);
    for (let i = 0; i < 30 && !host.end; i++) {
        host.pass(host.session.deadline - host.time);
        refuse();
    }
    const starts = host.dials.slice(1).map(({ at }) => at);
    assert.deepEqual(starts, [0, 500, 1500, 3500, 7500, 15500, 31500, 60000]);
    assert.equal(host.end[0], 1006);
});

test('asks a silent gateway, and leaves one that does not answer', () => {
    const host = open();
    host.pass(14999);
    assert.deepEqual(host.said, []);
    host.pass(1);
    assert.deepEqual(host.said, [`0007${number(0)}`]);
    host.hear(`0007${number(0)}`);
    host.pass(14999);
    assert.equal(host.said.length, 1);
    host.pass(1 + 9999);
    assert.deepEqual(host.left, []);
    host.pass(1);
    assert.deepEqual(host.left, [4004]);
    assert.equal(host.dials.length, 2);
});

test('asks at once when the network is back', () => {
    const host = open();
    host.session.wake();
    assert.equal(host.said.length, 1);
    host.pass(10000);
    assert.deepEqual(host.left, [4004]);
    host.pass(500);
    host.session.wake(); // a try that is young goes on
    assert.equal(host.dials.length, 2);
    host.pass(1000);
    host.session.wake();
    assert.equal(host.dials.length, 3);
});

test('gives up a try without a greeting', () => {
    const host = open();
    host.cut();
    host.pass(0);
    host.session.legOpened(NAME);
    host.pass(10000);
    assert.deepEqual(host.left, [4004]);
    host.pass(500);
    assert.equal(host.dials.length, 3);
});

test('comes back at once from 4004, and a little later from 4002', () => {
    for (const [code, pause] of [[4004, 0], [4002, 1000]]) {
        const host = open();
        host.cut(code);
        host.pass(pause);
        assert.deepEqual(host.dials[1], { sid: 'a1', ack: 0, offer: true, at: pause });
    }
});

test('ends with the code of the gateway', () => {
    for (const code of [1000, 1001, 1008, 1011, 1012, 1013, 4001, 4005, 4006, 4033]) {
        const host = open();
        host.cut(code, 'because');
        assert.deepEqual(host.end, [code, 'because', true]);
    }
});

test('leaves in the time that the gateway gives', () => {
    const host = open();
    host.hear('4004000003e8');
    host.pass(799);
    assert.deepEqual(host.left, []);
    host.pass(1);
    assert.deepEqual(host.left, [4004]);
    assert.equal(host.dials.length, 2);
});

test('a broken rule ends it with 4008', () => {
    const bad = {
        'an ACK beyond': `0007${number(3)}`,
        'an ACK without its number': '0007',
        'a second greeting': '0001000000026131',
        'a resume in the middle': `0002${number(0)}`,
        'an end elsewhere': `4002${number(1)}`,
        'a DATA that is shorter': '00040000000261',
        'a DATA that is longer': '000400000002616263',
        'a DATA that is too long': `0004${'00004001'}${'00'.repeat(16385)}`,
        'a SID of no bytes': '400300000000',
        'a GOAWAY without a time': '4004',
        'limits that are cut': limits().slice(0, -2),
        'a number beyond those of JavaScript': '0007ffffffffffffffff',
        'half a tag': '00',
    };
    for (const [what, digits] of Object.entries(bad)) {
        const host = open();
        host.session.write(Buffer.from('hi'));
        host.hear(digits);
        assert.equal(host.end?.[0], 4008, what);
        assert.deepEqual(host.left, [4008], what);
    }
    const host = open();
    host.session.legMessage('text');
    assert.equal(host.end[0], 4008);
});

test('an ACK that goes back, and bytes behind the end, end it', () => {
    const host = open();
    host.session.write(Buffer.from('hi'));
    host.hear(`0007${number(2)}`, `0007${number(1)}`);
    assert.equal(host.end[0], 4008);
    const other = open();
    other.hear(`4002${number(0)}`, `4002${number(0)}`, '00040000000161');
    assert.equal(other.end[0], 4008);
});

test('a gateway that took what was not sent ends it', () => {
    for (const taken of [0, 3]) {
        const host = open();
        host.session.write(Buffer.from('hi'));
        host.hear(`0007${number(1)}`);
        host.cut();
        host.pass(0);
        host.resume(taken);
        assert.equal(host.end[0], 4008);
    }
});

test('limits may be longer than they are today', () => {
    const host = new Host();
    host.session.legOpened(NAME);
    host.hear('0001000000026131', `${limits()}0102030405`);
    assert.deepEqual(host.heard, ['open']);
});

test('a server that is silent behind our name is asked without it, the third time', () => {
    const host = new Host();
    for (let i = 0; i < 2; i++) {
        host.session.legOpened(NAME);
        host.pass(11000);
    }
    assert.deepEqual(host.dials.map(({ offer }) => offer), [true, true, false]);
    host.session.legOpened('');
    assert.equal(host.session.phase, 'raw');
});

test('a first handshake that fails once is no sign of raw bytes, since a cut looks the same', () => {
    const host = new Host();
    host.session.legClosed(1006, '');
    host.session.legClosed(1006, '');
    assert.deepEqual(host.dials.map(({ offer }) => offer), [true, true, false]);
    host.session.legOpened('');
    assert.equal(host.session.phase, 'raw');
});

test('legs that are lost are no sign of raw bytes', () => {
    const host = new Host();
    host.session.legOpened(NAME);
    host.cut();
    host.pass(1000);
    host.session.legOpened(NAME);
    host.pass(11000);
    host.session.legOpened(NAME);
    assert.deepEqual(host.dials.map(({ offer }) => offer), [true, true, true]);
});

test('nothing is tried while the page is away', () => {
    const host = open();
    assert.equal(host.session.suspend(), true);
    assert.deepEqual(host.left, [4004]);
    host.pass(50000);
    assert.equal(host.dials.length, 1);
    host.session.wake();
    assert.equal(host.dials.length, 2);
});

test('a lost leg of a session without grace is its end', () => {
    const host = open({ grace: 0 });
    host.cut();
    assert.equal(host.end[0], 1006);
});
