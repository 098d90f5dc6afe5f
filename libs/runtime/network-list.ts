import { BlockList, isIP } from 'node:net';

const WORDS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** What an operator may write for a network, in words. */
export const NETWORK_FORMS = 'loopback, private, a CIDR such as 10.1.0.0/16';

/** Whether the text is an address, a CIDR, or one of the words `loopback` and `private`. */
export function isNetwork(given: string): boolean {
  if (Object.hasOwn(WORDS, given)) return true;
  const [address = '', bits, ...rest] = given.split('/');
  const family = isIP(address);
  if (family === 0 || address.includes('%') || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Networks by which addresses are told apart. */
export class NetworkList {
  readonly #list = new BlockList();

  /** @param networks each as `isNetwork` wants it. */
  constructor(networks: readonly string[]) {
    for (const network of networks.flatMap((entry) => WORDS[entry] ?? [entry])) {
      const [address = '', bits] = network.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      this.#list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
    }
  }

  /** @param address in any spelling; what is no address is in no network. */
  includes(address: string): boolean {
    const plain = plainAddress(address);
    return isIP(plain) !== 0 && this.#list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
  }
}

/** Without a zone, and ::ffff:127.0.0.1 as the 127.0.0.1 that it is, in whatever spelling. */
export function plainAddress(address: string): string {
  const unzoned = address.replace(/%.*$/, '');
  if (isIP(unzoned) !== 6) return unzoned;
  const normal = new URL(`http://[${unzoned}]/`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(normal) ?? [];
  if (high === undefined || low === undefined) return normal;
  const [upper, lower] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [upper >> 8, upper & 0xff, lower >> 8, lower & 0xff].join('.');
}
