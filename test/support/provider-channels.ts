import type { ChannelKind, ChannelSettings } from '#delivery/channel-type.js';
import { channelType } from '#delivery/channel-types.js';
import { ProviderClients } from '../../apps/worker/channels/provider-clients.js';
import type { SettledRecipients } from '../../apps/worker/channels/recipients.js';

export interface GivenChannel {
  readonly type: string;
  readonly settings: ChannelSettings;
}

/** Provider clients of a world where every account has these channels, `default` being the one of its kind that is used unasked. */
export function clientsOf(channels: Readonly<Record<string, GivenChannel>>, timeLimit: number): ProviderClients {
  const find = (_account: string, kind: ChannelKind, name = 'default') => {
    const channel = channels[name];
    const type = channelType(channel?.type ?? '');
    if (channel === undefined || type === undefined || (name === 'default' && type.kind !== kind)) return Promise.resolve(undefined);
    return Promise.resolve({ name, ...channel, kind: type.kind, version: '1' });
  };
  return new ProviderClients({ find }, {}, { timeLimit });
}

/** Remembers in this process. */
export function rememberedRecipients(): SettledRecipients {
  const known = new Map<string, Set<string>>();
  const of = (pendingQueueId: string, messageId: string): Set<string> => {
    const key = `${pendingQueueId} ${messageId}`;
    const found = known.get(key) ?? new Set<string>();
    known.set(key, found);
    return found;
  };
  return {
    settled: (pendingQueueId, messageId) => Promise.resolve(of(pendingQueueId, messageId)),
    settle: (pendingQueueId, messageId, recipients) => {
      for (const recipient of recipients) of(pendingQueueId, messageId).add(recipient);
      return Promise.resolve();
    },
  };
}
