import { describe, expect, it } from '@jest/globals';
import { BadSetupFile, SetupDocument } from './setup-document.js';
import { readSetup } from './setup-reader.js';
import type { Setup } from './setup.js';

const ACCOUNT = '1234567890123456';

function read(...lines: readonly string[]): Setup {
  return readSetup(SetupDocument.parse('setup.yaml', lines.join('\n')), ACCOUNT);
}

function problemsOf(...lines: readonly string[]): readonly string[] {
  try {
    read(...lines);
  } catch (error) {
    if (error instanceof BadSetupFile) return error.problems;
    throw error;
  }
  return [];
}

describe('a set-up', () => {
  it('has queues with the attributes that the file names', () => {
    const { queues } = read(
      'queues:',
      '  plain:',
      '  123: {}',
      '  orders:',
      '    visibilityTimeout: 60',
      '    loggingEnabled: true',
      '    queueType: FIFO',
      '    deadLetterPolicy: { targetQueue: plain, maxReceiveCount: 3 }',
      '  without: { deadLetterPolicy: null }',
    );
    const deadLetterPolicy = { targetQueue: 'plain', maxReceiveCount: 3 };
    expect(queues).toHaveLength(4);
    expect(queues).toEqual(
      expect.arrayContaining([
        { name: 'plain', attributes: {} },
        { name: '123', attributes: {} },
        { name: 'orders', attributes: { visibilityTimeout: 60, loggingEnabled: true, queueType: 'fifo', deadLetterPolicy } },
        { name: 'without', attributes: { deadLetterPolicy: null } },
      ]),
    );
  });

  it('has topics with their subscriptions', () => {
    const { topics } = read(
      'topics:',
      '  alerts:',
      '    maximumMessageSize: 2048',
      '    subscriptions:',
      '      pager: { endpoint: http://127.0.0.1:8080/alerts, filterTag: urgent, notifyStrategy: EXPONENTIAL_DECAY_RETRY }',
      '      mail: { endpoint: "mail:directmail:ops@example.com", notifyContentFormat: SIMPLIFIED }',
    );
    const pager = { endpoint: 'http://127.0.0.1:8080/alerts', filterTag: 'urgent', notifyStrategy: 'EXPONENTIAL_DECAY_RETRY' };
    const subscriptions = [
      { name: 'pager', attributes: pager },
      { name: 'mail', attributes: { endpoint: 'mail:directmail:ops@example.com', notifyContentFormat: 'SIMPLIFIED' } },
    ];
    expect(topics).toEqual([{ name: 'alerts', attributes: { maximumMessageSize: 2_048 }, subscriptions }]);
  });

  it('has event rules, complete', () => {
    const { rules } = read('eventRules:', '  photos:', '    eventTypes: ["ObjectCreated:*"]', '    endpoint: { endpointType: topic, endpointValue: new }');
    const endpoint = { endpointType: 'topic', endpointValue: 'new' };
    expect(rules).toEqual([{ name: 'photos', enabled: true, eventTypes: ['ObjectCreated:*'], matchRules: [], endpoint, sources: [] }]);
  });

  it('has event sources, and never shows what may be their secrets', () => {
    const { sources } = read('eventSources:', '  minio:', '    endpoint: http://minio:9000', '    credentials: { accessKey: magpie, secretKey: hidden-secret }');
    expect(sources).toMatchObject([{ name: 'minio', change: { settings: { accessKey: 'magpie' }, secrets: { secretKey: 'hidden-secret' } } }]);
    const wrong = () => read('eventSources:', '  minio:', '    intakeToken: a hidden token', '    credentials: { accessKey: magpie, secretKey: a hidden key }', '    ways: [radio]');
    expect(wrong).toThrow(/3 problems[\s\S]*setup\.yaml:3:5: eventSources\.minio\.intakeToken cannot be: [\s\S]*credentials\.secretKey cannot be: [\s\S]*ways\[0\] cannot be/);
    expect(wrong).not.toThrow('hidden');
    expect(() => read('eventSources:', '  minio:', '    ways: [listen]')).toThrow(/eventSources\.minio\.ways cannot be: ways: listen needs/);
  });

  it('knows everything that may be said of a rule, and the older form of its endpoint', () => {
    const more = { format: 'cloudevents', messageTag: '{segment1}', eventVars: ['versionId'], mapping: { time: 'seconds' } };
    const endpoints = '    endpoints: [{ endpointType: topic, endpointValue: new }]';
    const members = Object.entries(more).map(([member, value]) => `    ${member}: ${JSON.stringify(value)}`);
    const { rules } = read('eventRules:', '  photos:', '    eventTypes: ["ObjectCreated:*"]', endpoints, ...members);
    expect(rules).toMatchObject([{ endpoint: { endpointType: 'topic', endpointValue: 'new' }, ...more }]);
  });

  it('may use anchors and merge keys, and names beginning with x- to hold them', () => {
    const { queues } = read('x-slow: &slow { visibilityTimeout: 600, delaySeconds: 5 }', 'queues:', '  a: *slow', '  b: { <<: *slow, delaySeconds: 0 }');
    expect(queues.map(({ attributes }) => attributes)).toEqual([
      { visibilityTimeout: 600, delaySeconds: 5 },
      { visibilityTimeout: 600, delaySeconds: 0 },
    ]);
  });

  it.each(['', '# nothing yet', '---', '{}', 'queues:', 'topics: {}'])('may be empty: %j', (text) => {
    expect(read(text)).toEqual({ queues: [], topics: [], sources: [], rules: [] });
  });
});

