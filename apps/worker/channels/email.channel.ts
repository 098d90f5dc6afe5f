import { createHash } from 'node:crypto';
import { createTransport } from 'nodemailer';
import type { EmailEndpoint } from '#delivery/endpoint.js';
import { delivered, permanent, retryable, type Outcome } from '#delivery/outcome.js';
import type { Channel, Delivery } from './channel.js';
import { withTimeLimit } from '#delivery/time-limit.js';

/** Milliseconds. Mail servers answer more slowly than endpoints made for pushes. */
const TIME_LIMIT = 10_000;
const CONNECTIONS = 10;

export interface EmailChannelOptions {
  /** smtp:// or smtps://, with user and password where the server wants them. */
  readonly smtpUrl: string;
  readonly mailFrom: string;
  /** Milliseconds; 10,000 but in tests. */
  readonly timeLimit?: number;
}

/** Sends the published text as a mail, over a pool of SMTP connections. */
export class EmailChannel implements Channel<EmailEndpoint> {
  readonly timeLimit: number;
  readonly #transport: ReturnType<typeof openTransport>;

  constructor(private readonly options: EmailChannelOptions) {
    this.timeLimit = options.timeLimit ?? TIME_LIMIT;
    this.#transport = openTransport(options.smtpUrl, this.timeLimit);
  }

  async send(delivery: Delivery<EmailEndpoint>, signal: AbortSignal): Promise<Outcome> {
    try {
      const { response } = await withTimeLimit(signal, this.timeLimit, () => this.#transport.sendMail(this.#mail(delivery)));
      return delivered(Number(/^\d{3}/.exec(response)?.[0] ?? 250));
    } catch (error) {
      signal.throwIfAborted();
      return outcomeOf(error);
    }
  }

  close(): Promise<void> {
    this.#transport.close();
    return Promise.resolve();
  }

  #mail({ endpoint, subscription, pending }: Delivery<EmailEndpoint>) {
    const attributes = mailAttributes(pending.message.messageAttributes);
    const { body } = pending.message;
    return {
      from: this.options.mailFrom,
      to: { name: '', address: endpoint.address },
      subject: attributes.subject ?? `Message from topic ${subscription.topicName}`,
      // The same in every attempt: a mail server that gets it twice can tell.
      messageId: messageIdOf(subscription.pendingQueue.id, pending.messageId, this.options.mailFrom),
      date: new Date(pending.publishTime),
      ...(attributes.isHtml ? { html: body } : { text: body }),
    };
  }
}

function openTransport(url: string, timeLimit: number) {
  const options = {
    url,
    pool: true as const,
    maxConnections: CONNECTIONS,
    // A failed attempt is ours to repeat, when the notify strategy says so.
    maxRequeues: 0,
    connectionTimeout: timeLimit,
    greetingTimeout: timeLimit,
    socketTimeout: timeLimit,
    // What is published is text, never a file of this machine or a URL to fetch.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  return createTransport(options);
}

function messageIdOf(pendingQueueId: string, messageId: string, mailFrom: string): string {
  const unique = createHash('sha256').update(`${pendingQueueId} ${messageId}`).digest('hex').slice(0, 32);
  const domain = /@([A-Za-z0-9.-]+)>?\s*$/.exec(mailFrom)?.[1] ?? 'magpie.invalid';
  return `<${unique}@${domain}>`;
}

interface MailAttributes {
  readonly subject?: string;
  readonly isHtml: boolean;
}

/** From the message attribute DM (new) or DirectMail (old). What is no JSON object is passed over: the mail goes out plain. */
export function mailAttributes(attributes: Readonly<Record<string, string>> | undefined): MailAttributes {
  const members = readObject(attributes?.['DM']) ?? readObject(attributes?.['DirectMail']) ?? {};
  const { Subject: subject, IsHtml: isHtml } = members;
  return {
    ...(typeof subject === 'string' && subject !== '' && { subject }),
    isHtml: isHtml === true || String(isHtml) === '1' || String(isHtml).toLowerCase() === 'true',
  };
}

function readObject(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Replies that speak of us (credentials, encryption), not of the mail: an operator can put that right. */
const OUR_FAULT: readonly number[] = [530, 534, 535, 538];
/** The steps of a mail's own dialogue; a refusal before them speaks of the connection. */
const MAIL_STEPS: readonly string[] = ['EENVELOPE', 'EMESSAGE'];

/** SMTP's own rule: 4xx may pass, 5xx will not. */
function outcomeOf(error: unknown): Outcome {
  const { message, code, responseCode } = error as Error & { code?: string; responseCode?: number };
  const reason = message.replace(/\s+/g, ' ');
  if (responseCode === undefined) return retryable(reason);
  const isFinal = responseCode >= 500 && !OUR_FAULT.includes(responseCode) && MAIL_STEPS.includes(code ?? '');
  return isFinal ? permanent(reason, responseCode) : retryable(reason, { code: responseCode });
}
