import { lookup as resolve, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { NetworkList, plainAddress } from '#runtime/network-list.js';

/** A push would have gone to an address that this deployment does not let pushes reach. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';

  constructor(address: string) {
    super(`the address ${address} is not public and MAGPIE_PUSH_ALLOW does not name it`);
  }
}

/** What is not public unicast, after IANA's special-purpose registries. Cloud metadata services live in 169.254/16, 100.64/10, fd00::/8. */
const NOT_PUBLIC = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24',
  '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
  // IPv4 in other clothes (compatible, NAT64, Teredo, 6to4) would lead back into the ranges above.
  '::/96', '64:ff9b::/96', '64:ff9b:1::/48', '2001::/32', '2002::/16',
  '100::/64', '2001:2::/48', '2001:10::/28', '2001:20::/28', '2001:db8::/32', '3fff::/20', '5f00::/16',
  'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8',
];

/**
 * Which addresses pushes may reach: public ones and those that the operator allows.
 *
 * The check happens where a socket is opened, on the very address that it is opened to, so a name that resolves differently the
 * second time gains nothing.
 */
export class PushNetwork {
  readonly #refused = new NetworkList(NOT_PUBLIC);
  readonly #allowed: NetworkList;

  /** @param allow CIDRs, addresses, or the words `loopback` and `private`; checked before by the settings */
  constructor(allow: readonly string[]) {
    this.#allowed = new NetworkList(allow);
  }

  allows(address: string): boolean {
    const plain = plainAddress(address);
    return isIP(plain) !== 0 && (this.#allowed.includes(plain) || !this.#refused.includes(plain));
  }

  /** For `net.connect`: the addresses of a name that pushes may reach; the socket is opened to one of them. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const [first, ...others] = addresses.filter(({ address }) => this.allows(address));
      if (first === undefined) callback(new AddressRefused(addresses[0]?.address ?? hostname), []);
      else if (options.all === true) callback(null, [first, ...others]);
      else callback(null, first.address, first.family);
    });
  };

  /** Opens the connections of pushes. An address that stands in the URL itself is looked up by nobody and checked here. */
  connector(timeout: number): buildConnector.connector {
    const connect = buildConnector({ allowH2: false, timeout, lookup: this.lookup });
    return (options, callback) => {
      const host = options.hostname.replace(/^\[|\]$/g, '');
      if (isIP(host) !== 0 && !this.allows(host)) queueMicrotask(() => callback(new AddressRefused(host), null));
      else connect(options, callback);
    };
  }
}
