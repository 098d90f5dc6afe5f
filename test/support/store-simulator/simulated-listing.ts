import type { SimulatedBucket, SimulatedBuckets, SimulatedVersion } from './simulated-buckets.js';

const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const LARGEST_PAGE = 1_000;

/** `ListObjectsV2`, as MinIO answers it. */
export function listObjects(buckets: SimulatedBuckets, bucket: SimulatedBucket, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const token = query.get('continuation-token');
  const after = token ? Buffer.from(token, 'base64').toString() : (query.get('start-after') ?? '');
  const { most, name } = readPaging(query);
  const found: SimulatedVersion[] = [];
  let truncated = false;
  for (const key of keysAfter(buckets.keys(bucket), after, prefix)) {
    const latest = buckets.latest(bucket, key);
    if (latest === undefined) continue;
    truncated = found.length === most;
    if (truncated) break;
    found.push(latest);
  }
  const next = truncated ? element('NextContinuationToken', Buffer.from(found.at(-1)?.key ?? after).toString('base64')) : '';
  const head = element('Name', bucket.name) + element('Prefix', name(prefix)) + element('KeyCount', found.length) + element('MaxKeys', most);
  const contents = found.map((version) => `<Contents>${objectElements(version, name)}</Contents>`).join('');
  return documentOf('ListBucketResult', `${head}${element('IsTruncated', truncated)}${next}${encoding(query)}${contents}`);
}

/** `ListObjectVersions`: all versions and delete markers, those of a key newest first. */
export function listVersions(buckets: SimulatedBuckets, bucket: SimulatedBucket, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const keyMarker = query.get('key-marker') ?? '';
  const versionMarker = query.get('version-id-marker') ?? '';
  const { most, name } = readPaging(query);
  const found: { version: SimulatedVersion; latest: boolean }[] = [];
  let truncated = false;
  for (const entry of versionsAfter(buckets, bucket, { keyMarker, versionMarker, prefix })) {
    truncated = found.length === most;
    if (truncated) break;
    found.push(entry);
  }
  const last = found.at(-1)?.version;
  const next = truncated && last ? element('NextKeyMarker', name(last.key)) + element('NextVersionIdMarker', last.versionId) : '';
  const head = element('Name', bucket.name) + element('Prefix', name(prefix)) + element('KeyMarker', name(keyMarker)) + element('VersionIdMarker', versionMarker);
  const entries = found.map(({ version, latest }) => versionElement(version, latest, name)).join('');
  return documentOf('ListVersionsResult', `${head}${element('MaxKeys', most)}${element('IsTruncated', truncated)}${next}${encoding(query)}${entries}`);
}

/** A document in S3's namespace. */
export function documentOf(root: string, content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} ${NAMESPACE}>${content}</${root}>`;
}

export function element(name: string, value: string | number | boolean): string {
  return `<${name}>${escapeXml(String(value))}</${name}>`;
}

/** As MinIO encodes names in listings: slash and asterisk stay, the tilde does not, a blank is a plus sign. */
export function encodeName(key: string): string {
  const encoded = encodeURIComponent(key).replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return encoded.replaceAll('%20', '+').replaceAll('%2F', '/');
}

function* versionsAfter(
  buckets: SimulatedBuckets,
  bucket: SimulatedBucket,
  { keyMarker, versionMarker, prefix }: { keyMarker: string; versionMarker: string; prefix: string },
) {
  const entries = (key: string) => (bucket.versions.get(key) ?? []).map((version, at) => ({ version, latest: at === 0 }));
  if (versionMarker !== '') {
    const at = entries(keyMarker).findIndex(({ version }) => version.versionId === versionMarker);
    yield* entries(keyMarker).slice(at + 1);
  }
  for (const key of keysAfter(buckets.keys(bucket), keyMarker, prefix)) yield* entries(key);
}

/** By binary search: pages of a large bucket are asked for one after the other. */
function* keysAfter(keys: readonly string[], after: string, prefix: string): Generator<string> {
  const bytes = Buffer.from(after);
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (Buffer.compare(Buffer.from(keys[middle]!), bytes) <= 0 && after !== '') low = middle + 1;
    else high = middle;
  }
  for (let at = low; at < keys.length; at++) if (keys[at]!.startsWith(prefix)) yield keys[at]!;
}

function readPaging(query: URLSearchParams) {
  const asked = Number(query.get('max-keys') ?? LARGEST_PAGE);
  const name = query.get('encoding-type') === 'url' ? encodeName : (key: string) => key;
  return { most: Math.min(asked, LARGEST_PAGE), name };
}

function encoding(query: URLSearchParams): string {
  return query.get('encoding-type') === 'url' ? element('EncodingType', 'url') : '';
}

function objectElements({ key, time, eTag, size }: SimulatedVersion, name: (key: string) => string): string {
  return element('Key', name(key)) + element('LastModified', isoTime(time)) + element('ETag', `"${eTag}"`) + element('Size', size) + element('StorageClass', 'STANDARD');
}

function versionElement(version: SimulatedVersion, latest: boolean, name: (key: string) => string): string {
  const { key, time, versionId, deleteMarker } = version;
  const which = element('VersionId', versionId) + element('IsLatest', latest);
  if (deleteMarker) return `<DeleteMarker>${element('Key', name(key))}${element('LastModified', isoTime(time))}${which}</DeleteMarker>`;
  return `<Version>${objectElements(version, name)}${which}</Version>`;
}

/** Milliseconds, rounded down: what a listing shows of a time in nanoseconds. */
export function isoTime(time: bigint): string {
  return new Date(Number(time / 1_000_000n)).toISOString();
}

function escapeXml(text: string): string {
  const plain = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&#34;');
  // Go writes what XML cannot hold as a replacement character; hence encoding-type=url.
  return plain.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd');
}
