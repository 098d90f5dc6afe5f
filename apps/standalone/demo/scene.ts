import type { HubSettings } from '#runtime/hub-settings.js';
import type { Credentials } from '../credentials.js';
import type { HubAddresses } from '../hub.js';
import type { Arrivals } from './arrivals.js';
import type { CaughtMail } from './mail-catcher.js';
import { openMnsSdk, subscribe, type MnsSdk } from './mns-sdk.js';
import { PushReceiver, type Push } from './push-receiver.js';

/** One name for the bucket, the topic, the queue and the rule of the demo. */
export const NAME = 'demo-photos';
export const SOURCE = 'demo';
const TAG = 'photo';
const OTHER_TAG = 'video';
const MAIL_ADDRESS = 'reader@example.com';

/** Destinations that must be reached, in the order in which they are shown. */
export const DESTINATIONS = ['http', 'queue', 'e-mail'] as const;
export const SILENT = 'silent';

export interface SceneOptions {
  readonly addresses: HubAddresses;
  readonly credentials: Credentials;
  readonly region: HubSettings['region'];
  readonly arrivals: Arrivals;
}

/** What the demo sets up in the hub: a rule, a topic, a queue and four subscriptions with someone behind each. */
export class Scene {
  readonly sdk: MnsSdk;
  #receiver: PushReceiver | undefined;
  /** Id of the message that the last push carried. */
  lastMessageId = '';

  constructor(private readonly options: SceneOptions) {
    const { accountId, accessKeyId, accessKeySecret } = options.credentials;
    this.sdk = openMnsSdk(accountId, { endpoint: options.addresses.api, accessKeyId, accessKeySecret });
  }

  async setUp(): Promise<void> {
    const { addresses, credentials, region } = this.options;
    const receiver = await PushReceiver.listen(addresses.api, (push) => this.#onPush(push));
    this.#receiver = receiver;
    // A queue of an earlier demo may still hold messages.
    await this.sdk.deleteQueue(NAME);
    await this.sdk.createQueue(NAME);
    await this.sdk.createTopic(NAME);
    const endpoints = {
      http: receiver.urlOf('/photos'),
      queue: `acs:mns:${region}:${credentials.accountId}:queues/${NAME}`,
      mail: `mail:directmail:${MAIL_ADDRESS}`,
    };
    await Promise.all(Object.entries(endpoints).map(([name, endpoint]) => subscribe(this.sdk, NAME, { name, endpoint, filterTag: TAG })));
    await subscribe(this.sdk, NAME, { name: SILENT, endpoint: receiver.urlOf('/videos'), filterTag: OTHER_TAG });
    await this.#putRule();
  }

  describe(): string {
    const subscriptions = `http, queue, e-mail; and "${SILENT}", which wants tag "${OTHER_TAG}"`;
    return `rule "${NAME}": ${NAME}/*.jpg → topic "${NAME}", tag "${TAG}" → ${subscriptions}`;
  }

  onMail({ to, subject, text }: CaughtMail): void {
    this.options.arrivals.note('e-mail', `to ${to}, subject ${JSON.stringify(subject)}: ${eventIn(text)}`);
  }

  /** Takes the next message from the queue with the SDK, as a consumer does. */
  async receive(waitSeconds: number): Promise<void> {
    try {
      const { body } = await this.sdk.receiveMessage(NAME, waitSeconds);
      this.options.arrivals.note('queue', `received with @alicloud/mns: ${eventIn(body.MessageBody)}`);
      await this.sdk.deleteMessage(NAME, body.ReceiptHandle);
    } catch (error) {
      // The SDK's way to say that nothing came.
      if (!(error instanceof Error) || error.name !== 'MNSMessageNotExistError') throw error;
    }
  }

  async close(): Promise<void> {
    await this.#receiver?.close();
  }

  #onPush({ path, messageId, body, forged }: Push): void {
    if (path === '/photos') this.lastMessageId = messageId;
    const signature = forged === undefined ? 'signature valid' : `SIGNATURE NOT VALID (${forged})`;
    const destination = path !== '/photos' ? SILENT : forged === undefined ? 'http' : 'forged';
    this.options.arrivals.note(destination, `POST ${path}, ${signature}: ${eventIn(body)}`);
  }

  async #putRule(): Promise<void> {
    const { api } = this.options.addresses;
    const { accessKeyId, accessKeySecret } = this.options.credentials;
    const login = Buffer.from(`${accessKeyId}:${accessKeySecret}`).toString('base64');
    const response = await fetch(`${api}/api/v1/event-rules/${NAME}`, {
      method: 'PUT',
      headers: { Authorization: `Basic ${login}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({
        eventTypes: ['ObjectCreated:*'],
        matchRules: [[{ prefix: `${NAME}/`, suffix: '.jpg' }]],
        endpoint: { endpointType: 'topic', endpointValue: NAME },
        messageTag: TAG,
      }),
    });
    if (!response.ok) throw new Error(`the rule was refused with ${response.status}: ${await response.text()}`);
  }
}

interface OssEvents {
  readonly events: readonly [{ readonly eventName: string; readonly oss: { readonly object: { readonly key: string } } }];
}

/** The event in a message's body, in a few words. */
function eventIn(body: string): string {
  try {
    const { events } = JSON.parse(Buffer.from(body, 'base64').toString()) as OssEvents;
    return `${events[0].eventName} ${events[0].oss.object.key}`;
  } catch {
    return `${JSON.stringify(body.slice(0, 60))}, which is no OSS event`;
  }
}
