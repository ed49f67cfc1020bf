// The page of the room: one WebSocket, and all that a browser tells of it.

import { readLine } from './lines.js';

const states = ['connecting', 'open', 'closing', 'closed'];
const keptLines = 500;
const keptEvents = 50;
const mostBuffered = 64 * 1024;  // bytes: a slow network has to take some of them before more are said

const element = (id) => document.getElementById(id);
const decoder = new TextDecoder();

let socket = null;
let wasOpen = false;
let ownName = '';

function enter() {
  const url = new URL('room', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  socket = new WebSocket(url);
  wasOpen = false;
  socket.binaryType = 'arraybuffer';
  socket.onopen = opened;
  socket.onmessage = received;
  socket.onerror = () => showEvent('onerror');  // it says nothing: onclose follows
  socket.onclose = closed;
  element('close').hidden = true;
  showState();
}

function opened() {
  wasOpen = true;
  showEvent('onopen');
  showState();
  const wanted = element('name').value;
  if (wanted !== '') {
    send(`/nick ${wanted}`);
  }
  element('text').focus();
}

// A message is a line. It comes as text, because the gateway says so; binary would be read too.
function received({ data }) {
  const line = typeof data === 'string' ? data : decoder.decode(data);
  showEvent('onmessage', typeof data === 'string' ? 'string' : 'ArrayBuffer');
  const read = readLine(line);
  if (read.given !== undefined) {
    ownName = read.given;
  }
  if (read.renamed?.from === ownName) {
    ownName = read.renamed.to;
    element('name').value = ownName;
  }
  showLine(read);
}

function closed({ code, reason, wasClean }) {
  showEvent('onclose', code);
  element('close-code').textContent = code;
  element('close-reason').textContent = reason === '' ? '(none)' : reason;
  element('close-clean').textContent = wasClean;
  element('close').hidden = false;
  const how = wasClean ? 'the connection is closed' : 'the connection broke';
  showLine({ kind: 'note', text: wasOpen ? how : 'the room cannot be reached' });
  showState();
  element('state').dataset.clean = wasClean;
}

// Returns whether the text is on its way.
function send(text) {
  if (socket.bufferedAmount > mostBuffered) {
    showLine({ kind: 'note', text: 'still sending what you said before' });
    return false;
  }
  socket.send(text);
  showBuffered();
  return true;
}

function isOpen() {
  return socket?.readyState === WebSocket.OPEN;
}

// --- what is shown

function showState() {
  const state = states[socket.readyState];
  const open = isOpen();
  const busy = state === 'connecting' || state === 'closing';
  element('state').textContent = `${socket.readyState}, ${state}`;
  element('state').dataset.state = state;
  delete element('state').dataset.clean;
  element('binary-type').textContent = socket.binaryType;
  element('toggle').textContent = open || state === 'closing' ? 'Leave' : 'Join';
  element('toggle').disabled = busy;
  element('text').disabled = element('send').disabled = !open;
  showBuffered();
}

// It falls without an event, so it is asked for while there is something.
function showBuffered() {
  element('buffered').textContent = socket.bufferedAmount;
  if (socket.bufferedAmount > 0 && isOpen()) {
    requestAnimationFrame(showBuffered);
  }
}

// The same event again and again is one row, that counts.
function showEvent(name, detail = '') {
  const text = `${name} ${detail}`.trim();
  const events = element('events');
  const last = events.firstElementChild;
  if (last?.dataset.text === text) {
    last.dataset.count = Number(last.dataset.count) + 1;
    last.textContent = `${text} × ${last.dataset.count}`;
    return;
  }
  const row = document.createElement('li');
  Object.assign(row.dataset, { event: name, text, count: 1 });
  row.textContent = text;
  events.prepend(row);
  if (events.childElementCount > keptEvents) {
    events.lastElementChild.remove();
  }
}

function showLine({ kind, who, text }) {
  const row = document.createElement('li');
  row.dataset.kind = kind;
  const when = document.createElement('time');
  when.textContent = new Date().toLocaleTimeString([], { timeStyle: 'short', hourCycle: 'h23' });
  const said = document.createElement('span');
  said.className = 'said';
  if (who !== undefined) {
    row.dataset.own = who === ownName;
    const name = document.createElement('b');
    name.className = 'who';
    name.textContent = who;
    said.append(name);
  }
  said.append(text);
  row.append(when, said);

  const lines = element('lines');
  const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  lines.append(row);
  if (lines.childElementCount > keptLines) {
    lines.firstElementChild.remove();
  }
  if (atEnd) {
    lines.scrollTop = lines.scrollHeight;
  }
}

// --- what can be done

// Enter in the field with the name is its change alone.
element('join').addEventListener('submit', (event) => {
  event.preventDefault();
  if (isOpen() && document.activeElement === element('name')) {
    return;
  }
  if (isOpen()) {
    socket.close(1000, 'bye');
    showState();
  } else {
    enter();
  }
});

element('name').addEventListener('change', ({ target }) => {
  if (isOpen() && target.value !== '' && target.value !== ownName && target.checkValidity()) {
    send(`/nick ${target.value}`);
  }
});

element('say').addEventListener('submit', (event) => {
  event.preventDefault();
  const field = element('text');
  if (field.value !== '' && isOpen() && send(field.value)) {
    field.value = '';
  }
});
