import { describe, expect, it } from '@jest/globals';
import { PushNetwork } from './push-network.js';

describe('PushNetwork', () => {
  it.each([
    '0.0.0.0', '10.1.2.3', '100.64.0.1', '100.100.100.200', '127.0.0.1', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.168.1.1',
    '192.0.0.1', '198.18.0.1', '224.0.0.1', '255.255.255.255', '::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1',
    '0:0:0:0:0:ffff:a9fe:a9fe',
    '64:ff9b::7f00:1', '2002:7f00:1::', '2001::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'ff02::1', 'no address', '',
  ])('keeps pushes from %s', (address) => {
    expect(new PushNetwork([]).allows(address)).toBe(false);
  });

  it.each([
    '1.1.1.1', '172.15.0.1', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111', '::ffff:1.1.1.1', '2001:4860:4860::8888',
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

  it('knows private networks without link-local and metadata addresses', () => {
    const network = new PushNetwork(['private']);
    for (const address of ['10.0.0.1', '172.16.0.1', '192.168.0.1', 'fd00::1']) expect(network.allows(address)).toBe(true);
    for (const address of ['127.0.0.1', '169.254.169.254', '100.100.100.200', 'fe80::1']) expect(network.allows(address)).toBe(false);
  });

  it('gives a socket only addresses that it has checked', async () => {
    const look = (network: PushNetwork) =>
      new Promise((resolve) => network.lookup('localhost', { all: true }, (error, addresses) => resolve(error ?? addresses)));
    expect(await look(new PushNetwork([]))).toBeInstanceOf(Error);
    expect(await look(new PushNetwork(['127.0.0.0/8']))).toEqual([{ address: '127.0.0.1', family: 4 }]);
  });
});
