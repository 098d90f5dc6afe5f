import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SecretBox } from '#access/secret-box.js';
import { parseEndpoint, type HttpEndpoint } from '#delivery/endpoint.js';
import type { Outcome } from '#delivery/outcome.js';
import { systemClock } from '#runtime/clock.js';
import { startPushReceiver, type PushReceiver } from '../../../test/support/push-receiver.js';
import { sampleDelivery } from '../../../test/support/sample-delivery.js';
import { HttpChannel } from './http.channel.js';
import { PushNetwork } from './push-network.js';
import { PushSecrets } from './push-secrets.js';

const signer = { privateKey: generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey, certificateUrl: 'http://hub.example/c.pem' };
const secrets = new PushSecrets(new SecretBox(randomBytes(32)));
const NEVER = new AbortController().signal;

/**
 * Whatever an account may write as an endpoint in order to make the hub speak to its own machine or network. A real server listens on
 * the loopback: what would get through would be seen there.
 */
describe('HttpChannel keeps to public addresses', () => {
  let receiver: PushReceiver;
  const channels: HttpChannel[] = [];
  beforeAll(async () => {
    receiver = await startPushReceiver();
  });
  afterAll(async () => {
    for (const channel of channels) await channel.close();
    await receiver.stop();
  });

  function open(allow: readonly string[], resolve?: LookupFunction): HttpChannel {
    const network = new PushNetwork(allow, ...(resolve === undefined ? [] : [resolve]));
    const channel = new HttpChannel({ signer, network, secrets, clock: systemClock, timeLimit: 2_000 });
    channels.push(channel);
    return channel;
  }

  function push(channel: HttpChannel, endpoint: string): Promise<Outcome> {
    return channel.send(sampleDelivery<HttpEndpoint>(endpoint), NEVER);
  }

  it.each([
    ['dotted', '127.0.0.1'],
    ['another one of the loopback', '127.66.77.88'],
    ['decimal', '2130706433'],
    ['octal', '0177.0.0.1'],
    ['octal with more zeros', '00000177.0.0.01'],
    ['hexadecimal', '0x7f.0x0.0x0.0x1'],
    ['hexadecimal in one', '0x7f000001'],
    ['upper-case hexadecimal', '0X7F000001'],
    ['short, two parts', '127.1'],
    ['short, three parts', '127.0.1'],
    ['mixed bases', '0x7f.0.01'],
    ['trailing dot', '127.0.0.1.'],
    ['full-width digits', '１２７.０.０.１'],
    ['circled digits', '①②⑦.⓪.⓪.①'],
    ['ideographic full stops', '127。0。0。1'],
    ['percent-encoded', '%31%32%37.0.0.1'],
    ['soft hyphen', '127.0.0.\u00ad1'],
    ['this network', '0.0.0.0'],
    ['zero in one', '0'],
    ['IPv6', '[::1]'],
    ['IPv6 in full', '[0000:0000:0000:0000:0000:0000:0000:0001]'],
    ['IPv6, nothing', '[::]'],
    ['IPv4-mapped', '[::ffff:127.0.0.1]'],
    ['IPv4-mapped, hexadecimal', '[::ffff:7f00:1]'],
    ['IPv4-mapped in full', '[0:0:0:0:0:FFFF:7F00:0001]'],
    ['IPv4-compatible', '[::127.0.0.1]'],
    ['NAT64', '[64:ff9b::127.0.0.1]'],
    ['local NAT64', '[64:ff9b:1::7f00:1]'],
    ['6to4', '[2002:7f00:1::]'],
    ['Teredo', '[2001:0:4136:e378:8000:63bf:80ff:fffe]'],
    ['a name', 'localhost'],
    ['a name in capitals', 'LOCALHOST'],
    ['a name of full-width letters', 'ｌｏｃａｌｈｏｓｔ'],
    ['private', '10.0.0.1'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['ULA', '[fd00::1]'],
    ['link-local', '[fe80::1]'],
    ['metadata', '169.254.169.254'],
    ['metadata, decimal', '2852039166'],
    ['metadata, hexadecimal', '0xa9fea9fe'],
    ['metadata, IPv4-mapped', '[::ffff:a9fe:a9fe]'],
    ['metadata of AWS, IPv6', '[fd00:ec2::254]'],
    ['metadata of Alibaba Cloud', '100.100.100.200'],
    ['benchmarks', '198.18.0.1'],
    ['documentation', '192.0.2.1'],
    ['multicast', '224.0.0.1'],
    ['broadcast', '255.255.255.255'],
  ])('written as %s: %s', async (_trick, host) => {
    const before = performance.now();
    const outcome = await push(open([]), `http://${host}:${receiver.port}/`);
    expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('MAGPIE_PUSH_ALLOW') });
    expect(outcome).not.toHaveProperty('answer');
    expect(performance.now() - before).toBeLessThan(1_500);
    expect(receiver.pushes).toHaveLength(0);
  });

  it('makes nothing of a name that ends in a dot', async () => {
    expect(await push(open([]), `http://localhost.:${receiver.port}/`)).toMatchObject({ kind: 'retryable' });
    expect(receiver.pushes).toHaveLength(0);
  });

  it.each([
    'http://1.1.1.1@127.0.0.1/', 'http://user:password@127.0.0.1/', 'http://127.0.0.1 @1.1.1.1/', 'http://[fe80::1%25eth0]/', 'http://[fe80::1%eth0]/',
    'http:///127.0.0.1/', 'http:127.0.0.1', 'http:\\\\127.0.0.1\\', 'http://\\127.0.0.1/', 'http://127.0.0.1\r\nHost: x/', 'http://1.2.3.4.5/',
    'http://256.0.0.1/', 'http://0x100000000/', 'http://[::1/', 'http://a..b:99999/', 'file:///etc/passwd', 'gopher://127.0.0.1/', 'ftp://127.0.0.1/',
    'unix:/var/run/docker.sock', 'data:text/plain,x', 'javascript:1', '//127.0.0.1/', 'http://',
  ])('is no endpoint at all: %j', (endpoint) => {
    expect(() => parseEndpoint(endpoint)).toThrow(expect.objectContaining({ name: 'EndpointInvalid' }));
  });

  it('reads a URL once: what stands before the last @ or behind a backslash changes no host', () => {
    expect(parseEndpoint('http://a.example\\@127.0.0.1/')).toMatchObject({ origin: 'http://a.example' });
    expect(parseEndpoint('http://a.example/@127.0.0.1/')).toMatchObject({ origin: 'http://a.example' });
    expect(parseEndpoint('http://a.example?@127.0.0.1/')).toMatchObject({ origin: 'http://a.example' });
    expect(parseEndpoint('http://a.example#@127.0.0.1/')).toMatchObject({ origin: 'http://a.example' });
  });

  /** Answers each question with the next of these, and counts. */
  function resolver(...answers: readonly (readonly string[])[]): { resolve: LookupFunction; asked: () => number } {
    let asked = 0;
    const resolve: LookupFunction = (_name, _options, callback) => {
      const addresses = answers[Math.min(asked++, answers.length - 1)]!;
      callback(null, addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })));
    };
    return { resolve, asked: () => asked };
  }

  it('asks for a name once for each connection, so nothing lies between the check and the connection', async () => {
    const rebinding = resolver(['127.0.0.2'], ['127.0.0.1']);
    const channel = open(['127.0.0.2'], rebinding.resolve);
    // 127.0.0.2 is allowed and nobody listens there; a second question would have been answered with the receiver's address.
    const first = await push(channel, `http://rebind.example:${receiver.port}/`);
    expect(first).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('127.0.0.2') });
    expect(rebinding.asked()).toBe(1);
    const second = await push(channel, `http://rebind.example:${receiver.port}/`);
    expect(second).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('MAGPIE_PUSH_ALLOW') });
    expect(receiver.pushes).toHaveLength(0);
  });

  it('connects to none of the refused addresses of a mixed answer, in whatever order they come', async () => {
    for (const answer of [['127.0.0.1', '127.0.0.2'], ['127.0.0.2', '127.0.0.1'], ['::ffff:127.0.0.1', '127.0.0.2', '::1']]) {
      const outcome = await push(open(['127.0.0.2'], resolver(answer).resolve), `http://mixed.example:${receiver.port}/`);
      expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('127.0.0.2') });
    }
    expect(receiver.pushes).toHaveLength(0);
  });

  it('follows no redirect to an inner address, and keeps nothing of its answer', async () => {
    const outside = await startPushReceiver();
    for (const status of [301, 302, 303, 307, 308]) {
      outside.answer = (_push, response) => void response.writeHead(status, { Location: `http://127.0.0.1:${receiver.port}/latest/meta-data` }).end();
      const outcome = await push(open(['127.0.0.1']), `${outside.url}/`);
      expect(outcome).toMatchObject({ kind: 'retryable', code: status, reason: expect.stringContaining('redirects are not followed') });
    }
    expect(receiver.pushes).toHaveLength(0);
    await outside.stop();
  });

  it('uses no connection of a channel that was allowed more', async () => {
    const inner = await startPushReceiver();
    expect(await push(open(['loopback']), `${inner.url}/`)).toMatchObject({ kind: 'delivered' });
    expect(await push(open([]), `${inner.url}/`)).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('MAGPIE_PUSH_ALLOW') });
    expect(inner.pushes).toHaveLength(1);
    await inner.stop();
  });

  it.each([22, 25, 6379, 11211])('speaks to no port of a line protocol: %d', async (port) => {
    const outcome = await push(open(['loopback']), `http://127.0.0.1:${port}/`);
    expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringContaining(`port ${port} belongs to another protocol`) });
  });
});
