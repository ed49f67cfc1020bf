import RFB from './novnc/core/rfb.js';

const state = document.getElementById('state');

function show(value, words) {
    state.dataset.state = value;
    state.textContent = words;
}

const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const rfb = new RFB(document.getElementById('desktop'), `${scheme}://${location.host}/vnc`);
let name = 'connected';
rfb.addEventListener('desktopname', (event) => { name = event.detail.name; });
rfb.addEventListener('connect', () => show('connected', name));
rfb.addEventListener('disconnect', (event) => show(
    'disconnected', event.detail.clean ? 'disconnected' : 'the connection failed'));
