import { REPLICATED } from '#event-rule/event-name.js';
import type { EventRule } from '#event-rule/event-rule.js';

/** What reconciliation tells as well; always asked for. */
const ALWAYS = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'];

/** Events that cost something, or that not every store knows: only for rules that want them. */
const ON_DEMAND: readonly (readonly [type: RegExp, event: string])[] = [
  [/^ObjectDownloaded:/, 's3:ObjectAccessed:Get'],
  [/^ObjectRestore:/, 's3:ObjectRestore:Completed'],
  [/^ObjectModified:(\*|ChangeStorageClass)$/, 's3:ObjectTransition:Complete'],
];

/** The names under which a store is asked for what these rules want of a source. */
export function wantedEvents(source: string, rules: readonly EventRule[]): string[] {
  const asking = rules.filter(({ enabled, sources }) => enabled && (sources.length === 0 || sources.includes(source)));
  const types = asking.flatMap(({ eventTypes }) => eventTypes);
  const replicated = asking.some(({ eventTypes, mapping }) => mapping?.replication === 'source' && eventTypes.some((type) => type.startsWith('ObjectReplication:')));
  return [
    ...ALWAYS,
    ...ON_DEMAND.filter(([type]) => types.some((given) => type.test(given))).map(([, event]) => event),
    ...(replicated ? [`s3:${REPLICATED}`] : []),
  ];
}
