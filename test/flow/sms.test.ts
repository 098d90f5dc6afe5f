import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import twilio from 'twilio';
import { environmentChannels } from '#delivery/environment-channels.js';
import { ManagementClient } from '../contract/management-client.js';
import { ACCOUNT, startApi, type RunningApi } from '../contract/running-api.js';
import { eventually } from '../support/eventually.js';
import { openPublishingSide, SECRET_KEY, startWorker, workerSettings, type PublishingSide, type RunningWorker } from '../support/running-worker.js';
import { startTwilioServer, TWILIO_ACCOUNT, TWILIO_NUMBERS, TWILIO_TOKEN, type TwilioServer } from '../support/twilio-server.js';

const PUBLIC_URL = 'https://hub.example.com';
const OWN_TOKEN = 'another-token-that-nobody-may-see';

interface LoggedAttempt {
  readonly number: number;
  readonly outcome: string;
  readonly code?: number;
  readonly reason?: string;
}

describe('SMS from publishing to the receipt', () => {
  const log: string[] = [];
  let server: TwilioServer;
  let hub: PublishingSide;
  let api: RunningApi;
  let worker: RunningWorker;
  let client: ManagementClient;

  beforeAll(async () => {
    const redisUrl = process.env['MAGPIE_TEST_REDIS_URL'] ?? '';
    const keyPrefix = `test-${randomBytes(6).toString('hex')}`;
    const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) });
    server = await startTwilioServer();
    hub = await openPublishingSide(redisUrl, keyPrefix);
    const channels = environmentChannels({
      twilioAccountSid: TWILIO_ACCOUNT,
      twilioAuthToken: TWILIO_TOKEN,
      twilioFrom: '+15005550006',
      twilioBaseUrl: server.url,
    });
    api = await startApi({ redisUrl, keyPrefix, secretKey: SECRET_KEY, publicUrl: PUBLIC_URL, pushAllow: ['loopback'], channels, logger });
    worker = await startWorker(workerSettings(redisUrl, keyPrefix, { channels, callbackUrl: PUBLIC_URL }), { logger });
    client = new ManagementClient(api.url, api.credentials);
  });
  afterAll(async () => {
    await worker.stop();
    await api.stop();
    await hub.stop();
    await server.stop();
  });

  const attemptsOf = async (messageId: string): Promise<readonly LoggedAttempt[]> =>
    (await client.call('GET', `deliveries?messageId=${messageId}`)).json.attempts as LoggedAttempt[];

  async function sendAndWait(endpoint: string): Promise<{ messageId: string; callback: string; attempts: readonly LoggedAttempt[] }> {
    const before = server.messages.length;
    const topic = await hub.subscribed(endpoint);
    const messageId = await hub.publish(topic, 'hello');
    const attempts = await eventually('an attempt', async () => {
      const found = await attemptsOf(messageId);
      return found.length > 0 && found;
    });
    return { messageId, callback: server.messages[before]?.['StatusCallback'] ?? '', attempts };
  }

  /** What Twilio does: the URL as it was given, signed with the token of the account. */
  async function report(callback: string, form: Readonly<Record<string, string>>, token: string): Promise<number> {
    const signature = twilio.getExpectedTwilioSignature(token, callback, { ...form });
    const response = await fetch(callback.replace(PUBLIC_URL, api.url), {
      method: 'POST',
      headers: { 'x-twilio-signature': signature, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    });
    return response.status;
  }

  it('goes through the operator’s channel and records what became of it', async () => {
    const { messageId, callback, attempts } = await sendAndWait(`sms:directsms:${TWILIO_NUMBERS.accepted}`);
    expect(attempts).toMatchObject([{ number: 1, outcome: 'delivered', code: 201 }]);
    expect(callback).toContain(`${PUBLIC_URL}/callbacks/twilio/${ACCOUNT}/-/${messageId}/`);
    const form = { MessageSid: 'SM1', To: TWILIO_NUMBERS.accepted };
    expect(await report(callback, { ...form, MessageStatus: 'sent' }, TWILIO_TOKEN)).toBe(204);
    expect(await attemptsOf(messageId)).toHaveLength(1);
    for (let time = 0; time < 2; time += 1) expect(await report(callback, { ...form, MessageStatus: 'delivered' }, TWILIO_TOKEN)).toBe(204);
    expect(await attemptsOf(messageId)).toMatchObject([
      { number: 1, outcome: 'delivered' },
      { number: 1, outcome: 'confirmed', reason: `${TWILIO_NUMBERS.accepted}: delivered` },
    ]);
    expect(await report(callback, { ...form, MessageStatus: 'undelivered', ErrorCode: '30003' }, TWILIO_TOKEN)).toBe(204);
    expect((await attemptsOf(messageId)).at(-1)).toMatchObject({ outcome: 'undelivered', code: 30003 });
  });

  it('believes nobody else', async () => {
    const { messageId, callback } = await sendAndWait(`sms:directsms:${TWILIO_NUMBERS.accepted}`);
    const form = { To: TWILIO_NUMBERS.accepted, MessageStatus: 'delivered' };
    expect(await report(callback, form, 'a-wrong-token')).toBe(403);
    expect(await report(callback.replace('/-/', '/nobody/'), form, TWILIO_TOKEN)).toBe(403);
    const unsigned = await fetch(callback.replace(PUBLIC_URL, api.url), { method: 'POST', body: new URLSearchParams(form).toString() });
    expect(unsigned.status).toBe(403);
    // Signed for this path, sent to another one.
    const signature = twilio.getExpectedTwilioSignature(TWILIO_TOKEN, callback, form);
    const other = callback.replace(PUBLIC_URL, api.url).replace('subscription=s1', 'subscription=s2');
    const headers = { 'x-twilio-signature': signature };
    expect((await fetch(other, { method: 'POST', headers, body: new URLSearchParams(form).toString() })).status).toBe(403);
    expect(await attemptsOf(messageId)).toHaveLength(1);
  });

  it('prefers the account’s own channel, and comes back to the operator’s when it is deleted', async () => {
    const settings = { accountSid: TWILIO_ACCOUNT, authToken: OWN_TOKEN, from: 'Magpie', baseUrl: server.url };
    expect((await client.call('PUT', 'channels/own', { type: 'twilio', default: true, settings })).status).toBe(201);
    const refused = await eventually('the account’s own channel', async () => {
      const { attempts } = await sendAndWait(`sms:directsms:${TWILIO_NUMBERS.accepted}`);
      return attempts[0]?.code === 20003 && attempts;
    });
    expect(refused).toMatchObject([{ outcome: 'retry', reason: 'Twilio 20003: Authenticate' }]);
    await client.call('PUT', 'channels/own', { type: 'twilio', default: true, settings: { ...settings, authToken: TWILIO_TOKEN } });
    await eventually('the repaired channel', async () => (await sendAndWait(`sms:directsms:${TWILIO_NUMBERS.accepted}`)).attempts[0]?.outcome === 'delivered');
    const { messageId, callback } = await sendAndWait(`sms:directsms:${TWILIO_NUMBERS.accepted}?channel=own`);
    expect(callback).toContain('/own/');
    expect(await report(callback, { To: TWILIO_NUMBERS.accepted, MessageStatus: 'delivered' }, TWILIO_TOKEN)).toBe(204);
    expect((await attemptsOf(messageId)).at(-1)?.outcome).toBe('confirmed');
    expect((await client.call('DELETE', 'channels/own')).status).toBe(204);
  });

  it('waits for a channel that is not there', async () => {
    const { attempts } = await sendAndWait(`sms:directsms:${TWILIO_NUMBERS.accepted}?channel=none`);
    expect(attempts).toMatchObject([{ number: 1, outcome: 'retry', reason: 'channel not configured: none' }]);
  });

  it('logs no token', () => {
    expect(log.length).toBeGreaterThan(10);
    for (const secret of [TWILIO_TOKEN, OWN_TOKEN]) expect(log.join('')).not.toContain(secret);
  });
});
