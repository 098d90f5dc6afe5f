import MnsClient from '@alicloud/mns';
import type { AlertMessage } from './alert-message.js';

export const TOPIC = 'alerts';

export interface HubAccess {
  readonly api: string;
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** ARMS waits 5 seconds for an answer, so the hub gets less; milliseconds. */
const TIME_LIMIT = 4_000;

/** The topic that alerts are published to, through the official SDK. */
export class AlertTopic {
  readonly #client: MnsClient;

  constructor({ api, accountId, accessKeyId, accessKeySecret }: HubAccess) {
    const limits = { connectTimeout: TIME_LIMIT, readTimeout: TIME_LIMIT };
    this.#client = new MnsClient(accountId, { endpoint: api, accessKeyId, accessKeySecret, ...limits });
  }

  /** Resolves with the message's id once the hub has stored it. */
  async publish({ tag, text, attributes }: AlertMessage): Promise<string> {
    const escaped = Object.entries(attributes).map(([name, value]) => [name, escapeXml(value)]);
    const { body } = await this.#client.publishMessage(TOPIC, {
      MessageBody: escapeXml(text),
      MessageTag: tag,
      MessageAttributes: Object.fromEntries(escaped) as Record<string, string>,
    });
    return body.MessageId;
  }
}

/** The SDK writes values into its XML as they are. */
function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
