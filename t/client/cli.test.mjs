// npx ngx-ws-filter: standard input and output, and a local port, over wires that break.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';

import { behind, digest, echo, harass, noise, sha, until } from './fixture.mjs';

const CLI = new URL('../../client/node/cli.js', import.meta.url).pathname;

function run(t, ...args) {
    const child = spawn(process.execPath, [CLI, ...args]);
    t.after(() => child.kill());
    const said = { out: [], err: '' };
    child.stdout.on('data', (bytes) => said.out.push(bytes));
    child.stderr.on('data', (text) => {
        said.err += text;
    });
    return { child, said, ended: once(child, 'close').then(([code]) => code) };
}

test('standard input goes there, and what is said comes back', async (t) => {
    const { url, wire } = await behind(t, digest);
    const { child, said, ended } = run(t, '-v', url);
    await until(() => said.err.includes('connected'), 'the connection');
    const data = noise(3 << 20);
    const cuts = harass(wire);
    child.stdin.end(data);
    assert.equal(await ended, 0, said.err);
    cuts.stop();
    assert.equal(Buffer.concat(said.out).toString(), `${data.length} ${sha(data)}`);
    const news = said.err.replaceAll('ngx-ws-filter: ', '').trim();
    assert.match(news, /^connected(\nconnection lost(\nresumed|$))+$/);
});

test('the end of the service ends it, though its input goes on', async (t) => {
    const { url } = await behind(t, (socket) => socket.end('bye'));
    const { said, ended } = run(t, url);
    assert.equal(await ended, 0, said.err);
    assert.equal(Buffer.concat(said.out).toString(), 'bye');
});

test('each connection to the port is a session', async (t) => {
    const { url, wire } = await behind(t, echo);
    const { said } = run(t, '-L', '0', url);
    await until(() => said.err.includes('listening'), 'the port');
    const port = Number(/port (\d+)/.exec(said.err)[1]);
    const data = noise(1 << 20);
    const sockets = [1, 2, 3].map(() => net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
    for (const socket of sockets) socket.write(data.subarray(0, 1000));
    await Promise.all(sockets.map((socket) => once(socket, 'readable'))); // all sessions are open
    wire.cut();
    for (const socket of sockets) socket.end(data.subarray(1000));
    const back = await Promise.all(sockets.map((socket) => socket.toArray()));
    assert.deepEqual(back.map((parts) => sha(Buffer.concat(parts))), Array(3).fill(sha(data)));
});

test('fields and subprotocols are sent along', async (t) => {
    const { url, server } = await behind(t, (socket) => socket.end(), {});
    const { ended } = run(t, '-H', 'Authorization: Bearer abc', '-p', 'one', '-p', 'two', url);
    assert.equal(await ended, 0);
    const [{ headers }] = server.requests;
    assert.equal(headers.authorization, 'Bearer abc');
    assert.match(headers['sec-websocket-protocol'], /^one, two, /);
});

test('what is wrong is told in a line', async (t) => {
    for (const [args, pattern] of [
        [[], /one URL is needed/],
        [['--nonsense'], /nonsense/],
        [['ws://127.0.0.1:1/'], /ECONNREFUSED/],
        [['-L', 'x', 'ws://127.0.0.1:1/'], /no port: x/],
        [['-H', 'x', 'ws://127.0.0.1:1/'], /no header: x/],
        [['ftp://127.0.0.1/'], /ngx-ws-filter: /],
    ]) {
        const { child, said, ended } = run(t, ...args);
        child.stdin.end();
        assert.equal(await ended, 1, `${args}`);
        assert.match(said.err, pattern);
        assert.doesNotMatch(said.err, /at .*\.js:\d+/);
    }
    const { said, ended } = run(t, '--help');
    assert.equal(await ended, 0);
    assert.match(Buffer.concat(said.out).toString(), /^usage: ngx-ws-filter/);
});
