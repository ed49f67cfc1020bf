// One WebSocket and its account: what was handed to it, what has left, what came. That of a session
// which can be resumed knows also what the service has acknowledged.

import { ResumableSocket } from './client/index.js';

const encoder = new TextEncoder();

export class Connection {
  handed = 0;
  received = 0;
  opened = false;
  #socket;

  // on: open(), message(data, bytes) with data a string or null, lost(), found(), close(event).
  constructor(url, resumed, on) {
    this.#socket = new (resumed ? ResumableSocket : WebSocket)(url);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = () => {
      this.opened = true;
      on.open();
    };
    this.#socket.onmessage = ({ data }) => {
      const isText = typeof data === 'string';
      const bytes = isText ? encoder.encode(data) : new Uint8Array(data);
      this.received += bytes.length;
      on.message(isText ? data : null, bytes);
    };
    this.#socket.ondetach = on.lost;
    this.#socket.onresume = on.found;
    this.#socket.onclose = (event) => on.close(event);
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  get buffered() {
    return this.#socket.bufferedAmount;
  }

  get resumable() {
    return this.#socket.resumable === true;
  }

  // There bufferedAmount has what is on its way, too.
  get sent() {
    return this.resumable ? this.handed : this.handed - this.buffered;
  }

  // By the service's TCP. Undefined where nobody tells.
  get acknowledged() {
    return this.resumable ? this.#socket.delivered : undefined;
  }

  // Returns the bytes that the text became.
  sendText(text) {
    const bytes = encoder.encode(text);
    this.#socket.send(text);
    this.handed += bytes.length;
    return bytes;
  }

  sendBytes(bytes) {
    this.#socket.send(bytes);
    this.handed += bytes.length;
  }

  // What is buffered is still sent before the Close frame, however long that takes.
  close() {
    this.#socket.close(1000);
  }

  // Not a word from it any more; the browser ends it in the background.
  abandon() {
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }
}
