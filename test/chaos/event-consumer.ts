import { setTimeout as sleep } from 'node:timers/promises';
import { RawConnection } from '../bench/raw-connection.js';
import { signedRequest, type Credentials } from '../bench/signed-request.js';
import type { Arrival } from './object-ledger.js';

/** Receives and deletes whatever a queue has, through an API that comes and goes. */
export class EventConsumer {
  readonly arrivals: Arrival[] = [];
  #stopped = false;

  constructor(
    private readonly port: () => number,
    private readonly credentials: Credentials,
    private readonly queue: string,
  ) {
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      let connection: RawConnection | undefined;
      try {
        connection = await RawConnection.open('127.0.0.1', this.port());
        while (!this.#stopped) await this.#receive(connection);
      } catch {
        await sleep(200);
      } finally {
        connection?.close();
      }
    }
  }

  async #receive(connection: RawConnection): Promise<void> {
    const target = `/queues/${this.queue}/messages`;
    const { status, body } = await connection.request(signedRequest(this.credentials, 'GET', `${target}?numOfMessages=16&waitseconds=1`));
    if (status === 404) return;
    if (status !== 200) throw new Error(body);
    const handles: string[] = [];
    for (const [, message] of body.matchAll(/<Message>([^]*?)<\/Message>/g)) {
      handles.push(element(message!, 'ReceiptHandle'));
      this.arrivals.push(readArrival(element(message!, 'MessageId'), element(message!, 'MessageBody')));
    }
    const list = handles.map((handle) => `<ReceiptHandle>${handle}</ReceiptHandle>`).join('');
    await connection.request(signedRequest(this.credentials, 'DELETE', target, `<ReceiptHandles>${list}</ReceiptHandles>`));
  }
}

function element(xml: string, name: string): string {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '';
}

interface OssDocument {
  readonly events: readonly {
    readonly eventName: string;
    readonly oss: { readonly bucket: { readonly name: string }; readonly object: { readonly key: string; readonly eTag: string } };
    readonly responseElements: { readonly requestId: string };
  }[];
}

function readArrival(messageId: string, body: string): Arrival {
  const [event] = (JSON.parse(Buffer.from(body, 'base64').toString()) as OssDocument).events;
  const { eventName, oss, responseElements } = event!;
  return { messageId, eventName, bucket: oss.bucket.name, key: oss.object.key, eTag: oss.object.eTag, requestId: responseElements.requestId };
}
