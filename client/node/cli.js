#!/usr/bin/env node
// A session's bytes on standard input and output, as for ssh's ProxyCommand, or on a local port.

import { readFileSync } from 'node:fs';
import net from 'node:net';
import { pipeline } from 'node:stream';
import { parseArgs } from 'node:util';

import { connect } from './duplex.js';

const USAGE = `usage: ngx-ws-filter [OPTION...] URL

Carries standard input and output over a WebSocket that survives its connection.

  -L, --listen [HOST:]PORT   carry each connection to this port instead
  -p, --protocol NAME        offer a subprotocol for the service; again for more
  -H, --header 'NAME: VALUE' send a field with each request; again for more
      --ca FILE              trust this certificate
      --insecure             trust any certificate
  -v, --verbose              tell of lost and resumed connections
  -h, --help                 show this
`;

const OPTIONS = {
    listen: { type: 'string', short: 'L' },
    protocol: { type: 'string', short: 'p', multiple: true, default: [] },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    ca: { type: 'string' },
    insecure: { type: 'boolean', default: false },
    verbose: { type: 'boolean', short: 'v', default: false },
    help: { type: 'boolean', short: 'h', default: false },
};

const say = (text) => process.stderr.write(`ngx-ws-filter: ${text}\n`);

function fail(text) {
    say(text);
    process.exit(1);
}

function header(line) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? fail(`no header: ${line}`);
    return [name, value];
}

function opener(url, values) {
    const transport = {
        headers: Object.fromEntries(values.header.map(header)),
        rejectUnauthorized: !values.insecure,
        ...(values.ca && { ca: readFileSync(values.ca) }),
    };
    return () => {
        const stream = connect(url, { protocols: values.protocol, transport, allowHalfOpen: true });
        if (values.verbose) {
            stream.on('connect', () => say(stream.resumable ? 'connected' : 'connected, not resumable'));
            stream.on('detach', () => say('connection lost'));
            stream.on('reattach', () => say('resumed'));
        }
        return stream;
    };
}

// Both ways, each until its own end. `done` hears of the first error, if there is one.
function join(local, input, output, done) {
    let open = 2;
    const finished = (error) => {
        if (error && open > 0) {
            open = 0;
            done(error);
        } else if (--open === 0) {
            done();
        }
    };
    pipeline(input, local, finished);
    pipeline(local, output, finished);
}

function carryStandard(open) {
    const stream = open();
    stream.on('error', (error) => fail(error.message));
    process.stdout.on('error', () => process.exit(1));
    process.stdin.on('error', (error) => fail(error.message));
    process.stdin.pipe(stream);
    stream.pipe(process.stdout);
    stream.on('end', () => {
        // What may still come in has nobody to read it, and must not keep the process.
        process.stdin.unpipe(stream);
        process.stdin.destroy();
        stream.end();
    });
}

function listen(where, open) {
    const [, host = '127.0.0.1', port] = /^(?:(.*):)?(\d+)$/.exec(where) ?? fail(`no port: ${where}`);
    const server = net.createServer({ allowHalfOpen: true }, (local) => {
        const stream = open();
        join(stream, local, local, (error) => {
            if (error) say(error.message);
            local.destroy();
            stream.destroy();
        });
    });
    server.on('error', (error) => fail(error.message));
    server.listen(+port, host.replace(/^\[|\]$/g, ''), () => {
        const { address, port: bound } = server.address();
        say(`listening on ${address} port ${bound}`);
    });
}

function main() {
    let parsed;
    try {
        parsed = parseArgs({ options: OPTIONS, allowPositionals: true });
    } catch (error) {
        fail(`${error.message}\n${USAGE}`);
    }
    const { values, positionals } = parsed;
    if (values.help) {
        process.stdout.write(USAGE);
        return;
    }
    if (positionals.length !== 1) fail(`one URL is needed\n${USAGE}`);
    const open = opener(positionals[0], values);
    if (values.listen) listen(values.listen, open);
    else carryStandard(open);
}

main();
