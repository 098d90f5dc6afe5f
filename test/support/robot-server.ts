import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type RobotService = 'dingtalk' | 'feishu' | 'wecom' | 'slack';

/** A message that a chat group has seen. */
export interface SeenMessage {
  readonly text: string;
  readonly title?: string;
  /** Who was called, as the service is told. */
  readonly at: readonly string[];
  /** The request's body. */
  readonly raw: string;
}

export interface RobotServer {
  /** The robot's webhook, with its token. */
  readonly url: string;
  readonly token: string;
  /** Empty for services without a signature. */
  readonly secret: string;
  /** Messages that were taken. */
  readonly seen: readonly SeenMessage[];
  /** Requests of any kind. */
  readonly requests: number;
  /** What to do instead of judging a request. */
  answer: ((response: ServerResponse, body: string) => void) | undefined;
  /** Messages that hold this text are refused for their content. */
  forbidden: string | undefined;
  stop(): Promise<void>;
}

/** At most so many messages in so many milliseconds. */
export interface ServiceLimit {
  readonly count: number;
  readonly millis: number;
}

interface Service {
  readonly path: (token: string) => string;
  readonly signs: boolean;
  readonly limit: ServiceLimit;
  isSigned(url: URL, body: Record<string, unknown>, secret: string): boolean;
  /** Undefined when the message has no text, or one that is too long. */
  read(body: Record<string, unknown>, bytes: number): Omit<SeenMessage, 'raw'> | undefined;
  readonly answers: Readonly<Record<'ok' | 'unknown' | 'unsigned' | 'fast' | 'malformed' | 'forbidden', readonly [status: number, body: unknown, headers?: object]>>;
}

const TOKEN = 'tok3n-0123456789abcdef0123456789abcdef';
const SECRET = 'SECfedcba9876543210fedcba9876543210';

