import { describe, expect, it } from '@jest/globals';
import { embeddedAddress, isNetwork, isSingleAddress, NetworkList, plainAddress } from './network-list.js';

describe('NetworkList', () => {
  it('knows words, addresses and networks, in whatever spelling an address comes', () => {
    const list = new NetworkList(['loopback', '10.1.0.0/16', 'fd00:1::/32', '192.168.1.7']);
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '0:0:0:0:0:ffff:7f00:1', '10.1.2.3', 'fd00:1::5', '192.168.1.7']) {
      expect([address, list.includes(address)]).toEqual([address, true]);
    }
    for (const address of ['10.2.0.1', '192.168.1.8', 'fd00:2::5', 'no address', '']) {
      expect([address, list.includes(address)]).toEqual([address, false]);
    }
  });

  it('is empty when nothing is named', () => {
    expect(new NetworkList([]).includes('127.0.0.1')).toBe(false);
  });
});

describe('isNetwork', () => {
  it.each(['loopback', 'private', '10.0.0.0/8', '10.0.0.1', '::1', 'fd00::/8'])('takes %s', (given) => {
    expect(isNetwork(given)).toBe(true);
  });

  it.each(['', 'proxy', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '10.0/8', '::1/129', 'fe80::1%eth0', 'toString'])('refuses %j', (given) => {
    expect(isNetwork(given)).toBe(false);
  });
});

describe('plainAddress', () => {
  it.each([
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['10.0.0.1', '10.0.0.1'],
  ])('makes %s %s', (given, plain) => {
    expect(plainAddress(given)).toBe(plain);
  });
});

describe('isSingleAddress', () => {
  it.each([
    ['10.0.0.1', true],
    ['10.0.0.1/32', true],
    ['::1', true],
    ['::1/128', true],
    ['10.0.0.0/31', false],
    ['::1/32', false],
    ['loopback', false],
  ])('says of %s: %s', (network, single) => {
    expect(isSingleAddress(network)).toBe(single);
  });
});

describe('embeddedAddress', () => {
  it.each([
    ['64:ff9b::a9fe:a9fe', '169.254.169.254'],
    ['64:ff9b::127.0.0.1', '127.0.0.1'],
    ['64:ff9b:1::10.0.0.1', '10.0.0.1'],
    ['2002:7f00:1::', '127.0.0.1'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', '192.0.2.45'],
    ['2606:4700::5efe:10.0.0.1', '10.0.0.1'],
    ['2606:4700::200:5efe:10.0.0.1', '10.0.0.1'],
    ['::10.0.0.1', '10.0.0.1'],
    ['::ffff:0:10.0.0.1', '10.0.0.1'],
    ['::1', undefined],
    ['::ffff:10.0.0.1', undefined],
    ['2606:4700:4700::1111', undefined],
    ['10.0.0.1', undefined],
    ['no address', undefined],
  ])('finds in %s: %s', (address, embedded) => {
    expect(embeddedAddress(address)).toBe(embedded);
  });
});
