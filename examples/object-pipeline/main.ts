// `npm run example -- object-pipeline`: a MinIO, a hub and the consumer between them, and somebody who puts files into the bucket.

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import MnsClient from '@alicloud/mns';
import { Arrivals } from '../../apps/standalone/demo/arrivals.js';
import { seconds, type DemoRun } from '../../apps/standalone/demo/demo-run.js';
import type { HubProcess } from '../../apps/standalone/demo/hub-process.js';
import { findMinio } from '../../apps/standalone/demo/minio-binary.js';
import { MinioStore } from '../../apps/standalone/demo/object-store.js';
import { DocumentStore } from './document-store.js';
import { IndexConsumer, type Outcome } from './index-consumer.js';
import { readObjectEvent } from './object-event.js';

const USAGE = 'usage: npm run example -- object-pipeline [--exit]';

/** Names of setup.yaml, which lies in this folder among the sources. */
const SETUP_FILE = fileURLToPath(new URL('../../../examples/object-pipeline/setup.yaml', import.meta.url));
const BUCKET = 'documents';
const QUEUE = 'documents';
const DEAD_QUEUE = 'documents-dead';
const INDEX_BUCKET = 'documents-index';

/** Milliseconds until something counts as missing. */
const PATIENCE = 20_000;

/** The same for a dead letter: the hub moves them every 15 s. */
const DEAD_LETTER_PATIENCE = 45_000;

interface Scene {
  readonly minio: MinioStore;
  readonly store: DocumentStore;
  readonly mns: MnsClient;
  readonly outcomes: Arrivals;
  readonly clock: { start: number };
}

/** What is done to the bucket, one after the other, and what the consumer must make of it. */
interface Step {
  readonly does: string;
  readonly act: (scene: Scene) => Promise<unknown>;
  readonly expect: Outcome;
  readonly times: number;
}

const STEPS: readonly Step[] = [
  {
    does: 'putting three files',
    act: async (scene) => {
      await put(scene, 'inbox/magpie.txt', 'A magpie collects what shines.');
      await put(scene, 'inbox/crow.txt', 'The crow is as clever as the magpie.');
      await put(scene, 'inbox/喜鹊.txt', '喜鹊 means magpie');
    },
    expect: 'indexed',
    times: 3,
  },
  { does: 'overwriting one', act: (scene) => put(scene, 'inbox/crow.txt', 'The crow is clever.'), expect: 'indexed', times: 1 },
  { does: 'deleting another', act: ({ minio }) => minio.client.removeObject(BUCKET, 'inbox/magpie.txt'), expect: 'removed', times: 1 },
  {
    does: 'sending an old event twice, as a queue may',
    act: async (scene) => {
      await sendOldEvent(scene, 'inbox/magpie.txt');
      await sendOldEvent(scene, 'inbox/magpie.txt');
    },
    expect: 'nothing new',
    times: 2,
  },
  {
    does: 'putting a file that is no text',
    act: (scene) => put(scene, 'inbox/broken.txt', Buffer.from([0xff, 0xfe, 0x00])),
    expect: 'failed',
    times: 3,
  },
];

/** The words that show it: whom they must lead to in the end. */
const WANTED = { crow: ['inbox/crow.txt'], magpie: ['inbox/喜鹊.txt'], 喜鹊: ['inbox/喜鹊.txt'], shines: undefined };

export async function play(run: DemoRun, args: readonly string[]): Promise<number> {
  if (args.some((argument) => argument !== '--exit')) return run.fail(USAGE);
  const program = await findMinio({ build: true, environment: process.env, say: (line) => run.say(line) });
  if (program === undefined) return run.fail('no MinIO: put one on PATH, name it by MINIO_BIN, or install Go to have it built');
  const hub = await run.startHub(run.hubEnvironment({ fixed: { MAGPIE_SETUP_FILE: SETUP_FILE } }));
  const scene = await setUp(run, hub, program);

  for (const [index, step] of STEPS.entries()) {
    const failure = await playStep(run, scene, step, index === 0);
    if (failure !== undefined) return run.fail(failure);
  }
  run.say('its message is put aside when the third try has ended; the hub does so every 15 s');
  const dead = await deadLetter(scene);
  if (dead === undefined) return run.fail(`within ${DEAD_LETTER_PATIENCE / 1_000} s nothing arrived in the dead-letter queue`);
  run.say(`queue ${DEAD_QUEUE} holds the event of ${dead}`);
  const surplus = findSurplus(scene.outcomes);
  if (surplus !== undefined) return run.fail(surplus);
  const failure = await checkIndex(run, scene);
  if (failure !== undefined) return run.fail(failure);
  if (args.includes('--exit')) return 0;

  scene.clock.start = Infinity;
  run.say('hub, MinIO and consumer stay up until Ctrl-C. To try next, in this folder:');
  process.stdout.write(`  ${scene.minio.putCommand('inbox/next.txt')}\n  ${scene.minio.getCommand(`${INDEX_BUCKET}/words.json`)}\n`);
  return await run.stayUp(hub);
}

