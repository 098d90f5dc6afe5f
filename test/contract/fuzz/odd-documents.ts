import { oddNumber, oddText } from './odd-values.js';
import type { Random } from './random.js';

type Mutation = (document: string, random: Random) => Buffer | string;

const escaped = (text: string): string => text.replace(/[&<>\0]/g, (character) => `&#${character.charCodeAt(0)};`);
const element = (name: string, text: string): string => `<${name}>${text}</${name}>`;

function properties(random: Random): string {
  const item = (): string => {
    const value = element('Name', escaped(oddText(random))) + element('Value', escaped(oddText(random)));
    return element('PropertyValue', value + element('Type', random.pick(['STRING', 'NUMBER', 'BOOLEAN', 'BINARY', 'STRING[]', ''])));
  };
  const items = Array.from({ length: random.pick([0, 1, 2, 51]) }, item).join('');
  return random.chance(0.7)
    ? element('UserProperties', items)
    : element('SystemProperties', items.replaceAll('PropertyValue', 'SystemPropertyValue'));
}

function message(random: Random): string {
  return element(
    'Message',
    (random.chance(0.95) ? element('MessageBody', random.chance(0.85) ? 'fuzz' : escaped(oddText(random))) : '') +
      (random.chance(0.15) ? element('Priority', escaped(oddNumber(random))) : '') +
      (random.chance(0.15) ? element('DelaySeconds', escaped(oddNumber(random))) : '') +
      (random.chance(0.2) ? element('MessageTag', escaped(oddText(random))) : '') +
      (random.chance(0.1) ? element('MessageGroupId', escaped(oddText(random))) : '') +
      (random.chance(0.1) ? element('MessageAttributes', element('DirectMail', escaped('{"Subject":'))) : '') +
      (random.chance(0.15) ? properties(random) : ''),
  );
}

function attributes(random: Random, root: string): string {
  const names = [
    'DelaySeconds',
    'MaximumMessageSize',
    'MessageRetentionPeriod',
    'VisibilityTimeout',
    'PollingWaitSeconds',
    'LoggingEnabled',
  ] as const;
  const given = Array.from({ length: random.below(4) }, () => element(random.pick(names), escaped(oddNumber(random))));
  return element(root, given.join(''));
}

type Writer = (random: Random) => string;

const batch: Writer = (random) =>
  element('Messages', Array.from({ length: random.pick([0, 1, 3, 16, 17]) }, () => message(random)).join(''));
const handles: Writer = (random) => {
  const items = Array.from({ length: random.pick([0, 1, 16, 17]) }, () => element('ReceiptHandle', escaped(oddText(random))));
  return element('ReceiptHandles', items.join(''));
};
const queue: Writer = (random) => attributes(random, 'Queue');
const topic: Writer = (random) => attributes(random, 'Topic');
const subscription: Writer = (random) =>
  element(
    'Subscription',
    element('Endpoint', escaped(random.chance(0.4) ? 'acs:mns:r:1:queues/fuzz-1' : oddText(random))) +
      (random.chance(0.4) ? element('NotifyStrategy', escaped(oddText(random))) : '') +
      (random.chance(0.4) ? element('NotifyContentFormat', random.pick(['XML', 'JSON', 'SIMPLIFIED', 'STREAM', ''])) : '') +
      (random.chance(0.4) ? element('FilterTag', escaped(oddText(random))) : ''),
  );
const account: Writer = (random) =>
  element('Account', element('LoggingBucket', escaped(oddText(random))) + element('TraceEnabled', escaped(oddNumber(random))));

const DOCUMENTS: readonly [Writer, ...Writer[]] = [message, batch, handles, queue, topic, subscription, account];

/** The documents that an operation on such a path takes. */
const FITTING: readonly (readonly [path: RegExp, documents: readonly [Writer, ...Writer[]]])[] = [
  [/^\/queues\/[^/?]+\/messages/, [message, message, batch, handles]],
  [/^\/topics\/[^/?]+\/messages/, [message]],
  [/^\/topics\/[^/?]+\/subscriptions/, [subscription]],
  [/^\/queues/, [queue]],
  [/^\/topics/, [topic]],
];

