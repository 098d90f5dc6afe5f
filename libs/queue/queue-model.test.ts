import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { ACCOUNT, EngineUnderTest, expectMessages, ModelledQueues } from '../../test/support/queue-model/engine-under-test.js';
import { QUEUE_KINDS, QUEUE_NAMES, type QueueKind } from '../../test/support/queue-model/queue-kind.js';
import { keepUpBoth, operationsOf } from '../../test/support/queue-model/queue-operations.js';

/** The same operations each time, so that a red build can be repeated; `MAGPIE_TEST_SEED=…` draws others. */
const seed = Number(process.env['MAGPIE_TEST_SEED'] ?? 1_884_620_649);
/** As a failure printed it: the one sequence that failed, and nothing else. */
const [path, replayPath] = process.env['MAGPIE_TEST_PATH']?.split('@') ?? [];
/** So many times the operations of a usual test: `MAGPIE_MODEL_RUNS=50`. */
const RUNS = Number(process.env['MAGPIE_MODEL_RUNS'] ?? 1);

const FEWEST_OPERATIONS = 20_000;
const SEQUENCES = 50;
/** Long enough for a message to live through anything, short enough to be shrunk soon. */
const LONGEST_SEQUENCE = 100;
/** Milliseconds; what has been shrunk until then is printed. */
const SHRINKING_LIMIT = 60_000;

let client: RedisClient;
let operations = 0;

beforeAll(() => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
});

afterAll(async () => {
  await client.quit();
});

describe(`the engine agrees with the model over random operations (seed ${seed})`, () => {
  it.each(QUEUE_KINDS)('on a queue that is: $name', async (kind) => {
    const started = Date.now();
    const limits = { maxCommands: LONGEST_SEQUENCE, size: 'max' } as const;
    const sequences = fc.commands(operationsOf(kind), { ...limits, ...(replayPath !== undefined && { replayPath }) });
    let failedAt = Infinity;
    const property = fc.asyncProperty(sequences, async (sequence) => {
      // Shrinking ends by letting every further sequence pass.
      if (Date.now() > failedAt + SHRINKING_LIMIT) return;
      await play(kind, sequence).catch((error: unknown) => {
        failedAt = Math.min(failedAt, Date.now());
        throw error;
      });
    });
    const again = path === undefined ? {} : { path, endOnFailure: true };
    const draw = { seed: seed + QUEUE_KINDS.indexOf(kind), numRuns: SEQUENCES * RUNS, unbiased: true };
    const result = await fc.check(property, { ...draw, ...again });
    process.stderr.write(`model: ${kind.name}, ${operations} operations so far, ${Date.now() - started} ms\n`);
    if (result.failed) throw failureOf(kind, result);
  }, SHRINKING_LIMIT * 2 + 60_000 * RUNS);

  it(`of which there are at least ${FEWEST_OPERATIONS}`, () => {
    if (path === undefined) expect(operations).toBeGreaterThanOrEqual(FEWEST_OPERATIONS * RUNS);
  });
});

async function play(kind: QueueKind, sequence: Iterable<fc.AsyncCommand<ModelledQueues, EngineUnderTest>>): Promise<void> {
  const engine = await EngineUnderTest.open(client, `model-${randomUUID()}`, kind);
  const model = new ModelledQueues(kind);
  const atRest = await engine.keys();
  try {
    await fc.asyncModelRun(() => ({ model, real: engine }), sequence);
  } finally {
    operations += engine.operations;
  }
  await drain(model, engine);
  expect(await engine.keys()).toEqual(atRest);
  for (const name of QUEUE_NAMES) await engine.process(0).queues.deleteQueue(ACCOUNT, name);
  expect(await engine.keys()).toEqual([':meta']);
}

/** Everything that is left is consumed in the end, in its order. */
async function drain(model: ModelledQueues, engine: EngineUnderTest): Promise<void> {
  engine.clock.advance(60_000);
  await keepUpBoth(0, model, engine);
  const { messages } = engine.process(0);
  for (const name of QUEUE_NAMES) {
    const queue = model[name];
    for (;;) {
      const wanted = queue.take(engine.now, 16, 'receive');
      const got = await messages.receiveMessages(ACCOUNT, name, { count: 16 });
      const taken = expectMessages(queue, got, wanted);
      if (got.length === 0) break;
      expect(await messages.deleteMessages(ACCOUNT, name, got.map(({ receiptHandle }) => receiptHandle))).toEqual(got.map(() => undefined));
      taken.forEach((message) => queue.remove(message));
    }
    // A receive comes to messages that have been spent all the time.
    if (name === 'orders') await keepUpBoth(0, model, engine);
    expect(queue.messages).toEqual([]);
  }
  await engine.expectCounters(model);
  engine.clock.advance(engine.kind.retention * 1_000);
  await keepUpBoth(0, model, engine);
}

type Failure = Pick<fc.RunDetails<[unknown]>, 'counterexample' | 'counterexamplePath' | 'numShrinks' | 'errorInstance'>;

/** The shortest sequence that fails, and how to play it again. */
function failureOf(kind: QueueKind, result: Failure): Error {
  const { counterexample, counterexamplePath, numShrinks, errorInstance } = result;
  const [, sequence = '', replay = ''] = /^(.*?) ?(?:\/\*replayPath="(.*)"\*\/)?$/s.exec(String(counterexample?.[0])) ?? [];
  const environment = `MAGPIE_TEST_SEED=${seed} MAGPIE_TEST_PATH='${counterexamplePath}@${replay}'`;
  const again = `${environment} npm test -- libs/queue/queue-model -t 'is: ${kind.name}$'`;
  const steps = sequence.replaceAll(/(^|,)(?=[a-z ]+ [{\d])/g, '\n  ');
  const cause = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return new Error(`shrunk ${numShrinks} times to:${steps}\n${cause}\nagain: ${again}`, { cause: errorInstance });
}
