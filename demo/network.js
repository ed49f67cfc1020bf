// A network that a page can cut. Its `WebSocket` is the browser's, for the client's option of that
// name. After cut() nothing passes any more, and nobody is told but the page: what was on its way is
// lost both ways, and the gateway sees a client that is silent. mend() lets new connections through.

export class Network {
    up = true;
    #legs = new Set();

    constructor() {
        const network = this;
        this.WebSocket = class extends globalThis.WebSocket {
            constructor(...request) {
                if (!network.up) return unreachable();
                super(...request);
                network.#legs.add(this);
                this.addEventListener('close', () => network.#legs.delete(this));
            }

            send(data) {
                if (network.#legs.has(this)) super.send(data);
            }
        };
    }

    cut() {
        this.up = false;
        for (const leg of this.#legs) {
            const { onclose } = leg;
            leg.onopen = leg.onmessage = leg.onclose = null;
            onclose?.({ code: 1006, reason: '' });
        }
        this.#legs.clear();
    }

    mend() {
        this.up = true;
        dispatchEvent(new Event('online'));
    }
}

// What a WebSocket without a network is to its owner.
function unreachable() {
    const socket = { protocol: '', bufferedAmount: 0, send() {}, close() {} };
    setTimeout(() => socket.onclose?.({ code: 1006, reason: '' }));
    return socket;
}
