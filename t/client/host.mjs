// A host for a Session under a test that plays the gateway itself, with a clock that it sets.

import { Session } from '../../client/session.js';
import { NAME } from './gateway.mjs';

export const hex = (bytes) => Buffer.from(bytes).toString('hex');

export const number = (value) => value.toString(16).padStart(16, '0');

export const limits = ({ grace = 60000, window = 0x40000, flags = 0 } = {}) =>
    `400100040000${[grace, 100, 0, window, 0x8000, flags]
        .map((field) => field.toString(16).padStart(8, '0')).join('')}`;

export class Host {
    time = 0;
    random = 1; // what random() gives
    said = []; // messages of this leg, as hexadecimal digits
    dials = [];
    left = [];
    closes = [];
    heard = []; // news, apart from data
    end;

    constructor(options = {}) {
        this.session = new Session(this, {
            random: () => this.random, retry: [500, 30000], heartbeat: 15000, patience: 10000,
            raw: true, ...options,
        });
        this.session.start();
    }

    now() {
        return this.time;
    }

    dial(query, offer) {
        this.said = [];
        this.dials.push({ ...query, offer, at: this.time });
    }

    send(message) {
        this.said.push(hex(message));
    }

    close(code, reason) {
        this.closes.push([code, reason]);
    }

    leave(code) {
        this.left.push(code);
    }

    news(name, ...rest) {
        if (name === 'over') this.end = rest;
        else if (name !== 'data') this.heard.push(name);
    }

    hear(...messages) {
        for (const digits of messages) {
            this.session.legMessage(new Uint8Array(Buffer.from(digits, 'hex')).buffer);
        }
    }

    // So many ms, with each tick that is due.
    pass(time) {
        const end = this.time + time;
        for (let ticks = 0; this.session.deadline <= end; ticks++) {
            if (ticks > 100) throw new Error('ticks change nothing');
            this.time = Math.max(this.time, this.session.deadline);
            this.session.tick();
        }
        this.time = end;
    }

    open(settings) {
        this.session.legOpened(NAME);
        this.hear('0001000000026131', limits(settings));
        return this;
    }

    cut(code = 1006, reason = '') {
        this.session.legClosed(code, reason, 0);
    }

    resume(taken, settings) {
        this.session.legOpened(NAME);
        this.hear(`0002${number(taken)}`, limits(settings), '4003000000026232');
    }
}
