import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'minio';
import { cephBody } from '#event-rule/store-bodies.fixture.js';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import { eventually } from '../../../test/support/eventually.js';
import { minioProgram, startMinio } from '../../../test/support/minio-server.js';
import { ACCOUNT, startBridge, TestEngine, type RunningBridge } from '../running-bridge.fixture.js';
import { fetchTags } from './store-tags.js';

const WITHIN = 20_000;
const CREDENTIALS = { accessKey: 'reader', secretKey: 'reader-secret' };

/** Answers questions for tags, and nothing else. */
class TagServer {
  readonly asked: string[] = [];
  /** XML by `bucket/key`. */
  readonly tags = new Map<string, Readonly<Record<string, string>>>();
  /** Status of every answer instead. */
  broken: number | undefined;
  readonly #server: Server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://store');
    const resource = decodeURIComponent(pathname.slice(1));
    // The bridge asks the source for other things as well.
    if (searchParams.has('tagging')) this.asked.push(resource);
    const found = this.tags.get(resource);
    const signed = request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 Credential=reader/') === true && searchParams.has('tagging');
    const status = this.broken ?? (!signed ? 403 : found === undefined ? 404 : 200);
    const list = Object.entries(found ?? {}).map(([name, value]) => `<Tag><Key>${name}</Key><Value>${value}</Value></Tag>`);
    response.writeHead(status, { 'content-type': 'application/xml' });
    response.end(status === 200 ? `<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>${list.join('')}</TagSet></Tagging>` : '<Error/>');
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

describe('a rule that asks for tags', () => {
  let engine: TestEngine;
  let running: RunningBridge;
  let store: TagServer;

  beforeEach(async () => {
    engine = await TestEngine.open();
    running = await startBridge({ keyPrefix: engine.prefix });
    store = new TagServer();
    await engine.putSource('store', { endpoint: await store.start(), credentials: CREDENTIALS });
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await putRule('asking', [{ tag: { name: 'team', exact: 'media' } }]);
  });

  afterEach(async () => {
    store.stop();
    await running.stop();
    engine.close();
  });

  const putRule = (name: string, all: object[], document: object = {}) =>
    engine.putRule(name, { matchRules: [[{ prefix: 'photos/in/' }]], match: { any: [{ all }] }, ...document });
  const statusOf = (rule: string) => engine.rules.status(ACCOUNT, rule);
  const settled = () => eventually('nothing under way', () => running.bridge.held === 0);

  it('sees those of the object, which the store is asked for once', async () => {
    await putRule('also-asking', [{ not: true, tag: { name: 'team', exists: true } }]);
    store.tags.set('photos/in/a b', { team: 'media', size: '007' }).set('photos/in/other', { Team: 'media' });
    const [one, other] = [minioBody({ key: 'in/a b' }), minioBody({ key: 'in/other' })];
    for (const body of [one, one, other]) await running.post(body);
    await running.post(one, '/intake/s3/store/fast');
    expect((await engine.receiveUntil(2)).sort()).toEqual(['also-asking in/other', 'asking in/a b']);
    await settled();
    expect(store.asked.sort()).toEqual(['photos/in/a b', 'photos/in/other']);
  });

  it('is asked only about events that it wants otherwise', async () => {
    for (const body of [minioBody({ key: 'out/a' }), minioBody({ key: 'in/a', eventName: 's3:ObjectAccessed:Get' }), minioBody({ key: 'in/a', eventName: 's3:ObjectRemoved:Delete' })]) {
      await running.post(body);
    }
    await settled();
    expect(store.asked).toEqual([]);
  });

  it('takes an object that is gone for one without tags', async () => {
    await putRule('untagged', [{ tag: { name: 'team', exists: false } }]);
    await running.post(minioBody({ key: 'in/gone' }));
    expect(await engine.receiveUntil(1)).toEqual(['untagged in/gone']);
  });

  it('sees the tags that the event itself tells', async () => {
    await running.post(cephBody({ key: 'in/ceph' }));
    expect(await engine.receiveUntil(1)).toEqual(['asking in/ceph']);
    expect(store.asked).toEqual([]);
  });

  it('lets events wait while the store does not answer, and holds up nothing else', async () => {
    await engine.putRule('plain', { matchRules: [[{ prefix: 'photos/in/' }]] });
    store.broken = 503;
    store.tags.set('photos/in/wanted', { team: 'media' }).set('photos/in/unwanted', {});
    for (const key of ['wanted', 'unwanted']) await running.post(minioBody({ key: `in/${key}` }));
    expect((await engine.receiveUntil(2)).sort()).toEqual(['plain in/unwanted', 'plain in/wanted']);
    const status = await eventually('two wait', async () => {
      const found = await statusOf('asking');
      return found.waitingEvents === 2 && found;
    }, { within: WITHIN });
    expect(status.reason).toMatch(/store answered 503/);
    store.broken = undefined;
    expect(await engine.receiveUntil(1, WITHIN)).toEqual(['asking in/wanted']);
    await eventually('nothing waits', async () => (await statusOf('asking')).waitingEvents === 0, { within: WITHIN });
    expect(await engine.receiveUntil(0)).toEqual([]);
  }, 40_000);

  it('does not match where nobody can be asked', async () => {
    await running.post(minioBody({ key: 'in/a' }), '/intake/s3/unregistered');
    await settled();
    expect(await engine.receiveUntil(0)).toEqual([]);
  });
});

(minioProgram === undefined ? describe.skip : describe)('fetchTags from a real MinIO', () => {
  it('reads tags as texts, of any key and version', async () => {
    const server = await startMinio({ webhooks: [] });
    try {
      const { endpoint, port, accessKey, secretKey } = server;
      const client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey });
      await client.makeBucket('tagged');
      const source = { ...SOURCE, endpoint, credentials: { accessKey, secretKey } };
      for (const key of ['plain', 'a b+c%20/中文 (1)*', 'ü']) {
        await client.putObject('tagged', key, 'x');
        await client.setObjectTagging('tagged', key, { number: '007', flag: 'true', text: 'a +-=._:/@' });
        expect(await fetchTags({ bucket: 'tagged', key }, source)).toEqual({ number: '007', flag: 'true', text: 'a +-=._:/@' });
      }
      await client.putObject('tagged', 'untagged', 'x');
      expect(await fetchTags({ bucket: 'tagged', key: 'untagged' }, source)).toEqual({});
      expect(await fetchTags({ bucket: 'tagged', key: 'missing' }, source)).toEqual({});
      expect(await fetchTags({ bucket: 'no-bucket', key: 'missing' }, source)).toEqual({});
      const wrong = { ...source, credentials: { accessKey, secretKey: 'wrong-secret' } };
      await expect(fetchTags({ bucket: 'tagged', key: 'plain' }, wrong)).rejects.toThrow(/answered 403/);
    } finally {
      await server.stop();
    }
    await expect(fetchTags({ bucket: 'tagged', key: 'plain' }, { ...SOURCE, endpoint: server.endpoint, credentials: CREDENTIALS })).rejects.toThrow(/could not be asked/);
  }, 30_000);
});

const SOURCE = {
  name: 'store',
  account: ACCOUNT,
  storeRegion: 'us-east-1',
  buckets: [],
  ways: [],
  durableTarget: 'A',
  fastTarget: 'B',
  inventory: false,
  reconcileInterval: 0,
  version: 1,
} as const;
