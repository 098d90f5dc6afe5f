import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BadInputStore } from '#event-source/bad-input-store.js';
import { CANARY_PREFIX, type CanarySightings } from '#event-source/canary.js';
import type { CanaryDeed, CanaryStore } from '#event-source/canary-store.js';
import type { EventSource, EventWay } from '#event-source/event-source.js';
import type { SourceFiguresStore } from '#event-source/source-figures-store.js';
import type { SourceStatusStore } from '#event-source/source-status-store.js';
import { StoreClient } from '#event-source/store-client.js';

/** Milliseconds between two looks. */
const LOOK_INTERVAL = 100;
/** Milliseconds until bridges have written what they counted. */
const FIGURES_DELAY = 3_500;

export interface CanaryProblem {
  readonly event: CanaryDeed;
  /** Where the event is missing: on one of the ways, or `matched`: it came and nobody has looked at it. */
  readonly missing: EventWay | 'matched';
  readonly reason: string;
  readonly remedy: string;
}

interface CanaryEvent {
  /** Milliseconds until the store answered. */
  readonly answeredMillis: number;
  /** Milliseconds from the answer of the store to the arrival, by way; negative where the event came first. */
  readonly arrivals: Readonly<Partial<Record<EventWay, number>>>;
  readonly matched?: { readonly millis: number; readonly rules: readonly string[] };
}

export interface CanaryResult {
  /** `partly`: some way brought nothing. `lost`: nothing came by any way. */
  readonly outcome: 'arrived' | 'partly' | 'lost';
  readonly bucket: string;
  readonly key: string;
  readonly put: CanaryEvent;
  readonly delete: CanaryEvent;
  readonly problems: readonly CanaryProblem[];
}

export interface CanaryStores {
  readonly canaries: CanaryStore;
  readonly figures: SourceFiguresStore;
  readonly status: SourceStatusStore;
  readonly badInput: BadInputStore;
}

/** Sends an object of its own through the store, and says where its events stopped. No rule makes a message of them. */
export class CanaryCheck {
  constructor(private readonly stores: CanaryStores) {}

  /**
   * @param limit milliseconds to wait for the events of the write, and again for those of the removal
   * @throws StoreError when the object cannot be written
   */
  async run(source: EventSource, bucket: string, limit: number): Promise<CanaryResult> {
    const startedAt = Date.now();
    const id = randomBytes(16).toString('hex');
    const key = `${CANARY_PREFIX}${id}`;
    const store = await StoreClient.open(source);
    try {
      const put = await this.#deed(source, id, 'put', limit, () => store.request({ method: 'PUT', bucket, key, body: id, action: 's3:PutObject' }));
      const remove = () => store.request({ method: 'DELETE', bucket, key, action: 's3:DeleteObject' });
      const removed = await this.#deed(source, id, 'delete', Object.keys(put.event.arrivals).length === 0 ? 0 : limit, remove);
      await removeVersions(store, bucket, key, [put.version, removed.version]);
      const problems = await this.#problems(source, { put: put.event, delete: removed.event }, startedAt);
      const arrived = Object.keys({ ...put.event.arrivals, ...removed.event.arrivals }).length > 0;
      const outcome = problems.length === 0 ? 'arrived' : arrived ? 'partly' : 'lost';
      return { outcome, bucket, key, put: put.event, delete: removed.event, problems };
    } finally {
      store.close();
    }
  }

