import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildARN, Client, NotificationConfig, QueueConfig, type BucketItem } from 'minio';
import { eventually } from './eventually.js';
import { StoreSimulator } from './store-simulator.js';

/** The client of MinIO, which signs and reads by itself, against the simulator. */
describe('StoreSimulator', () => {
  let store: StoreSimulator;
  let client: Client;
  const bodies: string[] = [];
  const sink = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => bodies.push(text)).on('end', () => response.end());
  });

  beforeEach(async () => {
    bodies.length = 0;
    await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(sink.address() as AddressInfo).port}/`;
    store = await StoreSimulator.start({ targets: [{ id: 'MAGPIE', url, durable: true }] });
    const { port, accessKey, secretKey } = store;
    client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey });
    await client.makeBucket('photos');
  });

  afterEach(async () => {
    await store.stop();
    sink.closeAllConnections();
    await new Promise((resolve) => sink.close(resolve));
  });

  it('lists what was put, page by page, whatever the keys are', async () => {
    const keys = ['a b', 'a+b', '100%', 'a/b~c(1)', '中文', '<&>', 'x\u0001', ...Array.from({ length: 1_200 }, (_, at) => `many/${at}`)];
    for (const key of keys) store.buckets.put(store.buckets.get('photos')!, key, 'x');
    const seen: string[] = [];
    for await (const item of client.listObjectsV2('photos', '', true) as AsyncIterable<BucketItem>) seen.push(item.name!);
    expect(new Set(seen)).toEqual(new Set(keys));
    expect(seen).toHaveLength(keys.length);
  });

  it('lists versions and delete markers', async () => {
    await client.setBucketVersioning('photos', { Status: 'Enabled' });
    await client.putObject('photos', 'a', '1');
    await client.putObject('photos', 'a', '2');
    await client.removeObject('photos', 'a');
    const seen: BucketItem[] = [];
    for await (const item of client.listObjects('photos', '', true, { IncludeVersion: true }) as AsyncIterable<BucketItem>) seen.push(item);
    expect(seen.map((item) => ({ ...item }))).toMatchObject([
      { name: 'a', isDeleteMarker: false, size: 1 },
      { name: 'a', isDeleteMarker: false, size: 1 },
      { name: 'a', isDeleteMarker: true, isLatest: true },
    ]);
    await expect(client.statObject('photos', 'a')).rejects.toThrow();
  });

  it('refuses a wrong secret', async () => {
    const stranger = new Client({ endPoint: '127.0.0.1', port: store.port, useSSL: false, accessKey: store.accessKey, secretKey: 'wrong-secret' });
    await expect(stranger.bucketExists('photos')).rejects.toThrow();
  });

  it('tells the targets that a bucket names, and remembers them', async () => {
    const rules = new NotificationConfig();
    const queue = new QueueConfig(buildARN('minio', 'sqs', '', 'MAGPIE', 'webhook'));
    queue.addEvent('s3:ObjectCreated:*');
    rules.add(queue);
    await client.setBucketNotification('photos', rules);
    expect(JSON.stringify(await client.getBucketNotification('photos'))).toContain('MAGPIE');
    await client.putObject('photos', 'a b', 'x', 1, { 'X-Amz-Meta-Author': 'bob' });
    await eventually('the body', () => bodies.length === 1);
    expect(JSON.parse(bodies[0]!)).toMatchObject({ Key: 'photos/a b', Records: [{ s3: { object: { key: 'a+b', size: 1 } } }] });
  });
});
