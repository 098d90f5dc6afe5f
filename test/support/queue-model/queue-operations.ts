import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { NewMessage } from '#queue/message.js';
import { ACCOUNT, expectMessages, ModelledQueues, type EngineUnderTest, type KnownHandle } from './engine-under-test.js';
import { attributesOf, QUEUE_NAMES, type QueueKind, type QueueName } from './queue-kind.js';
import type { ModelMessage } from './queue-model.js';

type Operation = fc.AsyncCommand<ModelledQueues, EngineUnderTest>;
type Step<T> = (choice: T, model: ModelledQueues, engine: EngineUnderTest) => Promise<void>;
type Condition<T> = (choice: T, model: ModelledQueues) => boolean;

/** A receive promotes at most 128 due messages and looks at no more; beyond that the order is only nearly exact. */
const MOST_MESSAGES = 100;
/** One is the beginning of another, and some are not ASCII. */
const GROUPS = ['a', 'ab', 'a\u00ff', '\u00ff\u00ff\u00ff\u00ff', 'orders', '\u7ec4'];

const process = fc.nat(1);
const queue = fc.oneof(
  { weight: 5, arbitrary: fc.constant<QueueName>('orders') },
  { weight: 1, arbitrary: fc.constant<QueueName>('letters') },
);
const count = fc.integer({ min: 1, max: 16 });
/** Which of the handles that are known, counted from the latest. */
const handle = fc.oneof({ weight: 4, arbitrary: fc.nat(12) }, { weight: 1, arbitrary: fc.nat(400) });

function operation<T>(name: string, choices: fc.Arbitrary<T>, step: Step<T>, condition?: Condition<T>): fc.Arbitrary<Operation> {
  return choices.map((choice) => ({
    check: (model) => condition?.(choice, model) ?? true,
    run: async (model, engine) => {
      engine.operations += 1;
      await step(choice, model, engine);
      await engine.expectCounters(model);
    },
    toString: () => `${name} ${JSON.stringify(choice)}`,
  }));
}

function pick<T>(all: readonly T[], fromLatest: number): T | undefined {
  return all.at(-1 - (fromLatest % Math.max(all.length, 1)));
}

const message = fc.record({
  priority: fc.option(fc.integer({ min: 1, max: 16 }), { nil: undefined }),
  delay: fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(40) }),
  group: fc.constantFrom(...GROUPS),
});

const send = operation(
  'send',
  fc.record({ process, queue, batch: fc.array(message, { minLength: 1, maxLength: 6, size: 'max' }) }),
  async ({ process, queue, batch }, model, engine) => {
    const messages = batch.map(({ priority, delay, group }): NewMessage => {
      const body = `m${++engine.sent}`;
      return {
        body,
        ...(priority !== undefined && { priority }),
        ...(delay !== undefined && { delaySeconds: delay }),
        ...(engine.kind.fifo && { messageGroupId: group }),
      };
    });
    const answers = await engine.process(process).messages.sendMessages(ACCOUNT, queue, messages);
    messages.forEach(({ body, priority = 8, delaySeconds, messageGroupId }, index) => {
      const delay = delaySeconds === undefined ? undefined : delaySeconds * 1_000;
      const sent = model[queue].send(engine.now, { body, priority, delay, group: messageGroupId });
      const { receiptHandle, nextVisibleTime } = answers[index]!;
      expect({ body, nextVisibleTime }).toEqual({ body, nextVisibleTime: sent.state === 'delayed' ? sent.visibleTime : undefined });
      if (receiptHandle === undefined) return;
      sent.handles.push(receiptHandle);
      engine.remember(queue, receiptHandle);
    });
  },
  (_, model) => model.size < MOST_MESSAGES,
);

const receive = operation('receive', fc.record({ process, queue, count }), async ({ process, queue, count }, model, engine) => {
  const wanted = model[queue].take(engine.now, count, 'receive');
  const got = await engine.process(process).messages.receiveMessages(ACCOUNT, queue, { count });
  engine.noteReceived(model, queue, got, expectMessages(model[queue], got, wanted));
});

/** What several consumers get at the same time is together what one would have got, each in order, and nothing twice. */
const receiveTogether = operation(
  'receive together',
  fc.record({ queue, calls: fc.array(fc.tuple(process, count), { minLength: 2, maxLength: 4, size: 'max' }) }),
  async ({ queue, calls }, model, engine) => {
    const wanted = model[queue].take(engine.now, calls.reduce((sum, [, count]) => sum + count, 0), 'receive');
    const receiving = calls.map(([process, count]) => engine.process(process).messages.receiveMessages(ACCOUNT, queue, { count }));
    const answers = await Promise.all(receiving);
    const rankOf = ({ body }: { body: string }): number => {
      const found = model[queue].messages.find((message) => message.body === body);
      return found === undefined ? NaN : model[queue].rank(found);
    };
    answers.forEach((got, index) => {
      expect(got.length).toBeLessThanOrEqual(calls[index]![1]);
      expect(got.map(rankOf)).toEqual(got.map(rankOf).toSorted((a, b) => a - b));
    });
    const all = answers.flat().sort((a, b) => rankOf(a) - rankOf(b));
    engine.noteReceived(model, queue, all, expectMessages(model[queue], all, wanted));
  },
);

