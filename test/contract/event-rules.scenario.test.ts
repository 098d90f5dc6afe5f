import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { cephBody } from '#event-rule/store-bodies.fixture.js';
import { ManagementClient } from './management-client.js';
import { startApi, type RunningApi } from './running-api.js';

const RULE = { eventTypes: ['ObjectCreated:*'], endpoint: { endpointType: 'topic', endpointValue: 'uploads' } };

interface Trial {
  readonly events: readonly { readonly rules: readonly { readonly name: string; readonly matches: boolean }[]; readonly untoldRules?: number }[];
  readonly problems: readonly string[];
}

describe('event rules of the management interface', () => {
  let api: RunningApi;
  let client: ManagementClient;

  beforeAll(async () => {
    api = await startApi();
    client = new ManagementClient(api.url, api.credentials);
  });
  afterAll(() => api.stop());
  afterEach(async () => {
    for (const name of await names('event-rules')) await client.call('DELETE', `event-rules/${name}`);
  });

  const put = (name: string, document: object = {}, query = '') => client.call('PUT', `event-rules/${name}${query}`, { ...RULE, ...document });
  const names = async (path: string): Promise<string[]> => ((await client.call('GET', path)).json.rules as { name: string }[]).map(({ name }) => name);

  it('keeps all members of a rule', async () => {
    const members = {
      matchRules: [[{ matchState: true, prefix: 'photos/' }]],
      match: { any: [{ all: [{ tag: { name: 'team', exact: 'media' } }] }] },
      sources: ['minio'],
      format: 'cloudevents',
      messageTag: '{segment1}-{ext}',
      xVars: { 'x:team': 'media' },
      eventVars: ['versionId', 'origin'],
      mapping: { deleteMarkers: 'drop', time: 'seconds' },
    };
    const made = await put('full', members);
    expect([made.status, made.json]).toEqual([201, { name: 'full', enabled: true, ...RULE, ...members }]);
    const { status, ...read } = (await client.call('GET', 'event-rules/full')).json;
    expect([read, status]).toEqual([made.json, { waitingEvents: 0 }]);
    // What GET shows can be put again.
    expect((await client.call('PUT', 'event-rules/full', { ...read, status })).status).toBe(200);
  });

  it('warns of events that may never come, each time the rule is looked at', async () => {
    const made = await put('rare', { eventTypes: ['ObjectCreated:*', 'ObjectCreated:AppendObject'] });
    const warnings = ['eventTypes[1] ObjectCreated:AppendObject may never come: no S3-compatible store reports it'];
    expect([made.status, made.json.warnings]).toEqual([201, warnings]);
    const read = await client.call('GET', 'event-rules/rare');
    expect(read.json.warnings).toEqual(warnings);
    expect((await client.call('PUT', 'event-rules/rare', read.json)).status).toBe(200);
  });

  it.each<[string, object]>([
    ['matchRules[0] can never be met', { matchRules: [[{ prefix: 'b/a/' }, { matchState: false, prefix: 'b/' }]] }],
    ['match.any[0] can never be met', { match: { any: [{ all: [{ size: { gt: 5, lt: 5 } }] }] } }],
    ['messageTag has at most 16', { messageTag: 'x'.repeat(17) }],
    ['mapping.time is one of', { mapping: { time: 'minutes' } }],
    ['mapping.colour is not known', { mapping: { colour: 'red' } }],
    ['eventVars[0] is one of', { eventVars: ['secret'] }],
    ['format is one of', { format: 'xml' }],
    ['endpoint.endpointType is topic or queue. For http', { endpoint: { endpointType: 'http', endpointValue: 'http://a/' } }],
    ['endpoints has one entry', { endpoint: undefined, endpoints: [RULE.endpoint, RULE.endpoint] }],
    ['endpoints is the older form', { endpoints: [RULE.endpoint] }],
    ['deliveryMode is one of', { deliveryMode: 'TWICE' }],
  ])('refuses with a clear answer: %s', async (message, document) => {
    const refused = await put('wrong', document);
    expect([refused.status, refused.type, refused.json.code]).toEqual([400, 'application/problem+json', 'InvalidArgument']);
    expect(refused.json.detail).toContain(message);
    expect(await names('event-rules')).toEqual([]);
  });

  it('takes the older member endpoints with one entry', async () => {
    const { endpoint, ...rest } = RULE;
    const made = await client.call('PUT', 'event-rules/older', { ...rest, endpoints: [endpoint], deliveryMode: 'DIRECT', productName: 'oss' });
    expect([made.status, made.json.endpoint]).toEqual([201, endpoint]);
  });

  it('refuses rules that overlap when asked to', async () => {
    const zip = (prefix: string) => ({ eventTypes: ['ObjectCreated:PutObject'], matchRules: [[{ prefix: `b/${prefix}`, suffix: 'zip' }]] });
    await put('existing', zip('source'));
    const refused = await put('new', { ...zip('source1'), eventTypes: ['ObjectCreated:*'] }, '?overlap=refuse');
    expect([refused.status, refused.json.code, refused.json.detail]).toEqual([409, 'Conflict', 'The rule has events and objects in common with existing.']);
    expect((await put('new', zip('1source'), '?overlap=refuse')).status).toBe(201);
    // A rule does not overlap with what it replaces.
    expect((await put('existing', zip('source'), '?overlap=refuse')).status).toBe(200);
    expect((await put('third', zip('source'))).status).toBe(201);
    expect((await put('third', zip('source'), '?overlap=perhaps')).status).toBe(400);
  });

  it('lists by destination, resource and source', async () => {
    await put('a-photos', { matchRules: [[{ prefix: 'photos/in/', suffix: '.jpg' }]] });
    await put('b-all', { endpoint: { endpointType: 'queue', endpointValue: 'work' }, sources: ['minio'] });
    await put('c-not-photos', { matchRules: [[{ matchState: false, prefix: 'photos/' }]] });
    expect(await names('event-rules?topic=uploads')).toEqual(['a-photos', 'c-not-photos']);
    expect(await names('event-rules?queue=work')).toEqual(['b-all']);
    expect(await names('event-rules?queue=uploads')).toEqual([]);
    expect(await names('event-rules?resource=photos')).toEqual(['a-photos', 'b-all']);
    expect(await names('event-rules?resource=photos/in/a.jpg')).toEqual(['a-photos', 'b-all']);
    expect(await names('event-rules?resource=videos')).toEqual(['b-all', 'c-not-photos']);
    expect(await names('event-rules?source=ceph')).toEqual(['a-photos', 'c-not-photos']);
    expect(await names('event-rules?prefix=a&topic=uploads&limit=1')).toEqual(['a-photos']);
  });

  describe('event-rules/test', () => {
    const test = async (event: object | string, query = '') => (await client.call('POST', `event-rules/test${query}`, event)).json as Trial;

    it('says of a described event which rules match, and why not the others', async () => {
      await put('a-tagged', { messageTag: '{ext}', matchRules: [[{ prefix: 'photos/' }]] });
      await put('b-names', { matchRules: [[{ prefix: 'videos/' }], [{ prefix: 'photos/' }, { suffix: '.png' }]] });
      await put('c-more', { match: { any: [{ all: [{ size: { gt: 100 } }, { contentType: { prefix: 'image/' } }] }] } });
      await put('d-removed', { eventTypes: ['ObjectRemoved:*'] });
      await put('e-off', { enabled: false });
      await put('f-source', { sources: ['ceph'] });
      const { events, problems } = await test({ bucket: 'photos', key: 'in/a.jpg', size: 99, contentType: 'image/jpeg' }, '?source=minio');
      const resource = 'photos/in/a.jpg';
      expect(problems).toEqual([]);
      expect(events).toEqual([
        {
          eventName: 'ObjectCreated:PutObject',
          bucket: 'photos',
          key: 'in/a.jpg',
          rules: [
            { name: 'a-tagged', matches: true, messageTag: 'jpg' },
            {
              name: 'b-names',
              matches: false,
              failedAt: 'matchRules',
              reasons: [
                { at: 'matchRules[0][0]', expected: { matchState: true, prefix: 'videos/' }, actual: resource },
                { at: 'matchRules[1][1]', expected: { matchState: true, suffix: '.png' }, actual: resource },
              ],
            },
            { name: 'c-more', matches: false, failedAt: 'match', reasons: [{ at: 'match.any[0].all[0]', expected: { size: { gt: 100 } }, actual: 99 }] },
            {
              name: 'd-removed',
              matches: false,
              failedAt: 'eventTypes',
              reasons: [{ at: 'eventTypes', expected: ['ObjectRemoved:*'], actual: 'ObjectCreated:PutObject' }],
            },
            { name: 'e-off', matches: false, failedAt: 'enabled', reasons: [{ at: 'enabled', expected: true, actual: false }] },
            { name: 'f-source', matches: false, failedAt: 'sources', reasons: [{ at: 'sources', expected: ['ceph'], actual: 'minio' }] },
          ],
        },
      ]);
    });

    it('says that tags would be asked for, and takes them where the event tells them', async () => {
      await put('tags', { match: { any: [{ all: [{ tag: { name: 'team', exact: 'media' } }] }] } });
      const at = 'match.any[0].all[0]';
      const expected = { tag: { name: 'team', exact: 'media' } };
      const verdict = async (event: object | string) => (await test(event)).events[0]!.rules[0];
      expect(await verdict({ bucket: 'b', key: 'k' })).toEqual({ name: 'tags', matches: false, failedAt: 'match', reasons: [{ at, expected, actual: null }], needsTags: true });
      expect(await verdict({ bucket: 'b', key: 'k', tags: { team: 'sales' } })).toEqual({
        name: 'tags',
        matches: false,
        failedAt: 'match',
        reasons: [{ at, expected, actual: 'sales' }],
      });
      expect(await verdict({ bucket: 'b', key: 'k', tags: { team: 'media' } })).toEqual({ name: 'tags', matches: true });
      expect(await verdict(cephBody())).toEqual({ name: 'tags', matches: true });
    });

    it('names the S3 event that OSS does not have', async () => {
      await put('any');
      const { events } = await test({ bucket: 'b', key: 'k', event: 's3:ObjectAccessed:Head' });
      expect(events[0]).toMatchObject({ eventName: null, rules: [{ reasons: [{ at: 'eventTypes', actual: 's3:ObjectAccessed:Head' }] }] });
    });

    it('looks at all rules, however many there are, and tells of a thousand', async () => {
      const many = Array.from({ length: 1_205 }, (_, index) => `r-${String(index).padStart(4, '0')}`);
      for (let at = 0; at < many.length; at += 100) {
        await Promise.all(many.slice(at, at + 100).map((name) => put(name, { matchRules: [[{ name: name === 'r-1204' ? 'b/k' : 'b/other' }]] })));
      }
      const [event] = (await test({ bucket: 'b', key: 'k' })).events;
      expect([event!.rules.length, event!.untoldRules]).toEqual([1_000, 205]);
      expect(event!.rules.filter(({ matches }) => matches).map(({ name }) => name)).toEqual(['r-1204']);
      expect((await test({ bucket: 'b', key: 'k' }, '?prefix=r-1204')).events[0]!.rules).toEqual([{ name: 'r-1204', matches: true }]);
      for (;;) {
        const rest = await names('event-rules');
        if (rest.length === 0) break;
        await Promise.all(rest.map((name) => client.call('DELETE', `event-rules/${name}`)));
      }
    }, 60_000);

    it.each([
      ['no key', { bucket: 'b' }],
      ['an unknown member', { bucket: 'b', key: 'k', colour: 'red' }],
      ['a size that is none', { bucket: 'b', key: 'k', size: 'large' }],
    ])('refuses a described event with %s', async (_what, event) => {
      expect(await test(event)).toMatchObject({ status: 400, code: 'InvalidArgument' });
    });
  });
});
