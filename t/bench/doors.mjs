// What a socket has to do, in Node and in a page alike: each load gives the seconds that it took.
// `open(name)` makes a socket to the service of that name: see doors_services.mjs.

const PIECE = 65536;
const ROUNDS = 1000;

const event = (target, name) => new Promise((resolve, reject) => {
    target.addEventListener(name, resolve, { once: true });
    target.addEventListener('close', () => reject(new Error('closed')), { once: true });
});

async function opened(open, name) {
    const socket = open(name);
    socket.binaryType = 'arraybuffer';
    await event(socket, 'open');
    return socket;
}

// So many bytes have come.
function received(socket, size) {
    return new Promise((resolve) => {
        socket.onmessage = ({ data }) => {
            size -= data.byteLength;
            if (size <= 0) resolve();
        };
    });
}

async function timed(socket, work) {
    const began = performance.now();
    await work();
    const seconds = (performance.now() - began) / 1000;
    socket.close(1000);
    await event(socket, 'close').catch(() => {});
    return seconds;
}

export const loads = {
    // The sink answers with one byte when it has all.
    async up(open, size) {
        const socket = await opened(open, 'sink');
        return timed(socket, async () => {
            const answer = received(socket, 1);
            for (let left = size; left > 0; left -= PIECE) socket.send(new Uint8Array(PIECE));
            await answer;
        });
    },

    // The source sends as much upon one byte.
    async down(open, size) {
        const socket = await opened(open, 'source');
        return timed(socket, async () => {
            const all = received(socket, size);
            socket.send(new Uint8Array(1));
            await all;
        });
    },

    async pingpong(open) {
        const socket = await opened(open, 'echo');
        return timed(socket, async () => {
            for (let i = 0; i < ROUNDS; i++) {
                const answer = received(socket, 64);
                socket.send(new Uint8Array(64));
                await answer;
            }
        });
    },
};
