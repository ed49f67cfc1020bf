// The second door: streams, as Chromium's WebSocketStream has them. What is not read is not
// acknowledged, and the service waits; what is not acknowledged lets the writer wait.

import { LinkError } from './link.js';
import { toBytes } from './bytes.js';

export class Streams {
    opened; // {readable, writable, protocol, extensions}
    closed; // {closeCode, reason}
    readable;
    writable;
    #link;
    #stop;
    #settle = {};
    #raw = []; // in raw mode nothing holds the service back
    #wake = () => {}; // a read that waits for data
    #writer;

    constructor(link, stop) {
        this.#link = link;
        this.#stop = stop;
        this.opened = this.#promise('opened');
        this.closed = this.#promise('closed');
        this.readable = new ReadableStream({
            pull: (reader) => this.#pull(reader),
            cancel: () => stop(),
        }, { highWaterMark: 0 });
        this.writable = new WritableStream({
            start: (writer) => {
                this.#writer = writer;
            },
            write: (chunk) => this.#write(chunk),
            close: () => this.#finish(),
            abort: () => stop(),
        });
    }

    close = ({ closeCode, reason } = {}) => this.#stop(closeCode, reason);

    news(name, ...rest) {
        if (name === 'raw') this.#raw.push(toBytes(rest[0]));
        if (name === 'open') {
            const { readable, writable } = this;
            const { protocol } = this.#link;
            this.#settle.opened[0]({ readable, writable, protocol, extensions: '' });
        }
        if (name === 'over') this.#over(rest[2]);
        this.#wake();
    }

    // Nobody has to look at it: a rejection that was not awaited is no error.
    #promise(name) {
        const promise = new Promise((...settle) => {
            this.#settle[name] = settle;
        });
        promise.catch(() => {});
        return promise;
    }

    async #pull(reader) {
        const link = this.#link;
        for (;;) {
            const bytes = this.#raw.shift() ?? link.read()?.bytes;
            if (bytes?.length) {
                reader.enqueue(bytes);
                return;
            }
            if (bytes) continue;
            if (link.end && !link.end.ok) throw new LinkError(link.end);
            if (link.end || link.session.inbox.ended) {
                reader.close();
                return;
            }
            await new Promise((resolve) => {
                this.#wake = resolve;
            });
        }
    }

    async #write(chunk) {
        const link = this.#link;
        if (link.end) throw new LinkError(link.end);
        link.write(chunk);
        await link.drained();
    }

    async #finish() {
        this.#link.run('end');
        await this.#link.flushed();
    }

    #over(clean) {
        const error = new LinkError(this.#link.end);
        const { closeCode, reason } = error;
        this.#settle.opened[1](error);
        if (clean) this.#settle.closed[0]({ closeCode, reason });
        else this.#settle.closed[1](error);
        this.#writer.error(error);
    }
}
