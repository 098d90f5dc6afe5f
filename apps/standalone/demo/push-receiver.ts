import { verify } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Push {
  readonly path: string;
  readonly messageId: string;
  readonly body: string;
  /** Why the signature is not that of the hub; undefined: it is. */
  readonly forged: string | undefined;
}

/** An HTTP endpoint as a subscriber would write it: it takes a push only when the signature is the hub's. */
export class PushReceiver {
  readonly #certificates = new Map<string, Promise<string>>();

  private constructor(
    private readonly server: Server,
    private readonly onPush: (push: Push) => void,
    private readonly apiUrl: string,
  ) {}

  /** @param apiUrl only certificates that this API serves are trusted */
  static async listen(apiUrl: string, onPush: (push: Push) => void): Promise<PushReceiver> {
    const server = createServer();
    const receiver = new PushReceiver(server, onPush, apiUrl);
    server.on('request', (request: IncomingMessage, response) => {
      void receiver.#take(request).then((status) => response.writeHead(status).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  urlOf(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #take(request: IncomingMessage): Promise<number> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? '';
    const forged = await this.#verify(request.headers, path).catch((error: unknown) => String(error));
    this.onPush({ path, messageId: headerOf(request.headers, 'x-mns-message-id'), body: Buffer.concat(chunks).toString(), forged });
    return forged === undefined ? 204 : 403;
  }

  async #verify(headers: IncomingHttpHeaders, path: string): Promise<string | undefined> {
    const url = Buffer.from(headerOf(headers, 'x-mns-signing-cert-url'), 'base64').toString();
    if (!url.startsWith(`${this.apiUrl}/`)) return `the certificate is not one of this hub: ${url}`;
    const certificate = await this.#certificate(url);
    const signature = Buffer.from(headerOf(headers, 'authorization'), 'base64');
    return verify('RSA-SHA1', Buffer.from(stringToSign(headers, path)), certificate, signature) ? undefined : 'the signature does not fit';
  }

  /** Fetched once: the URL of another certificate is another one. */
  #certificate(url: string): Promise<string> {
    const known = this.#certificates.get(url) ?? fetchText(url);
    this.#certificates.set(url, known);
    return known;
  }
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return await response.text();
}

/** As MNS documents it for subscribers. */
function stringToSign(headers: IncomingHttpHeaders, path: string): string {
  const signed = Object.keys(headers).filter((name) => name.startsWith('x-mns-')).sort();
  const fixed = ['content-md5', 'content-type', 'date'].map((name) => headerOf(headers, name));
  return ['POST', ...fixed, ...signed.map((name) => `${name}:${headerOf(headers, name)}`), path].join('\n');
}

function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}
