// `npm run example -- alert-fan-out`: a hub, the alert receiver in front of it, and providers behind it: those of .env, else stand-ins.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Arrivals } from '../../apps/standalone/demo/arrivals.js';
import type { DemoRun } from '../../apps/standalone/demo/demo-run.js';
import type { HubProcess } from '../../apps/standalone/demo/hub-process.js';
import { AlertReceiver, type Published } from './alert-receiver.js';
import { AlertTopic, type HubAccess } from './alert-topic.js';
import { putChannels, readDestinations, type Destination } from './channels.js';
import { watchDelivery } from './delivery-watch.js';
import { startStandIns } from './stand-ins.js';

const USAGE = 'usage: npm run example -- alert-fan-out [--exit] [--local]';

/** This folder among the sources, seen from dist/. */
const FOLDER = fileURLToPath(new URL('../../../examples/alert-fan-out/', import.meta.url));

/** Milliseconds until an arrival counts as missing; a real provider may take some seconds. */
const PATIENCE = 20_000;

/** Milliseconds of silence that prove that an SMS was not sent. */
const SILENCE = 1_000;

const SAMPLES = [
  { path: '/alertmanager', file: 'alertmanager-firing.json', silent: [] },
  { path: '/arms', file: 'arms-firing.json', silent: [] },
  // Nobody is woken by an SMS to learn that all is well.
  { path: '/alertmanager', file: 'alertmanager-resolved.json', silent: ['sms'] },
] as const;

interface Scene {
  readonly receiver: AlertReceiver;
  readonly destinations: readonly Destination[];
  readonly arrivals: Arrivals;
  /** What the times of arrivals count from. */
  readonly clock: { start: number };
}

export async function play(run: DemoRun, args: readonly string[]): Promise<number> {
  if (args.some((argument) => argument !== '--exit' && argument !== '--local')) return run.fail(USAGE);
  const envFile = join(FOLDER, '.env');
  if (!args.includes('--local') && existsSync(envFile)) process.loadEnvFile(envFile);

  const clock = { start: Infinity };
  const arrivals = new Arrivals((destination, arrival) => run.show(destination, arrival, clock.start));
  const standIns = await startStandIns((destination, text) => arrivals.note(destination, text));
  run.atEnd(() => standIns.close());
  const destinations = readDestinations(args.includes('--local') ? {} : process.env, standIns);
  const hub = await startHub(run);
  const access = { api: hub.addresses.api, ...hub.credentials };
  await putChannels(access, destinations);
  const receiver = await startReceiver(run, access, (messageId) => watchReal(run, access, destinations, arrivals, messageId));
  for (const { name, real } of destinations) {
    run.say(`${name.padEnd(8)} ${real ? 'as .env says' : 'a stand-in that only shows what it is sent'}`);
  }

  const failure = await postSamples(run, { receiver, destinations, arrivals, clock });
  if (failure !== undefined) return run.fail(failure);
  if (args.includes('--exit')) return 0;

  clock.start = Infinity;
  run.say(`${receiver.url} takes alerts until Ctrl-C. To try next, in this folder; the second says what became of a message:`);
  const headers = receiverToken() === undefined ? '' : ` -H 'Authorization: Bearer ${receiverToken()}'`;
  process.stdout.write(`  curl -sS${headers} --data-binary @examples/alert-fan-out/samples/arms-firing.json ${receiver.url}/arms\n`);
  process.stdout.write(`  curl -sS -u ${access.accessKeyId}:${access.accessKeySecret} '${access.api}/api/v1/deliveries?messageId=…'\n`);
  return await run.stayUp(hub);
}

/** With topic and subscriptions from setup.yaml. */
async function startHub(run: DemoRun): Promise<HubProcess> {
  const variables: Record<string, string> = {
    ALERT_PHONE: process.env['ALERT_PHONE'] || '13800000000',
    ALERT_MAIL: process.env['ALERT_MAIL'] || 'on-call@example.com',
  };
  const setup = readFileSync(join(FOLDER, 'setup.yaml'), 'utf8');
  const setupFile = join(run.temporaryDirectory(), 'setup.yaml');
  writeFileSync(setupFile, setup.replace(/\$\{(\w+)\}/g, (unknown, name: string) => variables[name] ?? unknown));
  // The stand-ins are on this machine, where a hub does not push to unless it is told to.
  const environment = run.hubEnvironment({ preset: { MAGPIE_PUSH_ALLOW: 'loopback' }, fixed: { MAGPIE_SETUP_FILE: setupFile } });
  return await run.startHub(environment);
}

