// RFC 6455, section 5, as a client in Node needs it: whole messages out, masked, and frames in.

import { randomFillSync } from 'node:crypto';

export const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

const LONGEST = 2 ** 28; // a longer message of the server is refused with 1009

const WORTH_WORDS = 256; // bytes; below, masking by words takes longer

const pool = new Uint32Array(1024);
let used = pool.length;

// The masking key of a frame, as a word and as bytes.
const word = new Uint32Array(1);
const key = new Uint8Array(word.buffer);

function chooseKey() {
    if (used === pool.length) {
        randomFillSync(pool);
        used = 0;
    }
    word[0] = pool[used++];
}

// A message or a control frame in one frame.
export function encode(opcode, payload) {
    const size = payload.length;
    const header = size < 126 ? 6 : size < 65536 ? 8 : 14;
    const start = -header & 3; // so that the payload can be masked by words: a Buffer begins at one
    const all = Buffer.allocUnsafe(start + header + size);
    all[start] = 0x80 | opcode;
    all[start + 1] = 0x80 | (header === 6 ? size : header === 8 ? 126 : 127);
    if (header === 8) all.writeUInt16BE(size, start + 2);
    if (header === 14) all.writeBigUInt64BE(BigInt(size), start + 2);

    chooseKey();
    all.set(key, start + header - 4);
    all.set(payload, start + header);
    mask(all, start + header);
    return all.subarray(start);
}

function mask(all, at) {
    const size = all.length - at;
    let from = 0;
    if (size >= WORTH_WORDS) {
        const words = new Uint32Array(all.buffer, all.byteOffset + at, size >> 2);
        const [own] = word;
        for (let i = 0; i < words.length; i++) words[i] ^= own;
        from = size & ~3;
    }
    for (let i = from; i < size; i++) all[at + i] ^= key[i & 3];
}

// What a server did wrong, with the code that says so.
export class FrameError extends Error {
    constructor(code, message) {
        super(message);
        this.code = code;
    }
}

// Frames out of a stream that is cut anywhere.
export class FrameReader {
    #head = Buffer.alloc(14);
    #have = 0; // bytes of the head
    #left = -1; // bytes of the payload that are still to come; -1: the head is not complete
    #parts = [];
    #onFrame;

    constructor(onFrame) {
        this.#onFrame = onFrame;
    }

    feed(chunk) {
        let at = 0;
        while (at < chunk.length) {
            at += this.#left < 0 ? this.#feedHead(chunk, at) : this.#feedPayload(chunk, at);
        }
    }

    #feedHead(chunk, at) {
        const wanted = this.#have < 2 ? 2 : headSize(this.#head[1]);
        const size = Math.min(wanted - this.#have, chunk.length - at);
        chunk.copy(this.#head, this.#have, at, at + size);
        this.#have += size;
        if (this.#have >= 2 && this.#have === headSize(this.#head[1])) {
            this.#left = checkedLength(this.#head);
            if (!this.#left) this.#finish();
        }
        return size;
    }

    #feedPayload(chunk, at) {
        const size = Math.min(this.#left, chunk.length - at);
        this.#parts.push(chunk.subarray(at, at + size));
        this.#left -= size;
        if (!this.#left) this.#finish();
        return size;
    }

    #finish() {
        const [first] = this.#head;
        const parts = this.#parts;
        const payload = parts.length === 1 ? parts[0] : Buffer.concat(parts);
        this.#have = 0;
        this.#left = -1;
        this.#parts = [];
        this.#onFrame(first & 0xf, first >= 0x80, payload);
    }
}

function headSize(second) {
    const length = second & 0x7f;
    return length < 126 ? 2 : length === 126 ? 4 : 10;
}

function checkedLength(head) {
    const opcode = head[0] & 0xf;
    if (head[0] & 0x70) throw new FrameError(1002, 'reserved bits are set');
    if (head[1] & 0x80) throw new FrameError(1002, 'the server masks');
    if ((opcode & 7) > 2) throw new FrameError(1002, 'unknown opcode');

    const short = head[1] & 0x7f;
    const length = short < 126 ? short : short === 126 ? head.readUInt16BE(2) : head.readBigUInt64BE(2);
    if (opcode & 8 && (length > 125 || head[0] < 0x80)) {
        throw new FrameError(1002, 'a control frame is long or fragmented');
    }
    if ((short === 126 && length < 126) || (short === 127 && length < 65536n)) {
        throw new FrameError(1002, 'a length is not minimal');
    }
    if (length > LONGEST) throw new FrameError(1009, 'message is too big');
    return Number(length);
}
