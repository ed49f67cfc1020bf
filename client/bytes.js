// What applications send, as bytes.

const encoder = new TextEncoder();

// As WebSocket.send() takes it, a Blob apart.
export function toBytes(data) {
    const { buffer = data, byteOffset, byteLength } = data;
    return byteLength === undefined ? encoder.encode(data) : new Uint8Array(buffer, byteOffset, byteLength);
}

export function joined(pieces) {
    if (pieces.length === 1) return pieces[0];
    const all = new Uint8Array(pieces.reduce((size, { length }) => size + length, 0));
    let at = 0;
    for (const piece of pieces) {
        all.set(piece, at);
        at += piece.length;
    }
    return all;
}
