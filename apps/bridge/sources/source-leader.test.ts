import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SourceLeaseStore } from '#event-source/source-lease-store.js';
import type { EventSource } from '#event-source/event-source.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { RedisUnavailable } from '#redis/redis-unavailable.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../../test/support/eventually.js';
import { SourceLeader } from './source-leader.js';
import { sampleSource } from './sample-source.fixture.js';

const TIMES = { life: 600, renewal: 100 };

class Sources {
  known: { byName: Map<string, EventSource> } = { byName: new Map() };
  readonly #listeners: (() => void)[] = [];

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  set(...sources: EventSource[]): void {
    this.known = { byName: new Map(sources.map((source) => [source.name, source])) };
    for (const listener of this.#listeners) listener();
  }
}

describe('SourceLeader', () => {
  let client: RedisClient;
  let deployment: Deployment;
  const said: string[] = [];
  const running = new Set<string>();
  const leaders: SourceLeader[] = [];

  beforeEach(async () => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
    await eventually('connected', () => client.status === 'ready');
    deployment = await Deployment.open(client, `leader-${randomBytes(6).toString('hex')}`);
    said.length = 0;
    running.clear();
  });

  afterEach(async () => {
    for (const leader of leaders.splice(0)) await leader.stop(1_000);
    client.disconnect();
  });

  function leader(name: string, sources: Sources, change: (leases: SourceLeaseStore) => Pick<SourceLeaseStore, 'lead' | 'giveBack'> = (leases) => leases): SourceLeader {
    const leases = change(new SourceLeaseStore(client, deployment, name));
    const tasks = (source: EventSource, fencing: number) => {
      const id = `${name} ${source.name} v${source.version} #${fencing}`;
      return [
        {
          start: () => {
            said.push(`start ${id}`);
            running.add(id);
          },
          stop: async () => {
            await sleep(5);
            running.delete(id);
            said.push(`stop ${id}`);
          },
        },
      ];
    };
    const made = new SourceLeader({ leases, sources, tasks, logger: silentLogger, times: TIMES });
    leaders.push(made);
    made.start();
    return made;
  }

  it('runs the tasks of a source in one process, and in the next when that gives it back', async () => {
    const sources = new Sources();
    sources.set(sampleSource('photos'), { ...sampleSource('posted-only'), endpoint: undefined as never });
    const first = leader('first', sources);
    await eventually('led', () => first.leading.length === 1);
    const second = leader('second', sources);
    await sleep(TIMES.life * 1.5);
    expect([...running]).toEqual(['first photos v1 #1']);
    await first.stop(1_000);
    await eventually('led by the second', () => second.leading.length === 1, { within: TIMES.renewal * 5 });
    expect(said).toEqual(['start first photos v1 #1', 'stop first photos v1 #1', 'start second photos v1 #2']);
  });

  it('runs tasks anew after a change of their source, and ends those of a source that is gone', async () => {
    const sources = new Sources();
    const only = leader('only', sources);
    sources.set(sampleSource('photos'));
    await eventually('version 1', () => running.has('only photos v1 #1'));
    sources.set({ ...sampleSource('photos'), version: 2 });
    await eventually('version 2', () => running.has('only photos v2 #1'));
    expect(said.slice(0, 2)).toEqual(['start only photos v1 #1', 'stop only photos v1 #1']);
    sources.set();
    await eventually('ended', () => running.size === 0 && only.leading.length === 0);
    expect(await client.keys(`${deployment.prefix}:{event-sources}:lease:*`)).toEqual([]);
  });

  it('ends its tasks before a lease that it cannot renew is over', async () => {
    const sources = new Sources();
    sources.set(sampleSource('photos'));
    let away = false;
    const cutOff = leader('cut-off', sources, (leases) => ({
      lead: async (names, life) => (away ? Promise.reject(new RedisUnavailable('away')) : leases.lead(names, life)),
      giveBack: (names) => leases.giveBack(names),
    }));
    await eventually('led', () => running.size === 1);
    away = true;
    await eventually('ended', () => running.size === 0);
    expect(await client.pttl(`${deployment.prefix}:{event-sources}:lease:photos`)).toBeGreaterThan(0);
    expect(cutOff.leading).toEqual([]);
    away = false;
    await eventually('led again', () => running.size === 1);
  });

  it('asks nothing of Redis without sources, and one command per renewal for many', async () => {
    const sources = new Sources();
    let asked = 0;
    leader('counted', sources, (leases) => ({
      lead: (names, life) => {
        asked += names.length > 0 ? 1 : 0;
        return leases.lead(names, life);
      },
      giveBack: (names) => leases.giveBack(names),
    }));
    await sleep(TIMES.renewal * 3);
    expect(asked).toBe(0);
    sources.set(...Array.from({ length: 20 }, (_, at) => sampleSource(`source-${at}`)));
    await eventually('all led', () => running.size === 20);
    await sleep(TIMES.renewal * 5);
    expect(asked).toBeLessThan(9);
  });
});
