// The live page of ws_status: asks for JSON every two seconds, and shows the last minutes.
const every = 2000;
const kept = 150; // samples: five minutes

// --- figures

// Adds numbers of the same place in two trees.
const sum = (a, b) => {
    if (typeof b === 'number') return (a ?? 0) + b;
    return Object.fromEntries(Object.keys(b).map((key) => [key, sum(a?.[key], b[key])]));
};

const total = (tree) => typeof tree === 'number' ? tree
    : Object.values(tree).reduce((all, part) => all + total(part), 0);

const bytes = (value) => {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let unit = 0;
    while (value >= 1000 && unit < units.length - 1) {
        value /= 1000;
        unit++;
    }
    return `${value.toFixed(unit && value < 100 ? 1 : 0)} ${units[unit]}`;
};

const seconds = (value) => {
    if (value === null) return '–';
    if (value < 1) return `${Math.round(value * 1000)} ms`;
    if (value < 120) return `${value.toFixed(value < 10 ? 1 : 0)} s`;
    return value < 7200 ? `${Math.round(value / 60)} min` : `${(value / 3600).toFixed(1)} h`;
};

const plain = (value) => value === null ? '–' : Number(value.toFixed(value < 10 ? 1 : 0)).toLocaleString('en');

// The bound below which this share of the observations between two samples lies; null if there are
// none.
const quantile = (share, before, after) => {
    const buckets = Object.entries(after.buckets)
        .map(([bound, count]) => [Number(bound.replace('+Inf', 'Infinity')), count - before.buckets[bound]]);
    const all = buckets.at(-1)[1];
    if (all <= 0) return null;
    const [bound] = buckets.find(([, count]) => count >= share * all);
    return Number.isFinite(bound) ? bound : buckets.at(-2)[0];
};

// --- samples: { at, zones, worker }

const samples = [];
const chosen = document.querySelector('#zone');

const of = (sample) => {
    const zones = chosen.value ? [sample.zones[chosen.value]].filter(Boolean) : Object.values(sample.zones);
    return zones.length ? zones.reduce(sum, undefined) : null;
};

// What a counter has grown by in a second; null where that is unknown, after a restart for one.
const rate = (of_counter) => (now, before, elapsed) => {
    const grown = of_counter(now) - of_counter(before);
    return grown < 0 ? null : grown / elapsed;
};

const charts = [
    { title: 'Open sessions', show: plain, lines: [['open', 'first', (now) => now.sessions]] },
    { title: 'Stalled sessions', show: plain, lines: [
        ['by the client', 'first', (now) => now.stalled_sessions.client],
        ['by the backend', 'second', (now) => now.stalled_sessions.backend]] },
    { title: 'Payload a second', show: (value) => value === null ? '–' : bytes(value), lines: [
        ['from clients', 'first', rate((zone) => zone.payload_bytes.client)],
        ['from backends', 'second', rate((zone) => zone.payload_bytes.backend)]] },
    { title: 'Round trip', show: seconds, far: 30, lines: [
        ['half', 'first', (now, before) => quantile(.5, before.round_trip_seconds, now.round_trip_seconds)],
        ['95 %', 'second', (now, before) => quantile(.95, before.round_trip_seconds, now.round_trip_seconds)]] },
    { title: 'Handshakes a second', show: plain, lines: [
        ['accepted', 'first', rate((zone) => zone.handshakes['101'])],
        ['refused', 'second', rate((zone) => total(zone.handshakes) - zone.handshakes['101'])]] },
    { title: 'Ends a second', show: plain, lines: ['client', 'backend', 'gateway'].map((by, index) => [
        `by the ${by}`, ['first', 'second', 'third'][index],
        rate((zone) => Object.values(zone.closes).reduce((all, code) => all + code[by], 0))]) },
];

// The columns of a plot: the times, and the values of each line.
const columns = (chart) => {
    const far = chart.far ?? 1; // samples between which something is compared
    const zones = samples.map(of);
    const value = (line, index) => {
        const before = Math.max(index - far, 0);
        if (!zones[index] || !zones[before]) return null;
        if (line.length > 1 && index === 0) return null;
        return line(zones[index], zones[before], samples[index].at - samples[before].at);
    };
    return [samples.map((sample) => sample.at),
        ...chart.lines.map(([, , line]) => samples.map((_, index) => value(line, index)))];
};

// --- plots

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const clock = (at) => new Date(at * 1000).toLocaleTimeString('en-GB');

const plot = (chart, place) => {
    const axis = { stroke: colour('faint'), grid: { stroke: colour('line'), width: 1 }, ticks: { show: false } };
    return new uPlot({
        width: place.clientWidth,
        height: 170,
        scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.1, chart.show === seconds ? .01 : 1)] } },
        axes: [{ ...axis, space: 80, values: (_, marks) => marks.map(clock) }, { ...axis, size: 64, values: (_, marks) => marks.map(chart.show) }],
        series: [{ label: 'at', value: (_, at) => at === null ? '–' : clock(at) }, ...chart.lines.map(([label, name]) => ({
            label, stroke: colour(name), width: 2, points: { show: false }, spanGaps: false,
            value: (_, value) => chart.show(value) }))],
    }, columns(chart), place);
};

