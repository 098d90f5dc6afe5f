import { element, MnsClient, type MnsResponse } from '../mns-client.js';

export interface NeighbourReport {
  readonly rounds: number;
  readonly slowestMillis: number;
  readonly complaints: readonly string[];
}

/** A client that does nothing wrong and must not notice what goes on beside it. */
export class Neighbour {
  readonly #client: MnsClient;
  readonly #complaints: string[] = [];
  readonly #ended: Promise<void>;
  #rounds = 0;
  #slowest = 0;
  #stopping = false;

  constructor(port: number, credentials: MnsClient['credentials']) {
    this.#client = new MnsClient(port, credentials);
    this.#ended = this.#live();
  }

  async #live(): Promise<void> {
    await this.#expect(201, 'PUT', '/queues/neighbour');
    while (!this.#stopping) {
      const body = `round ${this.#rounds}`;
      await this.#expect(201, 'POST', '/queues/neighbour/messages', `<Message><MessageBody>${body}</MessageBody></Message>`);
      const received = await this.#expect(200, 'GET', '/queues/neighbour/messages?waitseconds=5');
      if (received !== undefined && element(received.body, 'MessageBody') !== body) this.#complaints.push(`not ${body}: ${received.body}`);
      const handle = element(received?.body ?? '', 'ReceiptHandle') ?? '';
      await this.#expect(204, 'DELETE', `/queues/neighbour/messages?ReceiptHandle=${handle}`);
      this.#rounds += 1;
    }
  }

  async #expect(status: number, method: string, target: string, body?: string): Promise<MnsResponse | undefined> {
    const start = Date.now();
    try {
      const response = await this.#client.request(method, target, body === undefined ? {} : { body });
      this.#slowest = Math.max(this.#slowest, Date.now() - start);
      if (response.status !== status) this.#complaints.push(`${method} ${target}: ${response.status} ${response.body}`);
      return response;
    } catch (error) {
      this.#complaints.push(`${method} ${target}: ${(error as Error).message}`);
      return undefined;
    }
  }

  async stop(): Promise<NeighbourReport> {
    this.#stopping = true;
    await this.#ended;
    this.#client.close();
    return { rounds: this.#rounds, slowestMillis: this.#slowest, complaints: this.#complaints };
  }
}
