import { createHmac } from 'node:crypto';

export interface Credentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** Bytes of an MNS request with signature V2. The date has seconds, so a request without a handle is the same for a whole second. */
export function signedRequest(credentials: Credentials, method: string, target: string, body = ''): Buffer {
  const date = currentDate();
  const type = body === '' ? '' : 'text/xml';
  const text = `${method}\n\n${type}\n${date}\nx-mns-version:2015-06-06\n${target}`;
  const signature = createHmac('sha1', credentials.accessKeySecret).update(text).digest('base64');
  const length = body === '' && method === 'GET' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.from(
    `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nDate: ${date}\r\nx-mns-version: 2015-06-06\r\n` +
      (type === '' ? '' : `Content-Type: ${type}\r\n`) +
      `${length}Authorization: MNS ${credentials.accessKeyId}:${signature}\r\n\r\n${body}`,
  );
}

/** The same request again and again, signed anew when the second changes. */
export function repeatedRequest(credentials: Credentials, method: string, target: string, body = ''): () => Buffer {
  let second = 0;
  let bytes: Buffer = Buffer.alloc(0);
  return () => {
    const now = Math.floor(Date.now() / 1_000);
    if (now !== second) {
      second = now;
      bytes = signedRequest(credentials, method, target, body);
    }
    return bytes;
  };
}

let second = 0;
let date = '';

/** Written once a second. */
function currentDate(): string {
  const now = Math.floor(Date.now() / 1_000);
  if (now !== second) {
    second = now;
    date = new Date().toUTCString();
  }
  return date;
}
