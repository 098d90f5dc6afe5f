import type { EmailEndpoint, HttpEndpoint, MobileEndpoint, QueueEndpoint, RobotEndpoint, SmsEndpoint } from '#delivery/endpoint.js';
import type { Outcome } from '#delivery/outcome.js';
import type { Channel, Delivery } from './channel.js';
import type { ProviderClients } from './provider-clients.js';

export interface ChannelSet {
  readonly http: Channel<HttpEndpoint>;
  readonly queue: Channel<QueueEndpoint>;
  readonly email: Channel<EmailEndpoint>;
  readonly sms: Channel<SmsEndpoint>;
  readonly mobile: Channel<MobileEndpoint>;
  readonly robot: Channel<RobotEndpoint>;
}

/** The channels of this worker, and which of them serves an endpoint. */
export class Channels {
  /** @param clients of providers, closed with the channels that share them */
  constructor(
    private readonly set: ChannelSet,
    private readonly clients: Pick<ProviderClients, 'close'>,
  ) {}

  /** Makes one attempt, as `Channel.send` does. */
  send({ endpoint, ...rest }: Delivery, signal: AbortSignal): Promise<Outcome> {
    switch (endpoint.kind) {
      case 'http':
        return this.set.http.send({ endpoint, ...rest }, signal);
      case 'queue':
        return this.set.queue.send({ endpoint, ...rest }, signal);
      case 'email':
        return this.set.email.send({ endpoint, ...rest }, signal);
      case 'sms':
        return this.set.sms.send({ endpoint, ...rest }, signal);
      case 'mobile':
        return this.set.mobile.send({ endpoint, ...rest }, signal);
      case 'robot':
        return this.set.robot.send({ endpoint, ...rest }, signal);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...Object.values(this.set).map((channel: Channel<never>) => channel.close()), this.clients.close()]);
  }
}
