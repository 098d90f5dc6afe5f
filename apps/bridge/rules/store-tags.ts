import { child, children, childText, readXml } from '#mns-wire/xml-reader.js';
import type { BucketEvent } from '#event-rule/bucket-event.js';
import type { EventSource } from '#event-source/event-source.js';
import { signStoreRequest, storeUrl } from '#event-source/store-signature.js';

/** Tags of an object; undefined when nobody can be asked. */
export type Tags = Readonly<Record<string, string>> | undefined;

/** Milliseconds that a store has to answer. */
const TIMEOUT = 5_000;
/** Statuses that say that there is no such object, or that it is a delete marker. */
const GONE = [404, 405];

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
  const { credentials, storeRegion: region } = source;
  const url = storeUrl(source.endpoint, `/${bucket}/${key}`, [['tagging', ''], ...(versionId === undefined ? [] : [['versionId', versionId] as const])]);
  try {
    const headers = signStoreRequest({ method: 'GET', url, credentials, region, now: new Date() });
    const response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT) });
    const body = await response.text();
    if (response.ok) return readTags(body);
    if (GONE.includes(response.status)) return {};
    throw new TagsUnavailable(`${source.name} answered ${response.status} when asked for tags.`);
  } catch (error) {
    if (error instanceof TagsUnavailable) throw error;
    throw new TagsUnavailable(`${source.name} could not be asked for tags: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Values stay texts: `007` is not 7. */
function readTags(xml: string): Tags {
  const set = child(readXml(xml), 'TagSet');
  const pairs = (set === undefined ? [] : children(set, 'Tag')).map((tag) => [childText(tag, 'Key') ?? '', childText(tag, 'Value') ?? ''] as const);
  return Object.fromEntries(pairs);
}
