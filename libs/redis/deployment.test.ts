import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '#runtime/log.js';
import { Deployment, SCHEMA } from './deployment.js';
import { connectRedis, type RedisClient } from './redis-client.js';

let client: RedisClient;

beforeAll(() => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
});

afterAll(async () => {
  await client.quit();
});

describe('a deployment', () => {
  it('is what its first process made it, for all that come later', async () => {
    const prefix = `test-${randomUUID()}`;
    const [one, other] = await Promise.all([Deployment.open(client, prefix), Deployment.open(client, prefix)]);
    expect(one).toEqual(other);
    expect(one.partitions).toBe(64);
    expect(one.handleSecret.length).toBe(32);
  });

  it('is refused when a later release has written it', async () => {
    const prefix = `test-${randomUUID()}`;
    await client.hset(`${prefix}:meta`, 'schema', SCHEMA + 1);
    await expect(Deployment.open(client, prefix)).rejects.toThrow('start the newer release');
  });

  it('spreads names over its partitions', async () => {
    const deployment = await Deployment.open(client, `test-${randomUUID()}`);
    const used = new Set(Array.from({ length: 1_000 }, (_, n) => deployment.partitionOf('1234567890123456', `queue-${n}`)));
    expect(used.size).toBe(64);
  });
});
