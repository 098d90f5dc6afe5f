import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithThisProcess } from '../../apps/standalone/demo/end-with-this-process.js';
import { ACCOUNT, TOKEN } from '../../apps/bridge/running-bridge.fixture.js';
import { minioProgram } from '../support/minio-server.js';
import { startBenchRedis } from './bench-redis.js';
import { startBenchStore } from './bench-store.js';
import { percentile, type Pace, type Result } from './measure.js';

/** Milliseconds that the bridge's main loop does nothing for the intake, and between two uploads. */
const BLOCKED = 5_000;
const PAUSE = 20;
const CONTENT = Buffer.alloc(1_024, 'x');

/** Uploads that wait for the answer of the fast target, one after another, while the bridge is busy with something else. */
export async function measureBlocked({ rounds }: Pace): Promise<Result> {
  if (minioProgram === undefined) return { rows: [] };
  const redis = await startBenchRedis();
  const dataDir = await mkdtemp(join(tmpdir(), 'magpie-bench-'));
  const settings = { redisUrl: redis.url, keyPrefix: 'bench', account: ACCOUNT, region: 'cn-hangzhou', dataDir };
  const bridge = fork(new URL('../support/blockable-bridge.js', import.meta.url), [TOKEN, JSON.stringify(settings)]);
  endWithThisProcess(bridge, 'SIGKILL');
  const [{ port }] = (await once(bridge, 'message')) as [{ port: number }];
  const store = await startBenchStore(port);
  try {
    await store.bucket('blocked', ['FAST']);
    const took: number[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const blocks = once(bridge, 'message');
      bridge.send(BLOCKED);
      await blocks;
      const end = performance.now() + BLOCKED - 500;
      for (let n = 0; performance.now() < end; n += 1) {
        const started = performance.now();
        await store.client.putObject('blocked', `upload ${n}`, CONTENT);
        if (round > 0) took.push(performance.now() - started);
        await sleep(PAUSE);
      }
      // What came meanwhile is worked on before the next block.
      await sleep(1_000);
    }
    const millis = (share: number) => `${percentile(took, share).toFixed(1)} ms`;
    return {
      rows: [
        { what: `object PUT with the fast target while the bridge's main loop is blocked, p99 of ${took.length}`, value: millis(0.99), goal: '< 50 ms' },
        { what: '  median', value: millis(0.5) },
        { what: '  slowest', value: millis(1) },
      ],
    };
  } finally {
    bridge.kill('SIGKILL');
    await store.server.stop();
    await redis.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
