import { lookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import { embeddedAddress, isSingleAddress, NetworkList, plainAddress } from '#runtime/network-list.js';

/**
 * A push would have gone where this deployment does not let pushes go. Nothing was connected, so nothing of the target is known: the
 * message names the host as the endpoint does, never the address that a name of the inner network resolves to.
 */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused';
}

/** What is not public unicast, after IANA's special-purpose registries. */
const NOT_PUBLIC = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24',
  '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
  // IPv4 in other clothes: compatible, translated, NAT64, Teredo and its neighbours, 6to4.
  '::/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '2001::/23', '2002::/16',
  '100::/64', '100:0:0:1::/64', '2001:db8::/32', '3fff::/20', '5f00::/16', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8',
];

/**
 * Where clouds hand out credentials and talk to their machines: AWS, Alibaba, Oracle, Azure (a public address), Google. A network that
 * is opened does not open these; whoever wants one names it by itself.
 */
const METADATA = [
  '169.254.169.254', '169.254.170.2', '169.254.170.23', '100.100.100.200', '192.0.0.192', '168.63.129.16', 'fd00:ec2::254', 'fd00:ec2::23',
  'fd20:ce::254',
];

/**
 * Ports of protocols that read lines as commands: ftp, ssh, telnet, smtp, pop3, nntp, imap, the r-commands, lpd, submission, IRC, Redis,
 * memcached. The text of a message would stand there as commands, in the name of this machine.
 */
const FOREIGN_PORTS: ReadonlySet<number> = new Set([
  21, 22, 23, 25, 110, 119, 143, 465, 512, 513, 514, 515, 563, 587, 993, 995, 6379, 6665, 6666, 6667, 6668, 6669, 6697, 11211,
]);

/** How the far side is to be known, and how this side shows itself. */
export interface TlsTrust {
  /** Roots and client certificate; the platform's roots and none when absent. */
  readonly secureContext?: SecureContext;
}

/**
 * Which addresses pushes may reach: public ones and those that the operator allows.
 *
 * The check happens where a socket is opened, on the very address that it is opened to, so a name that resolves differently the
 * second time gains nothing. What the operator allows is fixed for the life of the object, and with it for every socket that is kept.
 */
export class PushNetwork {
  readonly #refused = new NetworkList([...NOT_PUBLIC, ...METADATA]);
  readonly #metadata = new NetworkList(METADATA);
  readonly #allowed: NetworkList;
  readonly #allowedSingly: NetworkList;

  /**
   * @param allow CIDRs, addresses, or the words `loopback` and `private`; checked before by the settings
   * @param resolve finds the addresses of a name
   */
  constructor(
    allow: readonly string[],
    private readonly resolve: LookupFunction = lookup,
  ) {
    this.#allowed = new NetworkList(allow);
    this.#allowedSingly = new NetworkList(allow.filter(isSingleAddress));
  }

  /** An address that leads to another one is allowed when both are: whoever opens NAT64 opens no inner address with it. */
  allows(address: string): boolean {
    const plain = plainAddress(address);
    if (isIP(plain) === 0) return false;
    if (this.#allowedSingly.includes(plain)) return true;
    if (this.#metadata.includes(plain)) return false;
    if (!this.#allowed.includes(plain) && this.#refused.includes(plain)) return false;
    const inner = embeddedAddress(plain);
    return inner === undefined || this.allows(inner);
  }

  /** For `net.connect`: the addresses of a name that pushes may reach; the socket is opened to one of them. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const addresses: LookupAddress[] = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
      const [first, ...others] = addresses.filter(({ address }) => this.allows(address));
      if (first === undefined) callback(refusedAddress(hostname), []);
      else if (options.all === true) callback(null, [first, ...others]);
      else callback(null, first.address, first.family);
    });
  };

  /**
   * Opens the connections of pushes; the far side's certificate is verified always. An address that stands in the URL itself is looked
   * up by nobody and checked here.
   */
  connector(timeout: number, { secureContext }: TlsTrust = {}): buildConnector.connector {
    const trust = secureContext === undefined ? {} : { secureContext };
    const connect = buildConnector({ allowH2: false, timeout, lookup: this.lookup, rejectUnauthorized: true, ...trust });
    return (options, callback) => {
      const refusal = this.#refusalOf(options.hostname, options.port);
      if (refusal === undefined) connect(options, callback);
      else queueMicrotask(() => callback(refusal, null));
    };
  }

  #refusalOf(hostname: string, port: string): TargetRefused | undefined {
    const host = hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !this.allows(host)) return refusedAddress(host);
    if (FOREIGN_PORTS.has(Number(port))) return new TargetRefused(`port ${port} belongs to another protocol than http; pushes do not go there`);
    return undefined;
  }
}

function refusedAddress(host: string): TargetRefused {
  return new TargetRefused(
    isIP(host) === 0
      ? `${host} has no address that is public or named by MAGPIE_PUSH_ALLOW`
      : `the address ${host} is not public and MAGPIE_PUSH_ALLOW does not name it`,
  );
}
