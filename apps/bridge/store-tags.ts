import { child, children, childText, readXml } from '#mns-wire/xml-reader.js';
import type { BucketEvent } from '#event-rule/bucket-event.js';
import type { EventSource } from '#event-source/event-source.js';

/** Tags of an object; undefined when nobody can be asked. */
export type Tags = Readonly<Record<string, string>> | undefined;

/** Milliseconds that a store has to answer. */
const TIMEOUT = 5_000;
/** Seconds that a signed address is good for. */
const EXPIRY = 300;
/** Answers that say that there is nothing, by their status and the code in them. */
const GONE = /^(404 |405 )/;

/** The store was asked for tags and did not tell. */
export class TagsUnavailable extends Error {
  override readonly name = 'TagsUnavailable';
}

/**
 * Asks the store of an event for the tags of its object, with the credentials of the source. An object (version, bucket) that is gone has no
 * tags; nor has one that never had any. The tags are those of now, which may be later than the event.
 *
 * @returns undefined for a source without endpoint or credentials
 * @throws TagsUnavailable
 */
export async function fetchTags(event: Pick<BucketEvent, 'bucket' | 'key' | 'versionId'>, source: EventSource | undefined): Promise<Tags> {
  if (source?.endpoint === undefined || source.credentials === undefined) return undefined;
  const { bucket, key, versionId } = event;
  try {
    const address = await sign(source.endpoint, source.credentials, source.storeRegion, { bucket, key, versionId });
    const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT) });
    const body = await response.text();
    if (response.ok) return readTags(body);
    if (GONE.test(`${response.status} `)) return {};
    throw new TagsUnavailable(`${source.name} answered ${response.status} when asked for tags.`);
  } catch (error) {
    if (error instanceof TagsUnavailable) throw error;
    throw new TagsUnavailable(`${source.name} could not be asked for tags: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The client is loaded when it is first needed: most bridges never ask. */
async function sign(
  endpoint: string,
  { accessKey, secretKey }: { readonly accessKey: string; readonly secretKey: string },
  region: string,
  { bucket, key, versionId }: Pick<BucketEvent, 'bucket' | 'key'> & { readonly versionId: string | undefined },
): Promise<string> {
  const { Client } = await import('minio');
  const { hostname, port, protocol } = new URL(endpoint);
  const useSSL = protocol === 'https:';
  const client = new Client({
    endPoint: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (useSSL ? 443 : 80) : Number(port),
    useSSL,
    accessKey,
    secretKey,
    region,
    pathStyle: true,
  });
  return client.presignedUrl('GET', bucket, key, EXPIRY, { tagging: '', ...(versionId !== undefined && { versionId }) });
}

/** Values stay texts: `007` is not 7. */
function readTags(xml: string): Tags {
  const set = child(readXml(xml), 'TagSet');
  const pairs = (set === undefined ? [] : children(set, 'Tag')).map((tag) => [childText(tag, 'Key') ?? '', childText(tag, 'Value') ?? ''] as const);
  return Object.fromEntries(pairs);
}
