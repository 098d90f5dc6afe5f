import { readEmailAttributes } from '#delivery/email-attributes.js';
import type { EmailEndpoint } from '#delivery/endpoint.js';
import { permanent, type Outcome } from '#delivery/outcome.js';
import type { EmailMessage } from '#delivery/providers/email-message.js';
import type { Channel, Delivery } from './channel.js';
import type { ProviderClients } from './provider-clients.js';
import { sendToEach, type SettledRecipients } from './recipients.js';

/** Milliseconds. Mail servers answer more slowly than endpoints made for pushes. */
const TIME_LIMIT = 10_000;

export interface EmailChannelOptions {
  readonly clients: Pick<ProviderClients, 'find'>;
  readonly recipients: SettledRecipients;
  /** Milliseconds; 10,000 but in tests. */
  readonly timeLimit?: number;
}

/** Sends the published text as a mail to each recipient, through the account's channel. */
export class EmailChannel implements Channel<EmailEndpoint> {
  readonly timeLimit: number;

  constructor(private readonly options: EmailChannelOptions) {
    this.timeLimit = options.timeLimit ?? TIME_LIMIT;
  }

  async send(delivery: Delivery<EmailEndpoint>, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const { endpoint, subscription, pending } = delivery;
    const { addresses, subject, isHtml, wantsReply } = readEmailAttributes(pending.message.messageAttributes);
    // A message names recipients only where the endpoint leaves it to messages.
    const recipients = endpoint.addresses.length > 0 ? endpoint.addresses : (addresses ?? []);
    if (recipients.length === 0) return permanent('neither the endpoint nor the message names an e-mail address');
    const channel = await this.options.clients.find('email', subscription.topicOwner, endpoint.channel);
    signal.throwIfAborted();
    if ('kind' in channel) return channel;
    const mail: Omit<EmailMessage, 'to' | 'uniqueId'> = {
      subject: subject ?? `Message from topic ${subscription.topicName}`,
      body: pending.message.body,
      isHtml,
      wantsReply,
      date: pending.publishTime,
    };
    const uniqueId = `${subscription.pendingQueue.id} ${pending.messageId}`;
    const options = { store: this.options.recipients, timeLimit: this.timeLimit, signal };
    return await sendToEach(delivery, recipients, options, (to, limit) =>
      channel.client.send({ ...mail, to, uniqueId: recipients.length === 1 ? uniqueId : `${uniqueId} ${to}` }, limit),
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
