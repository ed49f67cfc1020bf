// The last minute of a connection's account, sampled ten times a second.

export const span = 60_000;
const interval = 100;

export class History {
  samples = [];  // { time, sent, acknowledged, echoed, buffered }, oldest first

  clear() {
    this.samples = [];
  }

  add(time, account) {
    const last = this.samples.at(-1);
    if (last !== undefined && time - last.time < interval * 0.8) {
      return;
    }
    this.samples.push({ time, ...account });
    // One sample older than the window stays, so that the curve reaches its left edge.
    while (this.samples.length > 2 && this.samples[1].time < time - span) {
      this.samples.shift();
    }
  }

  // Bytes a second over about the last second.
  rate(name) {
    const last = this.samples.at(-1);
    const first = this.samples.findLast((sample) => last.time - sample.time >= 1000);
    if (first === undefined) {
      return 0;
    }
    return ((last[name] - first[name]) * 1000) / (last.time - first.time);
  }
}
