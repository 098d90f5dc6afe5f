import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MobileEndpoint } from '#delivery/endpoint.js';
import { environmentChannels } from '#delivery/environment-channels.js';
import type { Outcome } from '#delivery/outcome.js';
import { fcmError, startFcmServer, type FcmServer } from '../../../test/support/fcm-server.js';
import { clientsOf } from '../../../test/support/provider-channels.js';
import { sampleDelivery } from '../../../test/support/sample-delivery.js';
import { describeChannel } from './channel.contract.js';
import { MobileChannel } from './mobile.channel.js';
import { ProviderClients } from './provider-clients.js';

const NEVER = new AbortController().signal;

describeChannel<MobileEndpoint>('mobile by FCM', async () => {
  const server = await startFcmServer();
  server.answers.set('later', (_message, response) => fcmError(response, 503, 'UNAVAILABLE', 'later', 'UNAVAILABLE'));
  server.answers.set('gone', (_message, response) => fcmError(response, 404, 'NOT_FOUND', 'gone', 'UNREGISTERED'));
  server.answers.set('silent', () => undefined);
  const clients = clientsOf({ default: { type: 'fcm', settings: { serviceAccount: server.serviceAccount, baseUrl: server.url } } }, 3_000);
  return {
    channel: new MobileChannel(clients, 3_000),
    accepting: 'push:24681012:topic:all',
    arrived: () => Promise.resolve(server.messages.map(({ notification }) => notification?.body ?? '')),
    refusing: 'push:24681012:token:later',
    rejecting: 'push:24681012:token:gone',
    silent: 'push:24681012:token:silent',
    stop: async () => {
      await clients.close();
      await server.stop();
    },
  };
});

describe('MobileChannel', () => {
  let server: FcmServer;
  let other: FcmServer;
  let clients: ReturnType<typeof clientsOf>;
  beforeEach(async () => {
    [server, other] = [await startFcmServer(), await startFcmServer()];
    const fcm = ({ serviceAccount, url: baseUrl }: FcmServer) => ({ type: 'fcm', settings: { serviceAccount, baseUrl } });
    clients = clientsOf({ default: fcm(server), app2: fcm(other), chat: { type: 'slack', settings: { webhookUrl: server.url } } }, 3_000);
  });
  afterEach(async () => {
    await clients.close();
    await Promise.all([server.stop(), other.stop()]);
  });

  const send = (endpoint: string, push?: object, channels = clients): Promise<Outcome> => {
    const attributes = push === undefined ? {} : { messageAttributes: { Push: JSON.stringify(push) } };
    return new MobileChannel(channels, 3_000).send(sampleDelivery<MobileEndpoint>(endpoint, { body: 'b', ...attributes }), NEVER);
  };

  it('takes target and text from the Push attribute', async () => {
    expect(await send('push:1', { Target: 'DEVICE', TargetValue: 'dev1', PushType: 'NOTICE', Title: 'T', Body: 'B', k: 'v' })).toMatchObject({ kind: 'delivered' });
    expect(await send('push:1', { Target: 'ALL', Title: 'T' })).toMatchObject({ kind: 'delivered' });
    expect(server.messages[0]).toMatchObject({ token: 'dev1', notification: { title: 'T', body: 'B' }, data: { k: 'v', topicName: 't1' } });
    expect(server.messages[1]).toMatchObject({ topic: 'all', data: { title: 'T', body: 'b' } });
    expect(server.messages[1]?.notification).toBeUndefined();
  });

  it('uses the channel that is named, else the one called as the app, else the default', async () => {
    await send('push:app2:token:a');
    await send('push:unknown:token:b?channel=app2');
    await send('push:unknown:token:c');
    expect(other.messages.map(({ token }) => token)).toEqual(['a', 'b']);
    expect(server.messages.map(({ token }) => token)).toEqual(['c']);
  });

  it("uses the operator's service account for accounts without a channel", async () => {
    const channels = environmentChannels({ fcmServiceAccount: server.serviceAccount, fcmBaseUrl: server.url });
    const own = new ProviderClients({ find: () => Promise.resolve(undefined) }, channels, { timeLimit: 3_000 });
    expect(await send('push:1:token:a', undefined, own)).toMatchObject({ kind: 'delivered' });
    await own.close();
  });

  it('waits for a channel that is not there, and gives up a message to nobody', async () => {
    expect(await send('push:1:token:a?channel=none')).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('not configured') });
    expect(await send('push:1:token:a?channel=chat')).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('slack') });
    expect(await send('push:1:token:a', undefined, clientsOf({}, 1_000))).toMatchObject({ kind: 'retryable', reason: 'channel not configured' });
    expect(await send('push:1')).toMatchObject({ kind: 'permanent' });
  });
});
