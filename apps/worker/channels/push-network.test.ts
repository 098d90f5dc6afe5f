import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { PushNetwork, TargetRefused } from './push-network.js';

describe('PushNetwork', () => {
  it.each([
    // This network, private, carrier-grade NAT, loopback, link-local, IETF, documentation, benchmarks, multicast, reserved, broadcast.
    '0.0.0.0', '0.1.2.3', '10.1.2.3', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.255.254', '169.254.0.1', '172.16.0.1',
    '172.31.255.255', '192.168.1.1', '192.0.0.1', '192.0.0.192', '192.0.2.1', '192.88.99.1', '198.18.0.1', '198.19.255.255', '198.51.100.7',
    '203.0.113.9', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255',
    // Metadata of clouds.
    '169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', 'fd00:ec2::254', 'fd20:ce::254',
    // The same in IPv6, in several spellings.
    '::', '::1', '0:0:0:0:0:0:0:1', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'fe80::1%eth0', 'FE80::1%25eth0', 'febf::1', 'fec0::1', 'ff02::1',
    'ff0e::1', '2001:db8::1', '3fff::1', '100::1', '5f00::1',
    // IPv4 in IPv6.
    '::127.0.0.1', '::7f00:1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::FFFF:10.0.0.1', '0:0:0:0:0:ffff:a9fe:a9fe', '::ffff:0:127.0.0.1',
    '64:ff9b::7f00:1', '64:ff9b::169.254.169.254', '64:ff9b::8.8.8.8', '64:ff9b:1::10.0.0.1', '2002:7f00:1::', '2002:a9fe:a9fe::1', '2001::1',
    '2001:0:4136:e378:8000:63bf:80ff:fffe', '2606:4700::5efe:127.0.0.1',
    'no address', '', 'localhost', '127.1', '0x7f000001', '2130706433',
  ])('keeps pushes from %s', (address) => {
    expect(new PushNetwork([]).allows(address)).toBe(false);
  });

  it.each([
    '1.1.1.1', '9.255.255.255', '11.0.0.1', '100.63.255.255', '100.128.0.1', '126.255.255.255', '128.0.0.1', '169.253.1.1', '172.15.0.1',
    '172.32.0.1', '192.0.1.1', '198.17.255.255', '198.20.0.1', '223.255.255.255', '2606:4700:4700::1111', '::ffff:1.1.1.1',
    '2001:4860:4860::8888', '2606:4700::5efe:1.1.1.1',
  ])('lets pushes reach %s', (address) => {
    expect(new PushNetwork([]).allows(address)).toBe(true);
  });

  it('opens what the operator names, and nothing beside it', () => {
    const network = new PushNetwork(['loopback', '10.1.0.0/16', 'fd00:1::/32', '192.168.1.7']);
    for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1', '10.1.255.255', 'fd00:1::5', '192.168.1.7', '1.1.1.1']) {
      expect([address, network.allows(address)]).toEqual([address, true]);
    }
    for (const address of ['10.2.0.1', '169.254.169.254', 'fd00:2::5', '192.168.1.8', '172.16.0.1']) {
      expect([address, network.allows(address)]).toEqual([address, false]);
    }
  });

  it('opens metadata addresses to those only who name them one by one', () => {
    const wide = new PushNetwork(['private', 'loopback', '169.254.0.0/16', '100.64.0.0/10', 'fd00::/8', '168.63.0.0/16']);
    for (const address of ['10.0.0.1', '172.16.0.1', '192.168.0.1', 'fd00::1', '169.254.1.1', '100.64.0.1']) {
      expect([address, wide.allows(address)]).toEqual([address, true]);
    }
    for (const address of ['169.254.169.254', '::ffff:a9fe:a9fe', '100.100.100.200', 'fd00:ec2::254', '168.63.129.16', 'fe80::1']) {
      expect([address, wide.allows(address)]).toEqual([address, false]);
    }
    expect(new PushNetwork(['169.254.169.254']).allows('169.254.169.254')).toBe(true);
    expect(new PushNetwork(['fd00:ec2::254/128']).allows('fd00:ec2::254')).toBe(true);
  });

  it('opens a translator without what lies behind it', () => {
    const network = new PushNetwork(['64:ff9b::/96', '2002::/16', '10.0.0.0/8']);
    for (const address of ['64:ff9b::8.8.8.8', '64:ff9b::10.0.0.1', '2002:808:808::1']) {
      expect([address, network.allows(address)]).toEqual([address, true]);
    }
    for (const address of ['64:ff9b::127.0.0.1', '64:ff9b::169.254.169.254', '2002:c0a8:101::1']) {
      expect([address, network.allows(address)]).toEqual([address, false]);
    }
  });
});

/** A resolver that answers each question with the next of these. */
function answering(...answers: readonly (readonly string[])[]): LookupFunction {
  let asked = 0;
  return (_hostname, _options, callback) => {
    const addresses = answers[Math.min(asked++, answers.length - 1)]!;
    callback(null, addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })));
  };
}

function look(network: PushNetwork, name = 'hook.example', all = true): Promise<unknown> {
  return new Promise((resolve) => {
    network.lookup(name, { all }, (error, found) => resolve(error ?? found));
  });
}

describe('PushNetwork.lookup', () => {
  it('gives a socket only addresses that it has checked', async () => {
    expect(await look(new PushNetwork([]), 'localhost')).toBeInstanceOf(TargetRefused);
    expect(await look(new PushNetwork([]), 'localhost.')).toHaveProperty('message');
    expect(await look(new PushNetwork(['127.0.0.0/8']), 'localhost')).toEqual([{ address: '127.0.0.1', family: 4 }]);
  });

  it('checks every address of a name, and leaves those that are public', async () => {
    const mixed = new PushNetwork([], answering(['10.0.0.1', '1.1.1.1', '::1', '2606:4700:4700::1111', '169.254.169.254']));
    expect(await look(mixed)).toEqual([{ address: '1.1.1.1', family: 4 }, { address: '2606:4700:4700::1111', family: 6 }]);
    expect(await look(new PushNetwork([], answering(['10.0.0.1', '::ffff:7f00:1'])))).toBeInstanceOf(TargetRefused);
    expect(await look(new PushNetwork([], answering([])))).toBeInstanceOf(TargetRefused);
  });

  it('answers one address to whoever asks for one, and that is a checked one', async () => {
    const network = new PushNetwork([], answering(['192.168.0.1', '1.1.1.1']));
    const answer = await new Promise((resolve) => network.lookup('hook.example', {}, (_error, ...found) => resolve(found)));
    expect(answer).toEqual(['1.1.1.1', 4]);
  });

  it('checks each answer by itself: a name that was public before is refused when it is not now', async () => {
    const network = new PushNetwork([], answering(['1.1.1.1'], ['127.0.0.1']));
    expect(await look(network)).toEqual([{ address: '1.1.1.1', family: 4 }]);
    expect(await look(network)).toBeInstanceOf(TargetRefused);
  });

  it('tells nobody what a name of the inner network resolves to', async () => {
    const refusal = await look(new PushNetwork([], answering(['10.20.30.40'])), 'db.internal');
    expect(String(refusal)).toContain('db.internal');
    expect(String(refusal)).not.toContain('10.20.30.40');
  });
});
