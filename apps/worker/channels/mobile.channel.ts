import type { MobileEndpoint } from '#delivery/endpoint.js';
import { mobileMessage, MobileTargetMissing, type MobileMessage } from '#delivery/mobile-message.js';
import { permanent, type Outcome } from '#delivery/outcome.js';
import { notificationOf, type Channel, type Delivery } from './channel.js';
import type { OpenChannel, ProviderClients } from './provider-clients.js';

const TIME_LIMIT = 10_000;

/** Pushes to mobile devices through the account's channel. */
export class MobileChannel implements Channel<MobileEndpoint> {
  constructor(
    private readonly clients: Pick<ProviderClients, 'find'>,
    /** Milliseconds; 10,000 but in tests. */
    readonly timeLimit = TIME_LIMIT,
  ) {}

  async send(delivery: Delivery<MobileEndpoint>, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const message = readMessage(delivery);
    if (typeof message === 'string') return permanent(message);
    const channel = await this.#find(delivery);
    signal.throwIfAborted();
    return 'kind' in channel ? channel : await channel.client.send(message, signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The channel that the endpoint names, else the one that is called as the app is, else the default one. */
  async #find({ endpoint: { channel, appKey }, subscription: { topicOwner } }: Delivery<MobileEndpoint>): Promise<OpenChannel<'mobile'> | Outcome> {
    if (channel !== undefined) return await this.clients.find('mobile', topicOwner, channel);
    const ofApp = await this.clients.find('mobile', topicOwner, appKey);
    return 'kind' in ofApp ? await this.clients.find('mobile', topicOwner) : ofApp;
  }
}

/** The message, or why there is nobody to send it to: the next attempt would find the same. */
function readMessage(delivery: Delivery<MobileEndpoint>): MobileMessage | string {
  try {
    return mobileMessage(notificationOf(delivery), delivery.pending.message.messageAttributes?.['Push'], delivery.endpoint.target);
  } catch (error) {
    if (error instanceof MobileTargetMissing) return error.message;
    throw error;
  }
}