describe('problems', () => {
  it('are all told, each with its place', () => {
    const problems = problemsOf(
      'queues:',
      '  orders:',
      '    visibilityTimeout: 0',
      '    delaySeconds: "5"',
      '    visibiltyTimeout: 30',
      '    deadLetterPolicy: { targetQueue: orders, maxReceiveCount: 3 }',
      '  my_queue:',
      'topics:',
      '  alerts:',
      '    maximumMessageSize: 12',
      '    subscriptions:',
      '      mail: { endpoint: "mail:directmail:ops@example.com" }',
      '      hook: { endpoint: ftp://example.com, notifyStrategy: NEVER }',
      '      none: {}',
      'eventRules:',
      '  photos:',
      '    eventTypes: [ObjectCreated:Nothing]',
      '    matchRules: [[{ prefix: a/ }, { name: b/c, suffix: d }]]',
      'sources: {}',
    );
    expect(problems).toEqual([
      'setup.yaml:19:1: sources is not known: expected queues, topics, eventSources, eventRules',
      expect.stringMatching(/^setup\.yaml:5:5: queues\.orders\.visibiltyTimeout is not known: expected delaySeconds, .*deadLetterPolicy, queueType$/),
      'setup.yaml:3:5: queues.orders.visibilityTimeout is 0: The value of VisibilityTimeout should between 1 and 43200 seconds.',
      'setup.yaml:4:5: queues.orders.delaySeconds is "5": delaySeconds is a number.',
      expect.stringMatching(/^setup\.yaml:6:5: queues\.orders\.deadLetterPolicy is \{.*\}: A queue cannot be its own dead-letter queue\.$/),
      expect.stringMatching(/^setup\.yaml:7:3: queues\.my_queue cannot be: The queue name contains invalid characters/),
      'setup.yaml:10:5: topics.alerts.maximumMessageSize is 12: The value of MaximumMessageSize should between 1024 and 65536 bytes.',
      expect.stringMatching(/^setup\.yaml:12:7: topics\.alerts\.subscriptions\.mail\.notifyContentFormat is missing: .*should be SIMPLIFIED\.$/),
      expect.stringMatching(/^setup\.yaml:13:15: topics\.alerts\.subscriptions\.hook\.endpoint is "ftp:\/\/example\.com": The endpoint/),
      expect.stringMatching(/^setup\.yaml:13:44: .*\.notifyStrategy is "NEVER": notifyStrategy is one of BACKOFF_RETRY, EXPONENTIAL_DECAY_RETRY\.$/),
      expect.stringMatching(/^setup\.yaml:14:7: topics\.alerts\.subscriptions\.none\.endpoint is missing: endpoint is a string/),
      expect.stringMatching(/^setup\.yaml:17:18: eventRules\.photos\.eventTypes\[0\] is "ObjectCreated:Nothing": eventTypes\[0\] is one of /),
      expect.stringMatching(/^setup\.yaml:16:3: eventRules\.photos\.endpoint is missing: endpoint is an object\.$/),
      expect.stringMatching(/^setup\.yaml:18:37: eventRules\.photos\.matchRules\[0\]\[1\]\.name is "b\/c": .*excludes prefix and suffix\.$/),
    ]);
  });

  it.each([
    ['a text at the top', 'queues', /^setup\.yaml: the document is "queues": expected names/],
    ['a list for names', 'queues: [orders]', /^setup\.yaml:1:1: queues is \["orders"\]: expected names/],
    ['a number for attributes', 'queues: { orders: 5 }', /^setup\.yaml:1:11: queues\.orders is 5: expected names/],
    ['an attribute of several queues', 'a: 1\nx-a: &a { delaySeconds: -1 }\nqueues: { b: *a }', /^setup\.yaml:2:11: queues\.b\.delaySeconds is -1/],
    ['an attribute that was merged', 'x-a: &a { delaySeconds: -1 }\nqueues: { b: { <<: [*a] } }', /^setup\.yaml:1:11: queues\.b\.delaySeconds is -1/],
    ['a rule of another account', rule('acs:mns:r:6543210987654321:/topics/a'), /eventRules\.r\.endpoint\.endpointValue .* another account/],
    ['what two members of a rule cannot both say', `${rule('q', 'queue')}\n    messageTag: a`, /:5:5: eventRules\.r\.messageTag is "a": messageTag needs/],
    ['a rule that can never match', `${rule('a')}\n    matchRules: [[{ prefix: /a }]]`, /:5:18: eventRules\.r\.matchRules\[0\] is .*can never be met/],
    ['the name of a rule', rule('a').replace('  r:', '  1r:'), /:2:3: eventRules\.1r cannot be: ruleName starts with a letter/],
    ['a name that nobody can read', 'queues: { "a\\nb": {} }', /:1:11: queues\."a\\nb" cannot be/],
    ['a name of JavaScript', 'queues: { __proto__: {} }', /queues\.__proto__ cannot be/],
  ])('have the place of %s', (_what, text, expected) => {
    expect(problemsOf(text).at(-1)).toMatch(expected);
  });

  it.each([
    ['an end too early', 'queues: {', /^setup\.yaml:1:\d+: /],
    ['a name twice', 'queues:\n  a:\n  b:\n  a:\n', /^setup\.yaml:4:3: Map keys must be unique$/],
    ['a tab', 'queues:\n\ta: {}', /^setup\.yaml:2:1: Tabs are not allowed/],
    ['a second document', 'queues:\n---\ntopics:', /^setup\.yaml:2:1: Source contains multiple documents/],
    ['an anchor that is missing', 'queues:\n  a: *none', /^setup\.yaml:2:6: there is no anchor &none before this$/],
    ['a tag of its own', 'queues: !mine {}', /^setup\.yaml:1:9: Unresolved tag: !mine$/],
    ['a merge of a number', 'queues: { a: { <<: 5 } }', /^setup\.yaml: Merge sources must be maps/],
    ['a bomb', bomb(), /^setup\.yaml: Excessive alias count/],
    ['more levels than a stack has', `queues: ${'['.repeat(100_000)}`, /^setup\.yaml/],
  ])('of YAML are told: %s', (_what, text, expected) => {
    expect(problemsOf(text)[0]).toMatch(expected);
  });
});

function rule(endpointValue: string, endpointType = 'topic'): string {
  return `eventRules:\n  r:\n    eventTypes: [ObjectCreated:*]\n    endpoint: { endpointType: ${endpointType}, endpointValue: "${endpointValue}" }`;
}

/** A billion entries from nine lines. */
function bomb(): string {
  const lines = [0, 1, 2, 3, 4, 5, 6, 7].map((level) => `x-${level + 1}: &x${level + 1} [${Array(10).fill(`*x${level}`).join()}]`);
  return ['x-0: &x0 [0]', ...lines].join('\n');
}
