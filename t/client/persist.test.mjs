// A session that goes from one page of a tab to the next, with pages and a tab made of nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ResumableSocket } from '../../client/node/index.js';
import { persist } from '../../client/persist.js';
import { behind, digest, echo, event, noise, pause, sha, text, until } from './fixture.mjs';

// What a page has and Node has not.
function tab(t, settings = {}) {
    const page = new EventTarget();
    const stored = new Map();
    const names = {
        document: { hidden: false, baseURI: 'http://127.0.0.1/' },
        addEventListener: page.addEventListener.bind(page),
        removeEventListener: page.removeEventListener.bind(page),
        sessionStorage: {
            getItem: (key) => stored.get(key) ?? null,
            setItem: (key, value) => stored.set(key, `${value}`),
            removeItem: (key) => stored.delete(key),
            ...settings.sessionStorage,
        },
    };
    Object.assign(globalThis, names);
    t.after(() => Object.keys(names).forEach((name) => delete globalThis[name]));
    return {
        stored,
        tell: (name, fields) => page.dispatchEvent(Object.assign(new Event(name), fields)),
        // As browsers do it, in this order.
        leave: () => {
            page.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: false }));
            document.hidden = true;
            page.dispatchEvent(new Event('visibilitychange'));
            document.hidden = false;
        },
    };
}

const settings = () => ({ persist: persist('test'), retry: [10, 50] });

test('the next page sends what the last one had not got rid of', { timeout: 20000 }, async (t) => {
    const { stored, leave } = tab(t);
    const { url, wire, sockets } = await behind(t, digest);
    const first = new ResumableSocket(url, [], settings());
    await event(first, 'open');
    assert.equal(first.resumed, false);
    const data = noise(1 << 20);
    for (const socket of sockets) socket.pause(); // so that something is left
    first.send(data);
    await pause(50);
    leave();
    wire.cut();
    assert.equal(stored.size, 1);

    const second = new ResumableSocket(url, [], settings());
    assert.equal(stored.size, 0, 'it is used once');
    for (const socket of sockets) socket.resume();
    await event(second, 'open');
    assert.deepEqual([second.resumed, second.resumable], [true, true]);
    const streams = second.streams();
    await streams.writable.getWriter().close();
    const parts = [];
    for await (const bytes of streams.readable) parts.push(bytes);
    assert.equal(Buffer.concat(parts).toString(), `${data.length} ${sha(data)}`);
    assert.equal(second.delivered, data.length);
    await streams.closed;
});

test('what one page has read the next does not get again', { timeout: 20000 }, async (t) => {
    const { leave } = tab(t);
    const { url } = await behind(t, echo);
    const first = new ResumableSocket(url, [], settings());
    await event(first, 'open');
    first.send('one');
    assert.equal(await text(first, 3), 'one');
    leave();

    const second = new ResumableSocket(url, [], settings());
    await event(second, 'open');
    second.send('two');
    assert.equal(await text(second, 3), 'two');
    second.close();
    await event(second, 'close');
});

test('messages keep their ends over a reload', { timeout: 20000 }, async (t) => {
    const { leave } = tab(t);
    const { url, server, wire } = await behind(t, echo, { flags: 1 });
    const first = new ResumableSocket(url, [], settings());
    await event(first, 'open');
    const [session] = server.gateway.sessions;
    const got = [];
    session.service.write = (bytes, last) => got.push([bytes.length, last]);
    wire.cut();
    await event(first, 'detach');
    for (const size of [3, 0, 20000]) first.send(new Uint8Array(size));
    leave();

    const second = new ResumableSocket(url, [], settings());
    await event(second, 'open');
    second.send(new Uint8Array(0));
    await until(() => got.length === 5, 'all messages');
    assert.deepEqual(got, [[3, true], [0, true], [16384, false], [3616, true], [0, true]]);
    second.close();
    session.ackedByService(session.taken);
    await event(second, 'close');
});

test('a page that is shown again goes on by itself', { timeout: 20000 }, async (t) => {
    const { stored, tell } = tab(t);
    const { url } = await behind(t, echo);
    const socket = new ResumableSocket(url, [], settings());
    await event(socket, 'open');
    tell('pagehide', { persisted: true });
    tell('pageshow', { persisted: true });
    await event(socket, 'resume');
    assert.equal(stored.size, 0);
    socket.close();
    await event(socket, 'close');
});

test('a session that is gone is followed by a new one', { timeout: 20000 }, async (t) => {
    const { leave } = tab(t);
    const { url, server } = await behind(t, echo, {});
    const first = new ResumableSocket(url, [], settings());
    await event(first, 'open');
    first.send('lost with the session');
    leave();
    server.forget();

    const second = new ResumableSocket(url, [], settings());
    await event(second, 'open');
    assert.equal(second.resumed, false);
    second.send('new');
    assert.equal(await text(second, 3), 'new');
    second.close();
    await event(second, 'close');
});

test('without storage a session works as long as its page', { timeout: 20000 }, async (t) => {
    const refuse = () => {
        throw new DOMException('no', 'SecurityError');
    };
    const { tell, leave } = tab(t, { sessionStorage: { getItem: refuse, setItem: refuse, removeItem: refuse } });
    const { url } = await behind(t, echo);
    const socket = new ResumableSocket(url, [], settings());
    await event(socket, 'open');
    leave();
    tell('online');
    await event(socket, 'resume');
    socket.close();
    await event(socket, 'close');
});

test('a session that was closed is not kept', { timeout: 20000 }, async (t) => {
    const { stored, leave } = tab(t);
    const { url } = await behind(t, echo);
    const socket = new ResumableSocket(url, [], settings());
    await event(socket, 'open');
    socket.close();
    leave();
    assert.equal(stored.size, 0);
    assert.equal((await event(socket, 'close')).code, 1005); // and its Close goes its way
});

test('a page on its way out does not come back', { timeout: 20000 }, async (t) => {
    const { leave } = tab(t);
    const { url, wire } = await behind(t, echo);
    const first = new ResumableSocket(url, [], settings());
    await event(first, 'open');
    leave();
    await pause(200);
    assert.equal(wire.connections, 1);
    const second = new ResumableSocket(url, [], settings());
    await event(second, 'open');
    second.close();
    await event(second, 'close');
});
