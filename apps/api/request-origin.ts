import type { IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { NetworkList, plainAddress } from '#runtime/network-list.js';

/** Where a request comes from and how its client wrote the hub's address, seen past the proxies that are trusted. */
export interface RequestOrigin {
  /** IP address of the client. */
  readonly client: string;
  /** What the client has in its URL: a host, with a port where it names one. As it was sent, so nothing to echo without a look. */
  readonly host: string | undefined;
  readonly scheme: 'http' | 'https';
}

/** `X-Forwarded-*` counts when the connection comes from a trusted proxy; anybody else could write anything there. */
export class RequestOrigins {
  readonly #trusted: NetworkList;

  /** @param trustedProxies CIDRs, addresses, or the words `loopback` and `private`. */
  constructor(private readonly trustedProxies: readonly string[]) {
    this.#trusted = new NetworkList(trustedProxies);
  }

  of({ socket, headers }: IncomingMessage): RequestOrigin {
    const peer = plainAddress(socket.remoteAddress ?? '');
    const direct: RequestOrigin = { client: peer, host: headers.host, scheme: schemeOf(socket) };
    if (this.trustedProxies.length === 0 || !this.#trusted.includes(peer)) return direct;
    const { client, hops } = this.#follow(peer, listOf(headers['x-forwarded-for']));
    const host = entryOf(headers['x-forwarded-host'], hops);
    const scheme = entryOf(headers['x-forwarded-proto'], hops)?.toLowerCase();
    return { client, host: host ?? direct.host, scheme: scheme === 'http' || scheme === 'https' ? scheme : direct.scheme };
  }

  /** From the proxy that is connected backwards, as far as each is trusted to tell who was connected to it. */
  #follow(peer: string, chain: readonly string[]): { client: string; hops: number } {
    let [client, hops] = [peer, 1];
    for (const entry of chain.toReversed()) {
      const address = addressIn(entry);
      if (address === undefined) break;
      client = address;
      if (!this.#trusted.includes(address)) break;
      hops += 1;
    }
    return { client, hops };
  }
}

export function schemeOf(socket: Socket): 'http' | 'https' {
  return (socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http';
}

function listOf(header: string | string[] | undefined): string[] {
  const text = typeof header === 'string' ? header : (header?.join(',') ?? '');
  return text === '' ? [] : text.split(',').map((entry) => entry.trim());
}

/**
 * What the trusted proxy that is next to the client wrote: proxies append to what is there, or replace it. Whatever stands further
 * left was sent by the client.
 */
function entryOf(header: string | string[] | undefined, hops: number): string | undefined {
  const entries = listOf(header);
  const entry = entries[Math.max(0, entries.length - hops)];
  return entry === '' ? undefined : entry;
}

/** Some proxies write a port, too. */
function addressIn(entry: string): string | undefined {
  const [, bracketed, v4] = /^\[([^\]]+)\](?::\d+)?$|^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(entry) ?? [];
  const address = plainAddress(bracketed ?? v4 ?? entry);
  return isIP(address) === 0 ? undefined : address;
}
