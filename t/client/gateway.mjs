// A gateway with resume for the tests, written from docs/resume-protocol.md and as strict as it
// allows: what a client does wrong throws. It knows no socket; `clock` has now() and after(ms, f),
// which returns a function that cancels.

export const NAME = 'v1.resume.ngx-ws-filter';

const MAX_DATA = 16384;
const MAX_LONG_DATA = 65536;

function command(tag, ...parts) {
    const body = parts.map((part) => {
        if (Buffer.isBuffer(part)) return part;
        if (typeof part === 'string') return Buffer.concat([u32(part.length), Buffer.from(part, 'latin1')]);
        return u64(part);
    });
    const head = Buffer.alloc(2);
    head.writeUInt16BE(tag);
    return Buffer.concat([head, ...body]);
}

function u32(number) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(number);
    return bytes;
}

function u64(number) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(number));
    return bytes;
}

function demand(condition, what) {
    if (!condition) throw new Error(`the client broke a rule: ${what}`);
}

export class Gateway {
    sessions = new Set();
    grace = 60000;
    window = 262144;
    replay = 262144;
    interval = 100;
    flags = 0;
    protocol = ''; // for the service
    resumable = true;
    takesLong = true; // DATA, where the client says LONGEST

    // `connect` opens a service: see Session.
    constructor({ clock, random, connect, ...settings }) {
        Object.assign(this, settings);
        this.clock = clock;
        this.random = random;
        this.connect = connect;
    }

    newSid() {
        return `s-${this.random().toString(36).slice(2)}-${this.random().toString(36).slice(2)}`;
    }

    // A request that offered our name; `leg` has send(message), close(code, reason) and drop().
    // What is returned hears message(bytes), closed(code, reason), and lost().
    request(query, leg) {
        if (!query.has('sid')) {
            const session = new Session(this, leg);
            this.sessions.add(session);
            return session.begin(leg);
        }
        for (const session of this.sessions) {
            if (session.knows(query.get('sid'))) return session.resume(leg, query);
        }
        leg.close(4001, 'unknown session');
        return { message() {}, closed() {}, lost() {} };
    }
}

class Session {
    taken = 0;
    acked = 0; // by the service
    toldAcked = 0;
    sent = 0; // to the client
    clientAcked = 0;
    endUp = -1;
    endDown = -1;
    held = []; // [{bytes, last}] of the service that the client did not acknowledge
    heldFrom = 0;
    empties = [0, 0]; // up, down
    leg;
    ending; // [code, reason], when all was sent
    over = false;

    constructor(gateway) {
        this.gateway = gateway;
        this.current = gateway.newSid();
        this.next = '';
        // A service has write(bytes, last), end(), read(max) which gives {bytes, last}, 'end' or
        // undefined, and calls acked(count) and readable().
        this.service = gateway.connect(this);
    }

    knows(sid) {
        return !this.over && !!sid && (sid === this.current || sid === this.next);
    }

    // --- legs ---

    begin(leg) {
        this.attach(leg);
        this.say(command(0x0001, this.current));
        this.sayLimits();
        this.pump();
        return this.ears(leg);
    }

    resume(leg, query) {
        const ack = Number(query.get('ack'));
        demand(/^\d+$/.test(query.get('ack')), 'ack is a number');
        demand(ack >= this.clientAcked && ack <= this.sent, `ack ${ack} of ${this.clientAcked} to ${this.sent}`);
        if (query.get('sid') === this.next) {
            this.current = this.next;
            this.next = '';
        }
        this.next ||= this.gateway.newSid();
        this.detach(4002, 'displaced');
        this.attach(leg);
        this.asked = ack;
        this.release(ack);
        this.say(command(0x0002, this.taken));
        this.sayLimits();
        this.say(command(0x4003, this.next));
        this.sayAck();
        this.cursor = this.clientAcked;
        this.downEnded = false;
        this.lastAck = ack;
        this.pump();
        return this.ears(leg);
    }

    attach(leg) {
        this.leg = leg;
        this.most = MAX_DATA;
        this.ending = undefined;
        this.cursor = this.clientAcked;
        this.emptyCursor = 0;
        this.cancelGrace?.();
    }

