// What the tests on real sockets share: services, a gateway before them, and a wire to be cut.

import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';

import { Proxy, Server, listen } from './server.mjs';

// A gateway with resume that was started elsewhere, as ws://127.0.0.1:PORT/ or wss://, which takes
// the first subprotocol that is offered for the service; none: the one of these tests.
export const GATEWAY = process.env.GATEWAY;

export const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');

export const noise = (size) => randomBytes(size);

export const pause = (ms) => new Promise((resolve) => {
    setTimeout(resolve, ms);
});

export async function until(condition, what = 'a condition', ms = 20000) {
    for (const end = Date.now() + ms; !condition();) {
        if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
        await pause(5);
    }
}

export const event = (target, name) => new Promise((resolve) => {
    target.addEventListener(name, resolve, { once: true });
});

// What a socket hears next, in however many messages.
export const text = (socket, size) => new Promise((resolve) => {
    const parts = [];
    socket.onmessage = ({ data }) => {
        parts.push(data);
        const all = new Blob(parts);
        if (all.size >= size) resolve(all.text());
    };
});

// A TCP service: `serve` is called with each connection.
export async function service(t, serve) {
    const sockets = new Set();
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => sockets.delete(socket));
        serve(socket);
    });
    const port = await listen(server);
    t.after(() => {
        for (const socket of sockets) socket.destroy();
        server.close();
    });
    return { port, sockets };
}

export const echo = (socket) => socket.pipe(socket);

// Reads to the end, then says how much it was and its hash.
export function digest(socket) {
    const parts = [];
    socket.on('data', (bytes) => parts.push(bytes));
    socket.on('end', () => {
        const all = Buffer.concat(parts);
        socket.end(`${all.length} ${sha(all)}`);
    });
}

// The address of `serve` behind a gateway with resume, by way of a wire that can be cut.
export async function behind(t, serve, settings) {
    const { port, sockets } = await service(t, serve);
    const own = !GATEWAY || settings;
    const target = new URL(own ? 'ws://127.0.0.1/' : GATEWAY);
    let server;
    if (own) {
        server = await new Server(settings).start();
        t.after(() => server.stop());
        target.port = server.port;
    }
    const wire = await new Proxy(+target.port).start();
    t.after(() => wire.stop());
    target.port = wire.port;
    target.search = `?port=${port}`;
    return { url: target.href, wire, server, sockets };
}

// Cuts the wire again and again, in every way; stalls only for clients that look. A cut comes
// when so many bytes have passed, some amid a handshake, and not when so much time has: so a leg
// brings its client on, however slow the machine is. `most` bytes are the rarest.
export function harass(wire, { stalls = false, most = 1000000 } = {}) {
    const kinds = stalls ? ['reset', 'fin', 'reset', 'fin', 'stall'] : ['reset', 'fin'];
    const least = 200;
    const next = () => least * (most / least) ** Math.random();
    let cuts = 0;
    let left = next();
    wire.passed = (size) => {
        left -= size;
        if (left > 0) return;
        left = next();
        setImmediate(() => wire.cut(kinds[cuts++ % kinds.length]));
    };
    return { stop: () => { wire.passed = () => {}; }, count: () => cuts };
}