async function setUp(run: DemoRun, { addresses, credentials }: HubProcess, program: string): Promise<Scene> {
  const start = performance.now();
  const minio = await MinioStore.start({
    program,
    bucket: BUCKET,
    intake: { url: `${addresses.bridge}/intake/s3/${BUCKET}`, token: credentials.intakeToken },
    events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'],
  });
  run.atEnd(() => minio.stop());
  await minio.client.makeBucket(INDEX_BUCKET);
  run.say(`MinIO ready after ${seconds(start)}: ${minio.endpoint}, buckets ${BUCKET} and ${INDEX_BUCKET}`);

  const clock = { start: Infinity };
  const outcomes = new Arrivals((outcome, arrival) => run.show(outcome, arrival, clock.start));
  const store = new DocumentStore(minio.client, INDEX_BUCKET);
  const access = { endpoint: addresses.api, ...credentials };
  const consumer = new IndexConsumer(
    { ...access, queue: QUEUE },
    store,
    (outcome, text) => outcomes.note(outcome, text),
    (error) => run.say(`the consumer waits: ${String(error)}`),
  );
  run.atEnd(() => consumer.stop());
  void consumer.run();
  run.say(`consumer ready: ${BUCKET}/inbox/*.txt → rule → queue ${QUEUE} → ${INDEX_BUCKET}/words.json`);
  return { minio, store, mns: new MnsClient(access.accountId, access), outcomes, clock };
}

async function playStep(run: DemoRun, scene: Scene, { does, act, expect, times }: Step, cold: boolean): Promise<string | undefined> {
  const { outcomes, clock } = scene;
  const before = outcomes.at(expect).length;
  run.say(`${does}; the times count from here${cold ? ', and everything is cold' : ''}`);
  clock.start = performance.now();
  await act(scene);
  if (await outcomes.reach(expect, before + times, PATIENCE)) return undefined;
  return `within ${PATIENCE / 1_000} s "${expect}" came ${outcomes.at(expect).length - before} times in place of ${times}`;
}

async function put({ minio }: Scene, key: string, content: string | Buffer): Promise<void> {
  await minio.client.putObject(BUCKET, key, content, undefined, { 'Content-Type': 'text/plain' });
}

/** As the hub would have written it an hour ago. */
async function sendOldEvent({ mns }: Scene, key: string): Promise<void> {
  const eventTime = new Date(Date.now() - 3_600_000).toISOString();
  const event = { eventName: 'ObjectCreated:PutObject', eventTime, oss: { bucket: { name: BUCKET }, object: { key } } };
  await mns.sendMessage(QUEUE, { MessageBody: Buffer.from(JSON.stringify({ events: [event] })).toString('base64') });
}

/** Key of the object that the first message of the dead-letter queue tells of; undefined when none comes in time. */
async function deadLetter({ mns }: Scene): Promise<string | undefined> {
  const deadline = Date.now() + DEAD_LETTER_PATIENCE;
  while (Date.now() < deadline) {
    try {
      return readObjectEvent((await mns.peekMessage(DEAD_QUEUE)).body.MessageBody).key;
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'MNSMessageNotExistError') throw error;
      await sleep(200);
    }
  }
  return undefined;
}

/** More outcomes than the steps explain: an event that came twice, or a loop through the index. */
function findSurplus(outcomes: Arrivals): string | undefined {
  const expected = Map.groupBy(STEPS, ({ expect }) => expect);
  for (const [outcome, steps] of expected) {
    const times = steps.reduce((sum, step) => sum + step.times, 0);
    if (outcomes.at(outcome).length > times) return `"${outcome}" came ${outcomes.at(outcome).length} times in place of ${times}`;
  }
  return undefined;
}

/** Reads the index out of its bucket, as anybody would. */
async function checkIndex(run: DemoRun, { store }: Scene): Promise<string | undefined> {
  const { words } = JSON.parse((await store.readIndex()) ?? '{"words":{}}') as { words: Readonly<Record<string, readonly string[]>> };
  for (const [word, wanted] of Object.entries(WANTED)) {
    const found = words[word];
    if (found?.join() !== wanted?.join()) return `the index leads from "${word}" to ${found?.join(', ')} in place of ${wanted?.join(', ')}`;
    run.say(`the index leads from "${word}" to ${found?.join(', ') ?? 'nothing: the file is gone'}`);
  }
  return undefined;
}
