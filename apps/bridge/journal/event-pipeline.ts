import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BucketEvent } from '#event-rule/bucket-event.js';
import type { EventRule } from '#event-rule/event-rule.js';
import { readIntakeBody, type IntakeBody } from '#event-rule/intake-body.js';
import type { RuleSet } from '#event-rule/rule-set.js';
import type { Logger } from '#runtime/log.js';
import type { BridgeMetrics } from '../bridge-metrics.js';
import type { HandOver } from '../rules/hand-over.js';
import type { CopyPairs } from './copy-pairs.js';
import type { Inventory } from '../inventory/inventory.js';
import type { InventoryChange } from '../inventory/inventory-entry.js';
import type { Journal, JournalEntry, ParkedEvent, StateNote } from './journal.js';
import type { Body } from './journal-entry.js';
import type { ObjectTags } from '../rules/object-tags.js';
import { OrderedTasks } from './ordered-tasks.js';
import type { SourceActivity } from '../sources/source-activity.js';
import type { SourceOwners } from '../sources/source-owners.js';
import type { StateMarks } from './state-marks.js';
import { TagsUnavailable } from '../rules/store-tags.js';

/**
 * Bodies, and bytes of them, that this process holds at a time; the rest stays in the journal. All of them are worked on at the same time:
 * what waits for Redis together goes to Redis together, and shares one sync of its file.
 */
const MOST_HELD = 2_000;
const MOST_HELD_BYTES = 64 * 1_048_576;
/** Milliseconds before a step is repeated that failed because Redis was away: doubled from the first to the second. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 5_000;
/** A body whose processing fails so often by a defect of ours is put aside as unreadable, so that it holds up nothing. */
const MOST_DEFECTS = 8;

export interface PipelineParts {
  readonly journal: Pick<Journal, 'settle' | 'takeUntaken' | 'partitionFor' | 'isMarkerRemoval'>;
  readonly rules: { current(): Promise<RuleSet> };
  readonly handOver: Pick<HandOver, 'deliver' | 'refuse'>;
  readonly states: Pick<StateMarks, 'judge' | 'note' | 'partitionOf'>;
  readonly inventory: Pick<Inventory, 'judge' | 'note'>;
  /** Stores a body that came the fast way and could not be handed over at once. */
  readonly store: (body: Body) => Promise<unknown>;
  readonly tags: Pick<ObjectTags, 'complete'>;
  readonly onParked: (partition: number, rule: string) => void;
  /** Whose rules see the events of a source. */
  readonly owners: Pick<SourceOwners, 'refresh' | 'accountOf'>;
  /** Watches whether both copies of an event come, where there are two. */
  readonly copies: Pick<CopyPairs, 'note'>;
  readonly activity: Pick<SourceActivity, 'told' | 'node' | 'canary' | 'unreadable'>;
  readonly metrics: BridgeMetrics;
  readonly logger: Logger;
}

interface Matches {
  readonly matching: readonly EventRule[];
  readonly undecided: readonly EventRule[];
  /** The event with the tags that were read for it. */
  readonly complete: BucketEvent;
}

interface Verdict {
  readonly parked: readonly ParkedEvent[];
  readonly problems: readonly string[];
  /** What the body told of states of objects. */
  readonly told: readonly Judged[];
}

/** An event and what was known of it before. */
interface Judged {
  /** With what an inventory adds. */
  readonly event: BucketEvent;
  readonly told: boolean;
  readonly notes: readonly StateNote[];
  readonly changes: readonly InventoryChange[];
}

const DEFECT: Verdict = { parked: [], problems: ['a defect of Magpie: see its log'], told: [] };

/**
 * From a body to messages: read, match, hand over, settle. Bodies of the same object are worked on one after the other, others at the
 * same time. What cannot be handed over now is parked with the settling; when that fails too (Redis is away), the whole is
 * repeated until it succeeds: every step is idempotent.
 */
export class EventPipeline {
  readonly #tasks = new OrderedTasks(MOST_HELD);
  readonly #held = new Map<string, number>();
  #heldBytes = 0;
  #fast = 0;
  readonly #stopping = new AbortController();

  constructor(private readonly parts: PipelineParts) {}

