// Both directions of a session, whichever leg carries them: what each command means for them.
// docs/resume-protocol.md, sections 3 to 8.

import { Inbox } from './inbox.js';
import { Outbox } from './outbox.js';
import { ACK, DATA, EMPTY, EOF, HEADER, LIMITS, NEW_SID, PART, numbered } from './wire.js';

export class Exchange {
    sid = '';
    limits = { grace: 0, protocol: '', flags: 0 };
    outbox = new Outbox();
    inbox = new Inbox();
    ending = false; // the client's stream ends behind what is written
    host;
    #endTold = false; // on this leg

    constructor(host) {
        this.host = host;
    }

    get now() {
        return this.host.now();
    }

    // A command on an attached leg. False if it breaks a rule.
    obey({ tag, value }, message) {
        const { inbox, outbox } = this;
        switch (tag) {
            case DATA:
            case PART:
                if (inbox.end >= 0 && inbox.received + value.length > inbox.end) return false;
                if (value.length) inbox.put(value, tag === DATA);
                this.host.news('data');
                return true;
            case EMPTY:
                if (outbox.messages && !inbox.putEmpty(value)) return false;
                this.host.news('data');
                return true;
            case EOF:
                if (value !== inbox.received || (inbox.end >= 0 && inbox.end !== value)) return false;
                inbox.end = value;
                this.host.news('data');
                return true;
            case ACK:
                return this.#release(value);
            case NEW_SID:
                this.sid = value;
                this.host.send(message); // the echo
                return true;
            case LIMITS:
                this.limits = value;
                outbox.messages = !!(value.flags & 1);
                this.flush();
                return true;
        }
        return false;
    }

    // RECONNECT_SUCCESS: false if the gateway took what was not sent.
    goOn(taken) {
        const { outbox } = this;
        outbox.rewind(taken);
        this.#endTold = false;
        return taken >= outbox.acked && taken <= outbox.sent;
    }

    flush() {
        const { outbox } = this;
        for (let frame; (frame = outbox.pull(this.limits.window));) this.host.send(frame);
        if (this.ending && !this.#endTold && outbox.drained) {
            this.#endTold = true;
            this.host.send(numbered(EOF, outbox.end));
        }
    }

    // In raw mode what is sent counts as acknowledged, since nobody tells.
    flushRaw() {
        const { outbox } = this;
        for (let frame; (frame = outbox.pull(Infinity));) this.host.send(frame.subarray(HEADER));
        outbox.release(outbox.end);
    }

    acknowledge() {
        if (this.now >= this.inbox.ackAt(this.limits)) this.tell();
    }

    // An ACK that repeats the last one is a question, and the gateway answers at once.
    tell() {
        this.host.send(numbered(ACK, this.inbox.tell(this.now)));
    }

    #release(position) {
        const { outbox } = this;
        if (position < outbox.acked || position > outbox.next) return false;
        if (position > outbox.acked) {
            outbox.release(position);
            this.progress();
        }
        return true;
    }
}
