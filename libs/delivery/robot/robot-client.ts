import { createHash } from 'node:crypto';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { systemClock } from '#runtime/clock.js';
import type { ProviderClient, ProviderTools } from '../channel-type.js';
import { delivered, retryable, type Outcome } from '../outcome.js';
import { localBudget, type Rate } from '../rate-budget.js';
import { withTimeLimit } from '../time-limit.js';
import type { RobotMessage } from './robot-message.js';
import { RobotOutbox } from './robot-outbox.js';
import type { Robot, RobotAnswer, RobotProvider, RobotVerdict } from './robot-provider.js';

/** Half of it to wait for a turn (the slowest budget has one each 5 s), half for the request. Milliseconds. */
const TIME_LIMIT = 10_400;
const CONNECTIONS = 8;
const ANSWER_LIMIT = 64 * 1_024;
const NEVER = new AbortController().signal;

export interface RobotClientTools extends ProviderTools {
  /** The provider's own but in tests. */
  readonly rate?: Rate;
}

/** One robot: what is sent to it shares a budget. Redirects are not followed, and its URL, which is a secret, is told to nobody. */
export class RobotClient implements ProviderClient<RobotMessage> {
  readonly timeLimit: number;
  readonly #postLimit: number;
  readonly #agent: Agent;
  readonly #outbox: RobotOutbox;

  constructor(
    private readonly provider: RobotProvider,
    private readonly robot: Robot,
    { network, budget: shared, timeLimit = TIME_LIMIT, rate = provider.rate }: RobotClientTools,
  ) {
    this.timeLimit = timeLimit;
    this.#postLimit = timeLimit / 2;
    const connect = network?.connector(this.#postLimit) ?? buildConnector({ allowH2: false, timeout: this.#postLimit });
    this.#agent = new Agent({ connect, connections: CONNECTIONS, pipelining: 1, allowH2: false });
    const post = (message: RobotMessage): Promise<RobotVerdict> => this.#post(message, NEVER);
    // Whatever channels lead to it, the provider counts what the robot says.
    const budget = shared?.(`robot:${idOf(robot)}`, rate) ?? localBudget(rate, systemClock);
    this.#outbox = new RobotOutbox({ provider, budget, clock: systemClock, waitLimit: timeLimit - this.#postLimit, post });
  }

  async send(message: RobotMessage, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    return await this.#outbox.send(message, signal);
  }

  /** A message without a text: who refuses it for that has taken address and signature, and shows nothing to anybody. */
  async check(signal: AbortSignal): Promise<Outcome> {
    const verdict = await this.#post({ text: '', format: 'text', atMobiles: [], atAll: false }, signal);
    signal.throwIfAborted();
    return verdict.aboutContent === true ? delivered(200) : verdict.outcome;
  }

  async close(): Promise<void> {
    this.#outbox.close();
    await this.#agent.destroy();
  }

  async #post(message: RobotMessage, signal: AbortSignal): Promise<RobotVerdict> {
    try {
      const { url, body } = this.provider.request(this.robot, message, systemClock.now());
      const answer = await withTimeLimit(signal, this.#postLimit, (limit) => this.#request(new URL(url), body, limit));
      // Before anything is cut off: half a secret would not be found.
      return this.provider.readAnswer({ ...answer, body: this.#withoutSecrets(answer.body) });
    } catch (error) {
      return { outcome: retryable(this.#withoutSecrets(reasonOf(error))) };
    }
  }

  async #request({ origin, pathname, search }: URL, body: string, signal: AbortSignal): Promise<RobotAnswer> {
    const headers = { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'Magpie' };
    const path = pathname + search;
    const answer = await this.#agent.request({ origin, path, method: 'POST', headers, body, signal });
    const retryAfter = answer.headers['retry-after'];
    return {
      status: answer.statusCode,
      ...(typeof retryAfter === 'string' && { retryAfter }),
      body: await readBeginning(answer.body),
    };
  }

  /** A provider may repeat in its answer what it was asked with. */
  #withoutSecrets(text: string): string {
    return secretsOf(this.robot).reduce((shorter, secret) => shorter.replaceAll(secret, '***'), text);
  }
}

/** Tells nothing of the URL, which is a secret. */
function idOf({ webhookUrl }: Robot): string {
  return createHash('sha256').update(`robot ${webhookUrl}`).digest('base64url').slice(0, 22);
}

/** The signing secret, and whatever in the URL may be a token. Longest first, so that none is hidden in part. */
function secretsOf({ webhookUrl, secret }: Robot): string[] {
  const { pathname, search, searchParams } = new URL(webhookUrl);
  const parts = [webhookUrl, pathname + search, ...pathname.split('/'), ...searchParams.values(), ...(secret === undefined ? [] : [secret])];
  return parts.filter((part) => part.length >= 8).sort((one, other) => other.length - one.length);
}

/** What is longer costs its connection. */
async function readBeginning(body: Dispatcher.ResponseData['body']): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length >= ANSWER_LIMIT) break;
  }
  return Buffer.concat(parts).subarray(0, ANSWER_LIMIT).toString();
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
