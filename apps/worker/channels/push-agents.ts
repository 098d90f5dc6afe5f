import { createSecureContext, getCACertificates } from 'node:tls';
import { Agent } from 'undici';
import { CLIENT_KEY_PURPOSE } from '#delivery/http-options.js';
import type { Subscription } from '#topic/subscription.js';
import type { PushNetwork } from './push-network.js';
import type { PushSecrets } from './push-secrets.js';

/** Connections to one origin; its subscriptions share them, with at most 32 pushes in flight each. */
const CONNECTIONS = 512;
/** Client certificates that keep connections of their own; the one that has waited longest makes room. */
const CERTIFICATES = 256;

export interface PushAgentsOptions {
  readonly network: PushNetwork;
  readonly secrets: PushSecrets;
  /** PEM of certificate authorities that are believed beside the platform's. */
  readonly ca?: string;
  /** Milliseconds until a connection must be there. */
  readonly timeLimit: number;
}

/**
 * The connections of pushes: one pool per origin, let go when its connections have been idle. A client certificate has pools of its
 * own, because a connection that was opened with it speaks in its name.
 */
export class PushAgents {
  readonly #common: Agent;
  readonly #certified = new Map<string, Agent>();
  readonly #roots: string[] | undefined;

  constructor(private readonly options: PushAgentsOptions) {
    const { ca } = options;
    this.#roots = ca === undefined ? undefined : [...getCACertificates('default'), ca];
    this.#common = this.#open(this.#roots === undefined ? undefined : { ca: this.#roots });
  }

  /** @throws SecretUnreadable */
  of(subscription: Subscription): Agent {
    const certificate = subscription.options?.clientCertificate;
    if (certificate === undefined) return this.#common;
    const key = this.options.secrets.open(subscription, CLIENT_KEY_PURPOSE, certificate.key);
    const name = `${subscription.topicOwner}/${subscription.topicName}/${subscription.name} ${certificate.key.sealed}`;
    const agent = this.#certified.get(name) ?? this.#open({ cert: certificate.certificate, key, ...(this.#roots && { ca: this.#roots }) });
    // Last in the order of use.
    this.#certified.delete(name);
    this.#certified.set(name, agent);
    if (this.#certified.size > CERTIFICATES) this.#dropOldest();
    return agent;
  }

  async close(): Promise<void> {
    await Promise.all([this.#common, ...this.#certified.values()].map((agent) => agent.destroy()));
  }

  /** What is in flight may finish. */
  #dropOldest(): void {
    const [name, agent] = this.#certified.entries().next().value!;
    this.#certified.delete(name);
    agent.close().catch(() => undefined);
  }

  #open(tls: { readonly ca?: string[]; readonly cert?: string; readonly key?: string } | undefined): Agent {
    const { network, timeLimit } = this.options;
    const connect = network.connector(timeLimit, tls === undefined ? {} : { secureContext: createSecureContext(tls) });
    return new Agent({ connect, connections: CONNECTIONS, pipelining: 1, allowH2: false });
  }
}
