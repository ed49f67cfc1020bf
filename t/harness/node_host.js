// Runs scripts from standard input, one JSON line each, and answers each with one. See node.py.
'use strict';

const readline = require('node:readline');

const AsyncFunction = (async () => {}).constructor;

// `scope` makes what a script sees besides `args` and `require`, and takes it away again:
// async (use) => use({ name: value }).
async function answer(line, scope) {
    const { script, args } = JSON.parse(line);
    try {
        return await scope(async (names) => {
            const visible = { args, require, ...names };
            const run = new AsyncFunction(...Object.keys(visible), script);
            return { value: await run(...Object.values(visible)) };
        });
    } catch (error) {
        return { error: String((error && error.stack) || error) };
    }
}

// Scripts run one after the other; `finish` is called when there are no more.
exports.serve = async (scope, finish) => {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        process.stdout.write(JSON.stringify(await answer(line, scope)) + '\n');
    }
    await finish();
    process.exit(0);
};

if (require.main === module) {
    exports.serve(async (use) => use({}), async () => {});
}
