// What the client has written and the service has not acknowledged: the queue and the replay in
// one. Positions are those of docs/resume-protocol.md, section 4.

import { DATA, EMPTY, HEADER, MAX_DATA, MAX_LONG_DATA, PART, numbered, writeHeader } from './wire.js';

export class Outbox {
    acked = 0; // the service's TCP has so much
    next = 0; // the next byte to send
    sent = 0; // the most that was sent, on any leg
    end = 0; // all that was written
    messages = 0; // flag 1 of LIMITS: where a message ends matters
    pieces = []; // {frame, at, size, more, ordinal}: a frame has room for its header
    ordinal = 0; // of the next message without bytes
    #cursor = 0; // the piece in which `next` lies

    // Copies bytes: the caller's may change. `more` of the last message follow with the next write.
    write(bytes, more = false) {
        if (!bytes.length && this.messages) {
            this.pieces.push({ at: this.end, size: 0, ordinal: this.ordinal++ });
        }
        for (let rest; bytes.length; bytes = rest) {
            rest = bytes.subarray(MAX_LONG_DATA);
            this.#append(bytes.subarray(0, MAX_LONG_DATA), more || rest.length > 0);
        }
    }

    #append(bytes, more) {
        let piece = this.pieces.at(-1);
        // Small writes share a frame while they wait.
        const { length } = bytes;
        if (this.drained || piece.at < this.next || this.messages || piece.size + length > MAX_LONG_DATA) {
            piece = { frame: new Uint8Array(HEADER + length), at: this.end, size: 0 };
            this.pieces.push(piece);
        } else if (HEADER + piece.size + length > piece.frame.length) {
            const { frame } = piece;
            piece.frame = new Uint8Array(HEADER + MAX_LONG_DATA);
            piece.frame.set(frame);
        }
        piece.frame.set(bytes, HEADER + piece.size);
        piece.size += length;
        piece.more = more;
        this.end += length;
    }

    // The next command, with at most `window` bytes under way behind it, and `most` in it; undefined
    // if none may go.
    pull(window, most = MAX_DATA) {
        const piece = this.pieces[this.#cursor];
        if (!piece) return undefined;
        if (!piece.size) {
            this.#cursor++;
            return numbered(EMPTY, piece.ordinal);
        }
        const offset = this.next - piece.at;
        const left = piece.size - offset;
        const underWay = this.next - this.acked;
        const size = Math.min(left, most, window - underWay);
        // The rest of a window is not worth cutting a piece.
        if (size <= 0 || (size < Math.min(left, most, window / 4) && underWay)) return undefined;

        // The header of a part of a piece lies where the bytes before it are, and so in a copy.
        const frame = piece.frame[size < piece.size ? 'slice' : 'subarray'](offset, offset + HEADER + size);
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
        this.pieces.splice(0, gone);
        this.#cursor -= gone;
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
