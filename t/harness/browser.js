// Scripts that drive Chromium: each sees a `page` in a browser context of its own, and `messages`,
// what the page wrote to its console or threw.
'use strict';

const { chromium } = require('playwright-core');
const { serve } = require('./node_host.js');

let browser;

async function launch() {
    return chromium.launch({
        executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
        headless: true,
        args: [
            '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync',
        ],
    });
}

async function withPage(use) {
    browser ??= await launch();
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    try {
        const page = await context.newPage();
        const messages = [];
        page.on('console', (message) => messages.push(message.text()));
        page.on('pageerror', (error) => messages.push(String(error)));
        return await use({ page, context, messages });
    } finally {
        await context.close();
    }
}

serve(withPage, async () => browser && browser.close());
