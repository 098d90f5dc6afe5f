import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis } from './redis-server.js';

describe('startRedis', () => {
  it('keeps what was written over a SIGKILL when it is append-only', async () => {
    const server = await startRedis({ appendOnly: true });
    const client = new Redis(server.url);
    try {
      await client.set('k', 'v');
      const { pid } = server;
      await server.kill9();
      await server.restart();
      expect(server.pid).not.toBe(pid);
      expect(await client.get('k')).toBe('v');
    } finally {
      client.disconnect();
      await server.stop();
    }
  });

  it('leaves the server of all tests reachable', async () => {
    const client = new Redis(process.env['MAGPIE_TEST_REDIS_URL'] ?? '');
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });
});
