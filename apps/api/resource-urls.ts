import { isIP, type Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { plainAddress } from '#runtime/network-list.js';
import { schemeOf, type RequestOrigins } from './request-origin.js';

/** A host name or address with an optional port; what else a Host header may carry is not echoed. */
const AUTHORITY = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** The URLs that the hub hands out: below its public URL where one is set, else below the address that the client used. */
export class ResourceUrls {
  constructor(
    private readonly publicUrl: string | undefined,
    private readonly origins: RequestOrigins,
  ) {}

  /** Scheme and authority, without a slash at the end; also the HostId of error documents. */
  base({ raw }: FastifyRequest): string {
    if (this.publicUrl !== undefined) return this.publicUrl;
    const { host, scheme } = this.origins.of(raw);
    return host !== undefined && AUTHORITY.test(host) ? `${scheme}://${host}` : addressUrl(raw.socket);
  }

  queue(request: FastifyRequest, queue: string): string {
    return `${this.base(request)}/queues/${queue}`;
  }

  topic(request: FastifyRequest, topic: string): string {
    return `${this.base(request)}/topics/${topic}`;
  }

  subscription(request: FastifyRequest, topic: string, subscription: string): string {
    return `${this.base(request)}/topics/${topic}/subscriptions/${subscription}`;
  }

  /** The service gives the location of a subscription without a scheme. */
  subscriptionLocation(request: FastifyRequest, topic: string, subscription: string): string {
    return this.subscription(request, topic, subscription).replace(/^https?:\/\//, '');
  }
}

/** The address at which a connection arrived, for when the client did not say by which name it came. */
export function addressUrl(socket: Socket): string {
  const address = plainAddress(socket.localAddress ?? '127.0.0.1');
  const host = isIP(address) === 6 ? `[${address}]` : address;
  return `${schemeOf(socket)}://${host}:${socket.localPort ?? 80}`;
}
