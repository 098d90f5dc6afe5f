import { generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { notificationBody, type Notification } from './notification.js';
import { pushHeaders } from './push-headers.js';
import { contentMd5, pushStringToSign, signPush } from './push-signature.js';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const notification: Notification = {
  topicOwner: '1234567890123456',
  topicName: 't1',
  subscriber: '1234567890123456',
  subscriptionName: 's1',
  messageId: '250EB49D5F8D737A391C93C6ED165396',
  message: 'hello',
  publishTime: 1_680_079_287_576,
};
const common = { notification, requestId: '6423F9B7BF94313030AF5EA0', now: Date.UTC(2023, 2, 29, 8, 41, 27) };
const signer = { privateKey, certificateUrl: 'http://hub.example/certificates/0123456789abcdef.pem' };

describe('pushStringToSign', () => {
  it('joins method, digest, type, date, sorted x-mns headers and the request URI', () => {
    const text = pushStringToSign(
      [
        ['x-mns-version', '2015-06-06'],
        ['X-MNS-Message-Id', 'M'],
        ['Date', 'D'],
        ['Content-md5', 'C'],
        ['Accept', '*/*'],
        ['Content-Type', 'T'],
      ],
      '/notifications?a=1',
    );
    expect(text).toBe('POST\nC\nT\nD\nx-mns-message-id:M\nx-mns-version:2015-06-06\n/notifications?a=1');
  });
});

describe('contentMd5', () => {
  it('has the form of each format', () => {
    expect(contentMd5('SIMPLIFIED', 'hello')).toBe('5D41402ABC4B2A76B9719D911017C592');
    expect(contentMd5('XML', 'hello')).toBe(Buffer.from('5d41402abc4b2a76b9719d911017c592').toString('base64'));
    expect(contentMd5('JSON', 'hello')).toBe(contentMd5('XML', 'hello'));
  });
});

describe('pushHeaders', () => {
  it.each(['XML', 'JSON', 'SIMPLIFIED'] as const)('signs a %s push so that its receiver can verify it', async (format) => {
    const body = notificationBody(format, notification);
    const headers = await pushHeaders({ ...common, format, body, requestUri: '/hook?x=%20y' }, signer);
    const authorization = headers.find(([name]) => name === 'Authorization')![1];
    const text = pushStringToSign(headers, '/hook?x=%20y');
    expect(verify('RSA-SHA1', Buffer.from(text, 'latin1'), publicKey, Buffer.from(authorization, 'base64'))).toBe(true);
  });

  it('puts what a plain body cannot say into headers, in the casing that receivers look up', async () => {
    const headers = await pushHeaders({ ...common, format: 'SIMPLIFIED', body: 'hello', requestUri: '/' }, signer);
    expect(headers.map(([name]) => name)).toEqual([
      'Content-Type', 'Content-md5', 'Date', 'User-Agent', 'Accept', 'x-mns-request-id', 'x-mns-signing-cert-url', 'x-mns-version',
      'x-mns-message-id', 'x-mns-publish-time', 'x-mns-subscriber', 'x-mns-subscription-name', 'x-mns-topic-name', 'x-mns-topic-owner',
      'Authorization',
    ]);
    expect(Object.fromEntries(headers)).toMatchObject({
      Date: 'Wed, 29 Mar 2023 08:41:27 GMT',
      'x-mns-publish-time': '1680079287576',
      'x-mns-signing-cert-url': Buffer.from(signer.certificateUrl).toString('base64'),
    });
  });

  it('keeps the envelope out of the headers of XML and JSON', async () => {
    const headers = await pushHeaders({ ...common, format: 'XML', body: '<x/>', requestUri: '/' }, signer);
    expect(headers.map(([name]) => name).filter((name) => name.startsWith('x-mns-'))).toEqual([
      'x-mns-request-id', 'x-mns-signing-cert-url', 'x-mns-version',
    ]);
  });

  it('sends a tag as the bytes of its UTF-8 and never as a line of its own', async () => {
    const tag = async (messageTag: string): Promise<string | undefined> => {
      const tagged = { ...notification, messageTag };
      const request = { ...common, notification: tagged, format: 'SIMPLIFIED', body: 'hello', requestUri: '/' } as const;
      return Object.fromEntries(await pushHeaders(request, signer))['x-mns-message-tag'];
    };
    expect(Buffer.from((await tag('喜鹊'))!, 'latin1').toString()).toBe('喜鹊');
    expect(await tag('a\r\nX-Evil: 1')).toBe('a  X-Evil: 1');
  });
});

describe('signPush', () => {
  it('leaves the event loop free', async () => {
    let turns = 0;
    let signing = true;
    const count = (): void => {
      turns += 1;
      if (signing) setImmediate(count);
    };
    setImmediate(count);
    await Promise.all(Array.from({ length: 50 }, (_, number) => signPush(privateKey, `text ${number}`)));
    signing = false;
    expect(turns).toBeGreaterThan(10);
  });
});
