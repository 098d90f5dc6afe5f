import { startBenchHub } from './bench-hub.js';
import { fill } from './filling.js';
import type { Result } from './measure.js';
import { drain } from './mns-load.js';

const COUNT = 50_000;

export const title = `memory: what Redis keeps of ${COUNT} messages of 1 KB`;

export async function run(): Promise<Result> {
  const hub = await startBenchHub();
  try {
    await hub.call('PUT', '/queues/memory');
    const before = { bytes: await hub.usedMemory(), keys: await hub.redis.dbsize() };
    await fill(hub, 'memory', COUNT);
    const each = ((await hub.usedMemory()) - before.bytes) / COUNT;
    await drain(hub, 'memory');
    const keys = (await hub.redis.dbsize()) - before.keys;
    return {
      rows: [
        { what: 'Redis memory (used_memory) of a 1 KB message', value: `${(each / 1_024).toFixed(2)} KB`, goal: '≤ 1.45 KB' },
        { what: 'keys left after everything was consumed', value: String(keys), goal: '0' },
      ],
    };
  } finally {
    await hub.close();
  }
}
