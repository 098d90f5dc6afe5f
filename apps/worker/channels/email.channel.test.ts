import { afterEach, describe, expect, it } from '@jest/globals';
import type { EmailEndpoint } from '#delivery/endpoint.js';
import { freePort } from '../../../test/support/free-port.js';
import { refusal, startMailServer, type MailServer } from '../../../test/support/mail-server.js';
import { sampleDelivery } from '../../../test/support/sample-delivery.js';
import { describeChannel } from './channel.contract.js';
import { EmailChannel, mailAttributes } from './email.channel.js';

const NEVER = new AbortController().signal;
const TO = 'mail:directmail:ops@example.com';

describeChannel<EmailEndpoint>('email', async () => {
  const server = await startMailServer({
    onRcptTo: ({ address }, _session, callback) => {
      if (address.startsWith('later')) callback(refusal(451, 'try again later'));
      else if (address.startsWith('nobody')) callback(refusal(550, 'no such user'));
      else if (!address.startsWith('silent')) callback();
    },
  });
  const channel = new EmailChannel({ smtpUrl: server.url, mailFrom: 'hub@example.com', timeLimit: 3_000 });
  return {
    channel,
    accepting: TO,
    arrived: () => Promise.resolve(server.mails.map((mail) => mail.text?.trimEnd() ?? '')),
    refusing: 'mail:directmail:later@example.com',
    rejecting: 'mail:directmail:nobody@example.com',
    silent: 'mail:directmail:silent@example.com',
    stop: async () => {
      await channel.close();
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

  async function open(options: MailServerOptions = {}, login = ''): Promise<{ server: MailServer; channel: EmailChannel }> {
    const server = await startMailServer(options);
    cleanUps.push(() => server.stop());
    return { server, channel: channelTo(server.url.replace('//', `//${login}`)) };
  }

  function channelTo(smtpUrl: string): EmailChannel {
    const channel = new EmailChannel({ smtpUrl, mailFrom: 'Magpie <hub@example.com>', timeLimit: 1_000 });
    cleanUps.push(() => channel.close());
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
    const { channel } = await open(options, 'user:wrong@');
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
    const channel = channelTo(`smtp://127.0.0.1:${await freePort()}`);
    const outcome = await channel.send(sampleDelivery<EmailEndpoint>(TO), NEVER);
    expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('ECONNREFUSED') });
  });
});

describe('mailAttributes', () => {
  it.each([
    [undefined, { isHtml: false }],
    [{}, { isHtml: false }],
    [{ DirectMail: '{"Subject":"s","IsHtml":1}' }, { subject: 's', isHtml: true }],
    [{ DM: '{"Subject":"new","IsHtml":"0"}', DirectMail: '{"Subject":"old"}' }, { subject: 'new', isHtml: false }],
    [{ DirectMail: 'no json', DM: '[1' }, { isHtml: false }],
    [{ DirectMail: 'null' }, { isHtml: false }],
    [{ DirectMail: '{"Subject":7,"IsHtml":true}' }, { isHtml: true }],
  ])('reads %j', (attributes, expected) => {
    expect(mailAttributes(attributes)).toEqual(expected);
  });
});
