import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildARN, Client, NotificationConfig, QueueConfig, type NotificationEvent } from 'minio';
import { ACCOUNT, startBridge, TestEngine, TOKEN, type RunningBridge } from '../../apps/bridge/running-bridge.fixture.js';
import { eventually } from '../support/eventually.js';
import { minioProgram, startMinio, type MinioTestServer } from '../support/minio-server.js';

const EVENTS: readonly NotificationEvent[] = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*', 's3:ObjectAccessed:*'];

/** Keys that a real store lets one write; each of them has broken some consumer of events. */
const NASTY_KEYS = [
  'a b', 'a+b', 'a%20b', 'a%2Fb', '100%', '%', '+', '中文/日本 語', '😀.png', 'e\u0301', '\u00e9', '*?[]', `"quoted" 'single'`, '<&>',
  ' leading and trailing ', 'folder/', '語'.repeat(80), 'photos', '__proto__', 'tilde~', 'semi;colon', 'a=b&c=d', '#hash?query',
];

const describeWithMinio = minioProgram === undefined ? describe.skip : describe;

describeWithMinio('a real MinIO', () => {
  let engine: TestEngine;
  let bridge: RunningBridge;
  let server: MinioTestServer;
  let client: Client;

  beforeAll(async () => {
    engine = await TestEngine.open();
    bridge = await startBridge({ keyPrefix: engine.prefix });
    const endpoint = `http://127.0.0.1:${bridge.port}/intake/s3/minio`;
    server = await startMinio({
      webhooks: [
        { id: 'MAGPIE', endpoint, token: TOKEN, queueDir: true },
        { id: 'MAGPIEFAST', endpoint: `${endpoint}/fast`, token: TOKEN },
      ],
    });
    const { port, accessKey, secretKey } = server;
    client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey, region: 'us-east-1' });
  }, 60_000);

  afterAll(async () => {
    await server?.stop();
    await bridge.stop();
    engine.close();
  });

  /** A bucket whose events go to the targets, and a queue that a rule for this bucket fills. */
  async function watch(bucket: string, targets: readonly string[] = ['MAGPIE', 'MAGPIEFAST']): Promise<void> {
    await client.makeBucket(bucket);
    const notification = new NotificationConfig();
    for (const id of targets) {
      const target = new QueueConfig(buildARN('minio', 'sqs', '', id, 'webhook'));
      for (const event of EVENTS) target.addEvent(event);
      notification.add(target);
    }
    await client.setBucketNotification(bucket, notification);
    await engine.queues.createQueue(ACCOUNT, bucket, {});
    const eventTypes = ['ObjectCreated:*', 'ObjectRemoved:*', 'ObjectDownloaded:*', 'ObjectModified:*'];
    await engine.putRule(bucket, { eventTypes, matchRules: [[{ name: bucket }]], endpoint: { endpointType: 'queue', endpointValue: bucket } });
  }

  /** Everything that the durable target sends; it is up to three seconds behind. */
  async function quiet(): Promise<void> {
    const seen = () => Number(/intake_total\{way="durable",result="journal"\} (\d+)/.exec(lastMetrics)?.[1] ?? 0);
    let lastMetrics = '';
    let before = -1;
    await eventually('no more events', async () => {
      lastMetrics = await (await fetch(`http://127.0.0.1:${bridge.port}/metrics`)).text();
      const same = seen() === before && bridge.bridge.held === 0;
      before = seen();
      return same;
    }, { within: 30_000, every: 3_500 });
  }

  it('tells every key as it is, once, though two targets send it', async () => {
    await watch('nasty');
    for (const key of NASTY_KEYS) await client.putObject('nasty', key, key.endsWith('/') ? '' : 'content');
    await quiet();
    expect((await engine.receiveKeys('nasty')).sort()).toEqual([...NASTY_KEYS].sort());
  }, 60_000);

  it('tells within milliseconds by its fast target', async () => {
    await watch('quick', ['MAGPIEFAST']);
    await client.putObject('quick', 'warm', 'up');
    await engine.arrived(1, 'quick');
    const started = performance.now();
    await client.putObject('quick', 'timed', 'content');
    await engine.arrived(1, 'quick');
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('tells what OSS would tell, and nothing of what it would not', async () => {
    await watch('deeds');
    await client.putObject('deeds', 'empty', '');
    await client.putObject('deeds', 'put', 'content', undefined, { 'X-Amz-Meta-Author': 'bob' });
    await client.statObject('deeds', 'put');
    await drain(await client.getPartialObject('deeds', 'put', 1, 3));
    await client.setObjectTagging('deeds', 'put', { color: 'red' });
    await client.removeObject('deeds', 'put');
    await client.removeObject('deeds', 'never there');
    await client.removeObjects('deeds', ['empty']);
    await quiet();
    const told = (await engine.receive('deeds')).map(({ key, eventName }) => `${eventName} ${key}`);
    expect(told.sort()).toEqual(
      [
        'ObjectCreated:PutObject empty',
        'ObjectCreated:PutObject put',
        'ObjectDownloaded:GetObject put',
        'ObjectModified:UpdateObjectMeta put',
        'ObjectRemoved:DeleteObject put',
        'ObjectRemoved:DeleteObject empty',
      ].sort(),
    );
  }, 60_000);

  it('tells the making of a delete marker and not its removal', async () => {
    await watch('versions');
    await client.setBucketVersioning('versions', { Status: 'Enabled' });
    await client.putObject('versions', 'kept', 'content');
    await client.removeObject('versions', 'kept');
    const marker = (await versionsOf('versions')).find(({ isDeleteMarker }) => isDeleteMarker);
    await client.removeObject('versions', 'kept', { versionId: marker!.versionId });
    await client.statObject('versions', 'kept');
    await quiet();
    const told = (await engine.receive('versions')).map(({ eventName }) => eventName);
    expect(told.sort()).toEqual(['ObjectCreated:PutObject', 'ObjectRemoved:DeleteObject']);
  }, 60_000);

  it('gets rid of what it kept while the bridge was away', async () => {
    await watch('away', ['MAGPIE']);
    const { port } = bridge;
    await bridge.stop();
    for (let i = 0; i < 20; i += 1) await client.putObject('away', `kept ${i}`, 'content');
    bridge = await startBridge({ keyPrefix: engine.prefix, port });
    const keys = await engine.arrived(20, 'away', 30_000);
    expect(keys).toEqual(Array.from({ length: 20 }, (_, i) => `kept ${i}`));
  }, 60_000);

  async function versionsOf(bucket: string): Promise<{ isDeleteMarker?: boolean; versionId: string }[]> {
    return (await client.listObjects(bucket, '', true, { IncludeVersion: true }).toArray()) as { isDeleteMarker?: boolean; versionId: string }[];
  }
});

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  const iterator = stream[Symbol.asyncIterator]();
  while (!((await iterator.next()).done ?? false)) continue;
}
