import { Duplex } from 'node:stream';

import { Address, Options } from '../index.js';

export * from '../index.js';

export interface DuplexOptions extends Options {
    /** The subprotocols meant for the service. */
    protocols?: string | string[];
    /** As for net.Socket: false, so that the end of the service ends the stream. */
    allowHalfOpen?: boolean;
}

/** A Duplex with what users of net.Socket call. Its events `detach` and `reattach` tell of the connection. */
export declare class ResumableDuplex extends Duplex {
    constructor(url: Address, options?: DuplexOptions);

    readonly connecting: boolean;
    readonly readyState: 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed';
    readonly protocol: string;
    readonly resumable: boolean;
    readonly delivered: number;
    readonly bufferedAmount: number;

    flushed(): Promise<void>;
    /** It connects by itself; this is for callers who think they have to. */
    connect(...ignored: unknown[]): this;
    setNoDelay(on?: boolean): this;
    setKeepAlive(on?: boolean, delay?: number): this;
    setTimeout(ms: number, listener?: () => void): this;
    ref(): this;
    unref(): this;
}

export declare function connect(url: Address, options?: DuplexOptions): ResumableDuplex;
