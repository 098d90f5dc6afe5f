import { afterEach, describe, expect, it } from '@jest/globals';
import type { EmailEndpoint } from '#delivery/endpoint.js';
import { freePort } from '../../../test/support/free-port.js';
import { refusal, startMailServer, type MailServer } from '../../../test/support/mail-server.js';
import { clientsOf, rememberedRecipients } from '../../../test/support/provider-channels.js';
import { sampleDelivery } from '../../../test/support/sample-delivery.js';
import { describeChannel } from './channel.contract.js';
import { EmailChannel } from './email.channel.js';

const NEVER = new AbortController().signal;
const TO = 'mail:directmail:ops@example.com';

function channelTo(url: string, timeLimit: number, settings: Readonly<Record<string, string>> = {}) {
  const given = { type: 'smtp', settings: { url, from: 'Magpie <hub@example.com>', ...settings } };
  const clients = clientsOf({ default: given, named: { ...given, settings: { ...given.settings, from: 'named@example.com' } } }, timeLimit);
  return { channel: new EmailChannel({ clients, recipients: rememberedRecipients(), timeLimit }), close: () => clients.close() };
}

describeChannel<EmailEndpoint>('email', async () => {
  const server = await startMailServer({
    onRcptTo: ({ address }, _session, callback) => {
      if (address.startsWith('later')) callback(refusal(451, 'try again later'));
      else if (address.startsWith('nobody')) callback(refusal(550, 'no such user'));
      else if (!address.startsWith('silent')) callback();
    },
  });
  const { channel, close } = channelTo(server.url, 3_000);
  return {
    channel,
    accepting: TO,
    arrived: () => Promise.resolve(server.mails.map((mail) => mail.text?.trimEnd() ?? '')),
    refusing: 'mail:directmail:later@example.com',
    rejecting: 'mail:directmail:nobody@example.com',
    silent: 'mail:directmail:silent@example.com',
    stop: async () => {
      await close();
      await server.stop();
    },
  };
});

