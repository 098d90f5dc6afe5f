import type { RobotEndpoint } from '#delivery/endpoint.js';
import { retryable, type Outcome } from '#delivery/outcome.js';
import { robotMessage } from '#delivery/robot/robot-message.js';
import type { Channel, Delivery } from './channel.js';
import type { ProviderClients } from './provider-clients.js';

/** A message waits for its turn first; see `RobotClient`. */
const TIME_LIMIT = 10_400;

/** Says the published text in a chat group, through the robot that a channel of the account describes. */
export class RobotChannel implements Channel<RobotEndpoint> {
  constructor(
    private readonly clients: Pick<ProviderClients, 'find'>,
    /** Milliseconds; 10,400 but in tests. */
    readonly timeLimit = TIME_LIMIT,
  ) {}

  async send({ endpoint, subscription, pending }: Delivery<RobotEndpoint>, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const channel = await this.clients.find('robot', subscription.topicOwner, endpoint.channel);
    signal.throwIfAborted();
    if ('kind' in channel) return channel;
    if (channel.type !== endpoint.service) return retryable(`the channel ${endpoint.channel} is of type ${channel.type}, not ${endpoint.service}`);
    return await channel.client.send(robotMessage(pending.message.body, pending.message.messageAttributes), signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
