// The page: connects, and ties the panels together. What it knows stands in the document, as text
// and data attributes.

import { Chart } from './chart.js';
import { explain, explainClean } from './closing.js';
import { Connection } from './connection.js';
import { EchoCheck } from './echo_check.js';
import { bytes } from './format.js';
import { History } from './history.js';
import { Log } from './log.js';
import { showAccount, showVerdict, stopFlow } from './readings.js';
import { Sending } from './sending.js';

const element = (id) => document.getElementById(id);

const services = {
  echo: { name: 'Echo', echoes: true },
  ticker: { name: 'Ticker', echoes: false },
  slow: { name: 'Slow', echoes: true },
  kept: { name: 'Slow', echoes: true, resumed: true },
};

const states = {
  idle: { name: 'Not connected', button: 'Connect' },
  connecting: { name: 'Connecting', button: 'Cancel' },
  open: { name: 'Connected', button: 'Disconnect' },
  closing: { name: 'Closing', button: 'Do not wait' },
  closed: { name: 'Closed', button: 'Connect' },
};

const history = new History();
const chart = new Chart(element('chart'), history);
const log = new Log(element('log'));
const sending = new Sending((text, data) => {
  log.message('out', text, data);
  if (service.echoes) {
    check.sent(data);
  }
});

let connection = null;
let service = services.echo;
let check = new EchoCheck();

function show(state, text) {
  element('state').dataset.state = state;
  element('route').dataset.state = state;
  element('state-name').textContent = states[state].name;
  element('state-text').textContent = text;
  element('toggle').textContent = states[state].button;
}

function chosenService() {
  return document.querySelector('input[name="service"]:checked').value;
}

function showService() {
  service = services[chosenService()];
  element('route-service').textContent = service.name;
  element('label-echoed').textContent = service.echoes ? 'Echoed back' : 'Received';
  element('hint-band').hidden = !service.echoes;
  chart.echoes = service.echoes;
}

// What the service has acknowledged is told only of a session that can be resumed.
function showAcknowledged() {
  const { resumable } = connection;
  chart.acknowledges = resumable;
  document.body.toggleAttribute('data-resumable', resumable);
}

function forgetLast() {
  check = new EchoCheck();
  history.clear();
  chart.restart();
  sending.forget();
  element('close').hidden = true;
  delete element('state').dataset.code;
  delete element('state').dataset.clean;
}

function connect() {
  forgetLast();
  showService();
  const url = new URL(chosenService(), document.baseURI);
  url.protocol = url.protocol.replace('http', 'ws');
  log.note(`connecting to ${url.href}`);
  show('connecting', 'Waiting for nginx and the service behind it.');
  const on = { open: opened, message: arrived, lost, found, close: closed };
  connection = new Connection(url, service.resumed, on);
  showAcknowledged();
  refresh();
  requestAnimationFrame(animate);
}

function opened() {
  sending.begin(connection);
  log.note(`connected to ${service.name}`);
  showAcknowledged();
  show('open', `nginx has a TCP connection to ${service.name}.`);
}

function lost() {
  log.note('the connection is lost, the session waits');
  element('state-text').textContent = 'No connection: nginx keeps the session, and what you send waits.';
}

function found() {
  log.note('connected again, nothing was lost');
  element('state-text').textContent = 'Connected again: the service has seen nothing of it.';
}

function arrived(text, data) {
  log.message('in', text, data);
  if (service.echoes) {
    check.received(data);
  }
}

function end() {
  refresh();
  stopFlow();
  showVerdict(check, service, true);
  sending.end();
  connection = null;
}

function closed({ code, reason, wasClean }) {
  const wasOpen = connection.opened;
  end();
  Object.assign(element('state').dataset, { code, clean: wasClean });
  element('close').hidden = false;
  element('close-code').textContent = code;
  element('close-reason').textContent = reason === '' ? '(none)' : reason;
  element('close-clean').textContent = explainClean(wasClean);
  log.note(`closed, code ${code}${reason === '' ? '' : `, ${reason}`}`);
  show('closed', explain(code, wasOpen));
}

function disconnect() {
  sending.end();
  connection.close();
  show('closing', '');
  refresh();
}

function abandon(text) {
  connection.abandon();
  end();
  log.note(text);
  show('idle', text);
}

function toggle() {
  const { state } = element('state').dataset;
  if (state === 'open') {
    return disconnect();
  }
  if (state === 'connecting') {
    return abandon('Cancelled before there was an answer.');
  }
  if (state === 'closing') {
    return abandon(`Left behind with ${bytes(connection.buffered)} still in this page.`);
  }
  connect();
}

function refresh() {
  if (connection === null) {
    return;
  }
  const { sent, received, buffered, acknowledged = 0 } = connection;
  const account = { sent, echoed: received, buffered, acknowledged };
  history.add(performance.now(), account);
  showAccount(account, history);
  showVerdict(check, service, false);
  sending.refresh();
  if (element('state').dataset.state === 'closing') {
    element('state-text').textContent = buffered > 0
      ? `${bytes(buffered)} must leave this page before the Close frame can.`
      : 'Waiting for the answer to the Close frame.';
  }
}

// The picture stands still when the connection is gone, so that it can be studied.
function animate() {
  if (connection !== null) {
    chart.draw(performance.now());
    requestAnimationFrame(animate);
  }
}

function redraw() {
  chart.draw(history.samples.at(-1)?.time ?? performance.now());
}

element('connection').addEventListener('submit', (event) => {
  event.preventDefault();
  toggle();
});

element('connection').addEventListener('change', () => {
  if (connection === null) {
    return showService();
  }
  abandon('Another service was chosen.');
  connect();
});

element('clear').addEventListener('click', () => log.clear());

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  chart.readColors();
  redraw();
});
new ResizeObserver(redraw).observe(element('chart'));

// A browser may restore the choice of an earlier visit.
showService();
setInterval(refresh, 100);