async function startReceiver(run: DemoRun, hub: HubAccess, onPublished: (messageId: string) => void): Promise<AlertReceiver> {
  const topic = new AlertTopic(hub);
  const token = receiverToken();
  const receiver = await AlertReceiver.listen({
    host: process.env['ALERT_RECEIVER_HOST'] || '127.0.0.1',
    port: Number(process.env['ALERT_RECEIVER_PORT'] || 0),
    ...(token !== undefined && { token }),
    publish: async (message) => {
      const messageId = await topic.publish(message);
      onPublished(messageId);
      return messageId;
    },
  });
  run.atEnd(() => receiver.close());
  run.say(`alert receiver ready: ${receiver.url}/alertmanager, ${receiver.url}/arms`);
  return receiver;
}

function receiverToken(): string | undefined {
  return process.env['ALERT_RECEIVER_TOKEN'] || undefined;
}

/** Undefined when each sample reached those whom it should have reached, and nobody else. */
async function postSamples(run: DemoRun, scene: Scene): Promise<string | undefined> {
  for (const [index, sample] of SAMPLES.entries()) {
    const failure = await postSample(run, scene, sample, index === 0);
    if (failure !== undefined) return failure;
  }
  const { path, file } = SAMPLES[0];
  const { repeated } = await post(scene.receiver, path, file);
  run.say(`${file} once more, as a second Alertmanager would: ${repeated === 1 ? 'known, not published again' : 'PUBLISHED AGAIN'}`);
  return repeated === 1 ? undefined : 'a repeated post was published twice';
}

async function postSample(run: DemoRun, scene: Scene, sample: (typeof SAMPLES)[number], cold: boolean): Promise<string | undefined> {
  const { arrivals, clock, destinations } = scene;
  const before = new Map(destinations.map(({ name }) => [name, arrivals.at(name).length]));
  run.say(`POST ${sample.path} of ${sample.file}; the times count from here${cold ? ', and everything is cold' : ''}`);
  clock.start = performance.now();
  const { published } = await post(scene.receiver, sample.path, sample.file);
  const messages = published.map(({ tag, messageId }) => `tag "${tag}", message ${messageId}`).join('; ');
  run.say(`${`accepted ${Math.round(performance.now() - clock.start)} ms`.padEnd(17)}  ${messages}`);
  const isSilent = ({ name }: Destination): boolean => sample.silent.some((silent) => silent === name);
  const expected = destinations.filter((destination) => !isSilent(destination));
  const arrived = await Promise.all(expected.map(({ name }) => arrivals.reach(name, before.get(name)! + 1, PATIENCE)));
  const missing = expected.filter((_, place) => arrived[place] === false).map(({ name }) => name);
  if (missing.length > 0) return `within ${PATIENCE / 1_000} s nothing arrived by: ${missing.join(', ')}`;
  for (const { name } of destinations.filter(isSilent)) {
    await sleep(SILENCE);
    if (arrivals.at(name).length > before.get(name)!) return `${name} should not have been sent: its subscription asks for another tag`;
    run.say(`${name.padEnd(17)}  nothing, as its filter tag says`);
  }
  return undefined;
}

async function post(receiver: AlertReceiver, path: string, file: string): Promise<{ published: Published[]; repeated: number }> {
  const token = receiverToken();
  const response = await fetch(`${receiver.url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token !== undefined && { Authorization: `Bearer ${token}` }) },
    body: readFileSync(join(FOLDER, 'samples', file)),
  });
  if (!response.ok) throw new Error(`the receiver answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as { published: Published[]; repeated: number };
}

/** What a real provider was sent cannot be seen here; what it answered is in the hub's attempt log. */
function watchReal(run: DemoRun, hub: HubAccess, destinations: readonly Destination[], arrivals: Arrivals, messageId: string): void {
  for (const { name, subscription } of destinations.filter(({ real }) => real)) {
    const tell = (text: string): void => run.say(`${name.padEnd(17)}  ${text}`);
    watchDelivery(hub, { messageId, subscription, withinMillis: PATIENCE }, tell).then(
      (answer) => answer !== undefined && arrivals.note(name, answer),
      (error: unknown) => tell(String(error)),
    );
  }
}
