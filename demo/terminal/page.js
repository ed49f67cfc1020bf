import { ResumableSocket } from './client/index.js';
import { persist } from './client/persist.js';
import { Network } from './network.js';
import { AttachAddon } from './xterm/addon-attach/lib/addon-attach.mjs';
import { Terminal } from './xterm/xterm/lib/xterm.mjs';

const KEPT = 100000; // characters of output that outlive a reload
const SCREEN = 'what the terminal has shown';

const element = (id) => document.getElementById(id);
const network = new Network();
const terminal = new Terminal({ cols: 80, rows: 24, cursorBlink: true });
terminal.open(element('terminal'));
terminal.focus();

const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const socket = new ResumableSocket(`${scheme}://${location.host}/terminal`, [], {
    WebSocket: network.WebSocket,
    persist: persist('terminal'),
    retry: [200, 2000],
});

function show(state, words) {
    element('state').dataset.state = state;
    element('state').textContent = words;
}

// What a page has received is its own to remember.
const decoder = new TextDecoder();
let shown = sessionStorage.getItem(SCREEN) ?? '';
addEventListener('pagehide', () => sessionStorage.setItem(SCREEN, shown));

// Not before the old screen stands: what the terminal answers to that was answered once. What is
// typed before is not heard, so nobody is told that the shell is there.
let attached = false;
function attach() {
    attached = true;
    terminal.loadAddon(new AttachAddon(socket));
    show('open', socket.resumed ? 'the same shell as before' : 'connected');
}

socket.binaryType = 'arraybuffer';
socket.addEventListener('open', () => {
    if (!socket.resumed) {
        shown = '';
        socket.send(`${location.hash.slice(1)}\n`);
    }
    terminal.write(shown, attach);
});
socket.addEventListener('message', ({ data }) => {
    shown = (shown + decoder.decode(data, { stream: true })).slice(-KEPT);
    if (!attached) terminal.write(new Uint8Array(data));
});
socket.addEventListener('detach', () => show('detached', 'no network: what you type waits'));
socket.addEventListener('resume', () => show('open', 'connected again, nothing was lost'));
socket.addEventListener('close', ({ code }) => show('closed', `ended with ${code}; F5 begins anew`));

element('network').addEventListener('click', ({ target }) => {
    if (network.up) network.cut();
    else network.mend();
    target.textContent = network.up ? 'Cut the network' : 'Mend the network';
    target.setAttribute('aria-pressed', !network.up);
    terminal.focus();
});

setInterval(() => {
    for (const [id, bytes] of [['delivered', socket.delivered], ['waiting', socket.bufferedAmount]]) {
        element(id).textContent = bytes.toLocaleString('en');
        element(id).dataset.bytes = bytes;
    }
}, 100);
