// The commands of docs/resume-protocol.md, sections 3 and 5: to bytes and back.

export const SUBPROTOCOL = 'v1.resume.ngx-ws-filter';

export const CONNECT_SUCCESS = 0x0001;
export const RECONNECT_SUCCESS = 0x0002;
export const DATA = 0x0004;
export const ACK = 0x0007;
export const LIMITS = 0x4001;
export const EOF = 0x4002;
export const NEW_SID = 0x4003;
export const GOAWAY = 0x4004;
export const PART = 0x4005;
export const EMPTY = 0x4006;
export const LONGEST = 0x4008;

export const HEADER = 6; // tag and length before the bytes of DATA and PART
export const MAX_DATA = 16384;
export const MAX_LONG_DATA = 65536; // behind a LONGEST

// The header of DATA or PART, at the beginning of a frame, or all of LONGEST.
export function writeHeader(frame, tag, length) {
    const view = new DataView(frame.buffer);
    view.setUint16(0, tag);
    view.setUint32(2, length);
    return frame;
}

// A command whose body is one u64.
export function numbered(tag, number) {
    const view = new DataView(new ArrayBuffer(10));
    view.setUint16(0, tag);
    view.setBigUint64(2, BigInt(number));
    return view.buffer;
}

// Of a message: its tag, and the value of its body, which is bytes, a number, a SID or limits;
// undefined if the body is not what its tag says, and null for a tag that is to be ignored. DATA has
// at most `most` bytes.
export function parse(message, most = MAX_DATA) {
    const size = message.byteLength;
    if (!(size >= 2)) return {};

    const view = new DataView(message);
    const tag = view.getUint16(0);
    const length = size >= HEADER ? view.getUint32(2) : 0;
    const whole = length === size - HEADER;
    const text = (at, end) => String.fromCharCode(...new Uint8Array(message.slice(at, end)));
    let value;
    switch (tag) {
        case DATA:
        case PART:
            if (whole && length <= most) value = new Uint8Array(message, HEADER);
            break;
        case CONNECT_SUCCESS:
        case NEW_SID:
            if (whole && length) value = text(HEADER);
            break;
        case RECONNECT_SUCCESS:
        case ACK:
        case EOF:
        case EMPTY: {
            const number = size === 10 ? Number(view.getBigUint64(2)) : NaN;
            if (number < 2 ** 53) value = number; // beyond, JavaScript's numbers are not exact
            break;
        }
        case GOAWAY:
            if (size === 6) value = length;
            break;
        case LIMITS: {
            const tail = size < 30 ? NaN : 18 + view.getUint32(14);
            if (tail + 12 <= size) {
                value = {
                    grace: view.getUint32(6),
                    interval: view.getUint32(10),
                    protocol: text(18, tail),
                    window: view.getUint32(tail),
                    bytes: view.getUint32(tail + 4),
                    flags: view.getUint32(tail + 8),
                };
                if (tail + 16 <= size) value.longest = view.getUint32(tail + 12);
            }
            break;
        }
        default:
            value = null;
    }
    return { tag, value };
}
