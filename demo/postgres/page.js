import { ResumableSocket } from './client/index.js';
import { Client, neonConfig } from './driver/index.mjs';
import { Network } from './network.js';

const element = (id) => document.getElementById(id);
const network = new Network();
let socket;

function show(state, words) {
    element('state').dataset.state = state;
    element('state').textContent = words;
}

// The driver makes the socket, and the page watches it.
class Watched extends ResumableSocket {
    static options = { WebSocket: network.WebSocket, retry: [200, 2000] };

    constructor(url) {
        super(url);
        socket = this;
        this.addEventListener('open', () => show('open', 'connected'));
        this.addEventListener('detach', () => show('detached', 'no network: what you do waits'));
        this.addEventListener('resume', () => show('open', 'connected again, nothing was lost'));
        this.addEventListener('close', ({ code }) => show('closed', `ended with ${code}`));
    }
}

Object.assign(neonConfig, {
    webSocketConstructor: Watched,
    wsProxy: () => `${location.host}/postgres`,
    useSecureWebSocket: location.protocol === 'https:',
    pipelineConnect: false,
    disableWarningInBrowsers: true,
});

const client = new Client({ host: location.hostname, user: 'demo', database: 'demo' });

const cell = (kind, value) => {
    const made = document.createElement(kind);
    made.textContent = value instanceof Date ? value.toISOString() : String(value);
    return made;
};

function row(kind, values) {
    const made = document.createElement('tr');
    made.append(...values.map((value) => cell(kind, value)));
    return made;
}

function showRows({ fields, rows }) {
    const table = document.createElement('table');
    table.append(row('th', fields.map(({ name }) => name)), ...rows.map((values) => row('td', values)));
    element('table').replaceChildren(table);
}

function tell(words, failed) {
    const outcome = element('outcome');
    outcome.textContent = words;
    outcome.toggleAttribute('data-failed', failed);
    outcome.dataset.count = Number(outcome.dataset.count) + 1;
}

async function run(text) {
    element('run').disabled = true;
    try {
        const results = [await client.query({ text, rowMode: 'array' })].flat();
        showRows(results.findLast(({ fields }) => fields?.length) ?? { fields: [], rows: [] });
        tell(results.map(({ command, rowCount }) => `${command} ${rowCount ?? ''}`).join(', '), false);
    } catch (error) {
        tell(error.message, true);
    }
    element('run').disabled = false;
}

element('query').addEventListener('submit', (event) => {
    event.preventDefault();
    run(element('sql').value);
});

element('network').addEventListener('click', ({ target }) => {
    if (network.up) network.cut();
    else network.mend();
    target.textContent = network.up ? 'Cut the network' : 'Mend the network';
    target.setAttribute('aria-pressed', !network.up);
});

setInterval(() => {
    if (!socket) return;
    for (const [id, bytes] of [['delivered', socket.delivered], ['waiting', socket.bufferedAmount]]) {
        element(id).textContent = bytes.toLocaleString('en');
        element(id).dataset.bytes = bytes;
    }
}, 100);

await client.connect();
element('run').disabled = false;
