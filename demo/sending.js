// The panel "Send": text, random bytes and files, one transfer after the other.

import { bytes } from './format.js';
import { Transfer, fromFile, random } from './transfer.js';

const element = (id) => document.getElementById(id);

export class Sending {
  #connection = null;
  #sent;
  #transfer = null;
  #queue = [];

  // sent(text, data) is called with every message; text is null for a binary one.
  constructor(sent) {
    this.#sent = sent;
    this.#listenToControls();
    this.#listenToDrops();
  }

  begin(connection) {
    this.#connection = connection;
    element('sending').disabled = false;
  }

  end() {
    this.#stop();
    this.#connection = null;
    element('sending').disabled = true;
    element('drop').classList.remove('over');
  }

  forget() {
    element('transfer').hidden = true;
  }

  refresh() {
    if (this.#transfer !== null) {
      this.#show(this.#transfer, 'running');
    }
  }

  #stop() {
    this.#queue = [];
    this.#transfer?.stop();
  }

  #sendText(text) {
    this.#sent(text, this.#connection.sendText(text));
  }

  async #sendAll(sources) {
    this.#queue.push(...sources);
    if (this.#transfer !== null) {
      return;
    }
    while (this.#connection !== null && this.#queue.length > 0) {
      await this.#run(new Transfer(this.#connection, this.#queue.shift()));
    }
  }

  async #run(transfer) {
    this.#transfer = transfer;
    element('transfer').hidden = false;
    element('stop').hidden = false;
    let state = 'done';
    try {
      await transfer.run((piece) => this.#sent(null, piece));
      state = transfer.done < transfer.source.size ? 'stopped' : 'done';
    } catch {
      state = 'failed';
    }
    this.#transfer = null;
    element('stop').hidden = true;
    this.#show(transfer, state);
  }

  #show({ source, done }, state) {
    const words = {
      running: `${source.name}: ${bytes(done)} of ${bytes(source.size)} handed over`,
      done: `${source.name}: all ${bytes(source.size)} handed over`,
      stopped: `${source.name}: stopped after ${bytes(done)} of ${bytes(source.size)}`,
      failed: `${source.name}: could not be read`,
    };
    element('transfer').dataset.state = state;
    element('transfer-text').textContent = words[state];
    element('transfer-progress').value = source.size === 0 ? 1 : done / source.size;
  }

  #listenToControls() {
    element('text-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const field = element('text');
      if (field.value !== '') {
        this.#sendText(field.value);
        field.value = '';
      }
    });
    for (const button of document.querySelectorAll('.bulk')) {
      const size = button.dataset.mebibytes * 1024 * 1024;
      button.addEventListener('click', () => this.#sendAll([random(size)]));
    }
    element('files').addEventListener('change', ({ target }) => {
      this.#sendAll(Array.from(target.files, fromFile));
      target.value = '';
    });
    element('stop').addEventListener('click', () => this.#stop());
  }

  // A file that is dropped beside the panel must not replace the page.
  #listenToDrops() {
    const panel = element('drop');
    window.addEventListener('dragover', (event) => {
      event.preventDefault();
      const inside = panel.contains(event.target) && this.#connection !== null;
      panel.classList.toggle('over', inside);
      event.dataTransfer.dropEffect = inside ? 'copy' : 'none';
    });
    window.addEventListener('dragleave', () => panel.classList.remove('over'));
    window.addEventListener('drop', (event) => {
      event.preventDefault();
      if (panel.classList.contains('over')) {
        this.#sendAll(Array.from(event.dataTransfer.files, fromFile));
      }
      panel.classList.remove('over');
    });
  }
}