/** A chat service with one robot in one group: it checks token, signature, form, size and rate, and answers as the real one does. */
export async function startRobotServer(name: RobotService, limit?: ServiceLimit): Promise<RobotServer> {
  const service = SERVICES[name];
  const { count, millis } = limit ?? service.limit;
  const seen: SeenMessage[] = [];
  const times: number[] = [];
  let requests = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const raw = await readBody(request);
    requests += 1;
    if (server.answer !== undefined) return server.answer(response, raw);
    const [status, body, headers] = service.answers[judge(new URL(request.url ?? '/', server.url), raw)];
    response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  function judge(url: URL, raw: string): keyof Service['answers'] {
    const known = new URL(server.url);
    if (url.pathname !== known.pathname || [...known.searchParams].some(([key, value]) => url.searchParams.get(key) !== value)) return 'unknown';
    const body = JSON.parse(raw) as Record<string, unknown>;
    if (service.signs && !service.isSigned(url, body, SECRET)) return 'unsigned';
    const message = service.read(body, Buffer.byteLength(raw));
    if (message === undefined) return 'malformed';
    if (server.forbidden !== undefined && raw.includes(server.forbidden)) return 'forbidden';
    const now = Date.now();
    if (times.filter((time) => time > now - millis).length >= count) return 'fast';
    times.push(now);
    seen.push({ ...message, raw });
    return 'ok';
  }

  const http = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: RobotServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}${service.path(TOKEN)}`,
    token: TOKEN,
    secret: service.signs ? SECRET : '',
    seen,
    get requests() {
      return requests;
    },
    answer: undefined,
    forbidden: undefined,
    stop: async () => {
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
    },
  };
  return server;
}

const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('base64');
const member = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], value);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const SERVICES: Readonly<Record<RobotService, Service>> = {
  dingtalk: {
    path: (token) => `/robot/send?access_token=${token}`,
    signs: true,
    limit: { count: 20, millis: 60_000 },
    isSigned: ({ searchParams }, _body, secret) => {
      const timestamp = searchParams.get('timestamp') ?? '';
      return Math.abs(Date.now() - Number(timestamp)) < 3_600_000 && searchParams.get('sign') === hmac(secret, `${timestamp}\n${secret}`);
    },
    read: (body, bytes) => {
      const isMarkdown = body['msgtype'] === 'markdown';
      const content = text(isMarkdown ? member(body, 'markdown', 'text') : member(body, 'text', 'content'));
      const title = text(member(body, 'markdown', 'title'));
      if (content === '' || bytes > 20_000 || (isMarkdown && title === '')) return undefined;
      const at = [...(member(body, 'at', 'atMobiles') as string[]), ...(member(body, 'at', 'isAtAll') === true ? ['all'] : [])];
      return { text: content, ...(title !== '' && { title }), at };
    },
    answers: {
      ok: [200, { errcode: 0, errmsg: 'ok' }],
      unknown: [200, { errcode: 300001, errmsg: 'token is not exist' }],
      unsigned: [200, { errcode: 310000, errmsg: 'sign not match, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]' }],
      fast: [200, { errcode: 130101, errmsg: 'send too fast, exceed 20 times per minute' }],
      malformed: [200, { errcode: 40035, errmsg: 'invalid parameter' }],
      forbidden: [200, { errcode: 310000, errmsg: 'keywords not in content' }],
    },
  },
  feishu: {
    path: (token) => `/open-apis/bot/v2/hook/${token}`,
    signs: true,
    limit: { count: 5, millis: 1_000 },
    isSigned: (_url, body, secret) => {
      const timestamp = text(body['timestamp']);
      return Math.abs(Date.now() / 1_000 - Number(timestamp)) < 3_600 && body['sign'] === hmac(`${timestamp}\n${secret}`, '');
    },
    read: (body, bytes) => {
      const isCard = body['msg_type'] === 'interactive';
      const content = text(isCard ? (member(body, 'card', 'elements', '0', 'content')) : member(body, 'content', 'text'));
      if (content === '' || bytes > 20 * 1_024) return undefined;
      const title = text(member(body, 'card', 'header', 'title', 'content'));
      return { text: content, ...(title !== '' && { title }), at: /<at (user_)?id="?all"?>/.test(content) ? ['all'] : [] };
    },
    answers: {
      ok: [200, { StatusCode: 0, StatusMessage: 'success', code: 0, data: {}, msg: 'success' }],
      unknown: [200, { code: 19001, data: {}, msg: 'param invalid: incoming webhook access token invalid' }],
      unsigned: [200, { StatusCode: 0, StatusMessage: '', code: 19021, data: {}, msg: 'sign match fail or timestamp is not within one hour from current time' }],
      fast: [200, { StatusCode: 0, StatusMessage: '', code: 9499, msg: 'too many request' }],
      malformed: [200, { code: 9499, msg: 'Bad Request', data: {} }],
      forbidden: [200, { code: 19024, data: {}, msg: 'Key Words Not Found' }],
    },
  },
  wecom: {
    path: (token) => `/cgi-bin/webhook/send?key=${token}`,
    signs: false,
    limit: { count: 20, millis: 60_000 },
    isSigned: () => true,
    read: (body) => {
      const isMarkdown = body['msgtype'] === 'markdown';
      const content = text(member(body, isMarkdown ? 'markdown' : 'text', 'content'));
      if (content === '' || Buffer.byteLength(content) > (isMarkdown ? 4_096 : 2_048)) return undefined;
      return { text: content, at: (member(body, 'text', 'mentioned_mobile_list') as string[] | undefined) ?? [] };
    },
    answers: {
      ok: [200, { errcode: 0, errmsg: 'ok' }],
      unknown: [200, { errcode: 93000, errmsg: 'invalid webhook url, hint: [1700000000_1]' }],
      unsigned: [200, {}],
      fast: [200, { errcode: 45009, errmsg: 'api freq out of limit, hint: [1700000000_1]' }],
      malformed: [200, { errcode: 40058, errmsg: 'text.content exceed max length 2048' }],
      forbidden: [200, { errcode: 40058, errmsg: 'invalid request parameter' }],
    },
  },
  slack: {
    path: (token) => `/services/T00000000/B00000000/${token}`,
    signs: false,
    limit: { count: 1, millis: 1_000 },
    isSigned: () => true,
    read: (body) => {
      const given = text(body['text']);
      if (given === '') return undefined;
      // Slack shows what its three entities stand for, and cuts off what is too long.
      const shown = given.slice(0, 40_000).replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
      return { text: shown, at: given.startsWith('<!channel>') ? ['all'] : [] };
    },
    answers: {
      ok: [200, 'ok'],
      unknown: [404, 'no_service'],
      unsigned: [403, 'invalid_token'],
      fast: [429, { retry_after: 7, ok: false, error: 'rate_limited' }, { 'retry-after': '7' }],
      malformed: [400, 'no_text'],
      forbidden: [400, 'invalid_payload'],
    },
  },
};

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
