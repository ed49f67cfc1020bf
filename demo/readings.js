// The numbers on the route, and what the comparison of the echo has found.

import { bytes } from './format.js';

const element = (id) => document.getElementById(id);

export function showAccount(account, history) {
  for (const [name, count] of Object.entries(account)) {
    const value = element(`value-${name}`);
    value.textContent = bytes(count);
    value.dataset.bytes = count;
  }
  for (const name of ['sent', 'echoed']) {
    const rate = history.rate(name);
    element(`rate-${name}`).textContent = rate === 0 ? '' : `${bytes(Math.round(rate))}/s`;
    element(`lane-${name}`).dataset.flowing = rate > 0;
  }
}

export function stopFlow() {
  for (const name of ['sent', 'echoed']) {
    element(`rate-${name}`).textContent = '';
    element(`lane-${name}`).dataset.flowing = false;
  }
}

function judge({ compared, pending, differsAt }, ended) {
  if (differsAt >= 0) {
    return ['different', `The echo differs at byte ${differsAt}.`];
  }
  if (compared + pending === 0) {
    return ['none', 'Nothing to compare yet.'];
  }
  if (pending > 0) {
    const rest = ended ? 'did not come back' : 'not back yet';
    return ['matching', `${bytes(compared)} compared and equal, ${bytes(pending)} ${rest}.`];
  }
  return ['complete', `All ${bytes(compared)} came back, byte for byte the same.`];
}

export function showVerdict(check, service, ended) {
  const verify = element('verify');
  const [verdict, text] =
    service.echoes ? judge(check, ended) : ['none', `The ${service.name} service echoes nothing.`];
  verify.dataset.verdict = verdict;
  verify.dataset.compared = check.compared;
  verify.textContent = text;
}
