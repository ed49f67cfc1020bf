// ngx-ws-filter in Node: the same class over a WebSocket of its own, and a Duplex.

import { ResumableSocket as Base } from '../socket.js';
import { NodeWebSocket } from './websocket.js';

// Node has one since version 23.
class CloseEvent extends Event {
    constructor(type, { code, reason, wasClean }) {
        super(type);
        Object.assign(this, { code, reason, wasClean });
    }
}

export class ResumableSocket extends Base {
    static WebSocket = NodeWebSocket;
    static CloseEvent = globalThis.CloseEvent ?? CloseEvent;
}

export { ResumableDuplex, connect } from './duplex.js';
export { SUBPROTOCOL } from '../wire.js';
