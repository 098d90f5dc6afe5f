import { createHash } from 'node:crypto';
import { decodeMessage, type StoredContent } from './message-codec.js';
import { inGroupOrder, moveMessage } from './message-mover.js';
import { FifoMissingMessageGroupId, QueueNotExist } from './queue-errors.js';
import type { QueueStore } from './queue-store.js';
import type { LeasedForMove, RedrivePortion, RedriveStore } from './redrive-store.js';

/** Messages that are moved at a time. */
const PORTION = 64;
/** Milliseconds after which the portion of a mover that died can be taken again: far longer than a portion needs. */
const LEASE = 60_000;
/** Milliseconds that one call may take, so that a huge redrive in one partition does not keep a duty from the others. */
const TIME_LIMIT = 2_000;
/** Seconds for which a move is remembered; a portion of a mover that died must be repeated within that time. */
const MARK_LIFE = 86_400;

/** Carries out redrives. Any number of processes may do so at the same time: each portion has one mover. */
export class RedriveMover {
  constructor(
    private readonly queues: QueueStore,
    private readonly redrives: RedriveStore,
  ) {}

  /** Moves what the redrives of a partition may move now. */
  async advance(partition: number): Promise<void> {
    const end = performance.now() + TIME_LIMIT;
    do {
      const portion = await this.redrives.take(partition, PORTION, LEASE);
      if (portion === 'nothing') return;
      if (portion === 'again') continue;
      await this.redrives.settle(partition, portion, await this.#move(portion));
    } while (performance.now() < end);
  }

  /** @returns why messages could not be moved */
  async #move(portion: RedrivePortion): Promise<Map<LeasedForMove, string>> {
    const problems = new Map<LeasedForMove, string>();
    await inGroupOrder(portion.messages, async (message) => {
      const problem = await this.#moveOne(portion, message);
      if (problem !== undefined) problems.set(message, problem);
    });
    return problems;
  }

  async #moveOne(portion: RedrivePortion, { member, packed }: LeasedForMove): Promise<string | undefined> {
    const target = portion.target ?? originOf(portion.account, decodeMessage(packed).content);
    if (target === undefined) return 'The message does not say which queue of this account it came from; name a target.';
    const id = createHash('sha256').update(`redrive ${portion.queueId} ${member.toString()} ${target}`).digest().subarray(0, 16);
    try {
      await moveMessage(this.queues, portion.account, target, {
        packed,
        mark: { id, seconds: MARK_LIFE },
        change: withoutOrigin,
        anew: true,
      });
      return undefined;
    } catch (error) {
      if (error instanceof QueueNotExist || error instanceof FifoMissingMessageGroupId) return `${error.name}: ${target}`;
      throw error;
    }
  }
}

/** The queue that a dead letter came from, by its system property. */
function originOf(account: string, { systemProperties = [] }: StoredContent): string | undefined {
  const source = systemProperties.find(({ name }) => name === 'DLQSourceArn')?.value ?? '';
  const [, owner, queue] = /^acs:mns:[^:]*:([^:]*):\/queues\/([^/]+)$/.exec(source) ?? [];
  return owner === account ? queue : undefined;
}

/** A message that is given another chance is no dead letter any more. */
function withoutOrigin(content: StoredContent): StoredContent {
  const { systemProperties, ...rest } = content;
  const kept = (systemProperties ?? []).filter(({ name }) => !name.startsWith('DLQ'));
  return kept.length === 0 ? rest : { ...rest, systemProperties: kept };
}
