// The life of a session, without a socket, a clock or randomness of its own: facts come in, orders
// go to the host. docs/resume-protocol.md is what it follows.
//
// The host carries out dial(query, offer), send(message), close(code, reason), and leave(code,
// reason), after which nothing is told of that leg any more; it hears news(name, ...), and now()
// tells the time. Options: random() from 0 to 1, retry: [shortest, longest] ms, heartbeat and
// patience in ms, raw: whether a gateway without resume will do.

import { Exchange } from './exchange.js';
import { Inbox } from './inbox.js';
import { Outbox } from './outbox.js';
import { CONNECT_SUCCESS, GOAWAY, LIMITS, RECONNECT_SUCCESS, SUBPROTOCOL, parse } from './wire.js';

const FIRST_TRIES = 5; // of a leg that was lost before anything was said
const TRY_TIME = 10000; // a try without a greeting is given up
const CLOSE_TIME = 10000; // without progress, until an end is told however much is missing
const DISPLACED_PAUSE = 1000;

export class Session extends Exchange {
    phase = 'connecting'; // then attached and detached, or raw, and over at last
    resumed = false; // it continues one of an earlier page
    #options;
    #offers = 2; // how often our subprotocol may be offered in vain
    #tries = 0;
    #closing; // {code, reason, at}: the application has closed

    #leg = ''; // none, then dialling, opened, greeted (only LIMITS is missing) and attached
    #since = 0; // when it was dialled
    #heardAt = 0;
    #answerBy = Infinity; // a question was asked
    #leaveAt = Infinity; // a GOAWAY was heard

    #retryAt = 0; // when the next try begins
    #until = Infinity; // one that began later is the last
    #failures = 0;

    constructor(host, options) {
        super(host);
        this.#options = options;
    }

    // --- the application ---

    // With a SID that was given to it, it goes on with that session.
    start() {
        this.#retry(this.limits.grace);
        this.#dial();
    }

