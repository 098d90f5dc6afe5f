import { expect, it } from '@jest/globals';
import { AttemptLog } from '#delivery/attempt-log.js';
import { pino } from 'pino';
import { eventually } from '../../test/support/eventually.js';
import { startRedis } from '../../test/support/redis-server.js';
import { openPublishingSide, startWorker, workerSettings } from '../../test/support/running-worker.js';
import { ACCOUNT } from '../../test/support/sample-delivery.js';

it('deliveries to queues wait, without using up attempts, until the memory of Redis is below its high-water mark', async () => {
  const redis = await startRedis({ args: ['--maxmemory', String(30 * 1_048_576), '--maxmemory-policy', 'noeviction'] });
  const hub = await openPublishingSide(redis.url);
  const log: { msg: string }[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => log.push(JSON.parse(line) as { msg: string }) });
  await hub.queues.createQueue(ACCOUNT, 'target', {});
  const topic = await hub.subscribed(`acs:mns:cn-hangzhou:${ACCOUNT}:queues/target`);
  const ids = [await hub.publish(topic, 'one'), await hub.publish(topic, 'two')];
  for (let i = 0; i < 52; i++) await hub.client.set(`ballast:${i}`, 'x'.repeat(523_000));
  const worker = await startWorker(workerSettings(redis.url, hub.prefix), { logger });
  try {
    const metrics = async () => (await fetch(`${worker.url}/metrics`)).text();
    await eventually('the deliveries are held', async () => /^magpie_redis_refused_total [1-9]/m.test(await metrics()));
    expect(await (await fetch(`${worker.url}/readyz`)).json()).toMatchObject({ status: 'ready', refusing: 'pushes to queues' });
    expect(await metrics()).not.toMatch(/^magpie_delivery_attempts_total\{/m);
    for (let i = 0; i < 52; i++) await hub.client.del(`ballast:${i}`);
    const bodies: string[] = [];
    await eventually('both arrive', async () => {
      const received = await hub.messages.receiveMessages(ACCOUNT, 'target', { count: 16, waitSeconds: 0 });
      bodies.push(...received.map(({ body }) => body));
      return bodies.length === 2;
    }, { within: 20_000 });
    const attempts = new AttemptLog(hub.client, hub.deployment);
    for (const id of ids) {
      const [attempt, ...more] = await eventually('its attempt is recorded', async () => {
        const found = await attempts.find(id);
        return found.length > 0 && found;
      });
      expect([attempt!.outcome, attempt!.number, more]).toEqual(['delivered', 1, []]);
    }
    expect(log.filter(({ msg }) => msg.startsWith('memory of Redis'))).toHaveLength(2);
  } finally {
    await worker.stop();
    await hub.stop();
    await redis.stop();
  }
}, 40_000);
