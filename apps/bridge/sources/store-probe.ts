import type { EventSource } from '#event-source/event-source.js';
import { signStoreRequest, storeUrl } from '#event-source/store-signature.js';
import { metricsToken, readStoreMetrics, type StoreFigures } from './store-metrics.js';

/** One look at a store from outside. */
export type StoreSight =
  | { readonly reachable: false; readonly reason: string }
  | { readonly reachable: true; readonly figures: StoreFigures }
  /** Without metrics; why. */
  | { readonly reachable: true; readonly figures: undefined; readonly reason: string };

/** Milliseconds until an answer must be there. */
const PATIENCE = 5_000;

/** Looks at a store: by MinIO's metrics, or else by an ordinary request. Never fails; a look that is aborted sees an unreachable store. */
export class StoreProbe {
  constructor(
    private readonly source: Pick<EventSource, 'endpoint' | 'credentials' | 'storeRegion' | 'buckets'>,
    private readonly patience = PATIENCE,
  ) {}

  async look(signal: AbortSignal): Promise<StoreSight> {
    let why: string;
    try {
      const { status, text } = await this.#metrics(signal);
      const figures = status === 200 ? readStoreMetrics(text) : undefined;
      if (figures !== undefined) return { reachable: true, figures };
      why = status === 200 ? 'no metrics of MinIO' : `status ${status}`;
    } catch (error) {
      return { reachable: false, reason: reasonOf(error) };
    }
    const answer = await this.#ask(signal);
    return answer === undefined ? { reachable: true, figures: undefined, reason: why } : { reachable: false, reason: answer };
  }

  /** Whether the store answers an ordinary request now. */
  async answers(signal: AbortSignal): Promise<boolean> {
    return (await this.#ask(signal)) === undefined;
  }

  async #metrics(signal: AbortSignal): Promise<{ status: number; text: string }> {
    const { endpoint, credentials } = this.source;
    const headers = credentials === undefined ? {} : { authorization: `Bearer ${metricsToken(credentials, Date.now())}` };
    const url = storeUrl(endpoint!, '/minio/v2/metrics/cluster');
    const response = await fetch(url, { headers, redirect: 'manual', signal: this.#limited(signal) });
    return { status: response.status, text: await response.text() };
  }

  #limited(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(this.patience)]);
  }

  /** Any answer that is not an error of the store itself will do. @returns what is wrong */
  async #ask(signal: AbortSignal): Promise<string | undefined> {
    const { endpoint, credentials, storeRegion, buckets } = this.source;
    const method = buckets[0] === undefined ? 'GET' : 'HEAD';
    try {
      const url = storeUrl(endpoint!, buckets[0] === undefined ? '/' : `/${buckets[0]}`);
      const headers = credentials === undefined ? {} : signStoreRequest({ method, url, credentials, region: storeRegion, now: new Date() });
      const response = await fetch(url, { method, headers, redirect: 'manual', signal: this.#limited(signal) });
      await response.arrayBuffer();
      return response.status >= 500 ? `status ${response.status}` : undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message.slice(0, 200) : String(cause);
}
