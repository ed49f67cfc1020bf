// The list of messages. A flood becomes a few lines: large or unreadable messages of the same
// direction that follow each other closely share one, and only the newest lines are kept.

import { bytes, clock, hex, oneLine, readable } from './format.js';

const keptLines = 300;
const previewCharacters = 200;
const previewBytes = 20;
const largeMessage = 4096;
const sameFlood = 400;  // milliseconds

const arrows = { out: '→', in: '←', note: '·' };
const words = { out: 'sent', in: 'received', note: 'note' };

export class Log {
  #list;
  #unshown = [];
  #floods = { in: null, out: null };
  #frame = 0;

  constructor(list) {
    this.#list = list;
  }

  note(text) {
    this.#add({ direction: 'note', when: new Date(), text });
  }

  // text is null for a binary message.
  message(direction, text, data) {
    const when = new Date();
    const shown = text ?? readable(data);
    const floods = data.length >= largeMessage || shown === null;
    const flood = this.#floods[direction];
    if (floods && flood !== null && when - flood.last < sameFlood) {
      flood.count++;
      flood.size += data.length;
      flood.last = when;
      flood.stale = true;
      this.#soon();
      return;
    }
    const entry = {
      direction, when, last: when, count: 1, size: data.length, stale: false, row: null,
      kind: text === null ? 'binary' : 'text',
      text: shown === null ? hex(data, previewBytes) : oneLine(shown, previewCharacters),
      isHex: shown === null,
    };
    this.#floods[direction] = floods ? entry : null;
    this.#add(entry);
  }

  clear() {
    this.#unshown = [];
    this.#floods = { in: null, out: null };
    this.#list.replaceChildren();
  }

  #add(entry) {
    this.#unshown.push(entry);
    if (this.#unshown.length > keptLines) {
      this.#unshown.shift();
    }
    this.#soon();
  }

  // A hidden page draws no frames: entries wait, and no more than are kept.
  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#render();
    });
  }

  #render() {
    const list = this.#list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    for (const flood of Object.values(this.#floods)) {
      if (flood?.stale && flood.row !== null) {
        flood.stale = false;
        flood.row.replaceWith(flood.row = this.#row(flood));
      }
    }
    for (const entry of this.#unshown) {
      list.append(entry.row = this.#row(entry));
    }
    this.#unshown = [];
    while (list.childElementCount > keptLines) {
      list.firstElementChild.remove();
    }
    if (atEnd) {
      list.scrollTop = list.scrollHeight;
    }
  }

  #row(entry) {
    const row = document.createElement('li');
    row.dataset.direction = entry.direction;
    const cell = (name, text) => {
      const element = document.createElement('span');
      element.className = name;
      element.textContent = text;
      row.append(element);
      return element;
    };
    cell('when', clock(entry.when));
    const arrow = cell('arrow', arrows[entry.direction]);
    arrow.title = words[entry.direction];
    arrow.setAttribute('aria-label', words[entry.direction]);
    arrow.setAttribute('role', 'img');
    if (entry.direction !== 'note') {
      row.dataset.size = entry.size;
      row.dataset.kind = entry.kind;
      const many = entry.count > 1 ? `${entry.count} × ` : '';
      cell('size', `${many}${entry.kind}, ${bytes(entry.size)}`);
    }
    cell(entry.isHex ? 'what hex' : 'what', entry.text);
    return row;
  }
}
