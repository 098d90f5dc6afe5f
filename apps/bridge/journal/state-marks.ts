import type { BucketEvent, StateRef } from '#event-rule/bucket-event.js';
import { eventId } from '#event-rule/event-id.js';
import { stateRefsOf } from '#event-rule/state-id.js';
import type { Journal, StateNote } from './journal.js';

/** What the marks of an event's state say. */
export interface StateJudgement {
  /** It was told already, because of a listing or, when the event comes from a listing, by any event. */
  readonly told: boolean;
  /** To be noted once the event is handed over, or left out. */
  readonly notes: readonly StateNote[];
}

const NOTHING: StateJudgement = { told: false, notes: [] };

/**
 * Ties events to what a listing of their bucket shows, by one mark per state of an object: an event that comes after the listing told
 * its state adds nothing, and what an event told is not told again because of a listing. Marks live for days; without
 * one, the same may be told twice, but nothing is left out.
 */
export class StateMarks {
  /** @param isReconciled whether the buckets of a source are ever listed; other sources need no marks */
  constructor(
    private readonly journal: Pick<Journal, 'readStates' | 'noteStates' | 'partitionFor'>,
    private readonly isReconciled: (source: string) => boolean,
  ) {}

  /** @throws RedisUnavailable */
  async judge(event: BucketEvent): Promise<StateJudgement> {
    if (event.listed === undefined && !this.isReconciled(event.source)) return NOTHING;
    const refs = stateRefsOf(event);
    if (refs === undefined) return NOTHING;
    const marks = await this.journal.readStates(this.partitionOf(event), refs);
    const mark = marks.find(({ length }) => length > 0);
    if (event.listed !== undefined) return { told: mark !== undefined, notes: mark === undefined ? notesOf(refs, 'r') : [] };
    return judgeEvent(event, refs, mark);
  }

  /** Whether anybody told any of the states' ids; in their order. @throws RedisUnavailable */
  async areTold(source: string, bucket: string, states: readonly { readonly key: string; readonly refs: readonly StateRef[] }[]): Promise<boolean[]> {
    // One question per partition: a page has a thousand states, and a bucket may have very many pages.
    const asked = new Map<number, { readonly refs: StateRef[]; readonly owners: number[] }>();
    for (const [index, { key, refs }] of states.entries()) {
      const partition = this.partitionOf({ source, bucket, key });
      const group = asked.get(partition) ?? { refs: [], owners: [] };
      asked.set(partition, group);
      for (const ref of refs) {
        group.refs.push(ref);
        group.owners.push(index);
      }
    }
    const told = states.map(() => false);
    await Promise.all(
      [...asked].map(async ([partition, { refs, owners }]) => {
        const marks = await this.journal.readStates(partition, refs);
        for (const [at, { length }] of marks.entries()) if (length > 0) told[owners[at]!] = true;
      }),
    );
    return told;
  }

  /** Notes what is told where no journal entry is settled with it. @throws RedisUnavailable */
  async note(event: BucketEvent, notes: readonly StateNote[]): Promise<void> {
    await this.journal.noteStates(this.partitionOf(event), notes);
  }

  /** The journal's partition that has the marks of an object. */
  partitionOf({ source, bucket, key }: Pick<BucketEvent, 'source' | 'bucket' | 'key'>): number {
    return this.journal.partitionFor(`${source}/${bucket}/${key}`);
  }
}

/** The first event that comes after a listing told its state is the one that was missing; another one is another change. */
function judgeEvent(event: BucketEvent, refs: readonly StateRef[], mark: Buffer | undefined): StateJudgement {
  if (mark === undefined) return { told: false, notes: notesOf(refs, 'e') };
  if (mark[0] !== LISTED) return NOTHING;
  const own = Buffer.concat([Buffer.from('r'), eventId(event).subarray(0, 8)]);
  if (mark.length === 1) return { told: true, notes: notesOf(refs, own) };
  return { told: mark.equals(own), notes: [] };
}

const LISTED = 'r'.charCodeAt(0);

function notesOf(refs: readonly StateRef[], mark: string | Buffer): StateNote[] {
  return refs.map((ref) => ({ ...ref, mark }));
}
