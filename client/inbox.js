// What came from the service, what of it the application has taken, and when that is told.

import { MAX_DATA } from './wire.js';

export class Inbox {
    received = 0;
    taken = 0;
    told = 0; // by an ACK, or by the query of a reconnect
    end = -1; // where the service's stream ends, once it said so
    empties = 0; // messages without bytes, counted from the beginning
    #queue = []; // {bytes, last}: `last` ends a message
    #toldAt = -Infinity;

    put(bytes, last) {
        this.received += bytes.length;
        this.#queue.push({ bytes, last });
    }

    // A message without bytes, unless it is known. False if one before it is missing.
    putEmpty(ordinal) {
        if (ordinal === this.empties) {
            this.empties++;
            this.put(new Uint8Array(), true);
        }
        return ordinal < this.empties;
    }

    // The next piece, which counts as taken.
    take() {
        const piece = this.#queue.shift();
        if (piece) this.taken += piece.bytes.length;
        return piece;
    }

    get ended() {
        return this.end === this.taken && !this.#queue.length;
    }

    // What was not taken will come again on the next leg.
    rewind() {
        this.empties -= this.#queue.filter(({ bytes }) => !bytes.length).length;
        this.#queue = [];
        this.received = this.told = this.taken;
    }

    // When an ACK is due: soon after the first byte, then at half the time that it may take, or before
    // another piece would be too much.
    ackAt({ bytes, interval }) {
        if (this.taken === this.told) return Infinity;
        return this.taken - this.told > bytes - MAX_DATA ? 0 : this.#toldAt + interval / 2;
    }

    tell(now) {
        this.#toldAt = now;
        this.told = this.taken;
        return this.taken;
    }
}