const places = charts.map((chart) => {
    const panel = document.createElement('div');
    const heading = document.createElement('h2');
    const place = document.createElement('div');
    panel.className = 'chart';
    heading.textContent = chart.title;
    panel.append(heading, place);
    document.querySelector('#charts').append(panel);
    return place;
});

let plots = [];
const draw = () => {
    plots.forEach((one) => one.destroy());
    plots = charts.map((chart, index) => plot(chart, places[index]));
};

new ResizeObserver(() => plots.forEach((one, index) => {
    if (one.width !== places[index].clientWidth) {
        one.setSize({ width: places[index].clientWidth, height: 170 });
    }
})).observe(document.querySelector('#charts'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);

// --- tiles and tables

const tell = (name, text, bad = false) => {
    const tile = document.querySelector(`[data-tile=${name}]`);
    tile.textContent = text;
    tile.classList.toggle('bad', bad);
};

const showTiles = () => {
    const now = of(samples.at(-1));
    const before = of(samples.at(-2) ?? samples.at(-1));
    const elapsed = samples.at(-1).at - (samples.at(-2)?.at ?? samples.at(-1).at) || 1;
    const { current, old } = samples.at(-1).worker.workers;
    tell('workers', old ? `${current} + ${old}` : current);
    if (!now || !before) return;
    const speed = (from) => `${bytes(Math.max(now.payload_bytes[from] - before.payload_bytes[from], 0) / elapsed)}/s`;
    tell('sessions', plain(now.sessions));
    tell('stalled', plain(total(now.stalled_sessions)), total(now.stalled_sessions) > 0);
    tell('in', speed('client'));
    tell('out', speed('backend'));
    tell('lost', bytes(now.undelivered_bytes.backend), now.undelivered_bytes.backend > 0);
};

const row = (cells) => {
    const line = document.createElement('tr');
    for (const cell of cells) {
        const place = document.createElement('td');
        place.className = cell?.number === undefined ? '' : 'number';
        place.append(cell?.number ?? cell);
        line.append(place);
    }
    return line;
};

const showEnds = () => {
    const now = of(samples.at(-1));
    const before = of(samples[0]);
    const ends = [];
    for (const [code, sides] of Object.entries(now?.closes ?? {})) {
        for (const [by, count] of Object.entries(sides)) {
            const fresh = count - (before?.closes[code][by] ?? 0);
            if (fresh > 0) ends.push({ code, by, fresh });
        }
    }
    ends.sort((a, b) => b.fresh - a.fresh);
    document.querySelector('#ends tbody').replaceChildren(...ends.map(({ code, by, fresh }) => {
        const bar = document.createElement('progress');
        bar.max = ends[0].fresh;
        bar.value = fresh;
        return row([code, by, { number: plain(fresh) }, bar]);
    }));
};

const showSlowest = (sessions) => {
    const unknown = (value) => value === null ? '–' : bytes(value);
    document.querySelector('#slowest tbody').replaceChildren(...sessions.map((one) => row([
        { number: String(one.number) }, one.client, one.location, one.upstream, { number: seconds(one.age) }, one.phase,
        { number: bytes(one.bytes_in) }, { number: bytes(one.bytes_out) },
        { number: seconds(one.stall_client) }, { number: seconds(one.stall_backend) },
        { number: `${unknown(one.unacknowledged_client)}, ${unknown(one.unacknowledged_backend)}` },
        { number: seconds(one.rtt) }])));
};

const showZones = (names) => {
    for (const name of names) {
        if (![...chosen.options].some((option) => option.value === name)) {
            chosen.add(new Option(name, name));
        }
    }
};

// --- asking

const ask = async (what) => {
    const answer = await fetch(`?${what}`, { cache: 'no-store', signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer.json();
};

const show = (sessions) => {
    showZones(Object.keys(samples.at(-1).zones));
    showTiles();
    showEnds();
    if (sessions) showSlowest(sessions);
    if (!plots.length) draw();
    plots.forEach((one, index) => one.setData(columns(charts[index])));
};

const state = document.querySelector('#state');
const look = async () => {
    try {
        const [counted, listed] = await Promise.all([ask('format=json'), ask('sessions&sort=slowest&limit=10')]);
        samples.push({ at: Date.now() / 1000, ...counted });
        samples.splice(0, samples.length - kept);
        show(listed.sessions);
        state.textContent = `version ${counted.version}, ${clock(samples.at(-1).at)}`;
        state.className = '';
    } catch (error) {
        state.textContent = `no answer: ${error.message}`;
        state.className = 'lost';
    }
    setTimeout(look, document.hidden ? 5 * every : every);
};

chosen.addEventListener('change', () => samples.length && show());
look();