/** Bytes that no XML reader may take: NUL, a lone surrogate in UTF-8, what is no UTF-8 at all, the last code point of the plane. */
const BAD_BYTES = ['\0', '\xed\xa0\x80', '\xff', '\xc3\x28', '\xef\xbf\xbf', '\xf4\x90\x80\x80', '\x0b'] as const;

const INSERTIONS = [
  '<![CDATA[<a>]]>',
  '<![CDATA[',
  ']]>',
  '<!-- -- -->',
  '<?xml version="1.0"?>',
  '<?php ?>',
  '&lt;',
  '&#0;',
  '&#xD800;',
  '&#x110000;',
  '&unknown;',
  '&',
  '<x:y>',
  '<a xmlns:x="urn:x" x:b="1" x:b="2"/>',
  '</Message>',
  '<__proto__>1</__proto__>',
  '\r\n\t',
  '\ufeff',
] as const;

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  (document) => document,
  (document, random) => document.slice(0, random.below(document.length + 1)),
  (document, random) => insert(Buffer.from(document), Buffer.from(random.pick(BAD_BYTES), 'latin1'), random),
  (document, random) => insert(Buffer.from(document), Buffer.from(random.pick(INSERTIONS)), random),
  (document, random) => flipped(Buffer.from(document), random),
  (document) => Buffer.from(document, 'utf16le'),
  (document) => Buffer.from(`\ufeff${document}`, 'utf8'),
  (document, random) =>
    `<?xml version="${random.pick(['1.0', '1.1', '2.0'])}" encoding="${random.pick(['UTF-8', 'GBK', 'UTF-16', 'x'])}"?>${document}`,
  (document) => Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?>${document.replace('fuzz', '\u00e9')}`, 'latin1'),
  (document) => `<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>${document.replace('fuzz', '&b;')}`,
  (document) => `<!DOCTYPE m SYSTEM "file:///etc/passwd">${document}`,
  (document, random) => document.replace('>', ` xmlns="${random.pick(['urn:other', '', 'http://mns.aliyuncs.com/doc/v1'])}" a="b">`),
  (document) => document.replaceAll('<', '<p:').replaceAll('<p:/', '</p:'),
  (document) => document.replace('>', '>'.concat('<Unknown/>'.repeat(2_000))),
  (document, random) => '<Message>'.repeat(random.pick([33, 10_000])) + document,
  (document, random) => `${'<a>'.repeat(10_000)}${document}${random.chance(0.5) ? '</a>'.repeat(10_000) : ''}`,
  (document, random) => document.replace('fuzz', 'x'.repeat(random.pick([65_536, 65_537, 200_000]))),
  (document) => document + document,
  (document, random) =>
    document.replace(
      '>',
      Array.from({ length: 500 }, (_, n) => ` a${random.below(400)}${n % 7}="x"`)
        .join('')
        .concat('>'),
    ),
  (_document, random) => random.bytes(random.below(2_000)),
  () => '',
  () => '{"MessageBody":"json"}',
];

/** A document of the protocol, mostly one that fits the path, or what is left of one. */
export function oddDocument(random: Random, target: string): Buffer {
  const fitting = random.chance(0.8) ? FITTING.find(([path]) => path.test(target))?.[1] : undefined;
  const document = random.pick(fitting ?? DOCUMENTS)(random);
  const body = random.chance(0.4) ? document : random.pick(MUTATIONS)(document, random);
  return Buffer.isBuffer(body) ? body : Buffer.from(body);
}

function insert(bytes: Buffer, addition: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), addition, bytes.subarray(at)]);
}

function flipped(bytes: Buffer, random: Random): Buffer {
  for (let count = random.below(5) + 1; count > 0; count--) bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
}
