import type { FastifyRequest } from 'fastify';

/** A host name or address with an optional port; what else a Host header may carry is not echoed. */
const AUTHORITY = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** The URLs that the hub hands out: below its public URL where one is set, else below the address that the client used. */
export class ResourceUrls {
  constructor(private readonly publicUrl: string | undefined) {}

  /** Scheme and authority, without a slash at the end; also the HostId of error documents. */
  base(request: FastifyRequest): string {
    return this.publicUrl ?? `http://${authority(request)}`;
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

function authority({ raw }: FastifyRequest): string {
  const { host } = raw.headers;
  if (host !== undefined && AUTHORITY.test(host)) return host;
  const { localAddress = '127.0.0.1', localPort = 80, localFamily } = raw.socket;
  return localFamily === 'IPv6' ? `[${localAddress}]:${localPort}` : `${localAddress}:${localPort}`;
}
