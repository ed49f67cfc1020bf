// A WebSocket over node:http, since Node 20 has none. Beyond what WebSocket has, it reads only as
// fast as pause() and resume() allow, tells when its buffer is empty, goes on receiving behind its
// own Close, and its close event has the `status` of a refused handshake, 0 if there was no answer.

import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

import { BINARY, CLOSE, CONTINUATION, FrameError, FrameReader, PING, PONG, TEXT, encode } from './frames.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const CLOSE_TIME = 30000; // a Close is answered when the service has acknowledged everything

export class NodeWebSocket {
    onopen;
    onmessage;
    onclose;
    onerror;
    ondrain; // nothing waits to be sent any more
    protocol = '';
    readyState = 0;
    #request;
    #socket;
    #reader;
    #parts = []; // of a fragmented message
    #type = 0;
    #end = { code: 1006, reason: '', wasClean: false }; // what a Close of the server said
    #heard = false; // such a Close
    #told = false; // a Close was sent
    #timer;
    #referenced = true;

    // `options` are those of https.request(): headers, ca, rejectUnauthorized and so on.
    constructor(url, protocols = [], { headers, ...options } = {}) {
        const target = new URL(url);
        const secure = target.protocol === 'wss:';
        const key = randomBytes(16).toString('base64');
        target.protocol = secure ? 'https:' : 'http:';
        this.#request = (secure ? https : http).request(target, {
            agent: false,
            ...options,
            headers: {
                ...headers,
                Connection: 'Upgrade',
                Upgrade: 'websocket',
                'Sec-WebSocket-Version': 13,
                'Sec-WebSocket-Key': key,
                ...(protocols.length && { 'Sec-WebSocket-Protocol': protocols.join(', ') }),
            },
        });
        this.#request.once('upgrade', (...answer) => this.#upgraded(key, protocols, ...answer));
        this.#request.once('response', (response) => {
            response.destroy();
            this.#fail(`HTTP ${response.statusCode}`, response.statusCode);
        });
        this.#request.once('error', (error) => this.#fail(error.message || error.code, 0));
        this.#request.once('socket', (socket) => this.#hold(socket));
        this.#request.end();
    }

    get bufferedAmount() {
        return this.#socket?.writableLength ?? 0;
    }

    send(data) {
        if (this.readyState !== 1) return;
        const text = typeof data === 'string';
        this.#write(text ? TEXT : BINARY, text ? Buffer.from(data) : bytesOf(data));
    }

    close(code, reason = '') {
        if (this.readyState > 1) return;
        if (this.readyState === 0) {
            this.#fail('closed before it was open', 0);
            return;
        }
        this.readyState = 2;
        this.#tellClose(code, reason);
    }

    pause() {
        this.#socket?.pause();
    }

    resume() {
        this.#socket?.resume();
    }

    ref() {
        this.#referenced = true;
        this.#hold(this.#socket ?? this.#request.socket);
    }

    unref() {
        this.#referenced = false;
        this.#hold(this.#socket ?? this.#request.socket);
    }

    #hold(socket) {
        if (this.#referenced) socket?.ref();
        else socket?.unref();
    }

    #upgraded(key, protocols, { headers }, socket, head) {
        if (this.readyState) {
            socket.destroy();
            return;
        }
        const accept = createHash('sha1').update(key + GUID).digest('base64');
        const protocol = headers['sec-websocket-protocol'] ?? '';
        this.#socket = socket;
        if (headers['sec-websocket-accept'] !== accept || headers['sec-websocket-extensions'] ||
            (protocol && !protocols.includes(protocol))) {
            this.#fail('the handshake was answered wrongly', 0);
            return;
        }
        this.protocol = protocol;
        this.readyState = 1;
        this.#listen(socket);
        this.onopen?.({});
        if (head.length) this.#feed(head);
    }

    #listen(socket) {
        this.#reader = new FrameReader((...frame) => this.#frame(...frame));
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('data', (chunk) => this.#feed(chunk));
        socket.on('drain', () => this.ondrain?.());
        socket.on('end', () => socket.end());
        socket.on('close', () => this.#closed(this.#end));
    }

    #feed(chunk) {
        try {
            if (this.readyState < 3) this.#reader.feed(chunk);
        } catch (error) {
            if (!(error instanceof FrameError)) throw error;
            this.#violation(error);
        }
    }

    #frame(opcode, final, payload) {
        if (this.#heard || this.readyState === 3) return;
        if (opcode === PING) {
            this.#write(PONG, payload);
        } else if (opcode === CLOSE) {
            this.#hearClose(payload);
        } else if (opcode !== PONG) {
            this.#piece(opcode, final, payload);
        }
    }

    #piece(opcode, final, payload) {
        if ((opcode === CONTINUATION) !== (this.#type > 0)) {
            throw new FrameError(1002, 'a fragment out of place');
        }
        this.#type ||= opcode;
        this.#parts.push(payload);
        if (!final) return;

        const all = this.#parts.length === 1 ? payload : Buffer.concat(this.#parts);
        const data = this.#type === TEXT ? textOf(all) : bufferOf(all);
        this.#parts = [];
        this.#type = 0;
        this.onmessage?.({ data });
    }

    #hearClose(payload) {
        const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
        this.#heard = true;
        this.#end = { code, reason: payload.subarray(2).toString(), wasClean: true };
        this.#tellClose(payload.length >= 2 ? code : undefined, '');
        this.readyState = 2;
        this.#socket.end();
        this.#within(1000);
    }

    #tellClose(code, reason) {
        if (this.#told) return;
        const payload = Buffer.alloc(code === undefined ? 0 : 2);
        if (code !== undefined) payload.writeUInt16BE(code);
        this.#write(CLOSE, Buffer.concat([payload, Buffer.from(code === undefined ? '' : reason)]));
        this.#told = true;
        this.#within(CLOSE_TIME);
    }

    #within(time) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#socket.destroy(), time).unref();
    }

    #write(opcode, payload) {
        if (!this.#told && this.#socket.writable) this.#socket.write(encode(opcode, payload));
    }

    #violation({ code, message }) {
        this.#tellClose(code, message);
        this.#end = { code: 1006, reason: message, wasClean: false };
        this.#socket.destroy();
    }

    #fail(reason, status) {
        this.#request.destroy();
        this.#socket?.destroy();
        queueMicrotask(() => this.#closed({ code: 1006, reason, wasClean: false, status }));
    }

    #closed(event) {
        if (this.readyState === 3) return;
        this.readyState = 3;
        clearTimeout(this.#timer);
        if (!event.wasClean) this.onerror?.({});
        this.onclose?.(event);
    }
}

function bytesOf(data) {
    return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) :
        new Uint8Array(data);
}

// Without a copy if nothing else lies there.
function bufferOf({ buffer, byteOffset, length }) {
    return length === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + length);
}

function textOf(bytes) {
    try {
        return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
        throw new FrameError(1007, 'text is not UTF-8');
    }
}
