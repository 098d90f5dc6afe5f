import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventSource } from './event-source.js';
import { Provisioning } from './provisioning.js';
import { StoreClient } from './store-client.js';

const ERROR = (code: string, message = 'why') => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
const LOCATION = '<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>';
const EMPTY = '<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></NotificationConfiguration>';

describe('Provisioning', () => {
  let server: Server;
  let answers: (method: string, url: string, body: string) => readonly [status: number, text: string];

  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        const [status, text] = answers(request.method!, request.url!, body);
        response.writeHead(status, { server: 'MinIO', 'content-type': 'application/xml' }).end(text);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void server.close());

  const source = (more: Partial<EventSource> = {}): EventSource => ({
    name: 'minio',
    account: '1234567890123456',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKey: 'user', secretKey: 'a-secret-that-nobody-may-see' },
    storeRegion: 'us-east-1',
    buckets: ['photos'],
    ways: ['durable', 'fast'],
    durableTarget: 'MAGPIE',
    fastTarget: 'MAGPIEFAST',
    inventory: false,
    reconcileInterval: 0,
    version: 1,
    ...more,
  });

  async function provision(more: Partial<EventSource> = {}, createBuckets = false, patience = 0) {
    const given = source(more);
    const store = await StoreClient.open(given);
    try {
      return await new Provisioning(given, store, { events: ['s3:ObjectCreated:*'], createBuckets, patience }).run();
    } finally {
      store.close();
    }
  }

  it.each([
    ['wrong credentials', [403, ERROR('SignatureDoesNotMatch')], 'StoreCredentialsWrong'],
    ['an unknown access key', [403, ERROR('InvalidAccessKeyId')], 'StoreCredentialsWrong'],
    ['a missing permission', [403, ERROR('AccessDenied')], 'StoreAccessDenied'],
    ['a missing bucket', [404, ERROR('NoSuchBucket')], 'BucketNotExist'],
    ['a page of something else', [200, '<html>welcome</html>'], 'NotAnObjectStore'],
    ['an error of something else', [404, 'not found'], 'NotAnObjectStore'],
    ['a redirect', [301, ''], 'NotAnObjectStore'],
    ['another region', [400, ERROR('AuthorizationHeaderMalformed', 'the region is wrong')], 'StoreRefused'],
  ] as const)('names %s', async (_what, answer, name) => {
    answers = () => answer;
    const refused = provision();
    await expect(refused).rejects.toMatchObject({ name });
    await expect(refused).rejects.not.toThrow('a-secret-that-nobody-may-see');
  });

  it('names a store that nobody can reach', async () => {
    await expect(provision({ endpoint: 'http://127.0.0.1:1' })).rejects.toMatchObject({ name: 'StoreUnreachable' });
    await expect(provision({ endpoint: 'http://no-such-host.invalid' })).rejects.toMatchObject({ name: 'StoreUnreachable' });
    const document: Partial<EventSource> = source();
    delete (document as { credentials?: unknown }).credentials;
    await expect(StoreClient.open(document as EventSource)).rejects.toMatchObject({ name: 'StoreNotSet' });
  });

  describe('with a store', () => {
    const known = new Set<string>();
    let stored: Map<string, string>;
    let refusals: number;

    beforeEach(() => {
      known.clear();
      known.add('MAGPIE').add('MAGPIEFAST');
      stored = new Map([['photos', EMPTY]]);
      refusals = 0;
      answers = (method, url, body) => {
        const [, bucket = '', query] = /^\/([^/?]+)\/?(?:\?(.*))?$/.exec(url) ?? [];
        if (method === 'PUT' && query === undefined) return (stored.set(bucket, EMPTY), [200, '']);
        const document = stored.get(bucket);
        if (document === undefined) return [404, ERROR('NoSuchBucket')];
        if (query === 'location') return [200, LOCATION];
        if (method === 'GET') return [200, document];
        const targets = Array.from(body.matchAll(/sqs::(\w+):webhook/g), ([, target]) => target!);
        if (targets.some((target) => !known.has(target))) {
          refusals += 1;
          return [400, ERROR('InvalidArgument', 'A specified destination ARN does not exist or is not well-formed.')];
        }
        stored.set(bucket, body);
        return [200, ''];
      };
    });

    it('sets the rules of buckets once', async () => {
      const { server: name, targets, buckets } = await provision();
      expect(name).toBe('MinIO');
      expect(targets.map(({ id, known: isKnown }) => [id, isKnown])).toEqual([['MAGPIE', true], ['MAGPIEFAST', true]]);
      expect(buckets).toEqual([
        { name: 'photos', state: 'ready', created: false, changed: true, targets: ['MAGPIE', 'MAGPIEFAST'], events: ['s3:ObjectCreated:*'], foreignEntries: 0 },
      ]);
      expect((await provision()).buckets).toMatchObject([{ state: 'ready', changed: false }]);
    });

    it('makes buckets only when it is asked to', async () => {
      await expect(provision({ buckets: ['photos', 'new-one'] })).rejects.toMatchObject({ name: 'BucketNotExist', bucket: 'new-one' });
      const { buckets } = await provision({ buckets: ['photos', 'new-one'] }, true);
      expect(buckets.map(({ name, created }) => [name, created])).toEqual([['photos', false], ['new-one', true]]);
    });

    it('goes on with the targets that the store knows', async () => {
      known.delete('MAGPIEFAST');
      const { targets, buckets } = await provision();
      expect(targets.map((target) => target.known)).toEqual([true, false]);
      expect(buckets).toMatchObject([{ state: 'incomplete', targets: ['MAGPIE'] }]);
      known.add('MAGPIEFAST');
      expect((await provision()).buckets).toMatchObject([{ state: 'ready', targets: ['MAGPIE', 'MAGPIEFAST'] }]);
      known.clear();
      expect((await provision({ durableTarget: 'A', fastTarget: 'B' })).buckets).toMatchObject([{ state: 'incomplete', targets: [], changed: false }]);
    });

    it('waits for a store that has just started', async () => {
      known.clear();
      const provisioned = provision({}, false, 5_000);
      while (refusals === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      known.add('MAGPIE').add('MAGPIEFAST');
      expect((await provisioned).buckets).toMatchObject([{ state: 'ready' }]);
    });
  });
});
