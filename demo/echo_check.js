// Does the echo equal what was sent? Both are byte streams; where messages begin and end does not
// matter. What is not yet echoed is kept and compared byte by byte.

export class EchoCheck {
  compared = 0;
  differsAt = -1;
  pending = 0;
  #waiting = [];
  #offset = 0;  // into the first of the waiting

  sent(piece) {
    if (piece.length > 0 && this.differsAt < 0) {
      this.#waiting.push(piece);
      this.pending += piece.length;
    }
  }

  received(piece) {
    let from = 0;
    while (from < piece.length && this.differsAt < 0) {
      from += this.#compareSome(piece.subarray(from));
    }
  }

  // Compares up to the end of the first waiting piece and tells how many bytes those were.
  #compareSome(piece) {
    if (this.#waiting.length === 0) {
      this.#differ(0);
      return 0;
    }
    const expected = this.#waiting[0].subarray(this.#offset);
    const count = Math.min(expected.length, piece.length);
    for (let i = 0; i < count; i++) {
      if (expected[i] !== piece[i]) {
        this.#differ(i);
        return i;
      }
    }
    this.compared += count;
    this.pending -= count;
    this.#offset += count;
    if (count === expected.length) {
      this.#waiting.shift();
      this.#offset = 0;
    }
    return count;
  }

  #differ(after) {
    this.differsAt = this.compared + after;
    this.pending = 0;
    this.#waiting = [];
    this.#offset = 0;
  }
}
