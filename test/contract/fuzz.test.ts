import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApiProcess, type ApiProcess } from '../support/api-process.js';
import { runFuzz, SLOW_LIMITS } from './fuzz/fuzz-run.js';

/** The same requests each time, so that a red build can be repeated; `MAGPIE_TEST_SEED=…` plays others, `npm run chaos -- fuzz` always does. */
const seed = Number(process.env['MAGPIE_TEST_SEED'] ?? 1_884_620_649);
const MEGABYTE = 1_048_576;

describe('random requests', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApiProcess(process.env['MAGPIE_TEST_REDIS_URL'] ?? '');
  });
  afterAll(() => api?.stop());

  it(`fail nothing, hang nowhere and fill no memory (seed ${seed})`, async () => {
    const report = await runFuzz(api, { seed, requests: 5_000, idleConnections: 2_000, slowSenders: 20, waitForBodies: false });
    process.stderr.write(`fuzz: seed ${seed}, answers ${JSON.stringify(report.outcomes)}, slowest ${report.slowestMillis} ms\n`);
    expect({ seed, violations: report.violations }).toEqual({ seed, violations: [] });
    expect(report.neighbour).toMatchObject({ complaints: [] });
    expect(report.neighbour.rounds).toBeGreaterThan(20);
    expect(report.neighbour.slowestMillis).toBeLessThan(5_000);
    for (const { endedAfter = 0 } of report.slowSenders) expect(endedAfter).toBeLessThanOrEqual(SLOW_LIMITS.header);
    const { before, after } = report.memory;
    expect(after.heap - before.heap).toBeLessThan(150 * MEGABYTE);
    expect(after.resident - before.resident).toBeLessThan(400 * MEGABYTE);
  }, 60_000);
});
