// Every cut of the wire, by seeds: both streams arrive byte for byte. RUNS and SEED choose others.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Sim } from './sim.mjs';

const RUNS = Number(process.env.RUNS ?? 2000);
const FIRST = Number(process.env.SEED ?? 1);

function run(seed, settings) {
    const sim = new Sim(seed, settings);
    try {
        sim.run();
        const [code] = sim.end;
        assert.equal(code, sim.halfClose ? 1000 : 4321, `ended by ${sim.end}`);
        const { service } = sim;
        assert.equal(service.got, sim.up, 'what the service got');
        assert.equal(sim.received, sim.down, 'what the client got');
        if (sim.messages) {
            assert.deepEqual(service.messages, sim.writtenMessages, 'messages of the client');
            assert.deepEqual(sim.receivedMessages, service.messagesDown, 'messages of the service');
        }
        assert.equal(sim.session.outbox.acked, sim.up, 'what counts as delivered');
        return sim;
    } catch (error) {
        error.message = `seed ${seed}: ${error.message}`;
        throw error;
    }
}

test('no cut loses, doubles or reorders a byte', () => {
    let resumes = 0;
    for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
        resumes += run(seed).events.filter((name) => name === 'resume').length;
    }
    assert.ok(RUNS < 100 || resumes > RUNS, `${resumes} resumes are too few to prove anything`);
});
