import { verify, X509Certificate } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A push as it arrived, header names in the casing that was sent. */
export interface ReceivedPush {
  /** Path and query. */
  readonly url: string;
  readonly rawHeaders: readonly string[];
  /** By the name as it was sent. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  readonly time: number;
}

/** What to do with a push: a status, or anything at all with the response. */
export type Answer = number | ((push: ReceivedPush, response: ServerResponse) => void);

export interface PushReceiver {
  readonly url: string;
  readonly port: number;
  readonly pushes: readonly ReceivedPush[];
  /** Most pushes that were being answered at one time. */
  readonly mostAtOnce: number;
  answer: Answer;
  stop(): Promise<void>;
}

/** An HTTP endpoint on a loopback port that remembers what it gets and answers as it is told. */
export async function startPushReceiver(answer: Answer = 204, port = 0): Promise<PushReceiver> {
  const pushes: ReceivedPush[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  const server = createServer((request, response) => {
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    response.once('close', () => (atOnce -= 1));
    void read(request).then((body) => {
      const push = { url: request.url ?? '', rawHeaders: request.rawHeaders, headers: byName(request.rawHeaders), body, time: Date.now() };
      pushes.push(push);
      if (typeof receiver.answer === 'number') response.writeHead(receiver.answer).end();
      else receiver.answer(push, response);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  const receiver: PushReceiver = {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    pushes,
    get mostAtOnce() {
      return mostAtOnce;
    },
    answer,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return receiver;
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  // A sender that goes away in mid-body sent what it sent.
  await new Promise<void>((resolve) => {
    request.on('data', (part: Buffer) => parts.push(part));
    request.once('end', resolve);
    request.once('close', resolve);
  });
  return Buffer.concat(parts).toString();
}

function byName(rawHeaders: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.set(rawHeaders[at]!, rawHeaders[at + 1]!);
  return headers;
}

/** Where the push says its certificate can be fetched. */
export function certificateUrlOf(push: ReceivedPush): string {
  return Buffer.from(push.headers.get('x-mns-signing-cert-url') ?? '', 'base64').toString();
}

/** Checks a push as the vendor's samples do: looks the headers up by their exact names, builds the text anew and verifies it. */
export function isSignedBy(push: ReceivedPush, certificatePem: string): boolean {
  const own = [...push.headers].map(([name, value]) => [name.toLowerCase(), value] as const).filter(([name]) => name.startsWith('x-mns-'));
  own.sort(([one], [other]) => (one < other ? -1 : 1));
  const lines = [
    'POST',
    push.headers.get('Content-md5'),
    push.headers.get('Content-Type'),
    push.headers.get('Date'),
    ...own.map(([name, value]) => `${name}:${value}`),
    push.url,
  ];
  const signature = Buffer.from(push.headers.get('Authorization') ?? '', 'base64');
  return verify('RSA-SHA1', Buffer.from(lines.join('\n'), 'latin1'), new X509Certificate(certificatePem).publicKey, signature);
}
