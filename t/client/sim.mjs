// A client's Session and a Gateway with a bad wire between them, on a virtual clock. Everything
// follows from the seed.

import { Session } from '../../client/session.js';
import { Gateway, NAME } from './gateway.mjs';

// Mulberry32.
export function randomOf(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
}

export class Clock {
    time = 1000;
    #events = [];
    #order = 0;

    now = () => this.time;

    after = (ms, action) => {
        const event = { at: this.time + ms, order: this.#order++, action };
        this.#events.push(event);
        return () => {
            event.action = undefined;
        };
    };

    // The next event; false if there is none.
    step() {
        this.#events = this.#events.filter(({ action }) => action);
        const next = this.#events.reduce((first, event) =>
            (!first || event.at < first.at || (event.at === first.at && event.order < first.order) ? event : first),
        undefined);
        if (!next) return false;
        this.time = Math.max(this.time, next.at);
        const { action } = next;
        next.action = undefined;
        action();
        return true;
    }
}

// The byte at a position of a stream.
const byteAt = (position, stream) => ((position * 167 + (position >>> 8) * 59 + stream * 77) ^ (position >>> 16)) & 255;

export function bytesAt(position, size, stream) {
    const bytes = Buffer.alloc(size);
    for (let i = 0; i < size; i++) bytes[i] = byteAt(position + i, stream);
    return bytes;
}

export function mismatch(bytes, position, stream) {
    for (let i = 0; i < bytes.length; i++) {
        if (bytes[i] !== byteAt(position + i, stream)) return position + i;
    }
    return -1;
}

// A service that takes at its own pace, says so much, and ends when the client has.
class Service {
    got = 0;
    said = 0;
    messagesDown = []; // where those end that it said
    #acked = 0;
    #taken = []; // messages without bytes count too
    #session;
    #sim;
    #ended = false;

    constructor(session, sim) {
        this.#session = session;
        this.#sim = sim;
        sim.services.push(this);
        this.#talk();
    }

