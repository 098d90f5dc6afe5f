import { RequestSocket, type Parsed } from './request-socket.js';

export interface RawResponse {
  readonly status: number;
  readonly body: string;
}

/** One keep-alive connection that speaks HTTP as our API, GoAWS and the empty route do. */
export type RawConnection = RequestSocket<RawResponse>;

export const RawConnection = {
  open: (host: string, port: number): Promise<RawConnection> => RequestSocket.open(host, port, parseResponse),
};

function parseResponse(bytes: Buffer): Parsed<RawResponse> | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const start = headEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined && /\r\ntransfer-encoding: *chunked/i.test(head)) return parseChunks(bytes, start, status);
  const end = start + Number(length ?? 0);
  return bytes.length < end ? undefined : { end, answer: { status, body: bytes.toString('utf8', start, end) } };
}

function parseChunks(bytes: Buffer, start: number, status: number): Parsed<RawResponse> | undefined {
  let body = '';
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return undefined;
    if (size === 0) return { end, answer: { status, body } };
    body += bytes.toString('utf8', lineEnd + 2, end - 2);
    at = end;
  }
}
