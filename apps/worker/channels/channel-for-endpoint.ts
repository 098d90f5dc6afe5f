import type { EmailEndpoint, HttpEndpoint, QueueEndpoint } from '#delivery/endpoint.js';
import { retryable, type Outcome } from '#delivery/outcome.js';
import type { Channel, Delivery } from './channel.js';

export interface ChannelSet {
  readonly http: Channel<HttpEndpoint>;
  readonly queue: Channel<QueueEndpoint>;
  /** Absent when no mail server is configured. */
  readonly email?: Channel<EmailEndpoint>;
}

/** Retried: the operator may name the server while the message still waits. */
const NO_MAIL_SERVER = retryable('MAGPIE_SMTP_URL or MAGPIE_MAIL_FROM is not set');

/** The channels of this worker, and which of them serves an endpoint. */
export class Channels {
  constructor(private readonly set: ChannelSet) {}

  /** Makes one attempt, as `Channel.send` does. */
  send({ endpoint, ...rest }: Delivery, signal: AbortSignal): Promise<Outcome> {
    switch (endpoint.kind) {
      case 'http':
        return this.set.http.send({ endpoint, ...rest }, signal);
      case 'queue':
        return this.set.queue.send({ endpoint, ...rest }, signal);
      case 'email':
        return this.set.email?.send({ endpoint, ...rest }, signal) ?? Promise.resolve(NO_MAIL_SERVER);
    }
  }

  async close(): Promise<void> {
    const { http, queue, email } = this.set;
    await Promise.all([http.close(), queue.close(), ...(email === undefined ? [] : [email.close()])]);
  }
}

