import { setTimeout as sleep } from 'node:timers/promises';
import { countForeign, entryPrefix, hasEntries, ownEntries, withEntries, type NotificationEntry } from './bucket-notification.js';
import type { EventSource } from './event-source.js';
import type { StoreAnswer, StoreClient, StoreRequest } from './store-client.js';
import { BucketNotExist, NotAnObjectStore, StoreRefused } from './store-errors.js';
import { escapeXml } from './xml-text.js';

export interface ProvisionOptions {
  /** Names of S3 with `s3:`. */
  readonly events: readonly string[];
  readonly createBuckets: boolean;
  /** Milliseconds for which a store that has just started is asked again: it answers before it knows its targets. 5 s when absent. */
  readonly patience?: number;
}

export interface ProvisionedTarget {
  readonly way: 'durable' | 'fast';
  readonly id: string;
  readonly arn: string;
  /** Whether the store knows it; absent when no bucket was there to find out with. */
  readonly known?: boolean;
}

export interface ProvisionedBucket {
  readonly name: string;
  /** `incomplete`: the store does not know all targets. */
  readonly state: 'ready' | 'incomplete';
  readonly created: boolean;
  /** Whether its rules were other ones before. */
  readonly changed: boolean;
  /** Ids of the targets that its events go to. */
  readonly targets: readonly string[];
  readonly events: readonly string[];
  /** Entries of others, which were left as they are. */
  readonly foreignEntries: number;
}

export interface Provisioned {
  /** As the store calls itself. */
  readonly server: string;
  readonly targets: readonly ProvisionedTarget[];
  readonly buckets: readonly ProvisionedBucket[];
}

const PATIENCE = 5_000;
const PAUSE = 500;

/** The webhook targets of a source by way; `listen` has none. */
export function targetsOf({ ways, durableTarget, fastTarget }: EventSource, server: string): ProvisionedTarget[] {
  const partition = /rustfs/i.test(server) ? 'rustfs' : 'minio';
  const ids = { durable: durableTarget, fast: fastTarget };
  return (['durable', 'fast'] as const)
    .filter((way) => ways.includes(way))
    .map((way) => ({ way, id: ids[way], arn: `arn:${partition}:sqs::${ids[way]}:webhook` }));
}

/** Sets up what can be set up from outside: the buckets and their notification rules. It can be repeated at any time. */
export class Provisioning {
  /** Ids of targets that the store turned out to know, or not to know. */
  readonly #known = new Map<string, boolean>();

  constructor(
    private readonly source: EventSource,
    private readonly store: Pick<StoreClient, 'request' | 'server'>,
    private readonly options: ProvisionOptions,
  ) {}

