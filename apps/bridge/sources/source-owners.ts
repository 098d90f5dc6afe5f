import type { EventOwner } from '#event-rule/oss-event.js';
import type { SourceSnapshot } from './source-snapshot.js';

/** Whose the events of a source are, and what stands in them. Sources that nobody registered belong to the hub's own account. */
export class SourceOwners {
  constructor(
    private readonly sources: Pick<SourceSnapshot, 'get' | 'current'>,
    private readonly hub: EventOwner,
  ) {}

  /** Brings what is known up to date. @throws RedisUnavailable */
  async refresh(): Promise<void> {
    await this.sources.current();
  }

  /** The account whose rules see the events. */
  accountOf(source: string): string {
    return this.sources.get(source)?.account ?? this.hub.account;
  }

  /** @param account whose rule it is; an event that waited may have been another account's source before */
  ownerOf(account: string, source: string): EventOwner {
    const found = this.sources.get(source);
    const own = found?.account === account ? found : undefined;
    return { account: own?.eventAccount ?? account, region: own?.region ?? this.hub.region };
  }
}
