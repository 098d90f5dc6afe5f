import type { NamedChannel } from '#delivery/channel.js';
import type { ChannelKind, ChannelSettings, ChannelType, MessageOfKind, ProviderClient, ProviderTools } from '#delivery/channel-type.js';
import { channelType, isOfKind } from '#delivery/channel-types.js';
import { localBudget } from '#delivery/rate-budget.js';
import { systemClock } from '#runtime/clock.js';
import type { EnvironmentChannels } from '#delivery/environment-channels.js';
import { LimitedClient, perSecond } from '#delivery/limited-client.js';
import { retryable, type Outcome } from '#delivery/outcome.js';

/** A channel that was found, open. */
export interface OpenChannel<Kind extends ChannelKind> {
  /** Absent for the operator's own. */
  readonly name?: string;
  /** Absent for the operator's own. */
  readonly type?: string;
  readonly settings: ChannelSettings;
  readonly client: ProviderClient<MessageOfKind[Kind]>;
}

/** Where channels are looked up. */
export interface ChannelSource {
  find(account: string, kind: ChannelKind, name?: string): Promise<NamedChannel | undefined>;
}

interface Opened {
  readonly version: string;
  readonly client: ProviderClient<never>;
}

/** Clients of accounts' channels that are kept open; the one that was not used for longest goes first. */
const MOST_OPEN = 200;

/** What a delivery's attempt comes to when there is nothing to send it with: somebody may set the channel up while it waits. */
export const NOT_CONFIGURED: Outcome = retryable('channel not configured');

/**
 * The open clients of this worker: of the channel that an endpoint names, else of the account's default channel of the kind, else of
 * the operator's settings.
 */
export class ProviderClients {
  /** By account and name, in the order of their last use. */
  readonly #open = new Map<string, Opened>();
  readonly #environment = new Map<ChannelKind, ProviderClient<never>>();

  /** @param tools for accounts' channels; the operator's own may go anywhere */
  constructor(
    private readonly source: ChannelSource,
    private readonly environment: EnvironmentChannels,
    private readonly tools: ProviderTools,
  ) {}

  /** The channel, or the outcome of an attempt without one. */
  async find<Kind extends ChannelKind>(kind: Kind, account: string, name?: string): Promise<OpenChannel<Kind> | Outcome> {
    const found = await this.#lookUp(account, kind, name);
    if (found !== undefined && 'reason' in found) return retryable(found.reason);
    if (found === undefined) return (name === undefined && this.#ofEnvironment(kind)) || this.#missing(name);
    const type = channelType(found.type);
    if (type === undefined || !isOfKind(type, kind)) {
      return retryable(`the channel ${found.name} is of type ${found.type}, which is not for ${kind}`);
    }
    return { name: found.name, type: found.type, settings: found.settings, client: this.#openNamed(account, found, type) };
  }

  async close(): Promise<void> {
    const clients = [...[...this.#open.values()].map(({ client }) => client), ...this.#environment.values()];
    this.#open.clear();
    this.#environment.clear();
    await Promise.all(clients.map((client) => client.close()));
  }

  #missing(name: string | undefined): Outcome {
    return name === undefined ? NOT_CONFIGURED : retryable(`channel not configured: ${name}`);
  }

  async #lookUp(account: string, kind: ChannelKind, name?: string): Promise<NamedChannel | { readonly reason: string } | undefined> {
    try {
      return await this.source.find(account, kind, name);
    } catch (error) {
      // Redis is away, or the channel was stored under another secret key.
      return { reason: error instanceof Error ? error.message : String(error) };
    }
  }

  #ofEnvironment<Kind extends ChannelKind>(kind: Kind): OpenChannel<Kind> | undefined {
    const channel = this.environment[kind];
    if (channel === undefined) return undefined;
    const { timeLimit } = this.tools;
    const tools = timeLimit === undefined ? {} : { timeLimit };
    const client = this.#environment.get(kind) ?? channel.type.connect(channel.settings, tools);
    this.#environment.set(kind, client);
    return { settings: channel.settings, client };
  }

  #openNamed<Kind extends ChannelKind>(
    account: string,
    channel: NamedChannel,
    type: ChannelType<Kind>,
  ): ProviderClient<MessageOfKind[Kind]> {
    const key = `${account}/${channel.name}`;
    const known = this.#open.get(key);
    this.#open.delete(key);
    if (known !== undefined && known.version !== channel.version) this.#closeLater(known);
    const isCurrent = known?.version === channel.version;
    const opened = isCurrent ? known : { version: channel.version, client: this.#connect(key, channel, type) };
    this.#open.set(key, opened);
    const [oldest] = this.#open;
    if (this.#open.size > MOST_OPEN && oldest !== undefined) {
      this.#open.delete(oldest[0]);
      this.#closeLater(oldest[1]);
    }
    return opened.client;
  }

  #connect<Kind extends ChannelKind>(key: string, { settings }: NamedChannel, type: ChannelType<Kind>): ProviderClient<MessageOfKind[Kind]> {
    const client = type.connect(settings, this.tools);
    const { maxPerSecond } = settings;
    if (maxPerSecond === undefined) return client;
    const rate = perSecond(Number(maxPerSecond));
    return new LimitedClient(client, this.tools.budget?.(`channel:${key}`, rate) ?? localBudget(rate, systemClock));
  }

  /** What it is still sending may end. */
  #closeLater({ client }: Opened): void {
    setTimeout(() => void client.close().catch(() => undefined), client.timeLimit * 2).unref();
  }
}
