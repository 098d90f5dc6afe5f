import { ReplyCode } from '#queue/reply-code.js';
import { LuaScript } from '#redis/lua-script.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { Subscription } from './subscription.js';
import { SubscriptionNotExist } from './topic-errors.js';
import type { TopicStore } from './topic-store.js';

const LIST = new LuaScript(new URL('./commands/listKept-1.lua', import.meta.url));

/** Entries of a page at the most: Redis looks into the body of each, for its tag. */
export const KEPT_PAGE = 100;

const ID_BYTES = 16;
const MARKER_BYTES = 6 + ID_BYTES;

/** Deliveries that are over and can be made again: given up, or delivered where the subscription keeps them. */
export type KeptOutcome = 'failed' | 'delivered';

export interface KeptDelivery {
  /** 32 upper-case hexadecimal digits. */
  readonly messageId: string;
  readonly messageTag?: string;
  /** When it was given up or delivered; milliseconds since the epoch. */
  readonly time: number;
  readonly publishTime: number;
  /** Those that were recorded; of what was replayed, since the replay. */
  readonly attempts: number;
  /** Of the last attempt, or `retention`; absent when it was delivered, or nothing is known. */
  readonly reason?: string;
  /** Of the message as it is stored. */
  readonly bytes: number;
}

export interface KeptPage {
  /** The latest first. */
  readonly deliveries: readonly KeptDelivery[];
  /** Absent on the last page. */
  readonly nextMarker?: string;
}

export interface KeptPageRequest {
  /** Of `time`, milliseconds since the epoch, both included; all when absent. */
  readonly since?: number;
  readonly until?: number;
  /** 1 to 100. */
  readonly limit: number;
  readonly marker?: string;
}

type Row = [id: Buffer, time: Buffer, published: Buffer, attempts: number, reason: Buffer, bytes: number, tag: Buffer];

/** Shows what a subscription keeps. */
export class KeptDeliveryList {
  constructor(private readonly topics: TopicStore) {}

  /** @throws SubscriptionNotExist when it is gone meanwhile · InvalidArgument for a marker that is none · RedisUnavailable */
  async read({ name, pendingQueue }: Subscription, outcome: KeptOutcome, request: KeptPageRequest): Promise<KeptPage> {
    const { since = 0, until = Number.MAX_SAFE_INTEGER, limit, marker } = request;
    const after = marker === undefined ? [] : readMarker(marker);
    // One more than is asked for tells whether there is another page.
    const args = [pendingQueue.id, outcome, since, until, limit + 1, ...after];
    const [code, ...rows] = (await this.topics.run(LIST, pendingQueue.partition, args)) as [number, ...Row[]];
    if (code === ReplyCode.GONE) throw new SubscriptionNotExist(name);
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return { deliveries: rows.slice(0, limit).map(readRow), ...(last !== undefined && { nextMarker: writeMarker(last) }) };
  }
}

function readRow([id, time, published, attempts, reason, bytes, tag]: Row): KeptDelivery {
  return {
    messageId: id.toString('hex').toUpperCase(),
    ...(tag.length > 0 && { messageTag: tag.toString() }),
    time: Number(time),
    publishTime: Number(published),
    attempts,
    ...(reason.length > 0 && { reason: reason.toString() }),
    bytes,
  };
}

function writeMarker([id, time]: Row): string {
  const marker = Buffer.alloc(MARKER_BYTES);
  marker.writeUIntBE(Number(time), 0, 6);
  id.copy(marker, 6);
  return marker.toString('base64url');
}

/** @throws InvalidArgument */
function readMarker(text: string): [time: number, id: Buffer] {
  const marker = Buffer.from(text, 'base64url');
  if (marker.length !== MARKER_BYTES) throw new InvalidArgument('marker', 'marker is the nextMarker of the page before.');
  return [marker.readUIntBE(0, 6), marker.subarray(6)];
}
