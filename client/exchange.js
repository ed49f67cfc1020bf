// Both directions of a session, whichever leg carries them: what each command means for them.
// docs/resume-protocol.md, sections 3 to 8.

import { Inbox } from './inbox.js';
import { Outbox } from './outbox.js';
import {
    ACK, DATA, EMPTY, EOF, HEADER, LIMITS, LONGEST, MAX_DATA, MAX_LONG_DATA, NEW_SID, PART, numbered,
    writeHeader,
} from './wire.js';

export class Exchange {
    sid = '';
    limits = { grace: 0, protocol: '', flags: 0 };
    outbox = new Outbox();
    inbox = new Inbox();
    ending = false; // the client's stream ends behind what is written
    most = MAX_DATA; // bytes of a DATA that this leg may bring
    host;
    closeTold = false; // on this leg
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
                break;
            case EMPTY:
                if (outbox.messages && !inbox.putEmpty(value)) return false;
                break;
            case EOF:
                if (value !== inbox.received || (inbox.end >= 0 && inbox.end !== value)) return false;
                inbox.end = value;
                break;
            case ACK:
                if (value < outbox.acked || value > outbox.next) return false;
                if (value > outbox.acked) {
                    outbox.release(value);
                    this.progress();
                }
                return true;
            case NEW_SID:
                this.sid = value;
                this.host.send(message); // the echo
                return true;
            case LIMITS:
                this.limits = value;
                outbox.messages = value.flags & 1;
                this.flush();
                return true;
            default:
                return false;
        }
        this.host.news('data');
        return true;
    }

    // RECONNECT_SUCCESS: false if the gateway took what was not sent.
    goOn(taken) {
        const { outbox } = this;
        outbox.rewind(taken);
        this.closeTold = this.#endTold = false;
        this.most = this.limits.longest = MAX_DATA;
        return taken >= outbox.acked && taken <= outbox.sent;
    }

    // Behind a Close a socket drops what it is given, so that nothing may count as sent.
    flush() {
        if (this.closeTold) return;
        const { inbox, outbox, limits } = this;
        // Where much goes to and fro longer DATA cost less. A gateway that takes them too says so by LIMITS.
        if (this.most === MAX_DATA && inbox.taken + outbox.end > MAX_LONG_DATA) {
            this.most = MAX_LONG_DATA;
            this.host.send(writeHeader(new Uint8Array(HEADER), LONGEST, this.most));
        }
        for (let frame; (frame = outbox.pull(limits.window, limits.longest));) this.host.send(frame);
        if (this.ending && !this.#endTold && outbox.drained) {
            this.#endTold = true;
            this.host.send(numbered(EOF, outbox.end));
        }
    }

    // In raw mode what is sent counts as acknowledged, since nobody tells.
    flushRaw() {
        const { outbox } = this;
        for (let frame; (frame = outbox.pull(Infinity, Infinity));) this.host.send(frame.subarray(HEADER));
        outbox.release(outbox.end);
    }

    acknowledge() {
        if (this.now >= this.inbox.ackAt(this.limits)) this.tell();
    }

    // An ACK that repeats the last one is a question, and the gateway answers at once.
    tell() {
        this.host.send(numbered(ACK, this.inbox.tell(this.now)));
        this.flush();
    }
}
