import { createHash } from 'node:crypto';
import { LuaScript } from '#redis/lua-script.js';
import { RedisFull } from '#redis/redis-unavailable.js';
import type { Logger } from '#runtime/log.js';
import type { StoredContent } from './message-codec.js';
import { inGroupOrder, moveMessage } from './message-mover.js';
import type { QueueAttributes } from './queue-attributes.js';
import { FifoMissingMessageGroupId, QueueNotExist } from './queue-errors.js';
import { readQueueRecord, type QueueStore } from './queue-store.js';
import { RedriveMover } from './redrive-mover.js';
import { RedriveStore } from './redrive-store.js';

const SCRIPTS = {
  visit: new LuaScript(new URL('./commands/visitQueues-1.lua', import.meta.url)),
  readOutbox: new LuaScript(new URL('./commands/readOutbox-1.lua', import.meta.url)),
  dropOutbox: new LuaScript(new URL('./commands/dropOutbox-1.lua', import.meta.url)),
  emptyTrash: new LuaScript(new URL('./commands/emptyTrash-1.lua', import.meta.url)),
};

/** Dead letters that one round moves from one queue; the next round follows at once while there are more. */
const MOVES = 64;
/** Rounds of one call, so that a huge backlog in one partition does not keep a duty from the others. */
const ROUNDS = 64;
/** Seconds for which a move is remembered; a mover that died must be repeated within that time. */
const MARK_LIFE = 86_400;

export interface UpkeepOptions {
  readonly region: string;
  readonly logger: Logger;
  /** Moves what a subscription has given up to its dead-letter queue; the id is that of its pending queue. */
  readonly moveFailedDeliveries?: (partition: number, id: string) => Promise<void>;
  /** Keeps the attempt log of a partition within its bounds; called when deliveries that became too old have added to it. */
  readonly trimAttemptLog?: (partition: number) => Promise<unknown>;
}

/**
 * What must happen in a partition without anybody asking: messages past their retention are removed, spent messages move to their
 * dead-letter queue, redrives go on, chunks of deleted queues are freed. Any number of processes may run it at the same time.
 */
export class QueueUpkeep {
  readonly #redrives: RedriveMover;

  constructor(
    private readonly queues: QueueStore,
    private readonly options: UpkeepOptions,
  ) {
    this.#redrives = new RedriveMover(queues, new RedriveStore(queues));
  }

  /** @returns when the partition wants to be visited again (ms since the epoch), undefined when nothing is scheduled */
  async run(partition: number): Promise<number | undefined> {
    await unlessFull(() => this.#redrives.advance(partition));
    for (let round = 0; round < ROUNDS; round++) {
      const reply = (await this.queues.run(SCRIPTS.visit, partition, [])) as [Buffer, Buffer[], Buffer[], number];
      const [due, withOutbox, withFailed, logged] = reply;
      if (logged > 0) await this.options.trimAttemptLog?.(partition);
      for (const id of withOutbox) await unlessFull(() => this.#moveDeadLetters(partition, id.toString()));
      for (const id of withFailed) await unlessFull(async () => this.options.moveFailedDeliveries?.(partition, id.toString()));
      const trash = (await this.queues.run(SCRIPTS.emptyTrash, partition, [])) as number;
      const next = Number(due);
      if (trash === 0 && (next === 0 || next > Date.now())) return next === 0 ? undefined : next;
    }
    return Date.now();
  }

  async #moveDeadLetters(partition: number, id: string): Promise<void> {
    for (;;) {
      const [field, record, ...rows] = (await this.queues.run(SCRIPTS.readOutbox, partition, [id, MOVES])) as OutboxReply;
      if (field === undefined || record === undefined || rows.length === 0) return;
      const owner = readOwner(field, record);
      const target = owner.attributes.deadLetterPolicy?.targetQueue;
      if (target === undefined) return;
      try {
        // A row without its message is one that has expired since.
        const letters = rows.map(([member, packed]) => ({ member, packed })).filter(({ packed }) => packed.length > 0);
        await inGroupOrder(letters, ({ member, packed }) => this.#move(owner, target, id, member, packed));
      } catch (error) {
        if (!(error instanceof QueueNotExist) && !(error instanceof FifoMissingMessageGroupId)) throw error;
        const { name } = owner;
        this.options.logger.warn({ queue: name, target, reason: error.name }, 'dead-letter queue cannot take its messages; they wait');
        return;
      }
      await this.queues.run(SCRIPTS.dropOutbox, partition, [id, ...rows.map(([member]) => member)]);
      if (rows.length < MOVES) return;
    }
  }

  async #move(owner: Owner, target: string, id: string, member: Buffer, packed: Buffer): Promise<void> {
    const origin = `acs:mns:${this.options.region}:${owner.account}:/queues/${owner.name}`;
    const mark = createHash('sha256').update(`dead-letter ${id} ${member.toString()} ${target}`).digest().subarray(0, 16);
    await moveMessage(this.queues, owner.account, target, {
      packed,
      mark: { id: mark, seconds: MARK_LIFE },
      change: (content, messageId) => withOrigin(content, origin, messageId),
    });
  }
}

/** What moves messages waits while nothing new is stored; what frees memory must not wait for it. */
async function unlessFull(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof RedisFull)) throw error;
  }
}

type OutboxReply = [field?: Buffer, record?: Buffer, ...rows: [member: Buffer, packed: Buffer][]];

interface Owner {
  readonly account: string;
  readonly name: string;
  readonly attributes: QueueAttributes;
}

function readOwner(field: Buffer, record: Buffer): Owner {
  const [account = '', name = ''] = field.toString().split('/');
  return { account, name, attributes: readQueueRecord(record).attributes };
}

/** Dead letters say where they come from; names as in the MNS SDKs. */
function withOrigin(content: StoredContent, origin: string, messageId: string): StoredContent {
  const kept = (content.systemProperties ?? []).filter(({ name }) => !name.startsWith('DLQ'));
  return {
    ...content,
    systemProperties: [
      ...kept,
      { name: 'DLQMessageType', value: 'Queue', type: 'STRING' },
      { name: 'DLQSourceArn', value: origin, type: 'STRING' },
      { name: 'DLQOriginMessageId', value: messageId, type: 'STRING' },
    ],
  };
}
