import { AsyncLocalStorage } from 'node:async_hooks';
import type { App } from 'firebase-admin/app';
import type { Messaging } from 'firebase-admin/messaging';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { url, type SettingKind } from '#runtime/setting.js';
import type { ChannelSettings, ChannelType, ProviderClient, ProviderTools } from '../channel-type.js';
import { readObject, textOf } from '../message-attributes.js';
import { TOPIC_OF_ALL, type MobileMessage } from '../mobile-message.js';
import { delivered, type Outcome } from '../outcome.js';
import { withTimeLimit } from '../time-limit.js';
import { FcmAgent } from './fcm-agent.js';
import { FcmCredential } from './fcm-credential.js';
import { FcmExchange } from './fcm-exchange.js';
import { fcmOutcome } from './fcm-outcome.js';

const TIME_LIMIT = 10_000;

/** The file that Google's console gives out. */
export const serviceAccount: SettingKind<string> = {
  allowed: 'the JSON of a service account, with project_id, client_email and private_key',
  parse: (given) => {
    const members = readObject(given);
    const isComplete = ['project_id', 'client_email', 'private_key'].every((name) => typeof members?.[name] === 'string' && members[name] !== '');
    return isComplete ? given : undefined;
  },
};

/** Mobile pushes through Firebase Cloud Messaging, by Google's official library. */
export const FCM: ChannelType<'mobile'> = {
  kind: 'mobile',
  settings: [
    { name: 'serviceAccount', required: true, secret: true, kind: serviceAccount },
    { name: 'baseUrl', address: true, kind: url('http', 'https') },
  ],
  connect: (settings, tools) => new FcmClient(settings, tools),
  readTestMessage: readTestPush,
};

let apps = 0;

class FcmClient implements ProviderClient<MobileMessage> {
  readonly timeLimit: number;
  readonly #agent: FcmAgent;
  readonly #exchanges = new AsyncLocalStorage<FcmExchange>();
  #opened: Promise<{ app: App; messaging: Messaging }> | undefined;

  constructor(
    private readonly settings: ChannelSettings,
    { network, timeLimit = TIME_LIMIT }: ProviderTools,
  ) {
    this.timeLimit = timeLimit;
    this.#agent = new FcmAgent(this.#exchanges, settings['baseUrl'], network);
  }

  send(message: MobileMessage, signal: AbortSignal): Promise<Outcome> {
    return this.#send(message, false, signal);
  }

  /** A message that FCM checks and does not send. */
  check(signal: AbortSignal): Promise<Outcome> {
    return this.#send({ target: { topic: TOPIC_OF_ALL }, data: {} }, true, signal);
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    const opened = await this.#opened?.catch(() => undefined);
    if (opened === undefined) return;
    const { deleteApp } = await import('firebase-admin/app');
    await deleteApp(opened.app);
  }

  async #send({ target, ...content }: MobileMessage, dryRun: boolean, signal: AbortSignal): Promise<Outcome> {
    const exchange = new FcmExchange();
    try {
      return await withTimeLimit(signal, this.timeLimit, async () => {
        const { messaging } = await (this.#opened ??= this.#open());
        const sending = this.#exchanges.run(exchange, () => messaging.send({ ...target, ...content, ...urgency(content) }, dryRun));
        await Promise.race([sending, exchange.refused]);
        return delivered(200);
      });
    } catch (error) {
      signal.throwIfAborted();
      return fcmOutcome(exchange.failure ?? error);
    } finally {
      exchange.end();
    }
  }

  async #open(): Promise<{ app: App; messaging: Messaging }> {
    const [{ initializeApp }, { getMessaging }] = await Promise.all([import('firebase-admin/app'), import('firebase-admin/messaging')]);
    const account = readObject(this.settings['serviceAccount'] ?? '') ?? {};
    const credential = new FcmCredential(account, this.#agent);
    const options = { credential, projectId: textOf(account['project_id']) ?? '', httpAgent: this.#agent };
    const app = initializeApp(options, `magpie-${(apps += 1)}`);
    return { app, messaging: getMessaging(app) };
  }
}

/** A data message of normal priority would wait until the device wakes by itself. */
function urgency({ notification }: Pick<MobileMessage, 'notification'>) {
  if (notification !== undefined) return { android: { priority: 'high' as const } };
  return { android: { priority: 'high' as const }, apns: { headers: { 'apns-priority': '5' }, payload: { aps: { contentAvailable: true } } } };
}

/** One of `token`, `topic` and `condition`; `title` and `body`. @throws InvalidArgument */
function readTestPush(members: Readonly<Record<string, unknown>>): MobileMessage {
  const { token, topic, condition, title = 'Magpie', body = 'Test message of Magpie', ...others } = members;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw new InvalidArgument(unknown, `${unknown} is not known in a test of a mobile channel.`);
  const targets = Object.entries({ token, topic, condition }).filter(([, value]) => typeof value === 'string' && value !== '');
  if (targets.length !== 1) throw new InvalidArgument('token', 'A test needs one of token, topic and condition.');
  if (typeof title !== 'string' || typeof body !== 'string') throw new InvalidArgument('title', 'title and body are strings.');
  return { target: Object.fromEntries(targets) as unknown as MobileMessage['target'], notification: { title, body }, data: {} };
}