const peek = operation('peek', fc.record({ process, queue, count }), async ({ process, queue, count }, model, engine) => {
  const wanted = model[queue].take(engine.now, count, 'peek');
  const peeked = await engine.process(process).messages.peekMessages(ACCOUNT, queue, count);
  const found = expectMessages(model[queue], peeked, wanted);
  peeked.forEach((message, index) => {
    const { dequeueCount, firstDequeueTime, enqueueTime, priority } = found[index]!;
    expect(message).toMatchObject({ dequeueCount, firstDequeueTime: firstDequeueTime || enqueueTime, enqueueTime, priority });
  });
});

/** A handle as a client may show it to a queue: as it was issued, to another queue, or changed. */
const shownHandle = fc.record({
  handle,
  as: fc.oneof(
    { weight: 12, arbitrary: fc.constant('issued' as const) },
    { weight: 1, arbitrary: fc.constantFrom('foreign' as const, 'altered' as const) },
  ),
});
type ShownHandle = typeof shownHandle extends fc.Arbitrary<infer T> ? T : never;

/** The queue of the first handle, unless that is to be shown to another one. */
function queueFor(known: KnownHandle, { as }: ShownHandle): QueueName {
  return as === 'foreign' ? QUEUE_NAMES.find((name) => name !== known.queue)! : known.queue;
}

function textOf(known: KnownHandle, { as }: ShownHandle): string {
  return as === 'altered' ? known.text.slice(0, -1) + (known.text.endsWith('A') ? 'B' : 'A') : known.text;
}

/** What a handle must lead to in a queue. */
function resolve(
  model: ModelledQueues,
  engine: EngineUnderTest,
  queue: QueueName,
  known: KnownHandle,
  text = known.text,
): ModelMessage | 'ReceiptHandleError' | 'MessageNotExist' {
  if (text !== known.text || known.queue !== queue || known.life !== engine.lives[queue]) return 'ReceiptHandleError';
  return model[queue].byHandle(engine.now, text) ?? 'MessageNotExist';
}

const deleteBatch = operation(
  'delete',
  fc.record({ process, shown: fc.array(shownHandle, { minLength: 1, maxLength: 6, size: 'max' }) }),
  async ({ process, shown }, model, engine) => {
    const handles = shown.map((each) => ({ known: pick(engine.handles, each.handle), each }));
    const first = handles[0]!;
    if (first.known === undefined) return;
    const queue = queueFor(first.known, first.each);
    const texts = handles.map(({ known, each }) => textOf(known!, each));
    const answers = await engine.process(process).messages.deleteMessages(ACCOUNT, queue, texts);
    handles.forEach(({ known }, index) => {
      const outcome = resolve(model, engine, queue, known!, texts[index]);
      expect([index, answers[index]?.name]).toEqual([index, typeof outcome === 'string' ? outcome : undefined]);
      if (typeof outcome !== 'string') model[queue].remove(outcome);
    });
  },
);

const changeVisibility = operation(
  'change visibility',
  fc.record({ process, shown: shownHandle, seconds: fc.integer({ min: 1, max: 60 }) }),
  async ({ process, shown, seconds }, model, engine) => {
    const known = pick(engine.handles, shown.handle);
    if (known === undefined) return;
    const [queue, text] = [queueFor(known, shown), textOf(known, shown)];
    const outcome = resolve(model, engine, queue, known, text);
    const changing = engine.process(process).messages.changeVisibility(ACCOUNT, queue, text, seconds);
    if (typeof outcome === 'string') {
      await expect(changing).rejects.toMatchObject({ name: outcome });
      return;
    }
    const { receiptHandle, nextVisibleTime } = await changing;
    outcome.visibleTime = engine.now + seconds * 1_000;
    expect(nextVisibleTime).toBe(outcome.visibleTime);
    outcome.handles.push(receiptHandle);
    engine.remember(queue, receiptHandle);
  },
);

/** The answer with a received message never reached its client. */
const giveBack = operation('give back', fc.record({ process, lost: handle }), async ({ process, lost }, model, engine) => {
  const known = pick(engine.received, lost);
  if (known === undefined) return;
  const { queue, message, life } = known;
  await engine.process(process).messages.returnMessages(ACCOUNT, queue, [message]);
  const outcome = resolve(model, engine, queue, { text: message.receiptHandle, queue, life });
  if (typeof outcome !== 'string' && outcome.state === 'leased') model[queue].giveBack(outcome);
});

