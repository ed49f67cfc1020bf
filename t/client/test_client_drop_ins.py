"""Libraries that take a socket or its constructor, with real services behind `ws_resume on`: their wire is
cut 20 times and nginx is reloaded three times, and they see nothing of it. Each has one session, which
the service would know from a second one."""

import getpass

import pytest

from harness.gateway import ROOT
from harness.services import INITDB, needs
from harness.trouble import told, troubled  # noqa: F401

pytestmark = pytest.mark.time_limit(400)

PRELUDE = """
    const { existsSync, readFileSync, writeFileSync } = require('node:fs');
    const begun = () => writeFileSync(args.begun, '');
    const over = () => existsSync(args.over);
"""

STREAM = PRELUDE + """
    const { connect } = await import(args.client);
    const stream = () => connect(args.url, { retry: [10, 100] });
"""


@pytest.fixture
def in_node(troubled, node, tmp_path):  # noqa: F811
    """in_node(NAME, script): what the script gives, which has the trouble."""

    def run(name, script, **args):
        service, wire, trouble = troubled(name)
        args.update({name: str(service.folder / file) for name, file in args.pop("files", {}).items()})
        got = node.run(STREAM + script, url=wire.at(f"/{name}"), timeout=350,
                       client=(ROOT / "client/node/index.js").as_uri(),
                       **told(wire, trouble, tmp_path, "soon"), **args)
        assert trouble.error is None
        return got

    return run


PG = """
    const { Client } = require('pg');
    const client = new Client({ user: 'demo', database: 'demo', stream });
    await client.connect();
    // Another connection would not know the table, and a lost transaction not its rows.
    await client.query('begin; create temp table t (n int, text text)');
    begun();
    let turn = 0;
    let wrong = 0;
    for (; !over(); turn++) {
        const text = `${turn} `.repeat(1000);
        const { rows } = await client.query('insert into t values ($1, $2) returning text', [turn, text]);
        wrong += rows[0].text !== text;
    }
    const { rows: [sums] } = await client.query('select count(*)::int, sum(n)::int from t');
    await client.query('commit');
    await client.end();
    return [wrong, sums.count === turn, sums.sum === turn * (turn - 1) / 2];
"""


@needs(INITDB, "postgresql")
def test_pg_takes_a_duplex(in_node):
    assert in_node("postgres", PG) == [0, True, True]


IOREDIS = """
    const { AbstractConnector, Redis } = require('ioredis');
    class Connector extends AbstractConnector {
        async connect() {
            this.stream = stream();
            return this.stream;
        }
    }
    const redis = new Redis({ Connector, retryStrategy: null });
    const id = await redis.client('ID');
    begun();
    let turn = 0;
    let wrong = 0;
    for (; !over(); turn++) {
        const text = `${turn} `.repeat(1000);
        const replies = await redis.pipeline().incr('n').set('text', text).get('text').exec();
        const due = [turn + 1, 'OK', text];
        wrong += replies.some(([error, value], i) => error || value !== due[i]);
    }
    const same = await redis.client('ID') === id;
    await redis.quit();
    return [wrong, same, turn > 0];
"""


@needs("redis-server", "redis-server")
def test_ioredis_takes_a_duplex(in_node):
    assert in_node("redis", IOREDIS) == [0, True, True]


SSH2 = """
    const { createHash, randomBytes } = require('node:crypto');
    const { once } = require('node:events');
    const { Client } = require('ssh2');
    const known = readFileSync(args.host, 'utf8').split(' ')[1];
    const client = new Client();
    client.connect({
        sock: stream(), username: args.user, privateKey: readFileSync(args.key),
        hostVerifier: (key) => key.equals(Buffer.from(known, 'base64')),
    });
    await once(client, 'ready');
    const channel = await new Promise((resolve, reject) => {
        client.exec('cat; exit 7', (error, made) => (error ? reject(error) : resolve(made)));
    });
    begun();
    const [sent, back] = [createHash('sha256'), createHash('sha256')];
    let missing = 0;
    channel.on('data', (bytes) => {
        back.update(bytes);
        missing -= bytes.length;
        if (!missing) channel.emit('all');
    });
    do {
        const bytes = randomBytes(5000);
        sent.update(bytes);
        missing = bytes.length;
        const all = once(channel, 'all');
        channel.write(bytes);
        await all;
    } while (!over());
    const exit = once(channel, 'exit');
    channel.end();
    const [status] = await exit;
    client.end();
    return [sent.digest('hex') === back.digest('hex'), status];
"""


@needs("sshd", "openssh-server")
def test_ssh2_takes_a_duplex(in_node):
    files = {"host": "host_key.pub", "key": "client_key"}
    assert in_node("ssh", SSH2, user=getpass.getuser(), files=files) == [True, 7]


