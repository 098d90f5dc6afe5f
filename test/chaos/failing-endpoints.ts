import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Shares of requests that fail, each in its way; the rest is answered 204 at once. */
const FAULTS = { refused: 0.05, reset: 0.03, late: 0.02 } as const;
/** Milliseconds after which a late answer comes: within the limit of a push. */
const LATE = 1_000;
/** Milliseconds by which two clocks of one machine may be apart when they are read. */
const TOLERANCE = 5;

/** What one subscription was shown of one message. */
interface Pair {
  firstSeen: number;
  /** Requests that were answered with a failure, and when the last one was. */
  failures: number;
  failedAt: number;
  /** When the request came that was answered 204; undefined until then. */
  deliveredAt: number | undefined;
}

export interface Findings {
  /** Deliveries beyond the first of a pair, with and without a kill that explains them. */
  readonly doubled: { explained: number; unexplained: number };
  /** Retries sooner than the schedule of the failures that were seen, with and without a kill that kept a failure from being recorded. */
  readonly early: { explained: number; unexplained: number };
  requests: number;
  failed: number;
}

/**
 * HTTP endpoints on one port that fail at random and write down what they saw. A kill of a worker or of Redis explains a repetition: an
 * outcome that was not recorded is an attempt that was not made.
 */
export class FailingEndpoints {
  readonly findings: Findings = { doubled: { explained: 0, unexplained: 0 }, early: { explained: 0, unexplained: 0 }, requests: 0, failed: 0 };
  /** When something died whose death can lose an outcome; milliseconds of `performance.now()`. */
  readonly kills: number[] = [];
  failing = true;
  readonly #pairs = new Map<string, Pair>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      request.resume();
      const fault = this.#see(`${request.headers['x-mns-message-id'] as string} ${request.url ?? ''}`);
      if (fault === 'reset') response.socket?.resetAndDestroy();
      else if (fault === 'refused') response.writeHead(500).end();
      else if (fault === 'late') setTimeout(() => response.writeHead(500).end(), LATE);
      else response.writeHead(204).end();
    });
  }

  static async open(): Promise<FailingEndpoints> {
    const endpoints = new FailingEndpoints();
    await new Promise<void>((resolve) => endpoints.#server.listen(0, '127.0.0.1', resolve));
    return endpoints;
  }

  urlOf(subscription: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${subscription}`;
  }

  hasDelivered(messageId: string, subscription: string): boolean {
    return this.#pairs.get(`${messageId} /${subscription}`)?.deliveredAt !== undefined;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #see(key: string): keyof typeof FAULTS | undefined {
    const now = performance.now();
    this.findings.requests += 1;
    const pair = this.#pairs.get(key) ?? { firstSeen: now, failures: 0, failedAt: 0, deliveredAt: undefined };
    this.#pairs.set(key, pair);
    this.#judge(pair, now);
    const fault = this.failing ? drawFault() : undefined;
    if (fault === undefined) {
      pair.deliveredAt ??= now;
    } else {
      this.findings.failed += 1;
      pair.failures += 1;
      pair.failedAt = now + (fault === 'late' ? LATE : 0);
    }
    return fault;
  }

  #judge(pair: Pair, now: number): void {
    const { doubled, early } = this.findings;
    if (pair.deliveredAt !== undefined) {
      const explained = this.kills.some((at) => at >= pair.firstSeen && at <= now);
      doubled[explained ? 'explained' : 'unexplained'] += 1;
      return;
    }
    if (pair.failures === 0) return;
    // EXPONENTIAL_DECAY_RETRY.
    const least = Math.min(2 ** (pair.failures - 1), 512) * 1_000;
    if (now - pair.failedAt >= least - TOLERANCE) return;
    const explained = this.kills.some((at) => at >= pair.firstSeen && at <= now);
    early[explained ? 'explained' : 'unexplained'] += 1;
  }
}

function drawFault(): keyof typeof FAULTS | undefined {
  let random = Math.random();
  for (const [fault, share] of Object.entries(FAULTS)) {
    if (random < share) return fault as keyof typeof FAULTS;
    random -= share;
  }
  return undefined;
}
