// The first door: the interface of WebSocket.

import { Link, address } from './link.js';
import { joined, toBytes } from './bytes.js';
import { Streams } from './streams.js';

const STATES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'];
const EVENTS = ['open', 'message', 'error', 'close', 'detach', 'resume', 'drain'];

export class ResumableSocket extends EventTarget {
    static WebSocket = globalThis.WebSocket;
    static CloseEvent = globalThis.CloseEvent;
    extensions = '';
    #link;
    #state = 0;
    #url;
    #binaryType = 'blob';
    #decoder = new TextDecoder();
    #message = []; // pieces of one that goes on
    #blobs; // a promise: sends behind a Blob wait until it is read
    #blobBytes = 0;
    #streams;

    // `url` may be a function that gives one, or a promise of one, for each try. A class that extends
    // this one may have a static `options`, for libraries that take a constructor.
    constructor(url, protocols = [], options = {}) {
        super();
        // onopen and its like are heard before other listeners.
        for (const name of EVENTS) {
            this[`on${name}`] = null;
            this.addEventListener(name, (event) => this[`on${name}`]?.(event));
        }
        this.#url = typeof url === 'function' ? '' : address(url);
        const { WebSocket, options: common } = this.constructor;
        this.#link = new Link(url, [protocols].flat(), { WebSocket, ...common, ...options },
            (...news) => this.#hear(...news));
    }

    get url() {
        return this.#url;
    }

    get readyState() {
        return this.#state;
    }

    get protocol() {
        return this.#link.protocol;
    }

    get bufferedAmount() {
        return this.#link.bufferedAmount + this.#blobBytes;
    }

    get delivered() {
        return this.#link.delivered;
    }

    get resumable() {
        return this.#link.resumable;
    }

    get resumed() {
        return this.#link.session.resumed;
    }

    get binaryType() {
        return this.#binaryType;
    }

    set binaryType(type) {
        if (['blob', 'arraybuffer'].includes(type)) this.#binaryType = type;
    }

    send(data) {
        if (this.#state === 0) throw new DOMException('connecting', 'InvalidStateError');
        if (this.#state > 1) return;
        if (data instanceof Blob || this.#blobs) {
            this.#sendLater(data);
        } else {
            this.#link.write(data);
        }
    }

    async flushed() {
        await this.#blobs;
        return this.#link.flushed();
    }

    close(code, reason = '') {
        if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
            throw new DOMException('invalid code', 'InvalidAccessError');
        }
        if (toBytes(reason).length > 123) {
            throw new DOMException('invalid reason', 'SyntaxError');
        }
        if (this.#state > 1) return;
        const connecting = this.#state === 0;
        this.#state = 2;
        const stop = () => this.#stop(code, reason);
        if (connecting) queueMicrotask(stop);
        else if (this.#blobs) this.#blobs.then(stop);
        else stop();
    }

    #stop(code, reason) {
        this.#link.run('close', code, reason);
    }

    // Instead of events: {opened, closed, readable, writable, close} as WebSocketStream has them.
    streams() {
        this.#streams ??= new Streams(this.#link, (code, reason) => this.close(code, reason));
        return this.#streams;
    }

    #sendLater(data) {
        const size = data.size ?? toBytes(data).length;
        // What is no Blob may be changed by the caller meanwhile.
        const kept = data.arrayBuffer?.() ?? (typeof data === 'string' ? data : toBytes(data).slice());
        this.#blobBytes += size;
        const turn = Promise.all([kept, this.#blobs]).then(([value]) => {
            this.#blobBytes -= size;
            this.#link.write(value);
            if (this.#blobs === turn) this.#blobs = undefined;
        }).catch(() => this.#stop(4000, 'unreadable Blob')); // no hole is left in the stream
        this.#blobs = turn;
    }

    #hear(name, ...rest) {
        const opened = this.#state > 0;
        if (name === 'open' && !opened) this.#state = 1;
        if (name === 'over') this.#state = 3;
        if (this.#streams) {
            this.#streams.news(name, ...rest);
        } else if (name === 'data') {
            this.#read();
        } else if (name === 'raw') {
            this.#deliver(...rest);
        } else if (name === 'over') {
            this.#closed(opened, ...rest);
        } else if (name !== 'acked') {
            this.dispatchEvent(new Event(name));
        }
    }

    #read() {
        const { flags } = this.#link.session.limits;
        const messages = flags & 1;
        for (let piece; (piece = this.#link.read());) {
            this.#message.push(piece.bytes);
            if (messages && !piece.last) continue;
            const bytes = joined(this.#message);
            this.#message = [];
            // A character may be cut by the pieces of a stream, but not by messages.
            this.#deliver(flags & 2 ? this.#decoder.decode(bytes, { stream: !messages }) : bytes.slice().buffer);
        }
    }

    #deliver(data) {
        if (this.#state !== 1) return;
        const blob = typeof data !== 'string' && this.#binaryType === 'blob';
        this.dispatchEvent(new MessageEvent('message', { data: blob ? new Blob([data]) : data }));
    }

    #closed(opened, code, reason, wasClean) {
        if (!opened || !wasClean) this.dispatchEvent(new Event('error'));
        this.dispatchEvent(new this.constructor.CloseEvent('close', { code, reason, wasClean }));
    }

    static {
        STATES.forEach((name, value) => {
            this[name] = this.prototype[name] = value;
        });
    }
}
