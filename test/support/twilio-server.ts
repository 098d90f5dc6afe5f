import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson, startProviderServer, type ProviderServer } from './provider-server.js';

export const TWILIO_ACCOUNT = `AC${'0123456789abcdef'.repeat(2)}`;
export const TWILIO_TOKEN = 'twilio-token-that-nobody-may-see';

/** Last digit of a number that the server treats in a way of its own. */
export const TWILIO_NUMBERS = {
  accepted: '+8613800000001',
  rejected: '+8613800000002',
  unsubscribed: '+8613800000003',
  throttled: '+8613800000004',
  failing: '+8613800000005',
  silent: '+8613800000006',
  reset: '+8613800000007',
  strange: '+8613800000008',
} as const;

export interface TwilioServer extends ProviderServer {
  /** Form fields of the messages that were accepted. */
  readonly messages: readonly Readonly<Record<string, string>>[];
  /** How often a message was asked for, accepted or not. */
  readonly requests: number;
}

/** Twilio's REST API as far as messages need it: Basic authentication, forms in, JSON out, errors with numbers of their own. */
export async function startTwilioServer(): Promise<TwilioServer> {
  const messages: Readonly<Record<string, string>>[] = [];
  const counted = { requests: 0 };
  const server = await startProviderServer((request, body, response) => {
    if (!isAuthentic(request)) {
      refuse(response, 401, 20003, 'Authenticate');
    } else if (request.method === 'GET' && request.url === `/2010-04-01/Accounts/${TWILIO_ACCOUNT}.json`) {
      sendJson(response, 200, { sid: TWILIO_ACCOUNT, status: 'active', friendly_name: 'test' });
    } else if (request.method === 'POST' && request.url === `/2010-04-01/Accounts/${TWILIO_ACCOUNT}/Messages.json`) {
      counted.requests += 1;
      takeMessage(Object.fromEntries(new URLSearchParams(body)), response, (message) => messages.push(message));
    } else {
      refuse(response, 404, 20404, `The requested resource ${request.url} was not found`);
    }
  });
  return {
    url: server.url,
    messages,
    get requests() {
      return counted.requests;
    },
    stop: () => server.stop(),
  };
}

function isAuthentic({ headers }: IncomingMessage): boolean {
  return headers.authorization === `Basic ${Buffer.from(`${TWILIO_ACCOUNT}:${TWILIO_TOKEN}`).toString('base64')}`;
}

function takeMessage(form: Readonly<Record<string, string>>, response: ServerResponse, keep: (form: Readonly<Record<string, string>>) => void): void {
  const { To = '', From, MessagingServiceSid, Body, ContentSid } = form;
  if (!/^\+[1-9]\d{6,14}$/.test(To)) return refuse(response, 400, 21211, `Invalid 'To' Phone Number: ${To}`);
  if (From === undefined && MessagingServiceSid === undefined) return refuse(response, 400, 21603, "A 'From' phone number is required.");
  if (Body === undefined && ContentSid === undefined) return refuse(response, 400, 21602, 'Message body is required.');
  switch (To) {
    case TWILIO_NUMBERS.rejected:
      return refuse(response, 400, 21614, `'To' number is not a valid mobile number`);
    case TWILIO_NUMBERS.unsubscribed:
      return refuse(response, 400, 21610, 'Attempt to send to unsubscribed recipient');
    case TWILIO_NUMBERS.throttled:
      return refuse(response, 429, 20429, 'Too Many Requests', { 'retry-after': '7' });
    case TWILIO_NUMBERS.failing:
      return void response.writeHead(503, { 'content-type': 'text/html' }).end('<html>upstream went away</html>');
    case TWILIO_NUMBERS.silent:
      return;
    case TWILIO_NUMBERS.reset:
      response.socket?.resetAndDestroy();
      return;
    case TWILIO_NUMBERS.strange:
      return void response.writeHead(200, { 'content-type': 'application/json' }).end('{"sid": "SM');
    default:
      keep(form);
      sendJson(response, 201, { sid: `SM${'0'.repeat(32)}`, status: 'queued', to: To, body: Body ?? '' });
  }
}

function refuse(response: ServerResponse, status: number, code: number, message: string, headers: Readonly<Record<string, string>> = {}): void {
  sendJson(response, status, { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status }, headers);
}
