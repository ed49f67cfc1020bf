// A session that outlives its page: new ResumableSocket(url, [], { persist: persist('name') }).
// What a reloaded page needs to go on is kept in sessionStorage, which each tab has for itself.

import { HEADER } from './wire.js';

export function persist(name) {
    const key = `ngx-ws-filter ${name}`;
    // Storage may be full or forbidden: then nothing is kept, and a session begins anew.
    const attempt = (action) => {
        try {
            return action(globalThis.sessionStorage);
        } catch {
            return undefined;
        }
    };
    const forget = () => attempt((storage) => storage.removeItem(key));

    // `link` is to be told of the page's life; what is returned ends that.
    return (link) => {
        const hide = () => {
            const kept = link.run('suspend') && save(link.session);
            if (kept) attempt((storage) => storage.setItem(key, JSON.stringify(kept)));
        };
        const show = ({ persisted }) => {
            if (!persisted) return; // from the cache of pages that may be shown again
            forget();
            link.run('wake');
        };
        attempt((storage) => restore(link.session, JSON.parse(storage.getItem(key))));
        forget(); // a SID is not used by two pages
        globalThis.addEventListener?.('pagehide', hide);
        globalThis.addEventListener?.('pageshow', show);
        return () => {
            globalThis.removeEventListener?.('pagehide', hide);
            globalThis.removeEventListener?.('pageshow', show);
        };
    };
}

// What was written and not acknowledged goes with it, each byte as a letter.
function save({ sid, limits, ending, inbox, outbox }) {
    const { acked, sent, messages, ordinal, pieces } = outbox;
    const kept = pieces.filter(({ at, size }) => at + size > acked || (!size && at === acked));
    return {
        sid, limits, ending,
        inbox: { taken: inbox.taken, end: inbox.end, empties: inbox.empties },
        outbox: { acked, sent, messages, ordinal: ordinal - kept.filter(({ size }) => !size).length },
        texts: kept.map(({ frame, at, size, more }) => {
            const from = HEADER + Math.max(0, acked - at);
            return [size ? String.fromCharCode(...frame.subarray(from, HEADER + size)) : '', more];
        }),
    };
}

function restore(session, { sid, limits, ending, inbox, outbox, texts }) {
    const { acked } = outbox;
    const { taken } = inbox;
    Object.assign(session, { limits, ending, resumed: true });
    Object.assign(session.inbox, inbox, { received: taken, told: taken });
    Object.assign(session.outbox, outbox, { next: acked, end: acked });
    for (const [text, more] of texts) {
        session.outbox.write(Uint8Array.from(text, (letter) => letter.charCodeAt(0)), more);
    }
    session.sid = sid; // last: from here on it is another session
}
