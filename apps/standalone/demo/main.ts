import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readHubSettings } from '#runtime/hub-settings.js';
import type { Environment } from '#runtime/setting.js';
import { Arrivals, type Arrival } from './arrivals.js';
import { HubProcess } from './hub-process.js';
import { MailCatcher } from './mail-catcher.js';
import { findMinio } from './minio-binary.js';
import { nextCommands } from './next-commands.js';
import { MinioStore, WebhookPoster, type IntakeAddress, type ObjectStore } from './object-store.js';
import { DESTINATIONS, NAME, Scene, SILENT, SOURCE } from './scene.js';

/** Milliseconds until an arrival counts as missing. */
const PATIENCE = 15_000;

/** Milliseconds of silence that prove it; longer than the durable copy of an event of MinIO takes, which must not arrive twice. */
const SILENCE = 3_500;

const OBJECTS = ['hello.jpg', 'again.jpg'];

const USAGE = 'usage: npm run demo [-- [--exit] [--no-minio]]';

interface DemoOptions {
  /** End when everything was shown. */
  readonly exit: boolean;
  readonly minio: boolean;
}

/** What has to be ended, in reverse order of its start. */
const endings: (() => unknown)[] = [];

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) return fail(USAGE);
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  try {
    return await Promise.race([play(options, interrupted), interrupted.then(() => 0)]);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

async function play(options: DemoOptions, interrupted: Promise<void>): Promise<number> {
  const clock = { start: Infinity };
  const arrivals = new Arrivals((destination, arrival) => show(destination, arrival, clock.start));
  const { scene, hub } = await setTheStage(arrivals);
  const store = await openStore(options, { url: `${hub.addresses.bridge}/intake/s3/${SOURCE}`, token: hub.credentials.intakeToken });
  for (const [index, key] of OBJECTS.entries()) {
    say(`writing ${NAME}/${key}; the times count from here${index === 0 ? ', and everything is cold' : ''}`);
    const received = scene.receive(PATIENCE / 1_000);
    clock.start = performance.now();
    await store.put(key);
    const arrived = await Promise.all(DESTINATIONS.map((destination) => arrivals.reach(destination, index + 1, PATIENCE)));
    await received;
    const missing = DESTINATIONS.filter((_, destination) => arrived[destination] === false);
    if (missing.length > 0) return fail(`within ${PATIENCE / 1_000} s nothing arrived at: ${missing.join(', ')}`);
  }
  await sleep(SILENCE);
  const surplus = findSurplus(arrivals);
  if (surplus.length > 0) return fail(surplus.join('; '));
  say(`${SILENT.padEnd(7)}          nothing, as its tag says; and nothing arrived twice within ${SILENCE / 1_000} s`);
  if (options.exit) return 0;

  clock.start = Infinity;
  say(`the hub stays up at ${hub.addresses.api} until Ctrl-C. To try next, in this folder:`);
  const { addresses, credentials } = hub;
  const putCommand = store.putCommand('next.jpg');
  process.stdout.write(nextCommands({ api: addresses.api, credentials, putCommand, messageId: scene.lastMessageId }));
  return await Promise.race([interrupted.then(() => 0), hub.exited.then(() => fail('the hub has ended'))]);
}

/** The hub, someone at each destination, and the subscriptions and the rule between them. */
async function setTheStage(arrivals: Arrivals): Promise<{ scene: Scene; hub: HubProcess }> {
  const mails: { scene?: Scene } = {};
  const catcher = await MailCatcher.listen((mail) => mails.scene?.onMail(mail));
  endings.push(() => catcher.close());
  const environment = demoEnvironment(process.env, catcher.url);
  const hub = await startHub(environment);
  const { addresses, credentials } = hub;
  const scene = new Scene({ addresses, credentials, region: readHubSettings(environment).region, arrivals });
  mails.scene = scene;
  endings.push(() => scene.close());
  await scene.setUp();
  say(scene.describe());
  return { scene, hub };
}

function readOptions(args: readonly string[]): DemoOptions | undefined {
  if (args.some((argument) => argument !== '--exit' && argument !== '--no-minio')) return undefined;
  return { exit: args.includes('--exit'), minio: !args.includes('--no-minio') };
}

/** The operator's settings hold; where there are none, the demo keeps out of the way of a hub that runs already. */
function demoEnvironment(given: Environment, smtpUrl: string): Environment & { MAGPIE_DATA_DIR: string } {
  const preset = {
    MAGPIE_API_PORT: '0',
    MAGPIE_BRIDGE_PORT: '0',
    MAGPIE_WORKER_PORT: '0',
    MAGPIE_LOG_LEVEL: 'warn',
    MAGPIE_PUSH_ALLOW: 'loopback',
    MAGPIE_MAIL_FROM: 'magpie@example.com',
  };
  const dataDir = given['MAGPIE_DATA_DIR'] || temporaryDirectory();
  // The mails of the demo go to its own catcher, never to a real server.
  return { ...preset, ...given, MAGPIE_SMTP_URL: smtpUrl, MAGPIE_DATA_DIR: dataDir };
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'magpie-demo-'));
  endings.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function startHub(environment: Environment & { MAGPIE_DATA_DIR: string }): Promise<HubProcess> {
  const start = performance.now();
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  const hub = await HubProcess.start({ main, environment, onLog: (line) => process.stderr.write(`${line}\n`) });
  endings.push(() => hub.stop());
  say(`hub ready after ${seconds(start)}: api ${hub.addresses.api}, bridge ${hub.addresses.bridge}`);
  return hub;
}

async function openStore({ minio }: DemoOptions, intake: IntakeAddress): Promise<ObjectStore> {
  const program = minio ? await findMinio({ build: true, environment: process.env, say }) : undefined;
  if (program === undefined) {
    say(`${minio ? 'no MinIO and no Go to build one' : '--no-minio'}: the demo posts the body of MinIO's webhook itself`);
    return new WebhookPoster(NAME, intake);
  }
  const start = performance.now();
  const store = await MinioStore.start(program, NAME, intake);
  endings.push(() => store.stop());
  say(`MinIO ready after ${seconds(start)}: ${store.endpoint}, bucket ${NAME}`);
  return store;
}

/** More than one message per object, or any where there should be none. */
function findSurplus(arrivals: Arrivals): string[] {
  const doubled = DESTINATIONS.filter((destination) => arrivals.at(destination).length > OBJECTS.length);
  const unexpected = [SILENT, 'forged'].flatMap((destination) => arrivals.at(destination).map(({ text }) => `${destination}: ${text}`));
  return [...doubled.map((destination) => `${destination}: arrived more than once`), ...unexpected];
}

function show(destination: string, { at, text }: Arrival, start: number): void {
  const latency = start === Infinity ? '' : `${Math.round(at - start)} ms`;
  say(`${destination.padEnd(7)} ${latency.padStart(8)}  ${text}`);
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1_000).toFixed(1)} s`;
}

function say(line: string): void {
  process.stdout.write(`demo: ${line}\n`);
}

function fail(message: string): number {
  process.stderr.write(`demo: ${message}\n`);
  return 1;
}

process.exit(await main(process.argv.slice(2)));
