import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../apps/standalone/free-port.ts';
import { findRedisProgram } from '../../apps/standalone/program-path.ts';

// Node reads these TypeScript files itself: jest loads its global set-up without the transform, and they import nothing of ours.

/** One Redis for all test files; each test takes a key prefix of its own. */
export default async function globalSetup() {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'magpie-test-redis-'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'];
  const program = findRedisProgram(process.env.PATH);
  if (program === undefined) throw new Error('no redis-server or valkey-server on PATH: run `node scripts/setup.mjs test`');
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await accepting(child);
  process.env.MAGPIE_TEST_REDIS_URL = `redis://127.0.0.1:${port}`;
  globalThis.magpieTestRedis = { child, dir };
  // It must not keep a jest process alive that failed before global-teardown.
  child.unref();
  child.stdout.unref();
}

async function accepting(child) {
  const lines = createInterface({ input: child.stdout });
  await Promise.race([
    new Promise((resolve) => lines.on('line', (line) => line.includes('eady to accept connections') && resolve())),
    once(child, 'exit').then(([code]) => {
      throw new Error(`redis-server ended with code ${code} before it served`);
    }),
  ]);
  lines.on('line', () => undefined);
}