const setAttributes = (kind: QueueKind): fc.Arbitrary<Operation> =>
  operation(
    'set attributes',
    fc.record({
      process,
      visibilityTimeout: fc.integer({ min: 1, max: 60 }),
      delaySeconds: fc.integer({ min: 0, max: 40 }),
      retention: fc.integer({ min: 60, max: kind.retention }),
      maxReceiveCount: fc.integer({ min: 1, max: 5 }),
    }),
    async ({ process, visibilityTimeout, delaySeconds, retention, maxReceiveCount }, model, engine) => {
      await engine.process(process).queues.setQueueAttributes(ACCOUNT, 'orders', {
        visibilityTimeout,
        ...(kind.delaySeconds > 0 && { delaySeconds }),
        ...(kind.changesRetention && { messageRetentionPeriod: retention }),
        ...(kind.changesMaxReceiveCount && { deadLetterPolicy: { targetQueue: 'letters', maxReceiveCount } }),
      });
      const { attributes } = model.orders;
      attributes.visibilityTimeout = visibilityTimeout * 1_000;
      if (kind.delaySeconds > 0) attributes.delay = delaySeconds * 1_000;
      if (kind.changesRetention) attributes.retention = retention * 1_000;
      if (kind.changesMaxReceiveCount) attributes.maxReceiveCount = maxReceiveCount;
    },
  );

const wait = operation(
  'wait',
  fc.oneof({ weight: 4, arbitrary: fc.nat(20_000) }, { weight: 2, arbitrary: fc.nat(60_000) }, { weight: 1, arbitrary: fc.nat(600_000) }),
  async (millis, _model, engine) => engine.clock.advance(millis),
);

/** To a moment at which something ends, or one millisecond before or after it. */
const waitUntil = operation(
  'wait until',
  fc.record({ queue, ending: fc.nat(8), off: fc.integer({ min: -1, max: 1 }) }),
  async ({ queue, ending, off }, model, engine) => {
    const times = model[queue].messages.flatMap(({ visibleTime, expireTime }) => [visibleTime, expireTime]);
    const ahead = [...new Set(times)].filter((time) => time > engine.now).sort((a, b) => a - b);
    const time = ahead[ending % Math.max(ahead.length, 1)];
    if (time !== undefined) engine.clock.advance(time + off - engine.now);
  },
  ({ queue }, model) => model[queue].messages.length > 0,
);

const upkeep = operation('upkeep', process, (process, model, engine) => keepUpBoth(process, model, engine));

/** Expired and spent messages go, dead letters arrive, without a poll. */
export async function keepUpBoth(process: number, model: ModelledQueues, engine: EngineUnderTest): Promise<void> {
  const expired = model.orders.expiredLetters(engine.now);
  const moved = model.orders.upkeep(engine.now);
  const arrival = model.letters.nextArrival;
  for (const { body, priority, group, enqueueTime } of moved) {
    model.letters.send(engine.now, { body, priority, group, enqueueTime, delay: 0, arrival, origin: 'orders' });
  }
  model.letters.expired.push(...expired);
  await engine.keepUp(process, 'orders');
  await engine.keepUp(process, 'letters');
  model.letters.upkeep(engine.now);
}

const redrive = operation('redrive', process, async (process, model, engine) => {
  await keepUpBoth(process, model, engine);
  const { redrives } = engine.process(process);
  expect(await redrives.start(ACCOUNT, 'letters', { maxPerSecond: 1_000 })).toBe(true);
  engine.clock.advance(2_000);
  const moved = model.letters.redrive(engine.now, 'orders');
  const arrival = model.orders.nextArrival;
  for (const { body, priority, group } of moved) model.orders.send(engine.now, { body, priority, group, delay: 0, arrival });
  await engine.keepUp(process, 'letters');
  model.letters.upkeep(engine.now);
  expect(await redrives.get(ACCOUNT, 'letters')).toMatchObject({ state: 'completed', movedMessages: moved.length });
});

const purge = operation('purge', fc.record({ process, queue }), async ({ process, queue }, model, engine) => {
  model[queue].expire(engine.now);
  const { messages, expired } = model[queue];
  const purged = await engine.process(process).queues.purgeQueue(ACCOUNT, queue);
  expect(purged).toBeGreaterThanOrEqual(messages.length);
  expect(purged).toBeLessThanOrEqual(messages.length + expired.length);
  model[queue].clear();
});

const makeAgain = operation('delete and make again', fc.record({ process, queue }), async ({ process, queue }, model, engine) => {
  expect(await engine.process(process).queues.deleteQueue(ACCOUNT, queue)).toBe(true);
  await engine.create(queue);
  engine.lives[queue] += 1;
  model[queue] = ModelledQueues.fresh(engine.kind, queue);
});

/** Operations as often as they stand here. A redrive leaves an order open that matters once messages are spent in the middle of a queue. */
export function operationsOf(kind: QueueKind): fc.Arbitrary<Operation>[] {
  const often = [send, send, send, send, receive, receive, receive, receiveTogether, deleteBatch, deleteBatch, wait, wait];
  const rare = [peek, changeVisibility, giveBack, upkeep, waitUntil, setAttributes(kind)];
  const clearing = fc.oneof({ weight: 1, arbitrary: purge }, { weight: 1, arbitrary: makeAgain }, { weight: 6, arbitrary: peek });
  const withRedrive = attributesOf(kind, 'orders').deadLetterPolicy === null || kind.changesMaxReceiveCount ? [] : [redrive];
  return [...often, ...rare, ...rare, clearing, ...withRedrive];
}
