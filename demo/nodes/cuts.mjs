// One session with Redis over a wire that is cut behind each answer: the client comes back to
// whichever node is next, and Redis sees one connection. cuts.mjs URL

import net from 'node:net';

import { ResumableSocket } from '../../client/node/index.js';

const CUTS = 6;

const url = new URL(process.argv[2]);
const sockets = new Set();
let connections = 0;

const wire = net.createServer((client) => {
    const server = net.connect(url.port, url.hostname);
    connections++;
    for (const [from, to] of [[client, server], [server, client]]) {
        sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => {
            sockets.delete(from);
            to.destroy();
        });
        from.pipe(to);
    }
});

wire.listen(0, '127.0.0.1', () => {
    const socket = new ResumableSocket(`ws://127.0.0.1:${wire.address().port}${url.pathname}`, [], {
        retry: [10, 100],
    });
    const ask = () => socket.send('CLIENT ID\r\n');
    socket.binaryType = 'arraybuffer';
    socket.onopen = ask;
    socket.onresume = ask;
    socket.onmessage = ({ data }) => {
        const id = Buffer.from(data).toString().trim().slice(1);
        console.log(`connection ${connections} to the nodes, connection ${id} to Redis`);
        if (connections > CUTS) {
            socket.close(1000);
            return;
        }
        for (const each of sockets) each.destroy();
    };
    socket.onclose = ({ code }) => {
        console.log(`closed, ${code}`);
        wire.close();
    };
});
