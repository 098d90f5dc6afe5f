import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SmsEndpoint } from '#delivery/endpoint.js';
import type { Outcome } from '#delivery/outcome.js';
import { DYSMS_KEY, DYSMS_NUMBERS, startDysmsServer, type DysmsServer } from '../../../test/support/dysms-server.js';
import { freePort } from '../../../test/support/free-port.js';
import { clientsOf, rememberedRecipients, type GivenChannel } from '../../../test/support/provider-channels.js';
import { sampleDelivery } from '../../../test/support/sample-delivery.js';
import { startTwilioServer, TWILIO_ACCOUNT, TWILIO_NUMBERS, TWILIO_TOKEN, type TwilioServer } from '../../../test/support/twilio-server.js';
import { describeChannel } from './channel.contract.js';
import { SmsChannel } from './sms.channel.js';

const NEVER = new AbortController().signal;

function twilio(baseUrl: string, changes: Readonly<Record<string, string>> = {}): GivenChannel {
  const settings = { accountSid: TWILIO_ACCOUNT, authToken: TWILIO_TOKEN, from: '+15005550006', baseUrl, ...changes };
  return { type: 'twilio', settings };
}

function dysms(endpoint: string, changes: Readonly<Record<string, string>> = {}): GivenChannel {
  return { type: 'dysms', settings: { ...DYSMS_KEY, signName: '喜鹊', templateCode: 'SMS_1', endpoint, ...changes } };
}

function channelWith(channels: Readonly<Record<string, GivenChannel>>, options: { timeLimit?: number; publicUrl?: string } = {}) {
  const { timeLimit = 1_000 } = options;
  const clients = clientsOf(channels, timeLimit);
  const channel = new SmsChannel({ clients, recipients: rememberedRecipients(), ...options, timeLimit });
  return { channel, close: () => clients.close() };
}

describeChannel<SmsEndpoint>('sms by Twilio', async () => {
  const server = await startTwilioServer();
  const { channel, close } = channelWith({ default: twilio(server.url) }, { timeLimit: 3_000 });
  return {
    channel,
    accepting: `sms:directsms:${TWILIO_NUMBERS.accepted}`,
    arrived: () => Promise.resolve(server.messages.map(({ Body }) => Body ?? '')),
    refusing: `sms:directsms:${TWILIO_NUMBERS.failing}`,
    rejecting: `sms:directsms:${TWILIO_NUMBERS.rejected}`,
    silent: `sms:directsms:${TWILIO_NUMBERS.silent}`,
    stop: async () => {
      await close();
      await server.stop();
    },
  };
});

describeChannel<SmsEndpoint>('sms by Dysms', async () => {
  const server = await startDysmsServer();
  const { channel, close } = channelWith({ default: dysms(server.url) }, { timeLimit: 3_000 });
  return {
    channel,
    accepting: `sms:directsms:${DYSMS_NUMBERS.accepted}`,
    arrived: () => Promise.resolve(server.messages.map(({ TemplateParam = '{}' }) => (JSON.parse(TemplateParam) as { content: string }).content)),
    refusing: `smq-ep:dysms:1:${DYSMS_NUMBERS.failing}`,
    rejecting: `smq-ep:dysms:1:${DYSMS_NUMBERS.rejected}`,
    silent: `smq-ep:dysms:1:${DYSMS_NUMBERS.silent}`,
    stop: async () => {
      await close();
      await server.stop();
    },
  };
});

