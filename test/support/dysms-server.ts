import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson, startProviderServer, type ProviderServer } from './provider-server.js';

export const DYSMS_KEY = { accessKeyId: 'dysms-key', accessKeySecret: 'dysms-secret-that-nobody-may-see' };

/** Numbers that the server treats in a way of their own. */
export const DYSMS_NUMBERS = {
  accepted: '13800000001',
  rejected: '13800000002',
  limited: '13800000003',
  throttled: '13800000004',
  failing: '13800000005',
  silent: '13800000006',
  reset: '13800000007',
} as const;

export interface DysmsServer extends ProviderServer {
  /** Parameters of the SMS that were accepted. */
  readonly messages: readonly Readonly<Record<string, string>>[];
}

/** Dysmsapi 2017-05-25 as far as SendSms needs it: signed requests (ACS3-HMAC-SHA256), codes inside of answers. */
export async function startDysmsServer(): Promise<DysmsServer> {
  const messages: Readonly<Record<string, string>>[] = [];
  const server = await startProviderServer((request, body, response) => {
    const problem = signatureProblem(request, body);
    const query = Object.fromEntries(new URL(request.url ?? '/', 'http://localhost').searchParams);
    const action = request.headers['x-acs-action'];
    if (problem !== undefined) sendJson(response, problem.status, { Code: problem.code, Message: problem.message, RequestId: 'R' });
    else if (action === 'QuerySmsTemplateList') sendJson(response, 200, { Code: 'OK', Message: 'OK', RequestId: 'R', SmsTemplateList: [] });
    else if (action === 'SendSms') takeMessage(query, response, (message) => messages.push(message));
    else sendJson(response, 404, { Code: 'InvalidAction.NotFound', Message: 'Specified api is not found.', RequestId: 'R' });
  });
  return { url: server.url, messages, stop: () => server.stop() };
}

function takeMessage(query: Readonly<Record<string, string>>, response: ServerResponse, keep: (query: Readonly<Record<string, string>>) => void): void {
  const { PhoneNumbers = '', TemplateParam = '{}' } = query;
  const answer = (code: string, message: string): void => sendJson(response, 200, { Code: code, Message: message, RequestId: 'R' });
  switch (PhoneNumbers) {
    case DYSMS_NUMBERS.rejected:
      return answer('isv.MOBILE_NUMBER_ILLEGAL', 'invalid phone number');
    case DYSMS_NUMBERS.limited:
      return answer('isv.BUSINESS_LIMIT_CONTROL', '触发小时级流控Permits:5');
    case DYSMS_NUMBERS.throttled:
      return sendJson(response, 400, { Code: 'Throttling.User', Message: 'Request was denied due to user flow control.', RequestId: 'R' });
    case DYSMS_NUMBERS.failing:
      return sendJson(response, 500, { Code: 'ServiceUnavailable', Message: 'The request has failed.', RequestId: 'R' });
    case DYSMS_NUMBERS.silent:
      return;
    case DYSMS_NUMBERS.reset:
      response.socket?.resetAndDestroy();
      return;
    default:
      if (!isObject(TemplateParam)) return answer('isv.INVALID_JSON_PARAM', 'TemplateParam is not JSON');
      keep(query);
      sendJson(response, 200, { Code: 'OK', Message: 'OK', RequestId: 'R', BizId: '1' });
  }
}

function isObject(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}

interface SignatureProblem {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** Makes the signature again, from the request as it arrived. */
function signatureProblem(request: IncomingMessage, body: string): SignatureProblem | undefined {
  const given = /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/.exec(request.headers.authorization ?? '');
  if (given === null) return { status: 400, code: 'MissingAuthorization', message: 'Authorization is mandatory for this action.' };
  const [, id, signedHeaders = '', signature] = given;
  if (id !== DYSMS_KEY.accessKeyId) return { status: 404, code: 'InvalidAccessKeyId.NotFound', message: 'Specified access key is not found.' };
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const pairs = [...searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`);
  const headers = signedHeaders.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [request.method, pathname, pairs.sort().join('&'), headers.join(''), signedHeaders, sha256(body)].join('\n');
  const expected = createHmac('sha256', DYSMS_KEY.accessKeySecret).update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`).digest('hex');
  if (expected === signature) return undefined;
  return { status: 400, code: 'SignatureDoesNotMatch', message: 'Specified signature is not matched with our calculation.' };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
