import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '#runtime/log.js';
import { openRedis, type RedisClient } from './redis-client.js';

describe('commands of one turn', () => {
  const key = `batching-${randomUUID()}`;
  let client: RedisClient;
  beforeAll(async () => {
    client = await openRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
  });
  afterAll(async () => {
    await client.del(key);
    client.disconnect();
  });

  it('are carried out in their order, whatever they are made of, and answered each', async () => {
    const body = Buffer.from([0, 255, 13, 10, 0xd8]);
    for (const count of [1, 3, 4, 5, 200]) {
      await client.del(key);
      const replies = await Promise.all(Array.from({ length: count }, (_, n) => client.rpush(key, n % 2 === 0 ? `text ${n}` : Buffer.concat([body, Buffer.from([n])]))));
      expect(replies).toEqual(Array.from({ length: count }, (_, n) => n + 1));
      const list = await client.lrangeBuffer(key, 0, -1);
      expect(list).toEqual(Array.from({ length: count }, (_, n) => (n % 2 === 0 ? Buffer.from(`text ${n}`) : Buffer.concat([body, Buffer.from([n])]))));
    }
  });

  it('go on in turns that follow each other at once', async () => {
    await client.del(key);
    for (let turn = 0; turn < 50; turn++) {
      const last = Array.from({ length: 6 }, () => client.incr(`${key}:n`)).at(-1)!;
      await Promise.resolve();
      if (turn % 10 === 0) expect(await last).toBe((turn + 1) * 6);
    }
    expect(await client.getdel(`${key}:n`)).toBe('300');
  });
});
