// serve.mjs [PORT]: an echo behind the gateway of these tests, or behind the one on PORT that takes
// the service's port from the query. Prints the address of a wire before it, which lines of standard
// input cut: reset, fin and stall at once, `first` the first connection by its answer, and `often`
// one after each some 200 kB that the echo hears, and each third by its answer. So do two seconds
// after a client has said "cut soon".

import net from 'node:net';
import { createInterface } from 'node:readline';

import { Proxy, Server, listen } from './server.mjs';

let left = Infinity; // bytes until the next cut

const service = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
        if (bytes.equals(Buffer.from('cut soon'))) setTimeout(() => wire.cut(), 2000);
        left -= bytes.length;
        if (left < 0) cutOften();
    });
    socket.pipe(socket);
});
const port = await listen(service);
const gateway = Number(process.argv[2]) || (await new Server().start()).port;
const wire = await new Proxy(gateway).start();

function cutOften() {
    if (left < 0) wire.cut(Math.random() < 0.5 ? 'reset' : 'fin');
    left = Math.random() * 400000;
}

const orders = {
    first: () => { wire.torn = (count) => count === 1; },
    often: () => {
        wire.torn = (count) => count % 3 === 0;
        cutOften();
    },
};

console.log(`ws://127.0.0.1:${wire.port}/?port=${port}`);
createInterface({ input: process.stdin })
    .on('line', (line) => (orders[line] ?? (() => wire.cut(line)))())
    .on('close', () => process.exit());
