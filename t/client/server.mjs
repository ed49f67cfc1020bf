// Gateways and wires for the tests of the client, on real sockets. A gateway carries to the port
// of 127.0.0.1 that the query names, as the location does that GATEWAY may point at instead:
// ws_pass 127.0.0.1:$arg_port.

import { createRequire } from 'node:module';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

import { Gateway, NAME } from './gateway.mjs';

const { WebSocketServer } = createRequire(import.meta.url)('ws');

const clock = {
    now: () => Date.now(),
    after: (ms, action) => {
        const timer = setTimeout(action, ms);
        return () => clearTimeout(timer);
    },
};

export async function listen(server) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server.address().port;
}

// The TCP side of a session.
class TcpService {
    #socket;
    #session;
    #acked = 0;

    constructor(session, socket) {
        this.#socket = socket;
        this.#session = session;
        socket.on('readable', () => session.pump());
        socket.on('end', () => session.pump());
        socket.on('error', () => {});
    }

    write(bytes) {
        this.#socket.write(bytes, (error) => {
            if (error) return;
            this.#acked += bytes.length;
            this.#session.ackedByService(this.#acked);
        });
    }

    end() {
        this.#socket.end();
        if (this.#session.over) this.#socket.destroySoon();
    }

    read(max) {
        const bytes = this.#socket.read(Math.min(max, this.#socket.readableLength) || undefined);
        if (bytes) return { bytes, last: true };
        return this.#socket.readableEnded ? 'end' : undefined;
    }
}

// The gateway of gateway.mjs, or, with {raw: true}, one without resume; `choose` picks from the
// offered subprotocols, `refuse` gives a status for a query that is not let in.
export class Server {
    requests = [];
    closes = []; // the codes with which legs ended
    #http = http.createServer();
    #ws = new WebSocketServer({ noServer: true, handleProtocols: (offers) => this.#choose([...offers]) });
    #sockets = new Set();

    constructor({ raw = false, choose = () => false, refuse = () => 0, ...settings } = {}) {
        Object.assign(this, { raw, choose, refuse });
        this.gateway = new Gateway({ clock, random: Math.random, ...settings });
        this.#http.on('upgrade', (...upgrade) => this.#upgrade(...upgrade));
    }

    async start() {
        this.port = await listen(this.#http);
        return this;
    }

    // Everything it knows is gone, as when a gateway is killed.
    forget() {
        for (const session of this.gateway.sessions) session.finish();
        this.drop();
    }

    drop() {
        for (const socket of this.#sockets) socket.destroy();
    }

    stop() {
        this.forget();
        this.#http.close();
    }

    #choose(offers) {
        return !this.raw && offers.includes(NAME) ? NAME : this.choose(offers);
    }

    #upgrade(request, socket, head) {
        const query = new URL(request.url, 'ws://gateway').searchParams;
        const status = this.refuse(query);
        this.requests.push({ url: request.url, headers: request.headers });
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket));
        socket.on('error', () => {});
        if (status) {
            socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
            return;
        }
        this.#ws.handleUpgrade(request, socket, head, (leg) => {
            leg.on('error', () => {});
            if (leg.protocol === NAME && !this.raw) this.#resumable(leg, query);
            else this.#plain(leg, query);
        });
    }

    #resumable(leg, query) {
        if (query.has('sid')) {
            this.#attach(leg, query);
            return;
        }
        const service = net.connect({ port: +query.get('port'), host: '127.0.0.1', allowHalfOpen: true });
        service.once('error', () => leg.close(4003, 'service not reached'));
        service.once('connect', () => {
            this.gateway.connect = (session) => new TcpService(session, service);
            this.#attach(leg, query);
        });
    }

    #attach(leg, query) {
        let closed = false;
        const ears = this.gateway.request(query, {
            send: (message) => leg.send(message),
            close: (code, reason) => leg.close(code, reason),
            answer() {}, // ws has answered by itself
        });
        leg.on('message', (message) => ears.message(message));
        leg.on('close', (code, reason) => {
            if (closed) return;
            closed = true;
            this.closes.push(code);
            if (code === 1006) ears.lost();
            else ears.closed(code, reason.toString());
        });
    }

    #plain(leg, query) {
        const service = net.connect({ port: +query.get('port'), host: '127.0.0.1', allowHalfOpen: true });
        service.on('error', () => leg.close(1011, 'service was reset'));
        service.on('data', (bytes) => leg.send(bytes));
        service.on('end', () => leg.close(1000));
        leg.on('message', (message) => service.write(message));
        leg.on('close', () => service.end());
    }
}

// A TCP proxy that does what networks do.
export class Proxy {
    #server;
    #pairs = new Set();
    #stalled = [];
    #target;
    connections = 0;
    passed = () => {}; // is told of bytes, both ways

    constructor(target) {
        this.#target = target;
        this.#server = net.createServer({ allowHalfOpen: true }, (client) => this.#carry(client));
    }

    async start() {
        this.port = await listen(this.#server);
        return this;
    }

    // kind: fin and reset are told to both ends, stall to none.
    cut(kind = 'reset') {
        for (const pair of this.#pairs) {
            this.#pairs.delete(pair);
            for (const socket of pair) {
                if (kind === 'stall') {
                    socket.unpipe();
                    socket.pause();
                    this.#stalled.push(socket);
                } else {
                    socket.unpipe();
                    // A socket that was ended cannot be reset as well: Node 20 would never exit.
                    if (kind === 'fin' || socket.writableEnded) socket.destroy();
                    else socket.resetAndDestroy();
                }
            }
        }
    }

    stop() {
        this.cut('fin');
        for (const socket of this.#stalled) socket.destroy();
        this.#server.close();
    }

    #carry(client) {
        const server = net.connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true });
        const pair = [client, server];
        this.connections++;
        this.#pairs.add(pair);
        for (const socket of pair) {
            socket.on('error', () => {});
            socket.on('data', ({ length }) => this.passed(length));
            socket.on('close', () => this.#pairs.delete(pair) && pair.forEach((other) => other.destroy()));
        }
        client.pipe(server);
        server.pipe(client);
    }
}