describe('EmailChannel', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  type MailServerOptions = Parameters<typeof startMailServer>[0];

  async function open(options: MailServerOptions = {}, settings?: Readonly<Record<string, string>>): Promise<{ server: MailServer; channel: EmailChannel }> {
    const server = await startMailServer(options);
    cleanUps.push(() => server.stop());
    return { server, channel: openTo(server.url, settings) };
  }

  function openTo(url: string, settings?: Readonly<Record<string, string>>): EmailChannel {
    const { channel, close } = channelTo(url, 1_000, settings);
    cleanUps.push(close);
    return channel;
  }

  it('sends the published text with subject, sender and a message id that stays the same in every attempt', async () => {
    const { server, channel } = await open();
    const message = { body: 'line one\nline two', messageAttributes: { DirectMail: '{"Subject":"订单 42","IsHtml":0}' } };
    const delivery = sampleDelivery<EmailEndpoint>(TO, message);
    expect(await channel.send(delivery, NEVER)).toEqual({ kind: 'delivered', code: 250 });
    await channel.send(delivery, NEVER);
    const [mail, again] = server.mails;
    expect(mail?.subject).toBe('订单 42');
    expect(mail?.text?.trimEnd()).toBe('line one\nline two');
    expect(mail?.html).toBe(false);
    expect(mail?.from?.text).toBe('"Magpie" <hub@example.com>');
    expect(mail?.to).toMatchObject({ text: 'ops@example.com' });
    expect(mail?.messageId).toMatch(/^<[0-9a-f]{32}@example\.com>$/);
    expect(again?.messageId).toBe(mail?.messageId);
  });

  it('sends HTML when the message says so', async () => {
    const { server, channel } = await open();
    await channel.send(sampleDelivery<EmailEndpoint>(TO, { body: '<p>hi</p>', messageAttributes: { DM: '{"IsHtml":"1"}' } }), NEVER);
    expect(String(server.mails[0]?.html).trimEnd()).toBe('<p>hi</p>');
    expect(server.mails[0]?.subject).toBe('Message from topic t1');
  });

  it('never takes a header from a subject', async () => {
    const { server, channel } = await open();
    const messageAttributes = { DM: JSON.stringify({ Subject: 'a\r\nBcc: evil@example.com' }) };
    await channel.send(sampleDelivery<EmailEndpoint>(TO, { messageAttributes }), NEVER);
    expect(server.mails[0]?.bcc).toBeUndefined();
    expect(server.mails[0]?.headers.has('bcc')).toBe(false);
  });

  it('tries again later when its credentials are refused', async () => {
    const options: MailServerOptions = { authOptional: false, onAuth: (_auth, _session, callback) => callback(refusal(535, 'wrong')) };
    const { channel } = await open(options, { user: 'user', password: 'wrong' });
    expect(await channel.send(sampleDelivery<EmailEndpoint>(TO), NEVER)).toMatchObject({ kind: 'retryable', code: 535 });
  });

  it('tells a mail that is refused for its content from a server that is not in the mood', async () => {
    const { channel } = await open({
      onData: (stream, _session, callback) => void stream.resume().on('end', () => callback(refusal(554, 'looks like spam'))),
    });
    expect(await channel.send(sampleDelivery<EmailEndpoint>(TO), NEVER)).toMatchObject({ kind: 'permanent', code: 554 });
    const closed = await open({ onConnect: (_session, callback) => callback(refusal(554, 'go away')) });
    expect(await closed.channel.send(sampleDelivery<EmailEndpoint>(TO), NEVER)).toMatchObject({ kind: 'retryable' });
  });

  it('tries again later when there is no server', async () => {
    const channel = openTo(`smtp://127.0.0.1:${await freePort()}`);
    const outcome = await channel.send(sampleDelivery<EmailEndpoint>(TO), NEVER);
    expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('ECONNREFUSED') });
  });

  it('sends to each recipient alone, and fails nobody because of one who is refused', async () => {
    let isLater = true;
    const { server, channel } = await open({
      onRcptTo: ({ address }, _session, callback) => {
        if (address.startsWith('nobody')) callback(refusal(550, 'no such user'));
        else if (address.startsWith('later') && isLater) callback(refusal(451, 'try again later'));
        else callback();
      },
    });
    const bounced = await channel.send(sampleDelivery<EmailEndpoint>('mail:directmail:a@example.com,nobody@example.com'), NEVER);
    expect(bounced).toMatchObject({ kind: 'delivered', code: 250, reason: expect.stringMatching(/^1 of 2 recipients: .*550/) });
    expect(server.mails.map(({ to }) => to)).toEqual([expect.objectContaining({ text: 'a@example.com' })]);

    const delivery = sampleDelivery<EmailEndpoint>('mail:directmail:b@example.com,later@example.com');
    expect(await channel.send(delivery, NEVER)).toMatchObject({ kind: 'retryable', code: 451 });
    isLater = false;
    const again = { ...delivery, pending: { ...delivery.pending, attempts: 1 } };
    expect(await channel.send(again, NEVER)).toEqual({ kind: 'delivered', code: 250 });
    expect(server.mails.map(({ to }) => (to as { text: string }).text)).toEqual(['a@example.com', 'b@example.com', 'later@example.com']);
  });

  it('lets a message name its recipient where the endpoint leaves it to messages', async () => {
    const { server, channel } = await open();
    const messageAttributes = { DM: '{"MailAddress":"me@example.com","Subject":"s"}' };
    await channel.send(sampleDelivery<EmailEndpoint>('smq-ep:dm:1:__dynamic', { messageAttributes }), NEVER);
    await channel.send(sampleDelivery<EmailEndpoint>(TO, { messageAttributes }), NEVER);
    expect(server.mails.map(({ to }) => (to as { text: string }).text)).toEqual(['me@example.com', 'ops@example.com']);
    const nobody = await channel.send(sampleDelivery<EmailEndpoint>('smq-ep:dm:1:__dynamic', { messageAttributes: { DM: '{"MailAddress":"me"}' } }), NEVER);
    expect(nobody).toMatchObject({ kind: 'permanent' });
  });

  it('asks for answers to the reply address when the message says so, through the channel that the endpoint names', async () => {
    const { server, channel } = await open({}, { replyTo: 'answers@example.com' });
    const messageAttributes = { DirectMail: '{"ReplyToAddress":1}' };
    await channel.send(sampleDelivery<EmailEndpoint>(TO, { messageAttributes }), NEVER);
    await channel.send(sampleDelivery<EmailEndpoint>(`${TO}?channel=named`, {}), NEVER);
    expect(server.mails[0]?.replyTo?.text).toBe('answers@example.com');
    expect(server.mails[1]?.replyTo).toBeUndefined();
    expect(server.mails[1]?.from?.text).toBe('named@example.com');
  });
});
