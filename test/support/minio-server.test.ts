import { describe, expect, it } from '@jest/globals';
import { Client } from 'minio';
import { minioProgram, startMinio } from './minio-server.js';

(minioProgram === undefined ? describe.skip : describe)('startMinio', () => {
  it('keeps its objects over a SIGKILL and a restart', async () => {
    const server = await startMinio({ webhooks: [] });
    try {
      const { port, accessKey, secretKey, pid } = server;
      const client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey });
      await client.makeBucket('kept');
      await client.putObject('kept', 'a', 'x');
      await server.kill9();
      await server.restart();
      expect(server.pid).not.toBe(pid);
      expect((await client.statObject('kept', 'a')).size).toBe(1);
    } finally {
      await server.stop();
    }
  });
});
