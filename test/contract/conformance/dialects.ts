import { createHash } from 'node:crypto';
import type { SignatureVersion } from '../mns-client.js';
import type { Attributes, ListArguments } from './operations.js';

/** How one SDK writes its requests, where it differs from the others. */
export interface Dialect {
  readonly title: string;
  readonly signature: SignatureVersion;
  /** Before the root element. */
  readonly declaration: string;
  /** Attribute of the root element. */
  readonly namespace: string;
  readonly contentType: string;
  /** On requests without a body as well. */
  readonly alwaysContentType: boolean;
  /** `Content-Length: 0` on requests without a body. */
  readonly alwaysContentLength: boolean;
  /** Of requests with a body: value of `Expect`. */
  readonly expects?: string;
  /** Base64 of the digest's hexadecimal digits, as most SDKs understand Content-MD5. */
  readonly digest?: 'with body' | 'always';
  /** Query values in the request line; the signature covers the same text. */
  readonly writeQuery: (parameters: Readonly<Record<string, string>>) => string;
  readonly parameterNames: 'upper camel' | 'lower camel';
  /** Spelling of header names on the wire. */
  readonly spell: (name: string) => string;
  /** Elements that are sent whether they are wanted or not. */
  readonly messageExtras: string;
  /** Attributes that go with every request that sets some. */
  readonly queueExtras?: Attributes;
  /** What lists of topics and subscriptions always ask for. */
  readonly topicLists?: Pick<ListArguments, 'withMeta'>;
  /** How a boolean is written. */
  readonly writeFlag: (value: boolean) => string;
  readonly headers: Readonly<Record<string, string>>;
}

const plainQuery = (parameters: Readonly<Record<string, string>>): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
const escapedQuery = (parameters: Readonly<Record<string, string>>): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
const sortedQuery = (parameters: Readonly<Record<string, string>>): string =>
  plainQuery(Object.fromEntries(Object.entries(parameters).sort(([one], [other]) => (one < other ? -1 : 1))));

const asWritten = (name: string): string => name;
const capitalFlag = (value: boolean): string => (value ? 'True' : 'False');
const titleCase = (name: string): string => name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());

const REFERENCE: Dialect = {
  title: 'raw, as in the transcripts',
  signature: 'V2',
  declaration: '<?xml version="1.0" encoding="UTF-8" standalone="no"?>',
  namespace: ' xmlns="http://mns.aliyuncs.com/doc/v1"',
  contentType: 'text/xml;charset=UTF-8',
  alwaysContentType: true,
  alwaysContentLength: false,
  writeQuery: plainQuery,
  parameterNames: 'upper camel',
  spell: asWritten,
  messageExtras: '',
  writeFlag: String,
  headers: {},
};

/** The clients for which there is no package to run are spoken for by their way to write. */
export const DIALECTS: readonly Dialect[] = [
  REFERENCE,
  { ...REFERENCE, title: 'raw, with a signature of version 4', signature: 'V4' },
  {
    ...REFERENCE,
    title: 'raw, as the Go SDK writes',
    declaration: '',
    namespace: '',
    contentType: 'application/xml',
    digest: 'always',
    writeQuery: escapedQuery,
    spell: titleCase,
    messageExtras: '<DelaySeconds>0</DelaySeconds><Priority>0</Priority>',
    queueExtras: { DelaySeconds: 0, PollingWaitSeconds: 0, LoggingEnabled: false },
    topicLists: { withMeta: true },
    headers: { 'security-token': 'an STS token' },
  },
  {
    ...REFERENCE,
    title: 'raw, as the PHP SDK writes',
    namespace: ' xmlns="http://mns.aliyuncs.com/doc/v1/"',
    contentType: 'text/xml',
    alwaysContentLength: true,
    writeQuery: escapedQuery,
    parameterNames: 'lower camel',
    writeFlag: capitalFlag,
  },
  {
    ...REFERENCE,
    title: 'raw, as the C# SDK writes',
    declaration: '<?xml version="1.0" encoding="utf-8"?>\r\n',
    contentType: 'text/xml',
    alwaysContentType: false,
    writeQuery: sortedQuery,
    writeFlag: capitalFlag,
    headers: { 'x-mns-user-request-id': 'trace 1' },
  },
  {
    ...REFERENCE,
    title: 'raw, as the Android SDK writes',
    contentType: 'text/xml; charset=UTF-8',
    digest: 'with body',
    spell: (name) => name.toLowerCase(),
    writeFlag: (value) => (value ? '1' : '0'),
    headers: { 'x-mns-security-token': 'an STS token, signed' },
  },
  {
    ...REFERENCE,
    title: 'raw, as a client on libcurl writes',
    contentType: 'text/xml;charset=utf-8',
    alwaysContentType: false,
    expects: '100-continue',
    headers: { Accept: '*/*', 'User-Agent': 'aliyun-sdk-cpp/1.0' },
  },
];

export function contentDigest(body: string): string {
  return Buffer.from(createHash('md5').update(body).digest('hex')).toString('base64');
}