@pytest.fixture
def in_page(troubled, browser, tmp_path):  # noqa: F811
    """in_page(NAME, script): the same with a page of the demo, which is not the demo's own."""

    def run(name, script, **args):
        service, wire, trouble = troubled(name)
        key = service.folder / "key"
        got = browser.run(
            PRELUDE + "await page.goto(args.page); await page.exposeFunction('begun', begun);"
            "await page.exposeFunction('over', over);" + script,
            page=wire.at("/page.css", "http"), url=wire.at(f"/{name}"), timeout=350,
            key=key.read_text() if key.exists() else None, **told(wire, trouble, tmp_path, "soon"), **args)
        assert trouble.error is None
        return got

    return run


NEON = """
    return page.evaluate(async ({ url }) => {
        const { ResumableSocket } = await import('/client/index.js');
        const { Client, neonConfig } = await import('/driver/index.mjs');
        let resumes = 0;
        class Socket extends ResumableSocket {
            static options = { retry: [10, 100] };
            constructor(url) {
                super(url);
                this.addEventListener('resume', () => resumes++);
            }
        }
        neonConfig.webSocketConstructor = Socket;
        neonConfig.wsProxy = () => url.replace('ws://', '');
        neonConfig.useSecureWebSocket = false;
        neonConfig.pipelineConnect = false;
        const client = new Client({ user: 'demo', database: 'demo', host: 'gateway' });
        await client.connect();
        await client.query('begin; create temp table t (n int, text text)');
        await begun();
        let turn = 0;
        let wrong = 0;
        for (; !await over(); turn++) {
            const text = `${turn} `.repeat(1000);
            const { rows } = await client.query('insert into t values ($1, $2) returning text', [turn, text]);
            wrong += rows[0].text !== text;
        }
        const { rows: [sums] } = await client.query('select count(*)::int, sum(n)::int from t');
        await client.query('commit');
        await client.end();
        return [wrong, sums.count === turn, sums.sum === turn * (turn - 1) / 2, resumes > 0];
    }, args);
"""


@needs(INITDB, "postgresql")
def test_neon_s_driver_takes_the_constructor(in_page):
    assert in_page("postgres", NEON) == [0, True, True, True]


# Lines that `cat -n` numbers, in batches that a terminal's buffer holds. The screen is read.
XTERM = """
    return page.evaluate(async ({ url, key }) => {
        const { ResumableSocket } = await import('/client/index.js');
        const { Terminal } = await import('/xterm/xterm/lib/xterm.mjs');
        const { AttachAddon } = await import('/xterm/addon-attach/lib/addon-attach.mjs');
        const place = document.createElement('div');
        document.body.append(place);
        const terminal = new Terminal({ cols: 120, rows: 24, scrollback: 1e6 });
        terminal.open(place);
        const socket = new ResumableSocket(url, [], { retry: [10, 100] });
        let resumes = 0;
        socket.addEventListener('resume', () => resumes++);
        await new Promise((resolve) => { socket.onopen = resolve; });
        terminal.loadAddon(new AttachAddon(socket));
        const rows = () => {
            const { active } = terminal.buffer;
            const line = (i) => active.getLine(i).translateToString(true);
            return Array.from({ length: active.length }, (_, i) => line(i)).filter((text) => /^ +[0-9]+ /.test(text));
        };
        const shown = async (count) => {
            const end = () => {
                const { active } = terminal.buffer;
                const at = active.baseY + active.cursorY - 1;
                return at < 0 ? '' : active.getLine(at).translateToString(true);
            };
            while (!end().startsWith(`${String(count).padStart(6)} `)) {
                await new Promise((resolve) => terminal.onWriteParsed(resolve));
            }
        };
        terminal.input(`${key}\\n`);
        terminal.input('stty -echo; echo; exec cat -n\\r');
        const filler = 'x'.repeat(90);
        const due = [];
        do {
            for (let i = 0; i < 20; i++) {
                terminal.input(`line ${due.length} ${filler}\\r`);
                due.push(`${String(due.length + 1).padStart(6)}  line ${due.length} ${filler}`);
            }
            await shown(due.length);
            if (due.length === 20) await begun();
        } while (!await over());
        const got = rows();
        terminal.input('\\x04');
        const { code } = await new Promise((resolve) => { socket.onclose = resolve; });
        const wrong = due.filter((text, i) => got[i] !== text).length;
        return [wrong, got.length === due.length, resumes > 0, code];
    }, args);
"""


@needs("socat", "socat")
def test_xterm_takes_a_socket(in_page, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/sh")  # which remembers nothing in the user's home
    assert in_page("terminal", XTERM) == [0, True, True, 1000]
