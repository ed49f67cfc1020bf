// What a close code says, in words. RFC 6455, section 7.4.1, and IANA's registry.

const meanings = {
  1000: 'A normal end.',
  1001: 'The server is going away, for a restart or for good.',
  1002: 'The server saw a violation of the WebSocket protocol.',
  1003: 'The server does not take this kind of message.',
  1005: 'The connection was closed without a code.',
  1006: 'No Close frame came: the connection broke off.',
  1007: 'The server got text that is not valid UTF-8.',
  1008: 'The server refuses this by its policy.',
  1009: 'A message was too big for the server.',
  1010: 'The server did not negotiate an extension that was required.',
  1011: 'The gateway could not go on: the service failed, or not all was delivered.',
  1012: 'The server restarts. Connecting again is fine.',
  1013: 'The server is overloaded. Try again later.',
  1014: 'The gateway got no valid answer from the service behind it.',
};

// A browser tells a page nothing of why a handshake failed; only its developer tools know.
const neverOpened =
  'The handshake was refused, or nobody answered. The browser shows the status in its network ' +
  'tab only: 403 is a foreign Origin, 502 a service that is down.';

export function explain(code, wasOpen) {
  if (!wasOpen) {
    return neverOpened;
  }
  return meanings[code] ?? (code >= 3000 ? 'A code of the application.' : 'An unregistered code.');
}

export function explainClean(wasClean) {
  return wasClean ? 'true, with a closing handshake' : 'false, without a closing handshake';
}
