import 'reflect-metadata';
import { createApiServer } from '../../apps/api/api-server.js';
import type { AddressInfo } from 'node:net';
import { giveBackMemory } from '#runtime/idle-memory.js';
import { silentLogger } from '#runtime/log.js';

/**
 * The API as it is, in a process of its own, with one route more: `POST /bench/empty` takes a body, asks for no signature and answers
 * 201 with nothing. What the API reaches is measured against it.
 */
const [redisUrl = '', keyPrefix = '', accountId = '', accessKeyId = '', accessKeySecret = ''] = process.argv.slice(2);

const app = await createApiServer({
  settings: { redisUrl, keyPrefix, secretKey: Buffer.alloc(32, 1), firstKey: { accountId, accessKeyId, accessKeySecret } },
  logger: silentLogger,
});
app
  .getHttpAdapter()
  .getInstance()
  .post('/bench/empty', { config: { public: true } }, (_request: unknown, reply: { code(status: number): { send(): void } }) => {
    reply.code(201).send();
  });
await app.listen(0, '127.0.0.1');
process.send?.({ port: (app.getHttpServer().address() as AddressInfo).port });
// What a process at rest has, see `giveBackMemoryAtRest`; twice, so that weak references and finalizers have had their turn.
process.on('message', () => {
  giveBackMemory();
  giveBackMemory();
  process.send?.({ resident: process.memoryUsage.rss() });
});
process.once('disconnect', () => process.exit(0));
