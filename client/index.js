// ngx-ws-filter in a browser; node/index.js is its face in Node.

export { ResumableSocket } from './socket.js';
export { SUBPROTOCOL } from './wire.js';
