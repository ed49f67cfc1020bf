// serve.mjs [PORT]: an echo behind the gateway of these tests, or behind the one on PORT that takes
// the service's port from the query. Prints the address of a wire before it, which lines of standard
// input cut: reset, fin and stall at once, `first` the first connection amid its handshake, `often`
// again and again, `soon` the same after fewer bytes, and `later` as `often` does once the echo has
// heard something. So do two seconds after a client has said "cut soon".

import net from 'node:net';
import { createInterface } from 'node:readline';

import { harass } from './fixture.mjs';
import { Proxy, Server, listen } from './server.mjs';

let hears = () => {};

const service = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
        if (bytes.equals(Buffer.from('cut soon'))) setTimeout(() => wire.cut(), 2000);
        hears();
    });
    socket.pipe(socket);
});
const port = await listen(service);
const gateway = Number(process.argv[2]) || (await new Server().start()).port;
const wire = await new Proxy(gateway).start();

const orders = {
    first: () => {
        wire.passed = () => {
            wire.passed = () => {};
            wire.cut();
        };
    },
    often: () => harass(wire),
    soon: () => harass(wire, { most: 50000 }),
    later: () => {
        hears = () => {
            hears = () => {};
            harass(wire, { most: 4000000 });
        };
    },
};

console.log(`ws://127.0.0.1:${wire.port}/?port=${port}`);
createInterface({ input: process.stdin })
    .on('line', (line) => (orders[line] ?? (() => wire.cut(line)))())
    .on('close', () => process.exit());
