// Sends something large without freezing the page or filling its memory: in messages of 64 KiB,
// and only while little is buffered. bufferedAmount is all the backpressure a browser shows.

const messageSize = 64 * 1024;
const readSize = 1024 * 1024;
const bufferedLimit = 8 * 1024 * 1024;
const longestTurn = 8;  // milliseconds of work before the page gets its turn

export function random(size) {
  return { name: 'random bytes', size, pieces: randomPieces(size) };
}

async function* randomPieces(size) {
  for (let left = size; left > 0; left -= messageSize) {
    yield crypto.getRandomValues(new Uint8Array(Math.min(left, messageSize)));
  }
}

export function fromFile(file) {
  return { name: file.name, size: file.size, pieces: filePieces(file) };
}

async function* filePieces(file) {
  for (let at = 0; at < file.size; at += readSize) {
    const read = new Uint8Array(await file.slice(at, at + readSize).arrayBuffer());
    for (let from = 0; from < read.length; from += messageSize) {
      yield read.subarray(from, from + messageSize);
    }
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Transfer {
  done = 0;
  stopped = false;

  constructor(connection, source) {
    this.connection = connection;
    this.source = source;
  }

  stop() {
    this.stopped = true;
  }

  // sent(piece) is called with every message. Ends early when stopped or disconnected; a file
  // that cannot be read rejects.
  async run(sent) {
    let turnBegan = performance.now();
    for await (const piece of this.source.pieces) {
      if (performance.now() - turnBegan > longestTurn) {
        await pause(0);
        turnBegan = performance.now();
      }
      while (this.#mayGoOn() && this.connection.buffered + piece.length > bufferedLimit) {
        await pause(10);
        turnBegan = performance.now();
      }
      if (!this.#mayGoOn()) {
        return;
      }
      this.connection.sendBytes(piece);
      this.done += piece.length;
      sent(piece);
    }
  }

  #mayGoOn() {
    return !this.stopped && this.connection.isOpen;
  }
}
