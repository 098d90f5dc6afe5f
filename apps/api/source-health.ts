import type { BadInputStore } from '#event-source/bad-input-store.js';
import type { EventWay } from '#event-source/event-source.js';
import type { GapStore } from '#event-source/gap-store.js';
import type { SourceFiguresStore } from '#event-source/source-figures-store.js';
import type { SourceFigures } from '#event-source/source-figures.js';
import type { SourceStatus, SourceStatusStore } from '#event-source/source-status-store.js';

/** Closed gaps that are shown. */
const SHOWN_GAPS = 5;
/** Milliseconds: a post with a wrong token that is older is no news. */
const RECENT = 600_000;

export interface HealthStores {
  readonly figures: SourceFiguresStore;
  readonly status: SourceStatusStore;
  readonly gaps: GapStore;
  readonly badInput: BadInputStore;
}

/** One page about a source: what bridges saw of it, what its leader knows of the store, what may be missing. */
export class SourceHealth {
  constructor(private readonly stores: HealthStores) {}

  async of(name: string, ways: readonly EventWay[], now = Date.now()) {
    const { figures, status, gaps, badInput } = this.stores;
    const [seen, known, open, closed, journal, refusal] = await Promise.all([
      figures.read(name),
      status.read(name),
      gaps.list(name),
      gaps.closed(name),
      figures.journal(),
      badInput.refusal(name),
    ]);
    const { counts, last, lastEvent, nodes } = seen;
    return {
      name,
      at: now,
      problems: problemsOf(seen, known, open.length, refusal?.at, now),
      events: { told: counts.events, duplicatesSuppressed: counts.duplicates, ...(lastEvent !== undefined && { last: lastEvent, lagMillis: lastEvent.lagMillis }) },
      ways: Object.fromEntries(ways.map((way) => [way, { bodies: counts[way], lastAt: last[way], ...(way === 'listen' && known.listen) }])),
      nodes: Object.entries(nodes).map(([id, lastAt]) => ({ id, lastAt })),
      intake: { refused: counts.refused, unreadable: counts.unreadable, wrongMethod: counts.wrongMethod, ...(refusal !== undefined && { wrongToken: refusal }) },
      journal: { entries: journal.entries, parked: journal.parked, ...(journal.oldest !== undefined && { oldestSeconds: Math.max(0, (now - journal.oldest) / 1_000) }) },
      leader: known.leader ?? null,
      store: known.store ?? null,
      rules: known.rules ?? {},
      lastProvenLive: known.lastProvenLive ?? null,
      gaps: { open, closed: closed.length, lastClosed: closed.slice(0, SHOWN_GAPS) },
    };
  }
}

/** In sentences, for people; empty when all seems well. */
function problemsOf({ last }: SourceFigures, { store, listen, rules }: SourceStatus, openGaps: number, refusedAt: number | undefined, now: number): string[] {
  const recently = (at: number | undefined): boolean => at !== undefined && now - at < RECENT;
  const missing = Object.entries(rules ?? {}).filter(([, { state }]) => state === 'missing').map(([bucket]) => bucket);
  return [
    ...(recently(refusedAt) ? ['Posts come with a wrong token: the store sends nothing else until it is right.'] : []),
    ...(recently(last.wrongMethod) ? ['The intake is asked with GET: something redirects the posts, and events are lost.'] : []),
    ...(recently(last.refused) ? ['Posts are turned away because the bridge or Redis is full.'] : []),
    ...(store?.state === 'unreachable' ? [`The store cannot be reached${store.reason === undefined ? '' : `: ${store.reason}`}.`] : []),
    ...(store?.remedy !== undefined ? [store.remedy] : []),
    ...(listen?.state === 'refused' || listen?.state === 'unusable' ? [`The listener is ${listen.state}${listen.reason === undefined ? '' : `: ${listen.reason}`}.`] : []),
    ...(missing.length > 0 ? [`Notification rules are missing: ${missing.join(', ')}.`] : []),
    ...(openGaps > 0 ? [`${openGaps} spans of time are being looked through for missed events.`] : []),
  ];
}
