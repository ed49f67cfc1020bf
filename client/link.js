// A session on real sockets and a real clock, below the doors that applications use. What happens
// is told to `door(name, ...)`: open, data, raw, acked, drain, detach, resume, over.

import { Session } from './session.js';
import { toBytes } from './bytes.js';
import { SUBPROTOCOL } from './wire.js';

const POLL = 10; // ms; nobody tells a page that a WebSocket's buffer is empty
const LONGEST_TIMER = 2 ** 30;
// Upon these a lost connection may work again, and a living one may be dead. The last two bubble up
// from the document.
const WAKES = ['online', 'visibilitychange', 'resume'];

const defaults = {
    heartbeat: 15000,
    patience: 10000,
    retry: [500, 30000],
    raw: true,
    highWaterMark: 262144,
    random: Math.random,
};

export class Link {
    session;
    end; // of the session: {code, reason, ok}: not ok if bytes may be missing
    now = Date.now;
    socket;
    timer;
    idle = false; // neither is to keep the process
    #door;
    #url;
    #protocols;
    #options;
    #turn = 0; // counts tries, so that what comes late from an older one is not heard
    #timerAt = Infinity;
    #rawSent = 0;
    #waiting = []; // for any news
    #full = false; // more than the high-water mark is not acknowledged
    #closeCode; // of the Close that was sent
    #forget;
    // A page that is hidden may be on its way out.
    #wake = ({ type }) => (type === 'visibilitychange' && document.hidden) || this.run('wake');

    constructor(url, protocols, options, door) {
        this.#door = door;
        this.#url = url;
        this.#protocols = protocols;
        this.#options = { ...defaults, ...options };
        this.session = new Session(this, this.#options);
        this.#forget = options.persist?.(this);
        for (const event of WAKES) globalThis.addEventListener?.(event, this.#wake);
        this.run('start');
    }

    // --- for the doors ---

    // Calls a method of the session, and sees to its next tick().
    run(name, ...values) {
        const value = this.session[name](...values);
        const at = this.session.deadline;
        if (at < this.#timerAt) {
            clearTimeout(this.timer);
            this.#timerAt = at;
            this.timer = setTimeout(() => {
                this.#timerAt = Infinity;
                this.run('tick');
            }, Math.min(at - Date.now(), LONGEST_TIMER));
            if (this.idle) this.timer.unref?.();
        }
        return value;
    }

    get raw() {
        return this.session.phase === 'raw';
    }

    get resumable() {
        return this.session.limits.grace > 0;
    }

    get protocol() {
        return this.session.limits.protocol;
    }

    get written() {
        return this.session.outbox.end + this.#rawSent;
    }

    get bufferedAmount() {
        return this.raw ? this.socket.bufferedAmount : this.session.outbox.missing;
    }

    get delivered() {
        return this.written - this.bufferedAmount;
    }

    // In raw mode a message goes out as it is.
    write(data) {
        const bytes = toBytes(data);
        if (this.raw) {
            this.socket.send(data);
            this.#rawSent += bytes.length;
        } else {
            this.run('write', bytes);
        }
        if (this.#full || this.bufferedAmount <= this.#options.highWaterMark) return;
        this.#full = true;
        this.drained().then(() => {
            this.#full = false;
            this.#door('drain');
        }, () => {});
    }

    read() {
        return this.run('read');
    }

    // Everything that is written now is acknowledged.
    flushed() {
        const { written } = this;
        return this.#until(() => this.delivered >= written);
    }

    // Not more than the high-water mark is unacknowledged.
    drained() {
        return this.#until(() => this.bufferedAmount <= this.#options.highWaterMark);
    }

    // --- for the session ---

    dial(query, offer) {
        const url = this.#url;
        const turn = ++this.#turn;
        if (typeof url !== 'function') {
            this.#open(url, query, offer);
            return;
        }
        Promise.resolve({ reconnect: !!query }).then(url).then((fresh) => {
            if (turn === this.#turn) this.#open(fresh, query, offer);
        }).catch((error) => {
            if (turn === this.#turn) this.run('legClosed', 1006, `${error}`, 0);
        });
    }

    send(message) {
        this.socket.send(message);
    }

    close(code, reason) {
        this.#closeCode = code;
        shut(this.socket, code, reason);
    }

    leave(code, reason) {
        const socket = this.socket;
        this.#turn++;
        this.socket = undefined;
        if (!socket) return;
        socket.onopen = socket.onmessage = socket.onclose = null;
        shut(socket, code, reason);
        socket.unref?.(); // its Close may never be answered
    }

    news(name, ...rest) {
        if (name === 'over') {
            const [code, reason, clean] = rest;
            this.end = { code, reason, ok: clean && [1000, 1005, this.#closeCode].includes(code) };
            clearTimeout(this.timer);
            this.#forget?.();
            for (const event of WAKES) globalThis.removeEventListener?.(event, this.#wake);
        }
        this.#door(name, ...rest);
        if (this.#waiting.length) this.#waiting.splice(0).forEach((wake) => wake());
    }

    // --- the socket ---

    #open(url, query, offer) {
        const protocols = offer ? [...this.#protocols, SUBPROTOCOL] : this.#protocols;
        const socket = new this.#options.WebSocket(address(url, query), protocols, this.#options.transport);
        this.socket = socket;
        if (this.idle) socket.unref?.();
        socket.binaryType = 'arraybuffer';
        socket.onopen = () => this.run('legOpened', socket.protocol);
        socket.onmessage = ({ data }) => this.run('legMessage', data);
        socket.onclose = ({ code, reason, status }) => this.run('legClosed', code, reason, status);
        socket.onerror = () => {}; // a close follows
    }

    // --- what is acknowledged ---

    async #until(condition) {
        while (!condition()) {
            if (this.end) throw new LinkError(this.end);
            await new Promise((resolve) => {
                if (this.raw) setTimeout(resolve, POLL);
                else this.#waiting.push(resolve);
            });
        }
    }
}

// As WebSocketStream's WebSocketError.
export class LinkError extends Error {
    constructor({ code, reason }) {
        super(`the session ended with ${code} ${reason}`);
        this.closeCode = code;
        this.reason = reason;
    }
}

function shut(socket, code, reason) {
    if (code) socket.close(code, reason);
    else socket.close();
}

// The URL of a leg. Its query is added as text, so that the application's own stays as it was.
export function address(base, query) {
    const url = new URL(base, globalThis.document?.baseURI);
    url.protocol = url.protocol.replace('http', 'ws');
    if (/[?&](sid|ack)=/.test(url.search)) throw new DOMException('sid or ack is taken', 'SyntaxError');
    if (query) {
        const { sid, ack } = query;
        url.search += `${url.search ? '&' : '?'}sid=${encodeURIComponent(sid)}&ack=${ack}`;
    }
    return url.href;
}
