"""./build.sh run postgres: the page with Neon's driver, in headless Chromium."""

import subprocess

import pytest

from harness.pictures import check, picture
from harness.services import INITDB, needs

pytestmark = needs(INITDB, "postgresql")

PRELUDE = """
    const state = (name) => page.waitForSelector(`#state[data-state=${name}]`, { timeout: 20000 });
    const table = () => page.$$eval('#table tr', (rows) => rows.map(
        (row) => [...row.children].map((cell) => cell.textContent)));
    let runs = 0;
    const start = async (sql) => {
        await page.fill('#sql', sql);
        await page.click('#run');
        runs++;
    };
    const outcome = async () => {
        await page.waitForSelector(`#outcome[data-count="${runs}"]`, { timeout: 20000 });
        return page.innerText('#outcome');
    };
    const run = async (sql) => {
        await start(sql);
        return outcome();
    };
    await page.goto(args.url);
    await page.waitForSelector('#run:enabled', { timeout: 20000 });
"""


@pytest.fixture
def demo(real, browser):
    """demo(script): what it gives with the page open; and the service's port."""
    service, front = real("postgres")
    return lambda script, **args: browser.run(
        PRELUDE + script, url=front.url("/", "http"), timeout=50, **args), service


def test_transaction_survives_the_cut(demo, tmp_path):
    run, _ = demo
    path = picture("postgres", tmp_path)
    got = run("""
        await run('begin; create temp table t (n int); insert into t values (42), (43)');
        const before = await page.getAttribute('#delivered', 'data-bytes');
        await page.click('#network');
        await state('detached');
        await start('select n from t');
        await page.waitForFunction(() => document.getElementById('waiting').dataset.bytes > 0);
        const waited = await page.getAttribute('#outcome', 'data-count') === '1';
        await page.click('#network');
        const said = await outcome();
        await state('open');
        await page.waitForFunction(
            (before) => document.getElementById('delivered').dataset.bytes > +before, before);
        await page.setViewportSize({ width: 780, height: 480 });
        await page.screenshot({ path: args.picture });
        return { waited, said, rows: await table(), end: await run('commit; select count(*) from t') };
    """, picture=path)
    assert got == {"waited": True, "said": "SELECT 2", "rows": [["n"], ["42"], ["43"]], "end": "COMMIT , SELECT 1"}
    check(path)


def test_page_runs_its_example_and_may_do_no_more_than_its_owner(demo):
    run, service = demo
    got = run("""
        await page.click('#run');
        runs++;
        const said = await outcome();
        const rows = (await table()).map(([n]) => n);
        await run('rollback');
        const wrong = await run('select 1 / 0');
        return { said, rows, wrong, program: await run("create table t (s text); copy t from program 'id'"), messages };
    """)
    assert got["said"] == "BEGIN , CREATE , INSERT 5, SELECT 5"
    assert got["rows"] == ["n", "1", "2", "3", "4", "5"]
    assert got["wrong"] == "division by zero"
    assert got["program"].startswith("must be superuser")
    assert got["messages"] == []
    for user, database in (("owner", "demo"), ("demo", "postgres")):
        done = subprocess.run(["psql", "-X", "-h", "127.0.0.1", "-p", str(service.port), "-U", user, database],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20)
        assert "no pg_hba.conf entry" in done.stderr
