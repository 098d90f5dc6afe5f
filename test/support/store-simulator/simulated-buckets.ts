import { createHash, randomUUID } from 'node:crypto';

export type Versioning = 'off' | 'Enabled' | 'Suspended';

/** One state of one object, or a delete marker. */
export interface SimulatedVersion {
  readonly key: string;
  /** `null` where versioning is off or suspended. */
  readonly versionId: string;
  readonly deleteMarker: boolean;
  readonly content: Buffer;
  readonly size: number;
  readonly eTag: string;
  readonly contentType: string;
  /** Names as the store writes them: `X-Amz-Meta-Author`. */
  readonly userMetadata: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch; no two are the same. */
  readonly time: bigint;
}

export interface SimulatedBucket {
  readonly name: string;
  versioning: Versioning;
  /** What was put as the bucket's notification configuration; absent: nothing. */
  notification?: string;
  /** Newest first. */
  readonly versions: Map<string, SimulatedVersion[]>;
  /** Keys in the order of listings; made again after a key came or went. */
  sorted?: readonly string[];
}

export interface NewObject {
  readonly contentType?: string;
  readonly userMetadata?: Readonly<Record<string, string>>;
  /** Of a multipart upload, for example; the MD5 unless given. */
  readonly eTag?: string;
}

/** What a removal did: the event that it makes and the version that the event names. */
export interface Removal {
  readonly event: 'Delete' | 'DeleteMarkerCreated' | 'NoOP';
  readonly key: string;
  readonly versionId?: string;
  readonly time: bigint;
}

/** The objects of the simulated store. Knows nothing of requests and events. */
export class SimulatedBuckets {
  readonly #buckets = new Map<string, SimulatedBucket>();
  #lastTime = 0n;

  constructor(private readonly clock: () => number) {}

  create(name: string, versioning: Versioning = 'off'): SimulatedBucket {
    const bucket = this.#buckets.get(name) ?? { name, versioning, versions: new Map() };
    this.#buckets.set(name, bucket);
    return bucket;
  }

  get(name: string): SimulatedBucket | undefined {
    return this.#buckets.get(name);
  }

  all(): SimulatedBucket[] {
    return [...this.#buckets.values()];
  }

  /** With everything in it, its notification configuration too. */
  drop(name: string): void {
    this.#buckets.delete(name);
  }

  put(bucket: SimulatedBucket, key: string, content: Buffer | string, options: NewObject = {}): SimulatedVersion {
    const bytes = Buffer.from(content);
    const version: SimulatedVersion = {
      key,
      versionId: this.#newVersionId(bucket),
      deleteMarker: false,
      content: bytes,
      size: bytes.length,
      eTag: options.eTag ?? createHash('md5').update(bytes).digest('hex'),
      contentType: options.contentType ?? 'binary/octet-stream',
      userMetadata: options.userMetadata ?? {},
      time: this.nextTime(),
    };
    this.#push(bucket, version);
    return version;
  }

  remove(bucket: SimulatedBucket, key: string, versionId?: string): Removal {
    if (versionId !== undefined) return this.#removeVersion(bucket, key, versionId);
    if (bucket.versioning !== 'off') {
      const { versionId: id, time } = this.#putMarker(bucket, key);
      return { event: 'DeleteMarkerCreated', key, versionId: id, time };
    }
    const existed = bucket.versions.delete(key);
    if (existed) delete bucket.sorted;
    return { event: existed ? 'Delete' : 'NoOP', key, time: this.nextTime() };
  }

  /** The version that a reader without a version id sees; undefined for none and for a delete marker. */
  latest(bucket: SimulatedBucket, key: string): SimulatedVersion | undefined {
    const latest = bucket.versions.get(key)?.[0];
    return latest?.deleteMarker === true ? undefined : latest;
  }

  keys(bucket: SimulatedBucket): readonly string[] {
    bucket.sorted ??= [...bucket.versions.keys()].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
    return bucket.sorted;
  }

  nextTime(): bigint {
    const now = BigInt(this.clock()) * 1_000_000n;
    this.#lastTime = now > this.#lastTime ? now : this.#lastTime + 1_001n;
    return this.#lastTime;
  }

  #putMarker(bucket: SimulatedBucket, key: string): SimulatedVersion {
    const nothing = { content: Buffer.alloc(0), size: 0, eTag: '', contentType: '', userMetadata: {} };
    const marker = { key, versionId: this.#newVersionId(bucket), deleteMarker: true, ...nothing, time: this.nextTime() };
    this.#push(bucket, marker);
    return marker;
  }

  /** MinIO calls the removal of a delete marker by the name of its creation. */
  #removeVersion(bucket: SimulatedBucket, key: string, versionId: string): Removal {
    const versions = bucket.versions.get(key) ?? [];
    const at = versions.findIndex((version) => version.versionId === versionId);
    const time = this.nextTime();
    if (at < 0) return { event: 'NoOP', key, versionId, time };
    const [removed] = versions.splice(at, 1);
    if (versions.length === 0) {
      bucket.versions.delete(key);
      delete bucket.sorted;
    }
    return { event: removed!.deleteMarker ? 'DeleteMarkerCreated' : 'Delete', key, versionId, time };
  }

  #push(bucket: SimulatedBucket, version: SimulatedVersion): void {
    const before = bucket.versions.get(version.key);
    if (before === undefined) delete bucket.sorted;
    const kept = (before ?? []).filter(({ versionId }) => versionId !== version.versionId);
    bucket.versions.set(version.key, [version, ...kept]);
  }

  #newVersionId(bucket: SimulatedBucket): string {
    return bucket.versioning === 'Enabled' ? randomUUID() : 'null';
  }
}
