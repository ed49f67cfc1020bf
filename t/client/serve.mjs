// serve.mjs [PORT]: an echo behind the gateway of these tests, or behind the one on PORT that takes
// the service's port from the query, over a wire that is cut by each line of standard input: reset,
// fin or stall, and two seconds after a client has said "cut soon". Prints the address.

import net from 'node:net';
import { createInterface } from 'node:readline';

import { Proxy, Server, listen } from './server.mjs';

const service = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
        if (bytes.equals(Buffer.from('cut soon'))) setTimeout(() => wire.cut(), 2000);
    });
    socket.pipe(socket);
});
const port = await listen(service);
const gateway = Number(process.argv[2]) || (await new Server().start()).port;
const wire = await new Proxy(gateway).start();
console.log(`ws://127.0.0.1:${wire.port}/?port=${port}`);
createInterface({ input: process.stdin }).on('line', (kind) => wire.cut(kind)).on('close', () => process.exit());
