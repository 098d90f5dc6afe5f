import { describe, expect, it } from '@jest/globals';
import { SecretUnreadable } from '#access/secret-box.js';
import type { NamedChannel } from '#delivery/channel.js';
import type { ChannelKind } from '#delivery/channel-type.js';
import { environmentChannels } from '#delivery/environment-channels.js';
import { PushNetwork } from '#delivery/push-network.js';
import { startMailServer } from '../../../test/support/mail-server.js';
import { ProviderClients } from './provider-clients.js';

const NEVER = new AbortController().signal;
const MAIL = { to: 'a@example.com', subject: 's', body: 'b', isHtml: false, wantsReply: false, uniqueId: 'u', date: 0 };

function channel(url: string, version = '1', changes: Partial<NamedChannel> = {}): NamedChannel {
  return { name: 'mail', type: 'smtp', kind: 'email', settings: { url, from: 'hub@example.com' }, version, ...changes };
}

function clientsOf(find: (kind: ChannelKind, name?: string) => NamedChannel | undefined, smtpUrl?: string): ProviderClients {
  const environment = environmentChannels(smtpUrl === undefined ? {} : { smtpUrl, mailFrom: 'env@example.com' });
  const source = { find: async (_account: string, kind: ChannelKind, name?: string) => find(kind, name) };
  return new ProviderClients(source, environment, { network: new PushNetwork([]), timeLimit: 5_000 });
}

describe('ProviderClients', () => {
  it('keeps a client open until its channel changes', async () => {
    let version = '1';
    const clients = clientsOf(() => channel('smtp://mail.example.com', version));
    const open = async () => ((await clients.find('email', 'a')) as { client: unknown }).client;
    const first = await open();
    expect(await open()).toBe(first);
    version = '2';
    expect(await open()).not.toBe(first);
    await clients.close();
  });

  it('keeps the clients of accounts apart', async () => {
    const clients = clientsOf(() => channel('smtp://mail.example.com'));
    const open = async (account: string) => ((await clients.find('email', account)) as { client: unknown }).client;
    expect(await open('a')).not.toBe(await open('b'));
    await clients.close();
  });

  it('falls back to the operator’s settings, which may go anywhere, unless a channel is named', async () => {
    const server = await startMailServer();
    const clients = clientsOf(() => undefined, server.url);
    const found = await clients.find('email', 'a');
    expect(found).not.toHaveProperty('name');
    expect(await (found as Exclude<typeof found, { kind: string }>).client.send(MAIL, NEVER)).toMatchObject({ kind: 'delivered' });
    expect(await clients.find('email', 'a', 'gone')).toEqual({ kind: 'retryable', reason: 'channel not configured: gone' });
    expect(await clients.find('sms', 'a')).toEqual({ kind: 'retryable', reason: 'channel not configured' });
    await clients.close();
    await server.stop();
  });

  it.each(['smtp://127.0.0.1:25', 'smtp://localhost:25', 'smtp://[::1]:25', 'smtps://2130706433:25', 'smtp://169.254.169.254:25'])(
    'lets an account’s channel not go to %s',
    async (url) => {
      const clients = clientsOf(() => channel(url));
      const found = (await clients.find('email', 'a')) as Exclude<Awaited<ReturnType<typeof clients.find<'email'>>>, { kind: string }>;
      expect(await found.client.send(MAIL, NEVER)).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('is not public') });
      await clients.close();
    },
  );

  it.each(['http://localhost:1', 'http://0x7f000001:1', 'https://[::ffff:127.0.0.1]:1', 'http://10.0.0.1:1'])(
    'lets Twilio’s client of an account not go to %s',
    async (baseUrl) => {
      const settings = { accountSid: `AC${'1'.repeat(32)}`, authToken: '12345678', from: '+15005550006', baseUrl };
      const clients = clientsOf(() => channel('', '1', { type: 'twilio', kind: 'sms', settings }));
      const found = (await clients.find('sms', 'a')) as Exclude<Awaited<ReturnType<typeof clients.find<'sms'>>>, { kind: string }>;
      const outcome = await found.client.send({ to: '+8613800000001', text: 't', id: 'i' }, NEVER);
      expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('is not public') });
      await clients.close();
    },
  );

  it('says why a channel cannot be opened', async () => {
    const clients = clientsOf((_kind, name) => {
      if (name === 'sealed') throw new SecretUnreadable('channel a/sealed password');
      return channel('', '1', { name: 'new', type: 'pigeon' });
    });
    expect(await clients.find('email', 'a', 'sealed')).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('cannot be decrypted') });
    expect(await clients.find('email', 'a')).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('of type pigeon') });
  });
});