    detach(code, reason) {
        const { leg } = this;
        if (!leg) return;
        this.leg = undefined;
        this.cancelAck?.();
        this.cancelAck = undefined;
        if (code) leg.close(code, reason);
        if (!this.over) {
            this.cancelGrace = this.gateway.clock.after(this.gateway.grace, () => this.finish());
        }
    }

    ears(leg) {
        const mine = (action) => (...rest) => this.leg === leg && action(...rest);
        return {
            message: mine((bytes) => this.obey(bytes)),
            closed: mine((code, reason) => this.closed(code, reason)),
            lost: mine(() => {
                if (this.gateway.resumable) this.detach();
                else this.finish();
            }),
        };
    }

    say(message) {
        this.leg?.send(message);
    }

    sayLimits() {
        const { replay, grace, interval, protocol, window, flags, resumable } = this.gateway;
        const longest = this.most > MAX_DATA ? [u32(this.most)] : [];
        this.say(command(0x4001, u32(replay), u32(resumable ? grace : 0), u32(interval), protocol,
            u32(window), u32(32768), u32(flags), ...longest));
    }

    goAway(ms) {
        this.say(command(0x4004, u32(ms)));
        const { leg } = this;
        this.gateway.clock.after(ms, () => this.leg === leg && this.detach(4004, 'come back'));
    }

    // --- ends ---

    closed(code, reason) {
        if (code === 4004) {
            this.leg.answer(code, reason);
            this.detach();
            return;
        }
        if (this.ending) {
            this.finish();
            return;
        }
        this.closing = { code, leg: this.leg };
        this.checkClosing();
    }

    checkClosing() {
        if (!this.closing || this.acked < this.taken) return;
        if (this.leg === this.closing.leg) this.leg.answer(this.closing.code, '');
        this.finish();
    }

    finish() {
        this.over = true;
        this.cancelGrace?.();
        this.cancelAck?.();
        this.leg = undefined;
        this.gateway.sessions.delete(this);
        this.service.end();
    }

    // --- from the client ---

    obey(message) {
        demand(message.length >= 2, 'a tag');
        demand(!this.closing, 'nothing behind a Close');
        const tag = message.readUInt16BE(0);
        const number = () => {
            demand(message.length === 10, `a number behind ${tag}`);
            return Number(message.readBigUInt64BE(2));
        };
        if (tag === 0x0004 || tag === 0x4005) this.take(message, tag === 0x0004);
        else if (tag === 0x4006) this.takeEmpty(number());
        else if (tag === 0x0007) this.hearAck(number());
        else if (tag === 0x4002) this.takeEnd(number());
        else if (tag === 0x4003) this.hearSid(message.toString('latin1', 6));
        else if (tag === 0x4008) this.hearLongest(message);
        else demand(false, `tag ${tag}`);
    }

    take(message, last) {
        const bytes = message.subarray(6);
        demand(message.readUInt32BE(2) === bytes.length, 'the length of DATA');
        demand(bytes.length > 0 && bytes.length <= this.most, `at most ${this.most} bytes`);
        demand(last || this.gateway.flags & 1, 'no PART without messages');
        demand(this.endUp < 0 || this.taken + bytes.length <= this.endUp, 'nothing behind EOF');
        this.taken += bytes.length;
        demand(this.taken - this.toldAcked <= this.gateway.window, 'the window');
        this.service.write(bytes, last);
    }

    takeEmpty(ordinal) {
        demand(this.gateway.flags & 1, 'no EMPTY without messages');
        demand(ordinal <= this.empties[0], 'no EMPTY is skipped');
        if (ordinal < this.empties[0]) return;
        this.empties[0]++;
        this.service.write(Buffer.alloc(0), true);
    }

    takeEnd(position) {
        demand(position === this.taken, 'EOF stands at the end');
        demand(this.endUp < 0 || this.endUp === position, 'one EOF');
        if (this.endUp < 0) this.service.end();
        this.endUp = position;
    }

    hearSid(sid) {
        if (!this.next || sid !== this.next) return;
        this.current = this.next;
        this.next = '';
    }

