// What the client has written and the service has not acknowledged: the queue and the replay in
// one. Positions are those of docs/resume-protocol.md, section 4.

import { DATA, EMPTY, HEADER, MAX_DATA, PART, numbered, writeHeader } from './wire.js';

const WORTH_CUTTING = 4096; // the rest of a window below this waits for the next ACK

export class Outbox {
    acked = 0; // the service's TCP has so much
    next = 0; // the next byte to send
    sent = 0; // the most that was sent, on any leg
    end = 0; // all that was written
    messages = false; // flag 1 of LIMITS: where a message ends matters
    pieces = []; // {frame, at, size, more, ordinal}: a frame has room for its header
    ordinal = 0; // of the next message without bytes
    #cursor = 0; // the piece in which `next` lies

    // Copies bytes: the caller's may change. `more` of the last message follow with the next write.
    write(bytes, more = false) {
        if (!bytes.length && this.messages) {
            this.pieces.push({ at: this.end, size: 0, ordinal: this.ordinal++ });
        }
        for (let from = 0; from < bytes.length; from += MAX_DATA) {
            const piece = bytes.subarray(from, from + MAX_DATA);
            this.#append(piece, more || from + MAX_DATA < bytes.length);
        }
    }

    #append(bytes, more) {
        let piece = this.pieces.at(-1);
        // Small writes share a frame while they wait.
        const waits = !this.drained && piece.at >= this.next;
        if (!waits || this.messages || piece.size + bytes.length > MAX_DATA) {
            piece = { frame: new Uint8Array(HEADER + bytes.length), at: this.end, size: 0 };
            this.pieces.push(piece);
        }
        const used = HEADER + piece.size;
        if (used + bytes.length > piece.frame.length) {
            const { frame } = piece;
            piece.frame = new Uint8Array(HEADER + Math.min(MAX_DATA, 2 * (piece.size + bytes.length)));
            piece.frame.set(frame);
        }
        piece.frame.set(bytes, used);
        piece.size += bytes.length;
        piece.more = more;
        this.end += bytes.length;
    }

    // The next command, with at most `window` bytes under way behind it; undefined if none may go.
    pull(window) {
        const piece = this.pieces[this.#cursor];
        if (!piece) return undefined;
        if (!piece.size) {
            this.#cursor++;
            return numbered(EMPTY, piece.ordinal);
        }
        const offset = this.next - piece.at;
        const left = piece.size - offset;
        const underWay = this.next - this.acked;
        const size = Math.min(left, window - underWay);
        if (size <= 0 || (size < left && size < WORTH_CUTTING && underWay)) return undefined;

        let frame = piece.frame.subarray(0, HEADER + size);
        if (size < piece.size) {
            frame = new Uint8Array(HEADER + size);
            frame.set(piece.frame.subarray(HEADER + offset, HEADER + offset + size), HEADER);
        }
        this.next += size;
        this.sent = Math.max(this.sent, this.next);
        if (size === left) this.#cursor++;
        return writeHeader(frame, this.messages && (size < left || piece.more) ? PART : DATA, size);
    }

    // Everything was sent on this leg.
    get drained() {
        return this.#cursor === this.pieces.length;
    }

    get missing() {
        return this.end - this.acked;
    }

    // The service has all up to `position`.
    release(position) {
        this.acked = position;
        const gone = this.#index(position);
        // Taking them out costs as much as there are left, so it is done for some at once.
        if (gone > 16 || gone === this.pieces.length) {
            this.pieces.splice(0, gone);
            this.#cursor -= gone;
        }
    }

    // A new leg goes on at `position`.
    rewind(position) {
        this.next = position;
        this.#cursor = this.#index(position);
    }

    // The first piece that a peer who has all up to `position` may lack: it may not know of a
    // message without bytes that stands right there.
    #index(position) {
        let index = 0;
        for (const { at, size } of this.pieces) {
            if (at + size > position || (!size && at === position)) break;
            index++;
        }
        return index;
    }
}
