import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { startMailServer, type MailServer } from '../support/mail-server.js';
import { ManagementClient } from './management-client.js';
import { startApi, type RunningApi } from './running-api.js';

const PASSWORD = 'correct-horse-battery-staple';

describe('channels of the management interface', () => {
  let api: RunningApi;
  let client: ManagementClient;
  let server: MailServer;
  const log: string[] = [];

  beforeAll(async () => {
    const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) });
    api = await startApi({ pushAllow: ['loopback'], logger });
    client = new ManagementClient(api.url, api.credentials);
    server = await startMailServer({
      onAuth: ({ password }, _session, callback) => (password === PASSWORD ? callback(null, { user: 'u' }) : callback(new Error('wrong'))),
    });
  });
  afterAll(async () => {
    await api.stop();
    await server.stop();
  });

  const settings = (password?: string) => ({
    url: server.url,
    user: 'u',
    from: 'hub@example.com',
    ...(password !== undefined && { password }),
  });

  it('makes, shows, lists and deletes them', async () => {
    const made = await client.call('PUT', 'channels/mail', { type: 'smtp', default: true, settings: settings(PASSWORD) });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ name: 'mail', kind: 'email', default: true, settings: settings(), secrets: { password: {} } });
    const changed = await client.call('PUT', 'channels/mail', { type: 'smtp', settings: settings() });
    expect([changed.status, changed.json.default]).toEqual([200, false]);
    expect((await client.call('GET', 'channels/mail')).json).toEqual(changed.json);
    await client.call('PUT', 'channels/other', { type: 'smtp', settings: settings(PASSWORD) });
    const first = await client.call('GET', 'channels?limit=1');
    expect(first.json).toMatchObject({ channels: [{ name: 'mail' }], nextMarker: 'mail' });
    expect((await client.call('GET', 'channels?marker=mail')).json).toMatchObject({ channels: [{ name: 'other' }] });
    expect((await client.call('DELETE', 'channels/other')).status).toBe(204);
    expect((await client.call('GET', 'channels/other')).json).toMatchObject({ status: 404, code: 'ChannelNotExist' });
  });

  it('tests them with a call to the provider', async () => {
    await client.call('PUT', 'channels/mail', { type: 'smtp', settings: settings(PASSWORD) });
    const checked = await client.call('POST', 'channels/mail/test');
    expect([checked.status, checked.json]).toEqual([200, { sent: false, outcome: 'delivered', latencyMillis: expect.any(Number) }]);
    const sent = await client.call('POST', 'channels/mail/test', { to: 'me@example.com', subject: 'hi' });
    expect(sent.json).toMatchObject({ sent: true, outcome: 'delivered', code: 250 });
    expect(server.mails.at(-1)?.subject).toBe('hi');
    await client.call('PUT', 'channels/mail', { type: 'smtp', settings: settings('not-the-password') });
    const refused = await client.call('POST', 'channels/mail/test', {});
    expect(refused.json).toMatchObject({ sent: false, outcome: 'retryable', code: 535 });
    expect((await client.call('POST', 'channels/mail/test', { to: 'nobody' })).json).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect((await client.call('POST', 'channels/none/test')).status).toBe(404);
  });

  it('refuses what no channel can be made of', async () => {
    for (const body of ['[]', '{"type":"pigeon"}', '{"type":"smtp"}', 'no json']) {
      expect((await client.call('PUT', 'channels/bad', body)).json).toMatchObject({ status: 400, code: 'InvalidArgument' });
    }
    expect((await client.call('GET', 'channels/bad')).status).toBe(404);
  });

  it('shows a password in no answer and no log', async () => {
    const bad = await client.call('PUT', 'channels/bad', { type: 'smtp', settings: { password: `${PASSWORD}\n`, url: 'x' } });
    const answers = [bad, await client.call('GET', 'channels'), await client.call('GET', 'channels/mail')];
    expect(JSON.stringify(answers)).not.toContain(PASSWORD);
    expect(log.length).toBeGreaterThan(0);
    expect(log.join('')).not.toContain(PASSWORD);
  });
});

describe('a test of a channel', () => {
  it('goes nowhere where pushes may not go', async () => {
    const server = await startMailServer();
    const api = await startApi({ pushAllow: [] });
    try {
      const client = new ManagementClient(api.url, api.credentials);
      const dysms = { accessKeyId: 'id', accessKeySecret: 'secret', endpoint: 'http://127.0.0.1:1' };
      const twilio = { accountSid: `AC${'1'.repeat(32)}`, authToken: '12345678', from: '+15005550006', baseUrl: 'http://127.0.0.1:1' };
      const channels = { smtp: { url: server.url, from: 'a@example.com' }, dysms, twilio };
      for (const [type, settings] of Object.entries(channels)) {
        await client.call('PUT', `channels/${type}`, { type, settings });
        const { json } = await client.call('POST', `channels/${type}/test`);
        expect(json).toMatchObject({ outcome: 'retryable', reason: expect.stringContaining('127.0.0.1 is not public') });
      }
    } finally {
      await api.stop();
      await server.stop();
    }
  });
});
