// One WebSocket and its account: what was handed to it, what has left, what came.

const encoder = new TextEncoder();

export class Connection {
  handed = 0;
  received = 0;
  opened = false;
  #socket;

  // on: open(), message(data, bytes) with data a string or null, close(event).
  constructor(url, on) {
    this.#socket = new WebSocket(url);
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
    this.#socket.onclose = (event) => on.close(event);
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  get buffered() {
    return this.#socket.bufferedAmount;
  }

  get sent() {
    return this.handed - this.buffered;
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