  /** How many more bodies can be taken now. */
  room(): number {
    if (this.#stopping.signal.aborted || this.#heldBytes >= MOST_HELD_BYTES) return 0;
    return Math.max(0, MOST_HELD - this.#held.size - this.#fast);
  }

  /** Works on entries of the journal; one that is held already is ignored. */
  take(entries: readonly JournalEntry[]): void {
    for (const entry of entries) {
      const name = `${entry.partition}/${entry.id}`;
      if (this.#held.has(name)) continue;
      this.#held.set(name, entry.bytes.length);
      this.#heldBytes += entry.bytes.length;
      const body = readBody(entry);
      this.#tasks.add(orderOf(entry.source, body), async () => {
        await this.#finish(entry, body);
        this.#held.delete(name);
        this.#heldBytes -= entry.bytes.length;
        if (this.room() > MOST_HELD / 2) this.parts.journal.takeUntaken().catch(() => undefined);
      });
    }
  }

  /** Works on a body that is not stored; resolves when that is done. The intake bounds how many there are; entries of the journal wait for them. */
  takeFast(body: Body): Promise<void> {
    this.#fast += 1;
    this.#heldBytes += body.bytes.length;
    const read = readBody(body);
    return new Promise((resolve) => {
      this.#tasks.add(orderOf(body.source, read), async () => {
        await this.#finishFast(body, read);
        this.#fast -= 1;
        this.#heldBytes -= body.bytes.length;
        resolve();
      });
    });
  }

  /** Waits until everything held is done, for so many milliseconds; what is left then stays in the journal. */
  async stop(millis: number): Promise<void> {
    const deadline = new AbortController();
    await Promise.race([this.#tasks.idle(), sleep(millis, undefined, { signal: deadline.signal }).catch(() => undefined)]);
    deadline.abort();
    this.#stopping.abort();
  }

  get held(): number {
    return this.#held.size + this.#fast;
  }

  async #finish(entry: JournalEntry, body: IntakeBody): Promise<void> {
    const { journal, logger, onParked } = this.parts;
    let pause = FIRST_PAUSE;
    for (let defects = 0; !this.#stopping.signal.aborted; ) {
      try {
        const { parked, problems, told } = defects < MOST_DEFECTS ? await this.#work(entry, body) : DEFECT;
        const [here] = await Promise.all([this.#noteElsewhere(told, entry.partition), this.parts.copies.note(body.events, 'durable')]);
        await journal.settle({ entry, parked, ...here, ...(problems.length > 0 && { unreadable: { ...entry, problems } }) });
        if (problems.length > 0) this.#countUnreadable(entry.source);
        for (const rule of new Set(parked.map((event) => event.rule))) onParked(entry.partition, rule);
        return;
      } catch (error) {
        if (isDefect(error)) {
          defects += 1;
          logger.error({ err: error, source: entry.source, entry: entry.id }, 'an event could not be processed');
        }
        await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
    }
  }

  /** The durable copy usually follows; whoever has set up the fast way alone still loses nothing while this process lives. */
  async #finishFast(body: Body, read: IntakeBody): Promise<void> {
    try {
      const { parked, problems, told } = await this.#work(body, read);
      if (parked.length === 0 && problems.length === 0) {
        await Promise.all([this.#noteElsewhere(told), this.parts.copies.note(read.events, 'fast')]);
        return;
      }
    } catch (error) {
      this.parts.logger.debug({ reason: String(error), source: body.source }, 'fast copy goes the durable way');
    }
    await this.parts.store(body).catch((error: unknown) => {
      this.parts.metrics.fastDropped.inc();
      this.parts.logger.warn({ reason: String(error), source: body.source }, 'fast copy dropped');
    });
  }

  async #work(body: Body, { events, problems, keyFallbacks }: IntakeBody): Promise<Verdict> {
    const { metrics, rules, owners } = this.parts;
    metrics.keyFallbacks.inc(keyFallbacks);
    if (events.length === 0) return { parked: [], problems, told: [] };
    // Which rules and sources there are, and what was told before, is asked at the same time.
    const judging = Promise.all(events.map((event) => this.#judge(event)));
    const [snapshot, judged] = await Promise.all([rules.current(), judging, owners.refresh()]);
    const parked: ParkedEvent[] = [];
    for (const one of judged) parked.push(...(await this.#handOver(snapshot, one)));
    metrics.latency.observe((Date.now() - body.receivedAt) / 1_000);
    return { parked, problems, told: judged.filter(({ notes, changes }) => notes.length + changes.length > 0) };
  }

  async #judge(event: BucketEvent): Promise<Judged> {
    const { states, inventory } = this.parts;
    const [state, { told, changes, formerSize }] = await Promise.all([states.judge(event), inventory.judge(event)]);
    const complete = formerSize === undefined ? event : { ...event, formerSize };
    return { event: complete, told: state.told || told, notes: state.notes, changes };
  }

  /** Notes what cannot be noted in the step that settles an entry of this partition, and returns the rest. */
  async #noteElsewhere(told: Verdict['told'], partition?: number): Promise<{ states: StateNote[]; inventory: InventoryChange[] }> {
    const { states, inventory } = this.parts;
    const [here, elsewhere] = [told.filter(({ event }) => states.partitionOf(event) === partition), told.filter(({ event }) => states.partitionOf(event) !== partition)];
    await Promise.all(elsewhere.map(({ event, notes, changes }) => Promise.all([states.note(event, notes), inventory.note(changes)])));
    return { states: here.flatMap(({ notes }) => notes), inventory: here.flatMap(({ changes }) => changes) };
  }

  async #handOver(rules: RuleSet, { event, told }: Judged): Promise<ParkedEvent[]> {
    const { owners, handOver, activity, metrics, logger } = this.parts;
    activity.node(event);
    if (event.eventName === undefined) return this.#ignore('no_oss_event');
    const account = owners.accountOf(event.source);
    // Nobody is asked for tags of what will not be told again.
    const { matching, undecided, complete } = told ? decided(rules.match(account, event), event) : await this.#match(rules, account, event);
    if (activity.canary(event, () => matching.map(({ name }) => name))) return this.#ignore('canary');
    if (matching.length === 0 && undecided.length === 0) return this.#ignore('no_rule');
    if (await this.#removesMarker(event)) return this.#ignore('delete_marker_removed');
    if (told) {
      if (event.listed === undefined) activity.told(event, true);
      return this.#ignore('told_already');
    }
    const results = await Promise.all(matching.map((rule) => handOver.deliver(account, rule, complete)));
    // What a listing shows says nothing of the way that events take.
    const repeated = undecided.length === 0 && results.every((result) => result.outcome === 'done' && result.repeated);
    if (event.listed === undefined) activity.told(event, repeated);
    const waiting = results.flatMap((result, index) => {
      const rule = matching[index]!;
      metrics.handedOver.inc({ endpoint: rule.endpoint.endpointType, outcome: result.outcome === 'done' ? 'done' : 'parked' });
      if (result.outcome === 'done') return [];
      if (result.outcome === 'message') logger.warn({ rule: rule.name, bucket: event.bucket, key: event.key, reason: result.reason }, 'event waits');
      return [{ rule: `${account}/${rule.name}`, event: complete }];
    });
    return [...waiting, ...undecided.map((rule) => ({ rule: `${account}/${rule.name}`, event: { ...event, tagsUnread: true as const } }))];
  }

  /** The rules that match; where the store does not tell the tags that some of them ask for, these are decided later. */
  async #match(rules: RuleSet, account: string, event: BucketEvent): Promise<Matches> {
    const asking = rules.askingTags(account, event);
    if (asking.length === 0) return decided(rules.match(account, event), event);
    try {
      const complete = await this.parts.tags.complete(event);
      return decided(rules.match(account, complete), complete);
    } catch (error) {
      if (!(error instanceof TagsUnavailable)) throw error;
      for (const { name } of asking) this.parts.handOver.refuse(account, name, error.message);
      return { matching: rules.match(account, event).filter((rule) => !asking.includes(rule)), undecided: asking, complete: event };
    }
  }

  #countUnreadable(source: string): void {
    this.parts.metrics.unreadable.inc({ source });
    this.parts.activity.unreadable(source);
  }

  #ignore(reason: string): [] {
    this.parts.metrics.ignored.inc({ reason });
    return [];
  }

  /**
   * MinIO calls the removal of a delete marker, which brings the object back, by the same name as its creation. The two have the
   * version in common and differ in the request. OSS has no event for the removal.
   */
  async #removesMarker(event: BucketEvent): Promise<boolean> {
    const { source, dialect, bucket, key, versionId, requestId, hostId } = event;
    if (dialect !== 'minio' || event.s3EventName !== 'ObjectRemoved:DeleteMarkerCreated') return false;
    if (versionId === undefined || versionId === 'null' || requestId === '') return false;
    const marker = digest([source, bucket, key, versionId]).subarray(0, 16);
    const request = digest([requestId, hostId]).subarray(0, 8);
    const partition = this.parts.journal.partitionFor(`${source}/${bucket}/${key}`);
    return this.parts.journal.isMarkerRemoval(partition, marker, request, Date.now());
  }
}

function decided(matching: readonly EventRule[], complete: BucketEvent): Matches {
  return { matching, undecided: [], complete };
}

/** What no repetition will mend; everything else comes from Redis, which will be back. */
function isDefect(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError || error instanceof SyntaxError;
}

export function readBody(body: Body): IntakeBody {
  if (body.listed) return { events: [JSON.parse(body.bytes.toString()) as BucketEvent], problems: [], keyFallbacks: 0 };
  return readIntakeBody(body.bytes, { source: body.source, receivedAt: body.receivedAt });
}

/** What bodies have in common that must stay in order: the object they are about. */
export function orderOf(source: string, { events }: IntakeBody): string {
  const first = events[0];
  return first === undefined ? source : `${source}/${first.bucket}/${first.key}`;
}

/** Where an envelope of MinIO has `Key`: behind the name of the event. */
const ENVELOPE_KEY = Buffer.from('"Key":"');
const ENVELOPE_START = 128;

/**
 * The same, without reading the body where that can be helped: MinIO's envelope begins with bucket and key. Whoever gets it wrong has chosen
 * another part of the journal, which costs a call more where states are noted.
 */
export function journalOrderOf(body: Body): string {
  const { bytes, source } = body;
  const start = bytes.subarray(0, ENVELOPE_START).indexOf(ENVELOPE_KEY) + ENVELOPE_KEY.length;
  const end = start < ENVELOPE_KEY.length ? -1 : bytes.indexOf('"', start);
  const path = end === -1 ? '\\' : bytes.toString('utf8', start, end);
  return path.includes('\\') ? orderOf(source, readBody(body)) : `${source}/${path}`;
}

function digest(parts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}
