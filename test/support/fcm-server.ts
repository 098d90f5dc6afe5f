import { createPublicKey, generateKeyPairSync, verify, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A message as FCM's v1 interface is sent it. */
export interface FcmMessage {
  readonly token?: string;
  readonly topic?: string;
  readonly condition?: string;
  readonly notification?: { readonly title?: string; readonly body?: string };
  readonly data?: Readonly<Record<string, string>>;
}

export type FcmAnswer = (message: FcmMessage, response: ServerResponse) => void;

export interface FcmServer {
  readonly url: string;
  /** Of a project of its own, made for this server. */
  readonly serviceAccount: string;
  readonly project: string;
  /** Messages that were taken. */
  readonly messages: readonly FcmMessage[];
  /** Messages that were only checked. */
  readonly checked: readonly FcmMessage[];
  /** Requests to the send method, taken or not. */
  readonly requests: number;
  tokenRequests: number;
  /** By target; anything else is taken. */
  readonly answers: Map<string, FcmAnswer>;
  /** What the token server does instead of giving out a token. */
  tokenAnswer: ((response: ServerResponse) => void) | undefined;
  stop(): Promise<void>;
}

const PROJECT = 'magpie-test';
const ACCESS_TOKEN = 'ya29.test-access-token';

/** Google's token server and FCM on one loopback port: grants are verified, access tokens asked for, messages checked as FCM does. */
export async function startFcmServer(): Promise<FcmServer> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const messages: FcmMessage[] = [];
  const checked: FcmMessage[] = [];
  const counts = { requests: 0 };
  const http = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const account = {
    type: 'service_account',
    project_id: PROJECT,
    private_key_id: 'k1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    client_email: `hub@${PROJECT}.iam.gserviceaccount.com`,
    token_uri: 'https://oauth2.googleapis.com/token',
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (request.url === '/token') {
      server.tokenRequests += 1;
      if (server.tokenAnswer !== undefined) server.tokenAnswer(response);
      else if (!isGrant(body, publicKey)) json(response, 400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' });
      else json(response, 200, { access_token: ACCESS_TOKEN, expires_in: 3_599, token_type: 'Bearer' });
      return;
    }
    counts.requests += 1;
    if (request.headers.authorization !== `Bearer ${ACCESS_TOKEN}`) return fcmError(response, 401, 'UNAUTHENTICATED', 'invalid authentication credentials');
    if (request.url !== `/v1/projects/${PROJECT}/messages:send`) return fcmError(response, 404, 'NOT_FOUND', 'Requested entity was not found.');
    const { message, validate_only: validateOnly = false } = JSON.parse(body) as { message: FcmMessage; validate_only?: boolean };
    const target = message.token ?? message.topic ?? message.condition ?? '';
    const own = server.answers.get(target);
    if (own !== undefined) return own(message, response);
    if (Buffer.byteLength(JSON.stringify(message)) > 4_096 + 200) return fcmError(response, 400, 'INVALID_ARGUMENT', 'Message is too big');
    (validateOnly ? checked : messages).push(message);
    json(response, 200, { name: `projects/${PROJECT}/messages/${counts.requests}` });
  }

  const server: FcmServer = {
    url,
    serviceAccount: JSON.stringify(account),
    project: PROJECT,
    messages,
    checked,
    get requests() {
      return counts.requests;
    },
    tokenRequests: 0,
    answers: new Map(),
    tokenAnswer: undefined,
    stop: async () => {
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
    },
  };
  return server;
}

/** A refusal in FCM's form; `errorCode` is FCM's own word where it differs from the status of Google's interfaces. */
export function fcmError(response: ServerResponse, status: number, word: string, message: string, errorCode?: string, headers = {}): void {
  const details = errorCode === undefined ? [] : [{ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode }];
  json(response, status, { error: { code: status, message, status: word, details } }, headers);
}

/** A signed JWT of the service account (RFC 7523). */
function isGrant(body: string, key: KeyObject): boolean {
  const [head, claims, signature] = (new URLSearchParams(body).get('assertion') ?? '').split('.');
  if (head === undefined || claims === undefined || signature === undefined) return false;
  const { scope, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { scope: string; exp: number };
  if (!scope.includes('firebase.messaging') || exp * 1_000 < Date.now()) return false;
  return verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), createPublicKey(key.export({ type: 'spki', format: 'pem' })), Buffer.from(signature, 'base64url'));
}

function json(response: ServerResponse, status: number, body: object, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers }).end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
