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

/** Whether what `isNetwork` accepts names one address and no other. */
export function isSingleAddress(network: string): boolean {
  const [address = '', bits] = network.split('/');
  return isIP(address) !== 0 && (bits === undefined || Number(bits) === (isIP(address) === 4 ? 32 : 128));
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
  const words = wordsOf(unzoned);
  const isMapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  return isMapped ? ipv4Of(words[6]!, words[7]!) : new URL(`http://[${unzoned}]/`).hostname.slice(1, -1);
}

/**
 * The IPv4 address that an IPv6 address leads to by a translator or a tunnel: NAT64 (64:ff9b::/96, and 64:ff9b:1::/48 as far as its
 * /96 forms go), 6to4, Teredo (its client), ISATAP, and the old "translated" and "compatible" forms. Undefined for all others.
 */
export function embeddedAddress(address: string): string | undefined {
  const plain = plainAddress(address);
  if (isIP(plain) !== 6) return undefined;
  const words = wordsOf(plain);
  const [first = 0, second = 0, third = 0] = words;
  const last = ipv4Of(words[6]!, words[7]!);
  if (first === 0x2002) return ipv4Of(second, third);
  if (first === 0x2001 && second === 0) return ipv4Of(words[6]! ^ 0xffff, words[7]! ^ 0xffff);
  if (first === 0x64 && second === 0xff9b) return last;
  const isIsatap = (words[4]! & 0xfdff) === 0 && words[5] === 0x5efe;
  const isTranslated = words.slice(0, 4).every((word) => word === 0) && words[4] === 0xffff && words[5] === 0;
  const isCompatible = words.slice(0, 6).every((word) => word === 0) && words[6] !== 0;
  return isIsatap || isTranslated || isCompatible ? last : undefined;
}

/** The eight 16-bit parts of an IPv6 address without a zone. */
function wordsOf(address: string): number[] {
  const normal = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = normal.split('::');
  const [left, right] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16))));
  return [...left!, ...Array<number>(8 - left!.length - right!.length).fill(0), ...right!];
}

function ipv4Of(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}
