// doors_services.mjs SIZE: the TCP services of the loads, as a line of JSON with their ports. They end
// with standard input.

import { once } from 'node:events';
import net from 'node:net';

const size = Number(process.argv[2]);
const piece = Buffer.alloc(65536);

const services = {
    echo: (socket) => socket.pipe(socket),
    sink(socket) {
        let left = size;
        socket.on('data', ({ length }) => {
            left -= length;
            if (left === 0) socket.write('.');
        });
    },
    source(socket) {
        socket.once('data', async () => {
            for (let left = size; left > 0; left -= piece.length) {
                if (!socket.write(piece)) await once(socket, 'drain');
            }
        });
    },
};

const ports = {};
for (const [name, serve] of Object.entries(services)) {
    const server = net.createServer((socket) => {
        socket.setNoDelay();
        socket.on('error', () => {});
        serve(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports[name] = server.address().port;
}
console.log(JSON.stringify(ports));
process.stdin.resume().on('end', () => process.exit());