  /** @throws StoreError */
  async run(): Promise<Provisioned> {
    await this.#look();
    const { server } = this.store;
    const targets = targetsOf(this.source, server);
    const buckets: ProvisionedBucket[] = [];
    for (const bucket of this.source.buckets) buckets.push(await this.#provision(bucket, targets));
    return { server, targets: targets.map((target) => this.#withKnown(target)), buckets };
  }

  #withKnown(target: ProvisionedTarget): ProvisionedTarget {
    const known = this.#known.get(target.id);
    return { ...target, ...(known !== undefined && { known }) };
  }

  /** Whether it is a store, and one that takes the credentials. */
  async #look(): Promise<void> {
    const [first] = this.source.buckets;
    // An access key need not be allowed to list all buckets; one of its own is enough.
    const request: StoreRequest = first === undefined ? { method: 'GET', action: 's3:ListAllMyBuckets' } : locationOf(first);
    let answer: StoreAnswer;
    try {
      answer = await this.#request(request);
    } catch (error) {
      if (error instanceof BucketNotExist) return;
      throw error;
    }
    if (!/<(LocationConstraint|ListAllMyBucketsResult)\b/.test(answer.text)) throw new NotAnObjectStore(this.source.endpoint ?? '', answer.status);
  }

  async #provision(name: string, targets: readonly ProvisionedTarget[]): Promise<ProvisionedBucket> {
    const created = await this.#ensureBucket(name);
    const before = await this.#read(name);
    const events = this.options.events;
    let usable = targets.filter(({ id }) => this.#known.get(id) !== false);
    let changed = false;
    if (!hasEntries(before, this.source.name, this.#entries(usable))) {
      usable = await this.#put(name, before, usable);
      const after = await this.#read(name);
      changed = after !== before;
      if (!hasEntries(after, this.source.name, usable.length === 0 ? ownEntries(before, this.source.name) : this.#entries(usable))) {
        throw new StoreRefused(200, 'NotKept', `the bucket ${name} does not show the notification rules that were just set`);
      }
    } else for (const { id } of usable) this.#known.set(id, true);
    return {
      name,
      state: usable.length === targets.length ? 'ready' : 'incomplete',
      created,
      changed,
      targets: usable.map(({ id }) => id),
      events,
      foreignEntries: countForeign(before, this.source.name),
    };
  }

  /** @returns whether it had to be made */
  async #ensureBucket(bucket: string): Promise<boolean> {
    try {
      await this.#request(locationOf(bucket));
      return false;
    } catch (error) {
      if (!(error instanceof BucketNotExist) || !this.options.createBuckets) throw error;
    }
    const { storeRegion } = this.source;
    const place = `<LocationConstraint>${escapeXml(storeRegion)}</LocationConstraint>`;
    const body = `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${place}</CreateBucketConfiguration>`;
    await this.#request({ method: 'PUT', bucket, ...(storeRegion !== 'us-east-1' && { body }), action: 's3:CreateBucket' });
    return true;
  }

  async #read(bucket: string): Promise<string> {
    return (await this.#request({ method: 'GET', bucket, query: 'notification', action: `s3:GetBucketNotification for ${bucket}` })).text;
  }

  /** @returns the targets that the store knows: a rule is refused as a whole for one that it does not */
  async #put(bucket: string, before: string, targets: readonly ProvisionedTarget[]): Promise<ProvisionedTarget[]> {
    const put = (some: readonly ProvisionedTarget[]) =>
      this.#request({
        method: 'PUT',
        bucket,
        query: 'notification',
        body: withEntries(before, this.source.name, this.#entries(some)),
        action: `s3:PutBucketNotification for ${bucket}`,
      });
    if (await isAccepted(() => put(targets), this.#patience)) {
      for (const { id } of targets) this.#known.set(id, true);
      return [...targets];
    }
    const usable: ProvisionedTarget[] = [];
    for (const target of targets) {
      const known = await isAccepted(() => put([...usable, target]), 0);
      this.#known.set(target.id, known);
      if (known) usable.push(target);
    }
    return usable;
  }

  #entries(targets: readonly ProvisionedTarget[]): NotificationEntry[] {
    return targets.map(({ id, arn }) => ({ id: `${entryPrefix(this.source.name)}${id}`, arn, events: this.options.events }));
  }

  /** A store that is starting says so; it is asked again. */
  async #request(request: StoreRequest): Promise<StoreAnswer> {
    const deadline = performance.now() + this.#patience;
    for (;;) {
      try {
        return await this.store.request(request);
      } catch (error) {
        if (!(error instanceof StoreRefused) || error.status !== 503 || performance.now() >= deadline) throw error;
        await sleep(PAUSE);
      }
    }
  }

  get #patience(): number {
    return this.options.patience ?? PATIENCE;
  }
}

function locationOf(bucket: string): StoreRequest {
  return { method: 'GET', bucket, query: 'location', action: `s3:GetBucketLocation for ${bucket}` };
}

/** Whether the store knows the targets of a rule; for some seconds after its start it does not. @throws StoreError for any other refusal */
async function isAccepted(put: () => Promise<unknown>, patience: number): Promise<boolean> {
  const deadline = performance.now() + patience;
  for (;;) {
    try {
      await put();
      return true;
    } catch (error) {
      if (!(error instanceof StoreRefused) || error.status !== 400 || !/\bARN\b/i.test(`${error.code} ${error.message}`)) throw error;
      if (performance.now() >= deadline) return false;
      await sleep(PAUSE);
    }
  }
}
