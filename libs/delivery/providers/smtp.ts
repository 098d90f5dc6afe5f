import { createHash } from 'node:crypto';
import { connect, isIP, type Socket } from 'node:net';
import { text } from '#runtime/setting.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { ChannelSettings, ChannelType, ProviderClient, ProviderTools } from '../channel-type.js';
import { delivered, permanent, retryable, type Outcome } from '../outcome.js';
import { AddressRefused, type PushNetwork } from '../push-network.js';
import { withTimeLimit } from '../time-limit.js';
import { readTestEmail, type EmailMessage } from './email-message.js';

/** Milliseconds. Mail servers answer more slowly than endpoints made for pushes. */
const TIME_LIMIT = 10_000;
const CONNECTIONS = 10;

/** Neither credentials, which would be shown, nor a query, in which the library takes options: a proxy, TLS without verification. */
const server = text(
  /^smtps?:\/\/(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?$/,
  'smtp:// or smtps://, a host and an optional port, without user and password',
);
const sender = text(/^[^\r\n@]{1,128}@[^\r\n@]{1,255}$/, 'an e-mail address, with or without a name in front');

/** Mail by SMTP, over a pool of connections. */
export const SMTP: ChannelType<'email'> = {
  kind: 'email',
  settings: [
    { name: 'url', required: true, address: true, kind: server },
    { name: 'user', kind: text(/^[^\r\n]{1,256}$/, '1 to 256 characters') },
    { name: 'password', secret: true, kind: text(/^[^\r\n]{1,256}$/, '1 to 256 characters') },
    { name: 'from', required: true, kind: sender },
    { name: 'replyTo', kind: sender },
  ],
  checkTogether: (settings) => {
    if ((settings['user'] === undefined) !== (settings['password'] === undefined)) {
      throw new InvalidArgument('password', 'user and password are set together.');
    }
  },
  connect: (settings, tools) => new SmtpClient(settings, tools),
  readTestMessage: readTestEmail,
};

class SmtpClient implements ProviderClient<EmailMessage> {
  readonly timeLimit: number;
  #transport: ReturnType<typeof openTransport> | undefined;

  constructor(
    private readonly settings: ChannelSettings,
    private readonly tools: ProviderTools,
  ) {
    this.timeLimit = tools.timeLimit ?? TIME_LIMIT;
  }

  send(message: EmailMessage, signal: AbortSignal): Promise<Outcome> {
    return this.#call(signal, async (transport) => {
      const { response } = await transport.sendMail(this.#mail(message));
      return delivered(Number(/^\d{3}/.exec(response)?.[0] ?? 250));
    });
  }

  /** Connects, encrypts and logs in. */
  check(signal: AbortSignal): Promise<Outcome> {
    return this.#call(signal, async (transport) => {
      await transport.verify();
      return delivered();
    });
  }

  async close(): Promise<void> {
    (await this.#transport)?.close();
  }

  async #call(signal: AbortSignal, call: (transport: Awaited<ReturnType<typeof openTransport>>) => Promise<Outcome>): Promise<Outcome> {
    try {
      return await withTimeLimit(signal, this.timeLimit, async () => {
        this.#transport ??= openTransport(this.settings, this.timeLimit, this.tools.network);
        return await call(await this.#transport);
      });
    } catch (error) {
      signal.throwIfAborted();
      return outcomeOf(error);
    }
  }

  #mail({ to, subject, body, isHtml, wantsReply, uniqueId, date }: EmailMessage) {
    const { from = '', replyTo } = this.settings;
    return {
      from,
      to: { name: '', address: to },
      ...(wantsReply && replyTo !== undefined && { replyTo }),
      subject,
      // The same in every attempt: a mail server that gets it twice can tell.
      messageId: messageIdOf(uniqueId, from),
      date: new Date(date),
      ...(isHtml ? { html: body } : { text: body }),
    };
  }
}

async function openTransport({ url: address = '', user, password }: ChannelSettings, timeLimit: number, network?: PushNetwork) {
  const { createTransport } = await import('nodemailer');
  const options = {
    url: address,
    ...(user !== undefined && password !== undefined && { auth: { user, pass: password } }),
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
  return createTransport(network === undefined ? options : { ...options, getSocket: guardedSocket(network, timeLimit) });
}

type SocketCallback = (error: Error | null, options?: { connection: Socket }) => void;

interface SocketOptions {
  readonly host?: string | undefined;
  readonly port?: number | string | undefined;
  readonly secure?: boolean | undefined;
}

/** Connects to allowed addresses only, in the library's place. */
function guardedSocket(network: PushNetwork, timeLimit: number) {
  return ({ host = 'localhost', port, secure }: SocketOptions, callback: SocketCallback): void => {
    if (isIP(host) !== 0 && !network.allows(host)) {
      callback(new AddressRefused(host));
      return;
    }
    const socket = connect({ host, port: Number(port ?? (secure === true ? 465 : 587)), lookup: network.lookup, timeout: timeLimit });
    const settle = (error: Error | null): void => {
      socket.off('error', settle).off('connect', onConnect).off('timeout', onTimeout);
      if (error === null) callback(null, { connection: socket.setTimeout(0) });
      else callback(error);
    };
    const onConnect = (): void => settle(null);
    const onTimeout = (): void => void socket.destroy(new Error('Connection timeout'));
    socket.on('error', settle).on('connect', onConnect).on('timeout', onTimeout);
  };
}

function messageIdOf(uniqueId: string, from: string): string {
  const unique = createHash('sha256').update(uniqueId).digest('hex').slice(0, 32);
  const domain = /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? 'magpie.invalid';
  return `<${unique}@${domain}>`;
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
