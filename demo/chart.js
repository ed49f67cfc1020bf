// The last minute as two panels over one time axis: what was sent, acknowledged and echoed, and what
// waits.

import { bytes } from './format.js';
import { span } from './history.js';

const margin = { top: 20, right: 10, bottom: 24, left: 64 };
const gap = 34;  // between the panels, with room for the lower one's title
const smallestRange = 4096;
const easing = 0.18;  // of the way to the new scale in each frame

const calm = matchMedia('(prefers-reduced-motion: reduce)');

// A power of two, so that the labels are round in KiB and MiB.
function stepFor(range) {
  return 2 ** Math.ceil(Math.log2(range / 4));
}

export class Chart {
  echoes = true;  // whether what comes back is what was sent
  acknowledges = false;  // whether what the service has acknowledged is known
  #canvas;
  #history;
  #colors = {};
  #scales = { totals: null, buffered: null };

  constructor(canvas, history) {
    this.#canvas = canvas;
    this.#history = history;
    this.readColors();
  }

  readColors() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ['sent', 'acknowledged', 'echoed', 'buffered', 'quiet', 'grid', 'panel']) {
      this.#colors[name] = style.getPropertyValue(`--${name}`).trim();
    }
  }

  restart() {
    this.#scales = { totals: null, buffered: null };
  }

  // now is the time of the right edge.
  draw(now) {
    const context = this.#prepare();
    const width = this.#canvas.clientWidth - margin.left - margin.right;
    const height = this.#canvas.clientHeight - margin.top - margin.bottom - gap;
    const upper = { left: margin.left, top: margin.top, width, height: Math.round(height * 0.62) };
    const lower = { left: margin.left, top: upper.top + upper.height + gap, width };
    lower.height = Math.round(height - upper.height);
    const place = { context, now };
    this.#drawTotals({ ...place, area: upper });
    this.#drawBuffered({ ...place, area: lower });
    this.#drawTimes(context, upper, lower);
  }

  // A canvas of as many pixels as the screen has there, in units of CSS pixels.
  #prepare() {
    const canvas = this.#canvas;
    const ratio = window.devicePixelRatio;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    context.font = '12px system-ui, sans-serif';
    context.lineJoin = 'round';
    return context;
  }

  #drawTotals({ context, now, area }) {
    const samples = this.#history.samples;
    const most = samples.reduce((high, s) => Math.max(high, s.sent, s.echoed), 0);
    const least = samples.length === 0 ? 0 : Math.min(samples[0].sent, samples[0].echoed);
    const scale = this.#ease('totals', least, Math.max(most, least + most / 16));
    this.#drawGrid(context, area, scale, this.#totals());
    const plot = this.#plot(context, area, scale, now);
    if (this.echoes) {
      plot.band('sent', 'echoed', this.#colors.sent);
    }
    if (this.acknowledges) {
      plot.line('acknowledged', this.#colors.acknowledged);
    }
    plot.line('echoed', this.#colors.echoed);
    plot.line('sent', this.#colors.sent);
    context.restore();
  }

  #totals() {
    const back = this.echoes ? 'echoed back' : 'received';
    return this.acknowledges ? `sent, acknowledged and ${back}` : `sent and ${back}`;
  }

  #drawBuffered({ context, now, area }) {
    const samples = this.#history.samples;
    const most = samples.reduce((high, s) => Math.max(high, s.buffered), 0);
    const scale = this.#ease('buffered', 0, most);
    this.#drawGrid(context, area, scale, 'bufferedAmount');
    const plot = this.#plot(context, area, scale, now);
    plot.band('buffered', null, this.#colors.buffered);
    plot.line('buffered', this.#colors.buffered);
    context.restore();
  }

  // The scale glides to what the samples need, so that the eye can follow.
  #ease(name, low, high) {
    const room = Math.max((high - low) * 1.06, smallestRange);
    const step = stepFor(room);
    const target = { low: Math.floor(low / step) * step, step };
    target.high = Math.max(high + (high - low) * 0.06, target.low + smallestRange);
    const before = this.#scales[name];
    if (before !== null && !calm.matches) {
      target.low = before.low + (target.low - before.low) * easing;
      target.high = before.high + (target.high - before.high) * easing;
    }
    this.#scales[name] = target;
    return target;
  }

  #drawGrid(context, area, scale, title) {
    const { quiet, grid } = this.#colors;
    context.strokeStyle = grid;
    context.lineWidth = 1;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    const first = Math.ceil(scale.low / scale.step) * scale.step;
    for (let value = first; value <= scale.high; value += scale.step) {
      const y = this.#y(area, scale, value);
      context.beginPath();
      context.moveTo(area.left, Math.round(y) + 0.5);
      context.lineTo(area.left + area.width, Math.round(y) + 0.5);
      context.stroke();
      context.fillStyle = quiet;
      context.fillText(bytes(value, 2), area.left - 8, y);
    }
    context.textAlign = 'left';
    context.textBaseline = 'bottom';
    context.fillStyle = quiet;
    context.fillText(title, area.left, area.top - 6);
  }

  #drawTimes(context, upper, lower) {
    context.fillStyle = this.#colors.quiet;
    context.textBaseline = 'top';
    const bottom = lower.top + lower.height;
    const ticks = upper.width < 400 ? 2 : 4;
    for (let i = 0; i <= ticks; i++) {
      const x = upper.left + (upper.width * i) / ticks;
      const seconds = ((ticks - i) * span) / ticks / 1000;
      context.textAlign = i === 0 ? 'left' : i === ticks ? 'right' : 'center';
      context.fillText(seconds === 0 ? 'now' : `${seconds} s ago`, x, bottom + 7);
    }
  }

  #y(area, scale, value) {
    return area.top + area.height * (1 - (value - scale.low) / (scale.high - scale.low));
  }

  // Clips to the area until the caller restores the context.
  #plot(context, area, scale, now) {
    const samples = this.#history.samples;
    const x = (sample) => area.left + area.width * (1 - (now - sample.time) / span);
    const y = (value) => this.#y(area, scale, value);
    context.save();
    context.beginPath();
    context.rect(area.left, area.top - 3, area.width + 4, area.height + 4);
    context.clip();
    const follow = (name) => samples.forEach((s) => context.lineTo(x(s), y(s[name])));
    return {
      line(name, color) {
        context.beginPath();
        follow(name);
        context.strokeStyle = color;
        context.lineWidth = 2;
        context.stroke();
      },
      // Down to the other series, or to zero.
      band(name, other, color) {
        context.beginPath();
        follow(name);
        for (const sample of samples.slice().reverse()) {
          context.lineTo(x(sample), y(other === null ? 0 : sample[other]));
        }
        context.globalAlpha = 0.16;
        context.fillStyle = color;
        context.fill();
        context.globalAlpha = 1;
      },
    };
  }
}
