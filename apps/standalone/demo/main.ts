import { setTimeout as sleep } from 'node:timers/promises';
import { readHubSettings } from '#runtime/hub-settings.js';
import { Arrivals } from './arrivals.js';
import { DemoRun, seconds } from './demo-run.js';
import type { HubProcess } from './hub-process.js';
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

async function play(run: DemoRun): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) return run.fail(USAGE);
  const clock = { start: Infinity };
  const arrivals = new Arrivals((destination, arrival) => run.show(destination, arrival, clock.start));
  const { scene, hub } = await setTheStage(run, arrivals);
  const store = await openStore(run, options, { url: `${hub.addresses.bridge}/intake/s3/${SOURCE}`, token: hub.credentials.intakeToken });
  for (const [index, key] of OBJECTS.entries()) {
    run.say(`writing ${NAME}/${key}; the times count from here${index === 0 ? ', and everything is cold' : ''}`);
    const received = scene.receive(PATIENCE / 1_000);
    clock.start = performance.now();
    await store.put(key);
    const arrived = await Promise.all(DESTINATIONS.map((destination) => arrivals.reach(destination, index + 1, PATIENCE)));
    await received;
    const missing = DESTINATIONS.filter((_, destination) => arrived[destination] === false);
    if (missing.length > 0) return run.fail(`within ${PATIENCE / 1_000} s nothing arrived at: ${missing.join(', ')}`);
  }
  await sleep(SILENCE);
  const surplus = findSurplus(arrivals);
  if (surplus.length > 0) return run.fail(surplus.join('; '));
  run.say(`${SILENT.padEnd(8)}          nothing, as its tag says; and nothing arrived twice within ${SILENCE / 1_000} s`);
  if (options.exit) return 0;

  clock.start = Infinity;
  run.say(`the hub stays up at ${hub.addresses.api} until Ctrl-C. To try next, in this folder:`);
  const { addresses, credentials } = hub;
  const putCommand = store.putCommand('next.jpg');
  process.stdout.write(nextCommands({ api: addresses.api, credentials, putCommand, messageId: scene.lastMessageId }));
  return await run.stayUp(hub);
}

/** The hub, someone at each destination, and the subscriptions and the rule between them. */
async function setTheStage(run: DemoRun, arrivals: Arrivals): Promise<{ scene: Scene; hub: HubProcess }> {
  const mails: { scene?: Scene } = {};
  const catcher = await MailCatcher.listen((mail) => mails.scene?.onMail(mail));
  run.atEnd(() => catcher.close());
  const environment = run.hubEnvironment({
    preset: { MAGPIE_PUSH_ALLOW: 'loopback', MAGPIE_MAIL_FROM: 'magpie@example.com' },
    // The mails of the demo go to its own catcher, never to a real server.
    fixed: { MAGPIE_SMTP_URL: catcher.url },
  });
  const hub = await run.startHub(environment);
  const { addresses, credentials } = hub;
  const scene = new Scene({ addresses, credentials, region: readHubSettings(environment).region, arrivals });
  mails.scene = scene;
  run.atEnd(() => scene.close());
  await scene.setUp();
  run.say(scene.describe());
  return { scene, hub };
}

function readOptions(args: readonly string[]): DemoOptions | undefined {
  if (args.some((argument) => argument !== '--exit' && argument !== '--no-minio')) return undefined;
  return { exit: args.includes('--exit'), minio: !args.includes('--no-minio') };
}

async function openStore(run: DemoRun, { minio }: DemoOptions, intake: IntakeAddress): Promise<ObjectStore> {
  const program = minio ? await findMinio({ build: true, environment: process.env, say: (line) => run.say(line) }) : undefined;
  if (program === undefined) {
    run.say(`${minio ? 'no MinIO and no Go to build one' : '--no-minio'}: the demo posts the body of MinIO's webhook itself`);
    return new WebhookPoster(NAME, intake);
  }
  const start = performance.now();
  const store = await MinioStore.start({ program, bucket: NAME, intake, events: ['s3:ObjectCreated:*'] });
  run.atEnd(() => store.stop());
  run.say(`MinIO ready after ${seconds(start)}: ${store.endpoint}, bucket ${NAME}`);
  return store;
}

/** More than one message per object, or any where there should be none. */
function findSurplus(arrivals: Arrivals): string[] {
  const doubled = DESTINATIONS.filter((destination) => arrivals.at(destination).length > OBJECTS.length);
  const unexpected = [SILENT, 'forged'].flatMap((destination) => arrivals.at(destination).map(({ text }) => `${destination}: ${text}`));
  return [...doubled.map((destination) => `${destination}: arrived more than once`), ...unexpected];
}

process.exit(await DemoRun.play('demo', play));