describe('SmsChannel', () => {
  let twilioServer: TwilioServer;
  let dysmsServer: DysmsServer;
  const cleanUps: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    // Loading them is part of the first call, which these tests give a second.
    await Promise.all([import('twilio'), import('@alicloud/dysmsapi20170525')]);
    twilioServer = await startTwilioServer();
    dysmsServer = await startDysmsServer();
  });
  afterAll(async () => {
    await twilioServer.stop();
    await dysmsServer.stop();
  });
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  });

  function open(...given: Parameters<typeof channelWith>): SmsChannel {
    const { channel, close } = channelWith(...given);
    cleanUps.push(close);
    return channel;
  }

  const send = (channel: SmsChannel, endpoint: string, attributes: Readonly<Record<string, object>> = {}, body = 'hello'): Promise<Outcome> => {
    const messageAttributes = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, JSON.stringify(value)]));
    return channel.send(sampleDelivery<SmsEndpoint>(endpoint, { body, messageAttributes }), NEVER);
  };

  describe('by Twilio', () => {
    it.each([
      ['a number that gets no SMS', TWILIO_NUMBERS.rejected, { kind: 'permanent', code: 21614 }],
      ['a receiver who wants none', TWILIO_NUMBERS.unsubscribed, { kind: 'permanent', code: 21610 }],
      ['an answer that breaks off', TWILIO_NUMBERS.strange, { kind: 'retryable' }],
      ['too much at once', TWILIO_NUMBERS.throttled, { kind: 'retryable', code: 20429, retryAfter: 7 }],
      ['a failing server', TWILIO_NUMBERS.failing, { kind: 'retryable', code: 503 }],
      ['a slow server', TWILIO_NUMBERS.silent, { kind: 'retryable', reason: expect.stringContaining('1 s') }],
      ['a reset', TWILIO_NUMBERS.reset, { kind: 'retryable', reason: expect.stringMatching(/ECONNRESET|hang up/) }],
    ])('knows %s', async (_name, phone, expected) => {
      expect(await send(open({ default: twilio(twilioServer.url) }), `sms:directsms:${phone}`)).toMatchObject(expected);
    });

    it('tries again when its credentials are refused, or nobody is there', async () => {
      const wrong = await send(open({ default: twilio(twilioServer.url, { authToken: 'wrong-token' }) }), `sms:directsms:${TWILIO_NUMBERS.accepted}`);
      expect(wrong).toEqual({ kind: 'retryable', code: 20003, reason: 'Twilio 20003: Authenticate' });
      const nobody = open({ default: twilio(`http://127.0.0.1:${await freePort()}`) });
      expect(await send(nobody, `sms:directsms:${TWILIO_NUMBERS.accepted}`)).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('ECONNREFUSED') });
    });

    it('sends the text, or a content of Twilio with its variables', async () => {
      const channel = open({ default: twilio(twilioServer.url), service: twilio(twilioServer.url, { from: `MG${'a'.repeat(32)}` }) });
      await send(channel, 'sms:directsms:13800000001', { DirectSMS: { TemplateCode: 'SMS_1', SmsParams: '{"code":"1"}' } }, '告警: disk full');
      expect(twilioServer.messages.at(-1)).toEqual({ To: '+8613800000001', From: '+15005550006', Body: '告警: disk full' });
      const contentSid = `HX${'b'.repeat(32)}`;
      await send(channel, 'sms:dayu:0013800000009?channel=service', { Dayu: { TemplateCode: contentSid, SmsParams: '{"1":"Ann"}' } });
      expect(twilioServer.messages.at(-1)).toEqual({
        To: '+13800000009',
        MessagingServiceSid: `MG${'a'.repeat(32)}`,
        ContentSid: contentSid,
        ContentVariables: '{"1":"Ann"}',
      });
    });

    it('asks for a receipt only where it can be reached', async () => {
      const delivery = sampleDelivery<SmsEndpoint>(`sms:directsms:${TWILIO_NUMBERS.accepted}`);
      await open({ default: twilio(twilioServer.url) }, { publicUrl: 'https://hub.example.com' }).send(delivery, NEVER);
      const { messageId } = delivery.pending;
      expect(twilioServer.messages.at(-1)?.['StatusCallback']).toBe(
        `https://hub.example.com/callbacks/twilio/1234567890123456/default/${messageId}/${delivery.subscription.pendingQueue.id}/1?topic=t1&subscription=s1`,
      );
    });
  });

  describe('by Dysms', () => {
    it.each([
      ['a number that is none', DYSMS_NUMBERS.rejected, { kind: 'permanent', reason: 'Dysms isv.MOBILE_NUMBER_ILLEGAL: invalid phone number' }],
      ['a number with enough for an hour', DYSMS_NUMBERS.limited, { kind: 'retryable', retryAfter: 3_600 }],
      ['too much at once', DYSMS_NUMBERS.throttled, { kind: 'retryable', code: 400, retryAfter: 60, reason: expect.stringContaining('Throttling.User') }],
      ['a failing server', DYSMS_NUMBERS.failing, { kind: 'retryable', code: 500 }],
      ['a slow server', DYSMS_NUMBERS.silent, { kind: 'retryable', reason: expect.stringContaining('1 s') }],
      ['a reset', DYSMS_NUMBERS.reset, { kind: 'retryable', reason: expect.stringMatching(/^Dysms: (socket hang up|read ECONNRESET)$/) }],
    ])('knows %s', async (_name, phone, expected) => {
      expect(await send(open({ default: dysms(dysmsServer.url) }), `sms:directsms:${phone}`)).toMatchObject(expected);
    });

    it.each([
      [{ accessKeySecret: 'wrong' }, 'SignatureDoesNotMatch'],
      [{ accessKeyId: 'nobody' }, 'InvalidAccessKeyId.NotFound'],
    ])('tries again when its credentials are refused: %j', async (changes, code) => {
      const outcome = await send(open({ default: dysms(dysmsServer.url, changes) }), `sms:directsms:${DYSMS_NUMBERS.accepted}`);
      expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringContaining(`Dysms ${code}: Specified`) });
    });

    it('sends what the message says, else what the channel says', async () => {
      const channel = open({ default: dysms(dysmsServer.url) });
      const DirectSMS = { FreeSignName: '签名', TemplateCode: 'SMS_42', SmsParams: '{"code":"1 2"}', Type: 'singleContent', ExtendCode: '7' };
      await send(channel, 'sms:directsms:+8613800000001', { DirectSMS });
      expect(dysmsServer.messages.at(-1)).toEqual({
        PhoneNumbers: '8613800000001',
        SignName: '签名',
        TemplateCode: 'SMS_42',
        TemplateParam: '{"code":"1 2"}',
        SmsUpExtendCode: '7',
        OutId: expect.stringMatching(/^[0-9A-F]{32}$/),
      });
      await send(channel, 'sms:directsms:13800000001', {}, 'all is "well"');
      expect(dysmsServer.messages.at(-1)).toMatchObject({ SignName: '喜鹊', TemplateCode: 'SMS_1', TemplateParam: '{"content":"all is \\"well\\""}' });
    });

    it('waits for a template that nobody has named yet', async () => {
      const settings = { ...DYSMS_KEY, templateCode: 'SMS_1', endpoint: dysmsServer.url };
      const outcome = await send(open({ default: { type: 'dysms', settings } }), 'sms:directsms:13800000001');
      expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('signName') });
    });
  });

  it('gives each receiver of a message its own variables', async () => {
    const before = dysmsServer.messages.length;
    const SmsParams = JSON.stringify({ '13900000001': { name: 'A' }, '13900000002': { name: 'B' } });
    const DirectSMS = { FreeSignName: 'x', TemplateCode: 'SMS_1', Type: 'multiContent', SmsParams };
    expect(await send(open({ default: dysms(dysmsServer.url) }), 'sms:directsms:anonymous', { DirectSMS })).toMatchObject({ kind: 'delivered' });
    const sent = dysmsServer.messages.slice(before).map(({ PhoneNumbers, TemplateParam }) => `${PhoneNumbers} ${TemplateParam}`);
    expect(sent.sort()).toEqual(['13900000001 {"name":"A"}', '13900000002 {"name":"B"}']);
    const single = await send(open({ default: dysms(dysmsServer.url) }), 'sms:directsms:13900000001', { DirectSMS });
    expect(single).toMatchObject({ kind: 'permanent', reason: expect.stringContaining('multiContent') });
  });

  it('does not send again to those who have it', async () => {
    const channel = open({ default: twilio(twilioServer.url) });
    const { accepted, rejected, throttled } = TWILIO_NUMBERS;
    const DirectSMS = JSON.stringify({ Receiver: [accepted, rejected, throttled].join(',') });
    const first = sampleDelivery<SmsEndpoint>('sms:directsms:anonymous', { messageAttributes: { DirectSMS } });
    const before = twilioServer.requests;
    expect(await channel.send(first, NEVER)).toMatchObject({ kind: 'retryable', retryAfter: 7, reason: expect.stringMatching(/^1 of 3 recipients: /) });
    expect(twilioServer.requests - before).toBe(3);
    const second = { ...first, pending: { ...first.pending, attempts: 1 } };
    expect(await channel.send(second, NEVER)).toMatchObject({ kind: 'retryable' });
    expect(twilioServer.requests - before).toBe(4);
  });

  it('fails nobody because of one who is refused', async () => {
    const channel = open({ default: twilio(twilioServer.url) });
    const { accepted, rejected, unsubscribed } = TWILIO_NUMBERS;
    const outcome = await send(channel, 'sms:directsms:anonymous', { DirectSMS: { Receiver: `${rejected},${accepted}` } });
    expect(outcome).toMatchObject({ kind: 'delivered', code: 201, reason: expect.stringContaining('1 of 2 recipients: Twilio 21614') });
    const none = await send(channel, 'sms:directsms:anonymous', { DirectSMS: { Receiver: `${rejected},${unsubscribed}` } });
    expect(none).toMatchObject({ kind: 'permanent', reason: expect.stringContaining('2 of 2 recipients') });
  });

  it('says when there is no channel, and waits', async () => {
    expect(await send(open({}), 'sms:directsms:13800000001')).toEqual({ kind: 'retryable', reason: 'channel not configured' });
    const named = await send(open({ default: twilio(twilioServer.url) }), 'sms:directsms:13800000001?channel=gone');
    expect(named).toEqual({ kind: 'retryable', reason: 'channel not configured: gone' });
    const wrong = await send(open({ mail: { type: 'smtp', settings: { url: 'smtp://127.0.0.1' } } }), 'sms:directsms:13800000001?channel=mail');
    expect(wrong).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('is of type smtp') });
  });
});
