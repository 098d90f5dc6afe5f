import type { Socket } from 'node:net';
import { createRequestId } from '#mns-wire/request-id.js';
import { MNS_ERRORS, writeError, type MnsErrorCode } from '#mns-wire/mns-error.js';
import { isAnsweredEarly } from './request-body.js';
import { addressUrl } from './resource-urls.js';

/** What Node's HTTP parser could not take, in the terms of the protocol. */
const CODES: Readonly<Record<string, readonly [code: MnsErrorCode, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['TimeExpired', 'The request did not arrive in time.'],
  HPE_HEADER_OVERFLOW: ['InvalidArgument', 'The headers of the request are too long.'],
  HPE_INVALID_URL: ['InvalidRequestURL', MNS_ERRORS.InvalidRequestURL[1]],
};

/**
 * Answers a connection on which no request could be made out: a broken request line or header, headers without end, a body that is
 * framed wrongly. The connection is closed, because nobody knows where the next request would start.
 */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  if (isAnsweredEarly(socket)) {
    // A second answer to the same request would be taken for that of the next.
    socket.end(() => socket.destroy());
    return;
  }
  const [code, message] = CODES[error.code ?? ''] ?? ['InvalidArgument', 'The request is not a valid HTTP message.'];
  const [status] = MNS_ERRORS[code];
  const requestId = createRequestId(Date.now());
  const document = writeError({ code, message, requestId, hostId: addressUrl(socket) });
  const head = [
    `HTTP/1.1 ${status} ${status === 408 ? 'Request Timeout' : 'Bad Request'}`,
    'Content-Type: text/xml;charset=utf-8',
    `Content-Length: ${Buffer.byteLength(document)}`,
    `Date: ${new Date().toUTCString()}`,
    'Server: AliyunMQS',
    `x-mns-request-id: ${requestId}`,
    'x-mns-version: 2015-06-06',
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${document}`, () => socket.destroy());
}