  async #deed(source: EventSource, id: string, deed: CanaryDeed, limit: number, act: () => ReturnType<StoreClient['request']>) {
    const before = performance.now();
    const { headers } = await act();
    const answeredMillis = Math.round(performance.now() - before);
    const answeredAt = await this.stores.canaries.now();
    const seen = await this.#wait(source, id, deed, limit);
    const arrivals = Object.fromEntries(Object.entries(seen.arrivals).map(([way, at]) => [way, at - answeredAt]));
    const matched = seen.matched && { millis: seen.matched.at - answeredAt, rules: seen.matched.rules };
    const version = headers['x-amz-version-id'];
    const event: CanaryEvent = { answeredMillis, arrivals, ...(matched !== undefined && { matched }) };
    return { event, version: typeof version === 'string' ? version : undefined };
  }

  async #wait(source: EventSource, id: string, deed: CanaryDeed, limit: number): Promise<CanarySightings> {
    const deadline = performance.now() + limit;
    for (;;) {
      const seen = await this.stores.canaries.sightings(id, deed);
      const complete = seen.matched !== undefined && source.ways.every((way) => seen.arrivals[way] !== undefined);
      if (complete || performance.now() >= deadline) return seen;
      await sleep(LOOK_INTERVAL);
    }
  }

  async #problems(source: EventSource, events: Readonly<Record<CanaryDeed, CanaryEvent>>, startedAt: number): Promise<CanaryProblem[]> {
    const missing = (['put', 'delete'] as const).flatMap((event) => {
      const { arrivals, matched } = events[event];
      const ways = source.ways.filter((way) => arrivals[way] === undefined);
      // What never came cannot be matched, and is not missed a second time.
      const unmatched = matched === undefined && ways.length < source.ways.length ? (['matched'] as const) : [];
      return [...ways, ...unmatched].map((place) => ({ event, missing: place }));
    });
    const first = new Map(missing.toReversed().map((problem) => [problem.missing, problem]));
    if (first.size === 0) return [];
    const waited = Date.now() - startedAt;
    if (waited < FIGURES_DELAY) await sleep(FIGURES_DELAY - waited);
    const nothingCame = source.ways.every((way) => first.get(way)?.event === 'put');
    return Promise.all([...first.values()].map(async (problem) => ({ ...problem, ...(await this.#explain(source, problem.missing, nothingCame, startedAt)) })));
  }

  async #explain(source: EventSource, missing: CanaryProblem['missing'], nothingCame: boolean, startedAt: number) {
    const { figures, status, badInput } = this.stores;
    if (missing === 'matched') {
      const { entries } = await figures.journal();
      return { reason: `the event lies in the journal of the bridge, which has ${entries} entries`, remedy: 'See /readyz and the log of the bridge.' };
    }
    const [{ last }, { listen, store, rules }, refusal] = await Promise.all([figures.read(source.name), status.read(source.name), badInput.refusal(source.name)]);
    if (missing === 'listen') {
      const reason = `the listener is ${listen?.state ?? 'not running'}${listen?.reason === undefined ? '' : `: ${listen.reason}`}`;
      return { reason, remedy: 'Take listen out of the ways of the source, or mend what the reason says.' };
    }
    const target = missing === 'durable' ? source.durableTarget : source.fastTarget;
    if (refusal !== undefined && refusal.at >= startedAt) {
      return {
        reason: `posts come from ${refusal.remote} with a wrong token`,
        remedy: `Set MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_${target} to the token of the source and restart the store.`,
      };
    }
    if ((last.wrongMethod ?? 0) >= startedAt) {
      return { reason: 'the intake is asked with GET: something on the way redirects the posts', remedy: 'Let the target post to the bridge directly, or to the address that the redirect names.' };
    }
    if ((last.refused ?? 0) >= startedAt) {
      return { reason: 'the bridge turns posts away, because it or Redis is full', remedy: 'See /readyz and the log of the bridge.' };
    }
    return explainSilence(source, target, nothingCame, store?.queueLength, Object.values(rules ?? {}).some(({ state }) => state === 'missing'));
  }
}

function explainSilence(source: EventSource, target: string, nothingCame: boolean, queueLength = 0, rulesMissing = false) {
  if (rulesMissing) return { reason: 'buckets have lost their notification rules', remedy: 'Call provision.' };
  if (queueLength > 0 && target === source.durableTarget) {
    return {
      reason: `${queueLength} events wait in the queue of the store, and do not arrive`,
      remedy: 'See whether the store reaches the endpoint of the target; a damaged file at the head of its queue directory holds up all others.',
    };
  }
  const whole = 'the bucket has no rule for the target, the store does not know the target, or it cannot reach the bridge';
  const remedy = `Call provision, and compare MINIO_NOTIFY_WEBHOOK_ENDPOINT_${target} with what it shows; the log of the store names errors of targets once.`;
  return { reason: nothingCame ? `nothing is posted: ${whole}` : `nothing came from the target ${target}: ${whole}`, remedy };
}

/** In a versioned bucket the object and its delete marker would stay for ever. */
async function removeVersions(store: StoreClient, bucket: string, key: string, versions: readonly (string | undefined)[]): Promise<void> {
  for (const version of versions) {
    if (version === undefined) continue;
    const query = `versionId=${encodeURIComponent(version)}`;
    await store.request({ method: 'DELETE', bucket, key, query, action: 's3:DeleteObjectVersion' }).catch(() => undefined);
  }
}