    write(bytes, last) {
        const bad = mismatch(bytes, this.got, 1);
        if (bad >= 0) throw new Error(`byte ${bad} is not the one that was sent`);
        this.got += bytes.length;
        if (last) this.#taken.push(this.got);
        const got = this.got;
        this.#sim.clock.after(this.#sim.random() * this.#sim.pace, () => {
            this.#acked = Math.max(this.#acked, got);
            this.#sim.serviceAcked = Math.max(this.#sim.serviceAcked, this.#acked);
            if (!this.#session.over) this.#session.ackedByService(this.#acked);
        });
    }

    get messages() {
        return this.#taken;
    }

    end() {
        this.#ended = true;
        if (!this.#session.over) this.#session.pump();
    }

    #talk() {
        const { clock, random, pace } = this.#sim;
        clock.after(random() * pace, () => {
            if (this.#session.over) return;
            this.allowed = Math.min(this.#sim.down, (this.allowed ?? 0) + Math.ceil(random() * this.#sim.down / 4));
            this.#session.pump();
            if (this.allowed < this.#sim.down) this.#talk();
        });
    }

    read(max) {
        const { random, down, messages } = this.#sim;
        const left = (this.allowed ?? 0) - this.said;
        if (messages && random() < 0.05 && left > 0) {
            this.messagesDown.push(this.said);
            return { bytes: Buffer.alloc(0), last: true };
        }
        const size = Math.min(left, max, Math.ceil(random() * (random() < 0.5 ? 20000 : 100000)));
        if (size <= 0) return this.said === down && (this.#ended || this.#sim.serviceEnds) ? 'end' : undefined;
        const bytes = bytesAt(this.said, size, 2);
        this.said += size;
        const last = this.said === down || random() < 0.5;
        if (last) this.messagesDown.push(this.said);
        return { bytes, last };
    }
}

// One WebSocket: messages arrive in order, late, and not at all once the wire is cut.
class Wire {
    #sim;
    #cut = false;
    #last = [0, 0];
    gatewayEars;

    constructor(sim) {
        this.#sim = sim;
        this.open = false;
    }

    // To a side, in order; dropped if the cut comes first.
    carry(side, action) {
        const { clock, random, latency } = this.#sim;
        const at = Math.max(this.#last[side], clock.time + random() * latency);
        this.#last[side] = at;
        clock.after(at - clock.time, () => this.#cut || action());
    }

    // Both ends notice some time later; the client perhaps never.
    cut(client) {
        if (this.#cut) return;
        this.#cut = true;
        const { clock, random } = this.#sim;
        this.tellGateway(() => this.gatewayEars?.lost(), random() * 3000);
        if (random() < 0.8 || this.first) clock.after(random() * 500, () => client());
    }

    tellGateway(action, delay) {
        this.#sim.clock.after(delay, action);
    }
}

export class Sim {
    clock = new Clock();
    services = [];
    serviceAcked = 0;
    received = 0;
    receivedMessages = [];
    written = 0;
    writtenMessages = [];
    events = [];
    end;
    #wire;
    #timer;

    constructor(seed, settings = {}) {
        const random = randomOf(seed);
        this.random = random;
        Object.assign(this, {
            up: Math.floor(random() * 400000), down: Math.floor(random() * 400000),
            pace: random() < 0.5 ? 50 : 1000, latency: random() < 0.5 ? 20 : 300,
            cuts: Math.floor(random() * 12), messages: random() < 0.3, slowReader: random() < 0.3,
            halfClose: random() < 0.5, serviceEnds: false, refusals: random() < 0.3,
        }, settings);
        this.gateway = new Gateway({
            clock: this.clock, random, connect: (session) => new Service(session, this),
            window: random() < 0.5 ? 262144 : 20000, replay: random() < 0.5 ? 262144 : 65536,
            flags: this.messages ? 1 : 0, protocol: 'mqtt', takesLong: random() < 0.7,
        });
        const options = {
            random, retry: [500, 30000], heartbeat: 15000, patience: 10000, raw: true, renewable: false,
        };
        this.session = new Session(this, options);
        this.#at(() => this.session.start());
        for (let i = 0; i < this.cuts; i++) this.clock.after(random() * 20000, () => this.#mischief());
        this.#write();
    }

    // The service that the client spoke to: of tries that were given up others may stand about.
    get service() {
        return this.services.find(({ got }) => got) ?? this.services.find(({ said }) => said === this.down);
    }

    run(steps = 200000) {
        while (!this.end && steps-- > 0) {
            if (!this.clock.step()) throw new Error(`nothing goes on: ${this.#where()}`);
            this.#check();
        }
        if (!this.end) throw new Error(`no end: ${this.#where()}`);
        this.#read(); // what came before the end and waits
    }

    // --- the host of the session ---

    now = () => this.clock.time;

    dial(query, offer) {
        const wire = new Wire(this);
        wire.first = !query;
        this.#wire = wire;
        const bad = this.clock.time < 30000; // the network gets well, before the grace is over
        if (query && this.refusals && bad && this.random() < 0.3) {
            this.clock.after(this.random() * 100, () => this.#mine(wire, () => this.#closed(1006)));
            return;
        }
        if (!offer) throw new Error('the name of resume was not offered');
        const params = new URLSearchParams(query);
        // A try that was given up may still arrive, after the next one.
        const delay = this.random() < 0.1 && bad ? 11000 : this.random() * this.latency;
        this.clock.after(delay, () => this.#accept(wire, params));
    }

    send(message) {
        const copy = Buffer.from(message);
        const wire = this.#wire;
        wire.carry(0, () => wire.gatewayEars.message(copy));
    }

    close(code) {
        const wire = this.#wire;
        wire.carry(0, () => wire.gatewayEars.closed(code, ''));
    }

    leave(code) {
        const wire = this.#wire;
        this.#wire = undefined;
        if (wire.gatewayEars) wire.carry(0, () => wire.gatewayEars.closed(code, ''));
        else wire.tellGateway(() => wire.gatewayEars?.lost(), 12000);
    }

    news(name, ...rest) {
        if (name === 'data') this.#readSoon();
        else if (name === 'over') this.end = rest;
        else if (name !== 'acked') this.events.push(name);
    }

    // --- the wire ---

    #accept(wire, params) {
        if (this.gateway.refuses?.(params)) return;
        this.#carry(wire, () => {
            wire.open = true;
            this.session.legOpened(NAME);
        });
        const leg = {
            send: (message) => this.#carry(wire, () =>
                this.session.legMessage(new Uint8Array(message).buffer)),
            close: (code, reason) => this.#carry(wire, () => {
                this.#closed(code, reason);
                wire.carry(0, () => wire.gatewayEars.closed(code, reason));
            }),
            answer: (code, reason) => this.#carry(wire, () => this.#closed(code, reason)),
        };
        wire.gatewayEars = { message() {}, closed() {}, lost() {} };
        wire.gatewayEars = this.gateway.request(params, leg);
    }

    #carry(wire, action) {
        wire.carry(1, () => this.#mine(wire, action));
    }

    // What comes on a leg that the client has left is not heard.
    #mine(wire, action) {
        if (this.#wire === wire && !this.end) this.#at(action);
    }

    #closed(code, reason = '') {
        this.#wire = undefined;
        this.session.legClosed(code, reason, this.refusals ? 0 : undefined);
    }

    #mischief() {
        const kind = this.random();
        const wire = this.#wire;
        if (this.end) return;
        if (kind < 0.15) {
            for (const session of this.gateway.sessions) session.goAway(Math.floor(this.random() * 3000));
        } else if (kind < 0.25) {
            this.#at(() => this.session.wake());
        } else if (kind < 0.3) {
            this.#at(() => this.session.suspend());
            this.clock.after(this.random() * 5000, () => this.#at(() => this.session.wake()));
        } else if (wire?.open || !wire?.first) {
            wire?.cut(() => this.#mine(wire, () => this.#closed(1006)));
        }
    }

    // --- the application ---

    #write() {
        this.clock.after(this.random() * this.pace, () => {
            if (this.end) return;
            const empty = this.messages && this.random() < 0.1;
            const size = empty ? 0 : Math.min(this.up - this.written, Math.ceil(this.random() ** 4 * 100000));
            const bytes = bytesAt(this.written, size, 1);
            this.written += size;
            if (this.session.phase === 'attached' || this.session.phase === 'detached') {
                if (this.messages && (size || empty)) this.writtenMessages.push(this.written);
                this.#at(() => this.session.write(bytes));
            } else {
                this.written -= size;
            }
            if (this.written < this.up || !this.session.sid) this.#write();
            else if (this.halfClose) this.#at(() => this.session.end());
            else this.#closeWhenRead();
        });
    }

    #closeWhenRead() {
        this.clock.after(100, () => {
            if (this.received < this.down) this.#closeWhenRead();
            else this.#at(() => this.session.close(4321, 'enough'));
        });
    }

    #readSoon() {
        if (!this.slowReader) this.#read();
        else this.clock.after(this.random() * 2000, () => this.#read());
    }

    #read() {
        for (let piece; (piece = this.session.read());) {
            const bad = mismatch(piece.bytes, this.received, 2);
            if (bad >= 0) throw new Error(`byte ${bad} is not the one that was said`);
            this.received += piece.bytes.length;
            if (piece.last) this.receivedMessages.push(this.received);
        }
        this.#arm();
    }

    // --- what always holds ---

    #check() {
        const { outbox, inbox, limits } = this.session;
        if (outbox.acked > this.serviceAcked) throw new Error('delivered is more than the service has');
        if (limits.window && outbox.next - outbox.acked > limits.window) throw new Error('beyond the window');
        if (inbox.received - inbox.taken > 262144) throw new Error('more is held than the replay');
        // A session may begin again only as long as nothing was sent.
        if (this.services.filter(({ got }) => got).length > 1) throw new Error('the client began twice');
    }

    #where() {
        const { phase, outbox } = this.session;
        return JSON.stringify({ phase, written: this.written, up: this.up, received: this.received,
            down: this.down, acked: outbox.acked, time: this.clock.time });
    }

    #at(action) {
        action();
        this.#arm();
    }

    #arm() {
        this.#timer?.();
        const { deadline } = this.session;
        if (this.end || deadline === Infinity) return;
        this.#timer = this.clock.after(Math.max(0, deadline - this.clock.time),
            () => this.#at(() => this.session.tick()));
    }
}
