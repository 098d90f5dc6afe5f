import type { EventSource } from '#event-source/event-source.js';

/** A source as a test changes it to its needs. */
export function sampleSource(name: string, changes: Partial<EventSource> = {}): EventSource {
  return {
    name,
    account: '1234567890123456',
    endpoint: 'http://127.0.0.1:9',
    credentials: { accessKey: 'access', secretKey: 'secret' },
    storeRegion: 'us-east-1',
    buckets: [],
    ways: ['durable'],
    durableTarget: 'MAGPIE',
    fastTarget: 'MAGPIEFAST',
    inventory: false,
    reconcileInterval: 86_400,
    version: 1,
    ...changes,
  };
}