    // Unknown to an older gateway.
    hearLongest(message) {
        demand(message.length === 6 && message.readUInt32BE(2) === MAX_LONG_DATA, 'how long DATA may be');
        demand(this.most === MAX_DATA, 'once on a leg');
        if (!this.gateway.takesLong) return;
        this.most = MAX_LONG_DATA;
        this.sayLimits();
    }

    hearAck(position) {
        demand(position >= this.lastHeard() && position <= this.sent, `ACK ${position}`);
        if (position === this.lastAck) {
            this.sayAck();
            return;
        }
        this.lastAck = position;
        if (this.next && position > this.asked) {
            this.current = this.next;
            this.next = '';
        }
        this.release(position);
        this.pump();
    }

    lastAck = 0;
    asked = Infinity;

    lastHeard() {
        return Math.max(this.lastAck, this.clientAcked);
    }

    // --- to the client ---

    release(position) {
        this.clientAcked = Math.max(this.clientAcked, position);
        while (this.held.length) {
            const [{ bytes, at }] = this.held;
            if (bytes.length ? at + bytes.length > position : at >= position) break;
            this.held.shift();
        }
    }

    // The service has acknowledged so much.
    ackedByService(count) {
        this.acked = count;
        demand(count <= this.taken, 'not more than was taken');
        if (this.acked - this.toldAcked >= 32768) this.sayAck();
        else if (this.acked > this.toldAcked) {
            this.cancelAck ??= this.gateway.clock.after(this.gateway.interval, () => this.sayAck());
        }
        this.checkClosing();
        this.checkEnding();
    }

    sayAck() {
        this.cancelAck?.();
        this.cancelAck = undefined;
        if (!this.leg || this.over) return;
        this.toldAcked = this.acked;
        this.say(command(0x0007, this.acked));
    }

    pump() {
        if (this.over) return;
        this.readService();
        if (!this.leg) return;
        for (let i = 0; i < this.held.length; i++) {
            const { bytes, at, last, ordinal } = this.held[i];
            if (bytes.length && at + bytes.length <= this.cursor) continue;
            if (!bytes.length) {
                if (this.emptyCursor <= ordinal) {
                    this.emptyCursor = ordinal + 1;
                    this.say(command(0x4006, ordinal));
                }
                continue;
            }
            this.sayData(bytes.subarray(this.cursor - at), last);
        }
        if (this.endDown >= 0 && !this.downEnded) {
            this.downEnded = true;
            this.say(command(0x4002, this.endDown));
        }
        this.checkEnding();
    }

    // The service has ended, and has acknowledged all that was taken.
    checkEnding() {
        if (!this.leg || this.ending || !this.downEnded || this.acked < this.taken) return;
        if (this.gateway.halfOpen && this.endUp < 0) return;
        this.ending = [1000, ''];
        this.sayAck();
        this.leg.close(...this.ending);
    }

    sayData(bytes, last) {
        const messages = this.gateway.flags & 1;
        for (let from = 0; from < bytes.length;) {
            const most = Math.min(this.most, bytes.length - from);
            const size = this.gateway.random() < 0.3 ? Math.ceil(this.gateway.random() * most) : most;
            const part = bytes.subarray(from, from + size);
            from += size;
            const tag = messages && (from < bytes.length || !last) ? 0x4005 : 0x0004;
            this.say(command(tag, u32(size), part));
        }
        this.cursor += bytes.length;
        this.sent = Math.max(this.sent, this.cursor);
    }

    readService() {
        let read = this.heldTo();
        while (this.endDown < 0 && read - this.clientAcked < this.gateway.replay) {
            const piece = this.service.read(this.gateway.replay - (read - this.clientAcked));
            if (piece === undefined) return;
            if (piece === 'end') {
                this.endDown = read;
                return;
            }
            const ordinal = piece.bytes.length ? undefined : this.empties[1]++;
            this.held.push({ ...piece, at: read, ordinal });
            read += piece.bytes.length;
            this.readTo = read;
        }
    }

    readTo = 0;

    heldTo() {
        return this.readTo;
    }
}
