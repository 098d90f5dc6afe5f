import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SimulatedBucket, SimulatedBuckets, SimulatedVersion } from './simulated-buckets.js';
import { documentOf, element, isoTime, listObjects, listVersions } from './simulated-listing.js';
import type { RecordWriter, SimulatedEvent } from './simulated-record.js';

export interface S3Parts {
  readonly buckets: SimulatedBuckets;
  readonly records: RecordWriter;
  readonly region: string;
  /** Called before the request is answered, as in MinIO's sync mode. */
  readonly onEvent: (event: SimulatedEvent) => Promise<void>;
  /** ARNs of the targets that there are. */
  readonly arns: () => readonly string[];
}

interface S3Request {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

/** The S3 operations of the simulated store, as much of them as a hub uses. */
export async function answerS3(parts: S3Parts, s3: S3Request): Promise<void> {
  const [bucketName = '', ...rest] = (s3.request.url ?? '/').split('?')[0]!.slice(1).split('/');
  const key = decodeURIComponent(rest.join('/'));
  if (bucketName === '') return send(s3, 200, listBuckets(parts.buckets));
  if (key === '' && s3.request.method === 'PUT' && s3.query.size === 0) {
    parts.buckets.create(bucketName);
    return send(s3, 200, '');
  }
  const bucket = parts.buckets.get(bucketName);
  if (bucket === undefined) return fail(s3, 404, 'NoSuchBucket');
  await (key === '' ? answerBucket(parts, s3, bucket) : answerObject(parts, s3, bucket, key));
}

/** An S3 error document. */
export function fail(s3: Pick<S3Request, 'request' | 'response'>, status: number, code: string): void {
  send(s3, status, `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${element('Code', code)}${element('Message', code)}</Error>`);
}

async function answerBucket(parts: S3Parts, s3: S3Request, bucket: SimulatedBucket): Promise<void> {
  const { request, query, body } = s3;
  const method = request.method ?? 'GET';
  if (query.has('notification')) return answerNotification(parts, s3, bucket);
  if (query.has('versioning')) return answerVersioning(s3, bucket);
  if (query.has('location')) return send(s3, 200, documentOf('LocationConstraint', parts.region === 'us-east-1' ? '' : parts.region));
  if (method === 'HEAD') return send(s3, 200, '');
  if (method === 'POST' && query.has('delete')) return removeMany(parts, s3, bucket, body);
  if (method === 'DELETE') {
    parts.buckets.drop(bucket.name);
    return send(s3, 204, '');
  }
  if (method !== 'GET') return fail(s3, 405, 'MethodNotAllowed');
  send(s3, 200, query.has('versions') ? listVersions(parts.buckets, bucket, query) : listObjects(parts.buckets, bucket, query));
}

function answerNotification(parts: S3Parts, s3: S3Request, bucket: SimulatedBucket): void {
  if (s3.request.method !== 'PUT') return send(s3, 200, bucket.notification ?? documentOf('NotificationConfiguration', ''));
  const document = s3.body.toString();
  const arns = [...document.matchAll(/<Queue>([^<]*)<\/Queue>/g)].map((match) => match[1]!);
  if (arns.some((arn) => !parts.arns().includes(arn))) return fail(s3, 400, 'InvalidArgument');
  bucket.notification = document;
  send(s3, 200, '');
}

function answerVersioning(s3: S3Request, bucket: SimulatedBucket): void {
  if (s3.request.method === 'PUT') {
    bucket.versioning = s3.body.toString().includes('<Status>Enabled') ? 'Enabled' : 'Suspended';
    return send(s3, 200, '');
  }
  send(s3, 200, documentOf('VersioningConfiguration', bucket.versioning === 'off' ? '' : element('Status', bucket.versioning)));
}

/** All of one request share its id. */
async function removeMany(parts: S3Parts, s3: S3Request, bucket: SimulatedBucket, body: Buffer): Promise<void> {
  const requestId = parts.records.newRequestId();
  for (const [, object = ''] of body.toString().matchAll(/<Object>(.*?)<\/Object>/gs)) {
    const key = unescapeXml(/<Key>(.*?)<\/Key>/s.exec(object)?.[1] ?? '');
    const versionId = /<VersionId>(.*?)<\/VersionId>/.exec(object)?.[1];
    await parts.onEvent(parts.records.removed(bucket.name, parts.buckets.remove(bucket, key, versionId), requestId));
  }
  send(s3, 200, documentOf('DeleteResult', ''));
}

async function answerObject(parts: S3Parts, s3: S3Request, bucket: SimulatedBucket, key: string): Promise<void> {
  const { request, response, query, body } = s3;
  const versionId = query.get('versionId') ?? undefined;
  if (request.method === 'PUT') {
    const version = parts.buckets.put(bucket, key, body, readNewObject(request));
    await parts.onEvent(parts.records.created('Put', bucket.name, version));
    response.setHeader('etag', `"${version.eTag}"`);
    if (version.versionId !== 'null') response.setHeader('x-amz-version-id', version.versionId);
    return send(s3, 200, '');
  }
  if (request.method === 'DELETE') {
    await parts.onEvent(parts.records.removed(bucket.name, parts.buckets.remove(bucket, key, versionId)));
    return send(s3, 204, '');
  }
  const version = bucket.versions.get(key)?.find((each, at) => (versionId === undefined ? at === 0 : each.versionId === versionId));
  if (version === undefined || (version.deleteMarker && versionId === undefined)) return fail(s3, 404, 'NoSuchKey');
  if (version.deleteMarker) return fail(s3, 405, 'MethodNotAllowed');
  describeObject(response, version);
  response.writeHead(200).end(request.method === 'HEAD' ? undefined : version.content);
}

function readNewObject(request: IncomingMessage) {
  const metadata = Object.entries(request.headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  const contentType = request.headers['content-type'];
  return {
    ...(contentType !== undefined && { contentType }),
    userMetadata: Object.fromEntries(metadata.map(([name, value]) => [name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()), String(value)])),
  };
}

function describeObject(response: ServerResponse, { size, eTag, contentType, userMetadata, versionId, time }: SimulatedVersion): void {
  for (const [name, value] of Object.entries(userMetadata)) response.setHeader(name, value);
  response.setHeader('content-length', size);
  response.setHeader('content-type', contentType);
  response.setHeader('etag', `"${eTag}"`);
  response.setHeader('last-modified', new Date(isoTime(time)).toUTCString());
  if (versionId !== 'null') response.setHeader('x-amz-version-id', versionId);
}

function listBuckets(buckets: SimulatedBuckets): string {
  const entries = buckets.all().map(({ name }) => `<Bucket>${element('Name', name)}${element('CreationDate', isoTime(0n))}</Bucket>`);
  return documentOf('ListAllMyBucketsResult', `<Buckets>${entries.join('')}</Buckets>`);
}

function send({ request, response }: Pick<S3Request, 'request' | 'response'>, status: number, document: string): void {
  const body = Buffer.from(document);
  if (status !== 204) response.setHeader('content-length', body.length);
  if (body.length > 0) response.setHeader('content-type', 'application/xml');
  response.writeHead(status).end(request.method === 'HEAD' ? undefined : body);
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex: string, decimal: string, name: string) =>
    hex ? String.fromCodePoint(parseInt(hex, 16)) : decimal ? String.fromCodePoint(Number(decimal)) : (named[name] ?? whole),
  );
}
