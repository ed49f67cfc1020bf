// What `url` may be: an address, or a function that gives one for each try, so that tokens are fresh.
export type Address = string | URL | ((attempt: { reconnect: boolean }) => string | URL | Promise<string | URL>);

export interface Options {
    /** ms of silence after which the gateway is asked whether it is there: 15000. */
    heartbeat?: number;
    /** ms that the answer may take: 10000. */
    patience?: number;
    /** The shortest and the longest bound of the random pause between two tries, in ms: [500, 30000]. */
    retry?: [number, number];
    /** Whether a gateway without resume will do: true. */
    raw?: boolean;
    /** Bytes without acknowledgement beyond which writers of streams wait: 262144. */
    highWaterMark?: number;
    /** persist('name') of ngx-ws-filter/persist: the session goes on after a reload of the page. */
    persist?: (link: unknown) => () => void;
    /** What carries it; its third argument is `transport`. */
    WebSocket?: new (url: string, protocols: string[], transport?: any) => any;
    /** In Node: options of https.request(), such as headers and ca. */
    transport?: Record<string, unknown>;
}

/** As WebSocketStream's WebSocketError. */
export interface SessionError extends Error {
    closeCode: number;
    reason: string;
}

export interface Streams {
    opened: Promise<{
        readable: ReadableStream<Uint8Array>;
        writable: WritableStream<string | BufferSource>;
        protocol: string;
        extensions: string;
    }>;
    closed: Promise<{ closeCode: number; reason: string }>;
    readable: ReadableStream<Uint8Array>;
    writable: WritableStream<string | BufferSource>;
    close(info?: { closeCode?: number; reason?: string }): void;
}

export interface ResumableSocketEventMap extends WebSocketEventMap {
    detach: Event;
    resume: Event;
    drain: Event;
}

type Handler<E> = ((this: ResumableSocket, event: E) => unknown) | null;

export declare class ResumableSocket extends EventTarget {
    constructor(url: Address, protocols?: string | string[], options?: Options);

    /** Of all instances of a class that extends this one. */
    static options?: Options;
    static readonly CONNECTING: 0;
    static readonly OPEN: 1;
    static readonly CLOSING: 2;
    static readonly CLOSED: 3;

    readonly CONNECTING: 0;
    readonly OPEN: 1;
    readonly CLOSING: 2;
    readonly CLOSED: 3;
    readonly url: string;
    readonly readyState: number;
    readonly protocol: string;
    readonly extensions: string;
    binaryType: BinaryType;

    /** Bytes that the service has not acknowledged, on the way and waiting. */
    readonly bufferedAmount: number;
    /** Bytes that the service's TCP has acknowledged. */
    readonly delivered: number;
    /** Whether the session outlives its connection; false in raw mode. */
    readonly resumable: boolean;
    /** Whether it continues a session of the page before this one. */
    readonly resumed: boolean;

    onopen: Handler<Event>;
    onmessage: Handler<MessageEvent>;
    onerror: Handler<Event>;
    onclose: Handler<CloseEvent>;
    ondetach: Handler<Event>;
    onresume: Handler<Event>;
    ondrain: Handler<Event>;

    send(data: string | BufferSource | Blob): void;
    close(code?: number, reason?: string): void;
    /** When all that was sent before is acknowledged; rejected with a SessionError. */
    flushed(): Promise<void>;
    /** To be called right after the constructor: there are no message events then. */
    streams(): Streams;

    addEventListener<K extends keyof ResumableSocketEventMap>(
        type: K,
        listener: (this: ResumableSocket, event: ResumableSocketEventMap[K]) => unknown,
        options?: boolean | AddEventListenerOptions,
    ): void;
    addEventListener(
        type: string,
        listener: EventListenerOrEventListenerObject,
        options?: boolean | AddEventListenerOptions,
    ): void;
}

/** The subprotocol by which a gateway knows that its client can resume. */
export declare const SUBPROTOCOL: 'v1.resume.ngx-ws-filter';
