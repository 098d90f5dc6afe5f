import type { ListingCursor } from '#event-source/open-gap.js';
import { readListing, UnreadableListing, type ListedEntry, type ListingDocument } from './listing-xml.js';
import { StoreRefused, StoreUnreachable, type StoreAnswer, type StoreReader } from './store-reader.js';

/** Entries of a page; stores give no more. */
const PAGE = 1_000;

export interface ListingPage {
  readonly entries: readonly ListedEntry[];
  /** Where the next page begins; absent behind the last entry. */
  readonly next?: PageStart;
  /** Milliseconds by which the store's clock is ahead of ours, give or take a second. */
  readonly clockSkew: number;
  /** Whether the times of entries are, to the millisecond, those in the sequencers of the store's events. */
  readonly byTime: boolean;
}

/** A token of the store is quicker, since it goes on with a listing that the store has begun; a cursor lasts. */
export interface PageStart {
  readonly cursor: ListingCursor;
  readonly token?: string;
}

/** What only a HEAD request shows. */
export interface ObjectMetadata {
  readonly contentType?: string;
  /** `x-amz-meta-…` */
  readonly userMetadata: Readonly<Record<string, string>>;
}

/** Lists one bucket from a cursor on, in the order of its keys, newest version first. All methods throw StoreRefused and StoreUnreachable. */
export class BucketListing {
  private constructor(
    private readonly reader: Pick<StoreReader, 'get' | 'head'>,
    private readonly bucket: string,
    private readonly prefix: string,
    /** Whether versions and delete markers are listed: versioning is, or was, enabled. */
    readonly versions: boolean,
    private readonly signal: AbortSignal,
  ) {}

  static async open(reader: Pick<StoreReader, 'get' | 'head'>, bucket: string, prefix: string, signal: AbortSignal): Promise<BucketListing> {
    return new BucketListing(reader, bucket, prefix, await isVersioned(reader, bucket, signal), signal);
  }

  /** @param start absent: the first page */
  async page(start?: PageStart): Promise<ListingPage> {
    const answer = await this.reader.get(`/${this.bucket}/`, this.versions ? this.#versionsQuery(start) : this.#objectsQuery(start), this.signal);
    const document = parse(answer);
    const next = document.isTruncated ? nextStart(document) : undefined;
    if (next !== undefined && next.cursor.key === start?.cursor.key && next.cursor.version === start.cursor.version && next.token === start.token) {
      throw new StoreUnreachable('the listing does not go on');
    }
    return {
      entries: document.entries,
      ...(next && { next }),
      clockSkew: skewOf(answer),
      byTime: /^MinIO\b/i.test(String(answer.headers.server)),
    };
  }

  /** Undefined when the object is gone, is another by now, or does not show its metadata. */
  async metadata({ key, versionId, eTag }: ListedEntry): Promise<ObjectMetadata | undefined> {
    const query: [string, string][] = versionId === undefined ? [] : [['versionId', versionId]];
    try {
      const { headers } = await this.reader.head(`/${this.bucket}/${key}`, query, this.signal);
      return headers.etag?.replaceAll('"', '') === eTag ? readMetadata(headers) : undefined;
    } catch (error) {
      if (error instanceof StoreRefused) return undefined;
      throw error;
    }
  }

  /** Whether the store says that there is no such object now; a store that does not tell says nothing. */
  async isGone(key: string): Promise<boolean> {
    try {
      await this.reader.head(`/${this.bucket}/${key}`, [], this.signal);
      return false;
    } catch (error) {
      if (error instanceof StoreRefused) return error.isMissing;
      throw error;
    }
  }

  #objectsQuery(start: PageStart | undefined): [string, string][] {
    const from: [string, string][] = start === undefined ? [] : start.token === undefined ? [['start-after', start.cursor.key]] : [['continuation-token', start.token]];
    return [['list-type', '2'], ['fetch-owner', 'false'], ...this.#common(), ...from];
  }

  #versionsQuery(start: PageStart | undefined): [string, string][] {
    const { key, version } = start?.cursor ?? {};
    return [
      ['versions', ''],
      ...this.#common(),
      ...(key === undefined ? [] : [['key-marker', key] as [string, string]]),
      ...(version === undefined ? [] : [['version-id-marker', version] as [string, string]]),
    ];
  }

  #common(): [string, string][] {
    return [['encoding-type', 'url'], ['max-keys', String(PAGE)], ['prefix', this.prefix]];
  }
}

async function isVersioned(reader: Pick<StoreReader, 'get'>, bucket: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { body } = await reader.get(`/${bucket}/`, [['versioning', '']], signal);
    return /<Status>\s*(Enabled|Suspended)\s*<\/Status>/i.test(body.toString());
  } catch (error) {
    // Some stores know no versions at all.
    if (error instanceof StoreRefused && (error.status === 400 || error.status === 405)) return false;
    if (error instanceof StoreUnreachable && /^status 501/.test(error.message)) return false;
    throw error;
  }
}

function parse(answer: StoreAnswer): ListingDocument {
  try {
    return readListing(answer.body.toString());
  } catch (error) {
    // A proxy's page, for example: it may be gone the next time.
    if (error instanceof UnreadableListing) throw new StoreUnreachable(error.message);
    throw error;
  }
}

function nextStart({ entries, continuationToken, nextKey, nextVersion }: ListingDocument): PageStart {
  const last = entries.at(-1);
  const key = nextKey ?? last?.key;
  if (key === undefined) throw new StoreUnreachable('the listing does not go on');
  const version = nextVersion ?? (nextKey === undefined ? last?.versionId : undefined);
  return { cursor: { key, ...(version !== undefined && { version }) }, ...(continuationToken !== undefined && { token: continuationToken }) };
}

function skewOf({ headers }: StoreAnswer): number {
  const time = Date.parse(headers.date ?? '');
  return Number.isNaN(time) ? 0 : time - Date.now();
}

function readMetadata(headers: StoreAnswer['headers']): ObjectMetadata {
  const userMetadata: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(headers)) {
    // The bytes of a header are read as Latin-1; stores write what they were given, UTF-8 as a rule.
    if (name.startsWith('x-amz-meta-') && typeof value === 'string') userMetadata[name] = Buffer.from(value, 'latin1').toString();
  }
  const contentType = headers['content-type'];
  return { ...(contentType !== undefined && contentType !== '' && { contentType }), userMetadata: { ...userMetadata } };
}
