import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CopyDestinationOptions, CopySourceOptions, type Client } from 'minio';
import type { EventSource } from '#event-source/event-source.js';
import { BucketListing } from '../../apps/bridge/reconcile/bucket-listing.js';
import { StoreReader } from '../../apps/bridge/reconcile/store-reader.js';
import type { Change } from './object-ledger.js';

/** Endings that have broken some consumer of events; a key has one of them behind its number. */
const NASTY = [
  '', ' b', '+b', '%20b', '%2Fb', '100%', '中文/日本 語', '😀.png', 'e\u0301', '\u00e9', '*?[]', `"quoted" 'single'`, '<&>', ' trailing ', '/folder/', '語'.repeat(80),
  '__proto__', '~;=&#?', '\u0001\t\n',
];
/** Keys that are written again and again, in each bucket. */
const HOT_KEYS = 20;
const WRITERS = 12;
/** Milliseconds that an operation may take before its outcome counts as unknown. */
const PATIENCE = 90_000;
/** The same for the listing of a bucket. */
const LISTING_LIMIT = 60_000;

/**
 * Writers under load: puts of new and of known keys, copies, uploads in parts and deletes, in a plain and in a versioned bucket. Each
 * operation is tried once: what fails has an unknown outcome, and nothing is claimed of it.
 */
export class ObjectWriters {
  readonly acknowledged: Change[] = [];
  unknown = 0;
  #ordinal = 0;
  /** Objects that stay as they are until somebody copies or deletes them. */
  readonly #present: { bucket: string; key: string; eTag: string }[] = [];
  readonly #busy = new Set<string>();

  constructor(
    private readonly client: Client,
    private readonly buckets: readonly string[],
  ) {}

  /** Writes until `end` (of `performance.now`), `rate` operations a second at the most. */
  async run(end: number, rate: number): Promise<void> {
    const start = performance.now();
    let begun = 0;
    await Promise.all(
      Array.from({ length: WRITERS }, async () => {
        while (performance.now() < end) {
          if (begun >= ((performance.now() - start) / 1_000) * rate) {
            await sleep(5);
            continue;
          }
          begun += 1;
          await this.#once();
        }
      }),
    );
  }

  /** Many puts at the same moment: a store that is killed now has stored some that it never answers. */
  async burst(puts: number): Promise<void> {
    await Promise.all(Array.from({ length: puts }, () => this.#once(1)));
  }

  async #once(dice = Math.random()): Promise<void> {
    const ordinal = this.#ordinal++;
    const bucket = this.buckets[ordinal % this.buckets.length]!;
    try {
      await Promise.race([this.#operation(ordinal, bucket, dice), sleep(PATIENCE, undefined, { ref: false }).then(() => Promise.reject(new Error('late')))]);
    } catch {
      this.unknown += 1;
      await sleep(100);
    }
  }

  async #operation(ordinal: number, bucket: string, dice: number): Promise<void> {
    if (dice < 0.2) return this.#putHot(ordinal, bucket);
    if (dice < 0.3) return this.#copy(ordinal, bucket);
    if (dice < 0.35) return this.#multipart(ordinal, bucket);
    if (dice < 0.5 && this.#present.length > 50) return this.#remove(ordinal);
    return this.#put(ordinal, bucket, this.#newKey(ordinal));
  }

  /** One writer at a time for each: two writes at once have no order that could be told. */
  async #putHot(ordinal: number, bucket: string): Promise<void> {
    const key = `hot ${ordinal % HOT_KEYS}`;
    const object = `${bucket}/${key}`;
    if (this.#busy.has(object)) return this.#put(ordinal, bucket, this.#newKey(ordinal));
    this.#busy.add(object);
    try {
      const eTag = await this.#store(bucket, key, `content ${ordinal}`);
      this.#acknowledge({ bucket, key, kind: 'create', eTag, ordinal });
    } finally {
      this.#busy.delete(object);
    }
  }

  async #put(ordinal: number, bucket: string, key: string): Promise<void> {
    // A folder has no content.
    const eTag = await this.#store(bucket, key, key.endsWith('/') ? '' : `content ${ordinal}`);
    this.#acknowledge({ bucket, key, kind: 'create', eTag, ordinal });
    this.#present.push({ bucket, key, eTag });
  }

  async #store(bucket: string, key: string, content: string): Promise<string> {
    await this.client.putObject(bucket, key, Buffer.from(content));
    return createHash('md5').update(content).digest('hex').toUpperCase();
  }

  async #copy(ordinal: number, bucket: string): Promise<void> {
    const source = this.#present.findLast(({ key }) => !key.endsWith('/'));
    if (source === undefined) return this.#put(ordinal, bucket, this.#newKey(ordinal));
    const key = `copy ${ordinal}`;
    await this.client.copyObject(new CopySourceOptions({ Bucket: source.bucket, Object: source.key }), new CopyDestinationOptions({ Bucket: bucket, Object: key }));
    this.#acknowledge({ bucket, key, kind: 'create', eTag: source.eTag, ordinal });
  }

  async #multipart(ordinal: number, bucket: string): Promise<void> {
    const key = `parts ${ordinal}`;
    const uploadId = await this.client.initiateNewMultipartUpload(bucket, key, {});
    const content = Buffer.from(`content ${ordinal}`);
    const headers = { 'Content-Length': content.length };
    const { etag, part } = await this.client.uploadPart({ bucketName: bucket, objectName: key, uploadID: uploadId, partNumber: 1, headers }, content);
    const done = await this.client.completeMultipartUpload(bucket, key, uploadId, [{ part, etag }]);
    this.#acknowledge({ bucket, key, kind: 'create', eTag: done.etag.replaceAll('"', '').toUpperCase(), ordinal });
  }

  /** In the versioned bucket this makes a delete marker. Nobody else knows the object any more, so it is deleted once. */
  async #remove(ordinal: number): Promise<void> {
    const [object] = this.#present.splice(Math.floor(Math.random() * this.#present.length), 1);
    await this.client.removeObject(object!.bucket, object!.key);
    this.#acknowledge({ bucket: object!.bucket, key: object!.key, kind: 'delete', eTag: '', ordinal });
  }

  #newKey(ordinal: number): string {
    return `${ordinal}${NASTY[ordinal % NASTY.length]}`;
  }

  #acknowledge(change: Change): void {
    this.acknowledged.push(change);
  }
}

/** What a bucket holds in the end, as changes that must have been told; what was never acknowledged is among it. */
export async function presentObjects(source: EventSource, bucket: string): Promise<Change[]> {
  const reader = StoreReader.for(source);
  const listing = await BucketListing.open(reader, bucket, '', AbortSignal.timeout(LISTING_LIMIT));
  const changes: Change[] = [];
  for (let page = await listing.page(); ; page = await listing.page(page.next)) {
    for (const { key, kind, eTag } of page.entries) {
      const deleted = kind === 'marker';
      changes.push({ bucket, key, kind: deleted ? 'delete' : 'create', eTag: deleted ? '' : eTag.toUpperCase() });
    }
    if (page.next === undefined) break;
  }
  reader.close();
  return changes;
}
