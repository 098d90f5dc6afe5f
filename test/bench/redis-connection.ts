import { RequestSocket, type Parsed } from './request-socket.js';

export type RedisReply = string | number | null | readonly RedisReply[];

/** Redis spoken straight, with the load generator's socket: a client library would cost more than what it measures. */
export type RedisConnection = RequestSocket<RedisReply>;

export const RedisConnection = {
  open: (host: string, port: number): Promise<RedisConnection> => RequestSocket.open(host, port, parseReply),
};

/** Bytes of a command; arguments must be ASCII. */
export function redisCommand(...args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`;
}

function parseReply(bytes: Buffer): Parsed<RedisReply> | undefined {
  const parsed = parseValue(bytes, 0);
  return parsed === undefined ? undefined : { end: parsed.end, answer: parsed.value };
}

function parseValue(bytes: Buffer, start: number): { value: RedisReply; end: number } | undefined {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd === -1) return undefined;
  const line = bytes.toString('latin1', start + 1, lineEnd);
  const end = lineEnd + 2;
  switch (String.fromCharCode(bytes[start]!)) {
    case '+':
      return { value: line, end };
    case ':':
      return { value: Number(line), end };
    case '$':
      return parseBulk(bytes, end, Number(line));
    case '*':
      return parseArray(bytes, end, Number(line));
    default:
      throw new Error(`Redis answered ${line}`);
  }
}

function parseBulk(bytes: Buffer, start: number, length: number): { value: RedisReply; end: number } | undefined {
  if (length < 0) return { value: null, end: start };
  const end = start + length + 2;
  return bytes.length < end ? undefined : { value: bytes.toString('latin1', start, end - 2), end };
}

function parseArray(bytes: Buffer, start: number, length: number): { value: RedisReply; end: number } | undefined {
  if (length < 0) return { value: null, end: start };
  const values: RedisReply[] = [];
  let end = start;
  while (values.length < length) {
    const parsed = parseValue(bytes, end);
    if (parsed === undefined) return undefined;
    values.push(parsed.value);
    end = parsed.end;
  }
  return { value: values, end };
}
