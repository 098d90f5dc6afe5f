import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messagesOf, type AlertMessage, type AlertTag } from './alert-message.js';
import { BadNotification, readNotification, type Format, type Notification } from './notification.js';

const FORMATS: Readonly<Record<string, Format>> = { '/alertmanager': 'alertmanager', '/arms': 'arms' };

/** Bytes of a post. */
const LARGEST_POST = 1_048_576;

/**
 * Milliseconds for which what was published is not published again. An answer that was lost is followed by the same post, and so is, from
 * the other one of a pair of Alertmanagers, a webhook that was down. Below `repeat_interval` (4 h unless set otherwise), so that
 * reminders come through.
 */
const REPEAT_WINDOW = 5 * 60_000;

export interface Published {
  readonly messageId: string;
  readonly tag: AlertTag;
}

export interface AlertReceiverOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** What posts must bring as `Authorization: Bearer …`; undefined: nothing. */
  readonly token?: string;
  /** Resolves with the message's id when the hub has it. */
  readonly publish: (message: AlertMessage) => Promise<string>;
}

/** An answer other than 200; 4xx ends the matter for Alertmanager, 5xx makes it try again. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Takes the webhooks of Alertmanager (`POST /alertmanager`) and ARMS (`POST /arms`), and publishes what they say. */
export class AlertReceiver {
  /** When each message was published, by its key; the oldest first. */
  readonly #published = new Map<string, number>();

  private constructor(
    private readonly server: Server,
    private readonly options: AlertReceiverOptions,
  ) {}

  static async listen(options: AlertReceiverOptions): Promise<AlertReceiver> {
    const server = createServer();
    const receiver = new AlertReceiver(server, options);
    server.on('request', (request, response) => void receiver.#answer(request, response));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port, options.host, resolve));
    return receiver;
  }

  get url(): string {
    const { address, port, family } = this.server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      sendJson(response, 200, await this.#take(request));
    } catch (error) {
      if (error instanceof Refusal) sendJson(response, error.status, { error: error.message });
      // The client went away in the middle of its post.
      else response.destroy();
    }
  }

  async #take(request: IncomingMessage): Promise<{ published: Published[]; repeated: number }> {
    const path = (request.url ?? '').replace(/\?.*$/, '');
    const format = Object.hasOwn(FORMATS, path) ? FORMATS[path] : undefined;
    const body = await readBody(request);
    if (format === undefined) throw new Refusal(404, `post to ${Object.keys(FORMATS).join(' or ')}`);
    if (request.method !== 'POST') throw new Refusal(405, `${path} takes POST`);
    if (!this.#isAuthorized(request)) throw new Refusal(401, 'the Authorization header does not hold the token of this receiver');
    if (body === undefined) throw new Refusal(413, `the body has more than ${LARGEST_POST} bytes`);
    return await this.#publish(messagesOf(readPost(format, body)));
  }

  async #publish(messages: readonly AlertMessage[]): Promise<{ published: Published[]; repeated: number }> {
    this.#forgetOld();
    const published: Published[] = [];
    for (const message of messages.filter(({ key }) => !this.#published.has(key))) {
      try {
        published.push({ messageId: await this.options.publish(message), tag: message.tag });
      } catch (error) {
        // Whatever it is, the alert is not in the hub: the sender shall come again, and what was published before is not published twice.
        throw new Refusal(503, `the hub did not take the alert: ${error instanceof Error ? error.message : String(error)}`);
      }
      this.#published.set(message.key, Date.now());
    }
    return { published, repeated: messages.length - published.length };
  }

  #forgetOld(): void {
    for (const [key, time] of this.#published) {
      if (Date.now() - time < REPEAT_WINDOW) return;
      this.#published.delete(key);
    }
  }

  #isAuthorized({ headers }: IncomingMessage): boolean {
    const { token } = this.options;
    // Digests have one length, so that the comparison takes one time.
    return token === undefined || timingSafeEqual(sha256(`Bearer ${token}`), sha256(headers.authorization ?? ''));
  }
}

function readPost(format: Format, body: string): Notification {
  try {
    return readNotification(format, JSON.parse(body));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof BadNotification)) throw error;
    if (body.includes('$alertmanager_content')) {
      throw new Refusal(400, 'ARMS has not filled in $alertmanager_content: the test button of its console never does, real alerts do');
    }
    throw new Refusal(400, error instanceof SyntaxError ? `the body is not JSON: ${error.message}` : error.message);
  }
}

/** Undefined: it is too long. It is read to its end all the same, for a sender that is still writing does not read the answer. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= LARGEST_POST) chunks.push(chunk);
  }
  return length <= LARGEST_POST ? Buffer.concat(chunks).toString('utf8') : undefined;
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  const headers = { 'content-type': 'application/json', ...(status === 405 && { allow: 'POST' }) };
  response.writeHead(status, headers).end(`${JSON.stringify(body)}\n`);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
