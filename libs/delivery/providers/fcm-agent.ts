import type { AsyncLocalStorage } from 'node:async_hooks';
import type { ClientRequest } from 'node:http';
import { Agent } from 'node:https';
import { connect, isIP, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { AddressRefused, type PushNetwork } from '../push-network.js';
import type { FcmExchange } from './fcm-exchange.js';

const CONNECTIONS = 64;
const FCM_HOST = 'fcm.googleapis.com';

type CreateConnection = Agent['createConnection'];
/** What `http.request` calls. Undocumented, and the only place where an agent sees requests; Node's typings leave it out. */
type AddRequest = (this: Agent, request: ClientRequest, options: { readonly host?: string }) => void;
const addRequest = (Agent.prototype as unknown as { addRequest: AddRequest }).addRequest;

/**
 * Opens the connections of Google's library, which knows no other addresses than Google's own: with a base URL all of them, those to
 * the token server included, go there instead. The requests are the same, their Host header too.
 */
export class FcmAgent extends Agent {
  readonly #base: URL | undefined;

  constructor(
    private readonly exchanges: AsyncLocalStorage<FcmExchange>,
    baseUrl: string | undefined,
    private readonly network: PushNetwork | undefined,
  ) {
    super({ keepAlive: true, maxSockets: CONNECTIONS });
    this.#base = baseUrl === undefined ? undefined : new URL(baseUrl);
  }

  addRequest(request: ClientRequest, options: { readonly host?: string }): void {
    const isAllowed = options.host !== FCM_HOST || this.exchanges.getStore()?.begin(request) !== false;
    if (isAllowed) addRequest.call(this, request, options);
    else request.destroy(new Error('an attempt makes one request'));
  }

  override createConnection(...[options, callback]: Parameters<CreateConnection>): Duplex | null | undefined {
    const base = this.#base;
    const host = base === undefined ? (options.host ?? '') : base.hostname.replace(/^\[|\]$/g, '');
    if (this.network !== undefined && isIP(host) !== 0 && !this.network.allows(host)) {
      return new Socket().destroy(new AddressRefused(host));
    }
    const isPlain = base?.protocol === 'http:';
    const port = base === undefined ? Number(options.port ?? 443) : Number(base.port || (isPlain ? 80 : 443));
    const guarded = this.network === undefined ? {} : { lookup: this.network.lookup };
    if (isPlain) return connect({ host, port, ...guarded });
    return super.createConnection({ ...options, host, port, servername: isIP(host) === 0 ? host : '', ...guarded }, callback);
  }
}