    write(bytes) {
        if (this.ending || this.#closing || this.phase === 'over') return;
        this.outbox.write(bytes);
        this.#flush();
    }

    // Half-close. In raw mode there is none, and the session is closed behind the last byte.
    end() {
        this.ending = true;
        this.#flush();
    }

    // Ends the session when all that was written is acknowledged.
    close(code, reason) {
        if (this.#closing || this.phase === 'over') return;
        if (this.phase === 'connecting') {
            this.host.leave(code, reason);
            this.#over(1006, 'closed early');
            return;
        }
        this.#closing = { code, reason, at: this.now };
        this.#flush();
    }

    // The next piece that the service sent, {bytes, last}; undefined if there is none.
    read() {
        const piece = this.inbox.take();
        if (this.#attached) this.acknowledge();
        return piece;
    }

    // --- the leg ---

    legOpened(protocol) {
        this.#heard();
        if (protocol === SUBPROTOCOL) {
            this.#leg = 'opened';
        } else if (this.sid) {
            this.#violation(4001, 'not resumed');
        } else {
            this.#becomeRaw(protocol);
        }
    }

    legMessage(message) {
        this.#heard();
        if (this.phase === 'raw') {
            this.host.news('raw', message);
            return;
        }
        const command = parse(message, this.most);
        const { tag, value } = command;
        if (this.#leg === 'opened' && !this.sid && this.#options.raw && (tag !== CONNECT_SUCCESS || !value)) {
            // An older gateway, or another server, that repeats whatever is offered first.
            this.#becomeRaw('');
            this.host.news('raw', message);
        } else if (value === undefined || (value !== null && !this.#hear(command, message))) {
            this.#violation(4008, 'protocol error');
        }
    }

    // `status` is that of a refused handshake, 0 if there was none, undefined if nobody can tell.
    legClosed(code, reason, status) {
        const leg = this.#leg;
        const clean = code !== 1006; // a Close came, whatever became of the connection behind it
        this.#leg = '';
        const lost = !clean || (code === 1005 && !this.closeTold);
        if (this.phase === 'raw') {
            this.#over(code, reason, clean);
        } else if (status === 401 || status === 403) {
            this.#over(4033, reason);
        } else if (!this.sid || leg === 'greeted') {
            this.#notConnected(leg, code, reason, lost, status);
        } else if (lost || code === 4004) {
            this.#lost(0);
        } else if (code === 4002) {
            this.#lost(DISPLACED_PAUSE);
        } else if (code === 4001 && this.phase === 'connecting') {
            // The session of the page before this one is gone.
            this.sid = '';
            this.resumed = false;
            this.outbox = new Outbox();
            this.inbox = new Inbox();
            this.#dial();
        } else {
            this.#ended(code, reason, clean);
        }
    }

    // --- the world ---

    // The network or the page is back: a lost leg is tried at once, a living one has to prove it.
    wake() {
        if (this.#attached) {
            if (this.inbox.taken > this.inbox.told) this.tell();
            this.tell();
            this.#answerBy = Math.min(this.#answerBy, this.now + this.#options.patience);
        } else if (this.phase === 'detached') {
            if (this.#leg && this.now - this.#since > 1000) this.#abandon();
            if (!this.#leg) this.#dial();
        }
    }

    // The page goes away: the leg is left until wake() is called. True if another page can go on.
    suspend() {
        if (this.#closing || (!this.#attached && this.phase !== 'detached')) return false;
        this.#abandon();
        this.#lost(Infinity);
        return this.phase === 'detached';
    }

    // When tick() has to be called, at the latest.
    get deadline() {
        if (this.phase === 'over' || this.phase === 'raw') return Infinity;
        if (!this.#leg) return this.#retryAt;
        if (!this.#attached) return this.#legEnd;
        return Math.min(this.#legEnd, this.#askAt, this.inbox.ackAt(this.limits), this.#closeAt);
    }

    tick() {
        const { now } = this;
        if (now < this.deadline) return;
        if (!this.#leg) {
            this.#dial();
        } else if (now >= this.#legEnd) {
            this.#leave();
        } else {
            this.acknowledge();
            if (now >= this.#askAt) this.wake();
            this.#flush();
        }
    }

    // --- legs ---

    get #attached() {
        return this.#leg === 'attached';
    }

    // When it is to be left: it is dead, the gateway wishes it, or the try has taken too long.
    get #legEnd() {
        return this.#attached ? Math.min(this.#answerBy, this.#leaveAt) : this.#since + TRY_TIME;
    }

    // When it has been silent for so long that it has to be asked.
    get #askAt() {
        return this.#answerBy === Infinity ? this.#heardAt + this.#options.heartbeat : Infinity;
    }

    get #closeAt() {
        return this.#closing && !this.closeTold ? this.#closing.at + CLOSE_TIME : Infinity;
    }

    #heard() {
        this.#heardAt = this.now;
        this.#answerBy = Infinity;
    }

    #dial() {
        const { sid } = this;
        this.#leg = 'dialling';
        this.#since = this.now;
        this.#leaveAt = Infinity;
        this.host.dial(sid && { sid, ack: this.inbox.taken }, this.#offers > 0);
    }

    #abandon() {
        if (this.#leg) this.host.leave(4004, '');
        this.#leg = '';
    }

    #leave() {
        const silent = this.#leg === 'opened';
        this.#abandon();
        if (this.sid) {
            this.#lost(0);
        } else {
            // A server that only repeated our subprotocol may wait for the client to speak.
            if (silent && this.#options.raw) this.#offers--;
            this.#notConnected('', 1006, 'no answer', true);
        }
    }

    // Nothing was sent yet, so it may begin again.
    #notConnected(leg, code, reason, lost, status) {
        this.sid = '';
        if (leg === 'dialling' && status === undefined && this.#offers > 0 && this.#options.raw) {
            // Browsers fail a handshake that names no subprotocol where one was offered, and to a
            // page a cut looks the same: so it is offered again.
            this.#offers--;
            this.#dial();
        } else if (leg !== 'dialling' && lost && ++this.#tries < FIRST_TRIES) {
            this.#retryAt = this.now + this.#options.random() * DISPLACED_PAUSE;
        } else {
            this.#over(code, reason, !lost);
        }
    }

    // A leg is gone, or a try of one; the next is tried after `pause`.
    #lost(pause) {
        const { grace } = this.limits;
        const wasAttached = this.phase === 'attached';
        this.#leg = '';
        if (wasAttached ? !grace : this.#since >= this.#until) {
            this.#ended(1006, 'not resumed');
            return;
        }
        if (wasAttached) {
            this.phase = 'detached';
            this.inbox.rewind();
            const done = this.#closing && !this.outbox.missing;
            this.#retry(done ? Math.min(grace, CLOSE_TIME) : grace);
        } else {
            const { random, retry: [shortest, longest] } = this.#options;
            const at = this.now + random() * Math.min(longest, shortest * 2 ** this.#failures++);
            this.#retryAt = Math.min(at, Math.max(this.now, this.#until));
        }
        if (pause) this.#retryAt = this.now + pause;
        if (wasAttached) this.host.news('detach');
    }

    #retry(grace) {
        this.#retryAt = this.now;
        this.#until = this.#retryAt + grace;
        this.#failures = 0;
    }

    // --- what the gateway says ---

    #hear(command, message) {
        const { tag, value } = command;
        if (this.#leg === 'opened') {
            if (tag !== (this.sid ? RECONNECT_SUCCESS : CONNECT_SUCCESS)) return false;
            if (this.sid) return this.goOn(value) && this.#attach();
            this.sid = value;
            this.#leg = 'greeted';
            return true;
        }
        if (this.#leg === 'greeted') return tag === LIMITS && this.obey(command) && this.#attach();
        if (tag !== GOAWAY) return this.obey(command, message);
        this.#leaveAt = this.now + this.#options.random() * value * 0.8;
        return true;
    }

    #attach() {
        const first = this.phase === 'connecting';
        this.#leg = this.phase = 'attached';
        if (this.#closing) this.#closing.at = this.now;
        this.#flush();
        this.host.news(first ? 'open' : 'resume');
        return true;
    }

    // The service has acknowledged more.
    progress() {
        if (this.#closing) this.#closing.at = this.now;
        this.#flush();
        this.host.news('acked');
    }

    #flush() {
        if (this.phase === 'raw') {
            this.flushRaw();
            if (this.ending) this.#closing ||= { code: 4000, reason: '' };
            this.#close();
        } else if (this.#attached) {
            this.flush();
            if (!this.outbox.missing || this.now >= this.#closeAt) this.#close();
        }
    }

    #close() {
        const closing = this.#closing;
        if (!closing || this.closeTold) return;
        this.closeTold = true;
        this.host.close(closing.code, closing.reason);
    }

    // --- raw mode, and ends ---

    #becomeRaw(protocol) {
        this.phase = 'raw';
        this.limits.protocol = protocol;
        this.host.news('open');
        this.#flush();
    }

    #violation(code, reason) {
        this.host.leave(4008, reason);
        this.#over(code, reason);
    }

    // The session has ended with a code, which is a receipt if it answers the client's Close.
    #ended(code, reason, clean = false) {
        const { outbox } = this;
        const closing = this.#closing;
        const own = closing?.code ?? 1005;
        if (this.closeTold && code === own && outbox.drained) {
            outbox.release(outbox.end);
            this.host.news('acked');
        }
        if (closing && !outbox.missing && (code === 4001 || code === 1006)) {
            this.#over(own, '', true); // only the answer to the Close was lost
        } else if (closing && code === own && outbox.missing) {
            this.#over(1011, `${outbox.missing} bytes undelivered`);
        } else {
            this.#over(code, reason, clean);
        }
    }

    #over(code, reason, clean = false) {
        this.phase = 'over';
        this.#leg = '';
        this.host.news('over', code, reason, clean);
    }
}
