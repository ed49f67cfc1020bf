// The third door: a Duplex with what users of net.Socket call, for pg, ssh2, ioredis and others.

import { Duplex } from 'node:stream';

import { toBytes } from '../bytes.js';
import { Link, LinkError } from '../link.js';
import { NodeWebSocket } from './websocket.js';

export class ResumableDuplex extends Duplex {
    connecting = true;
    #link;
    #raw = []; // in raw mode, what came and is not wanted yet
    #wanted = false;
    #timeout = 0;
    #timer;

    // Options are those of ResumableSocket, `protocols`, and those of Duplex, such as allowHalfOpen.
    constructor(url, { protocols = [], allowHalfOpen = false, ...options } = {}) {
        super({ allowHalfOpen });
        const settings = { WebSocket: NodeWebSocket, ...options };
        this.#link = new Link(url, [protocols].flat(), settings, (...news) => this.#news(...news));
    }

    get delivered() {
        return this.#link.delivered;
    }

    get bufferedAmount() {
        return this.#link.bufferedAmount;
    }

    get resumable() {
        return this.#link.resumable;
    }

    get protocol() {
        return this.#link.protocol;
    }

    get readyState() {
        if (this.connecting) return 'opening';
        if (this.destroyed) return 'closed';
        if (this.writableEnded) return this.readableEnded ? 'closed' : 'readOnly';
        return this.readableEnded ? 'writeOnly' : 'open';
    }

    flushed() {
        return this.#link.flushed();
    }

    // It connects by itself: pg and others call this with a port and a host that mean nothing here.
    connect(...rest) {
        const listener = rest.at(-1);
        if (typeof listener === 'function') this.once('connect', listener);
        return this;
    }

    setNoDelay() {
        return this;
    }

    setKeepAlive() {
        return this;
    }

    // 'timeout' is told after so many ms in which nothing came and went.
    setTimeout(ms, listener) {
        this.#timeout = ms;
        if (listener) this.once('timeout', listener);
        this.#active();
        return this;
    }

    ref() {
        this.#hold('ref');
        return this;
    }

    unref() {
        this.#hold('unref');
        return this;
    }

    // Written and acknowledged are the same beyond the high-water mark.
    _write(chunk, _encoding, done) {
        const link = this.#link;
        this.#active();
        if (link.end) {
            done(new LinkError(link.end));
            return;
        }
        link.write(chunk);
        const waits = [link.drained()];
        if (link.raw) waits.push(new Promise((resolve) => { link.socket.ondrain = resolve; }));
        Promise.race(waits).then(() => done(), done);
    }

    _final(done) {
        this.#link.run('end');
        this.#link.flushed().then(() => done(), done);
    }

    _read() {
        this.#wanted = true;
        this.#pause(false);
        this.#pump();
    }

    _destroy(error, done) {
        clearTimeout(this.#timer);
        this.#pause(false); // the answer to the Close stands behind what is not wanted
        if (!this.#link.end) this.#link.run('close', error ? 4000 : 1000, '');
        done(error);
    }

    #news(name, ...rest) {
        if (this.destroyed) return;
        this.#active();
        if (name === 'open') {
            this.connecting = false;
            this.emit('connect');
            this.emit('ready');
        } else if (name === 'raw') {
            this.#raw.push(toBytes(rest[0]));
            this.#pump();
        } else if (name === 'data') {
            this.#pump();
        } else if (name === 'over') {
            this.#over();
        } else if (name === 'detach') {
            this.emit('detach');
        } else if (name === 'resume') {
            this.emit('reattach'); // since each Readable says `resume` when it flows
        }
    }

    #over() {
        this.connecting = false;
        if (this.#link.end.ok) this.#pump();
        else this.destroy(new LinkError(this.#link.end));
    }

    #pump() {
        const link = this.#link;
        while (this.#wanted) {
            const bytes = this.#raw.shift() ?? link.read()?.bytes;
            if (!bytes) break;
            if (bytes.length) this.#wanted = this.push(bytes);
        }
        if (this.#raw.length) this.#pause(true);
        if (this.#wanted && (link.session.inbox.ended || link.end?.ok)) {
            this.#wanted = false;
            this.push(null);
        }
    }

    // In raw mode nothing else holds a service back.
    #pause(on) {
        const { raw, socket } = this.#link;
        if (raw) socket[on ? 'pause' : 'resume']?.();
    }

    #hold(verb) {
        const { timer, socket } = this.#link;
        this.#link.idle = verb === 'unref';
        for (const one of [timer, socket]) one?.[verb]?.();
    }

    #active() {
        clearTimeout(this.#timer);
        if (this.#timeout) this.#timer = setTimeout(() => this.emit('timeout'), this.#timeout).unref();
    }
}

export const connect = (url, options) => new ResumableDuplex(url, options);
