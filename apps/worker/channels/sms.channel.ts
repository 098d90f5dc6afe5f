import type { SmsEndpoint } from '#delivery/endpoint.js';
import { permanent, type Outcome } from '#delivery/outcome.js';
import type { SmsMessage } from '#delivery/providers/sms-message.js';
import { readSmsAttributes, type SmsContent } from '#delivery/sms-attributes.js';
import { smsReceiptPath } from '#delivery/sms-receipt.js';
import type { Channel, Delivery } from './channel.js';
import type { OpenChannel, ProviderClients } from './provider-clients.js';
import { sendToEach, type SettledRecipients } from './recipients.js';

const TIME_LIMIT = 10_000;

export interface SmsChannelOptions {
  readonly clients: Pick<ProviderClients, 'find'>;
  readonly recipients: SettledRecipients;
  /** Where providers reach the API, to tell what became of an SMS; absent: they are not asked to. */
  readonly publicUrl?: string;
  /** Milliseconds; 10,000 but in tests. */
  readonly timeLimit?: number;
}

/** Sends an SMS to each receiver through the account's channel. */
export class SmsChannel implements Channel<SmsEndpoint> {
  readonly timeLimit: number;

  constructor(private readonly options: SmsChannelOptions) {
    this.timeLimit = options.timeLimit ?? TIME_LIMIT;
  }

  async send(delivery: Delivery<SmsEndpoint>, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const { endpoint, subscription, pending } = delivery;
    const contents = readSmsAttributes(endpoint, pending.message.messageAttributes);
    if ('problem' in contents) return permanent(contents.problem);
    const channel = await this.options.clients.find('sms', subscription.topicOwner, endpoint.channel);
    signal.throwIfAborted();
    if ('kind' in channel) return channel;
    const messages = new Map(contents.map((content) => [content.to, this.#message(delivery, channel, content)]));
    const options = { store: this.options.recipients, timeLimit: this.timeLimit, signal };
    return await sendToEach(delivery, [...messages.keys()], options, (phone, limit) => channel.client.send(messages.get(phone)!, limit));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #message({ subscription, pending }: Delivery, { name, settings }: OpenChannel<'sms'>, content: SmsContent): SmsMessage {
    const base = settings['publicUrl'] ?? this.options.publicUrl;
    const attempt = {
      account: subscription.topicOwner,
      ...(name !== undefined && { channel: name }),
      topicName: subscription.topicName,
      subscriptionName: subscription.name,
      pendingQueueId: subscription.pendingQueue.id,
      messageId: pending.messageId,
      number: pending.attempts + 1,
    };
    return {
      ...content,
      text: pending.message.body,
      id: pending.messageId,
      ...(base !== undefined && { receiptUrl: base + smsReceiptPath(attempt) }),
    };
  }
}
