import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { RecipientStore } from './recipient-store.js';

let client: RedisClient;
beforeAll(async () => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL'] ?? '', { role: 'commands', logger: silentLogger });
  if (client.status !== 'ready') await once(client, 'ready');
});
afterAll(() => client.disconnect());

it('remembers for each delivery who is done with, longer than any message lives', async () => {
  const deployment = await Deployment.open(client, `test-${randomBytes(6).toString('hex')}`);
  const store = new RecipientStore(client, deployment);
  await store.settle('queue', 'M1', ['a', 'b']);
  await store.settle('queue', 'M1', ['c']);
  expect(await store.settled('queue', 'M1')).toEqual(new Set(['a', 'b', 'c']));
  expect(await store.settled('queue', 'M2')).toEqual(new Set());
  expect(await store.settled('other', 'M1')).toEqual(new Set());
  expect(await client.ttl(`${deployment.prefix}:recipients:queue:M1`)).toBeGreaterThan(7 * 86_400);
});
