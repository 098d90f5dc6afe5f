import type { Twilio } from 'twilio';
import { text, url } from '#runtime/setting.js';
import type { ChannelSettings, ChannelType, ProviderClient, ProviderTools } from '../channel-type.js';
import { delivered, permanent, retryable, type Outcome } from '../outcome.js';
import { withTimeLimit } from '../time-limit.js';
import { guardedAgents, type GuardedAgents } from './guarded-agents.js';
import { internationalPhone, readTestSms, type SmsMessage } from './sms-message.js';

const TIME_LIMIT = 10_000;
/** Numbers without a country code are Chinese, as MNS's are. */
const DEFAULT_COUNTRY = '86';

const sender = text(
  /^(\+[0-9]{5,20}|MG[0-9a-fA-F]{32}|[A-Za-z0-9 ]{1,11})$/,
  'a number with +, a messaging service (MG…) or a sender name',
);

/** SMS through Twilio's Messages API, by its official client. */
export const TWILIO: ChannelType<'sms'> = {
  kind: 'sms',
  settings: [
    { name: 'accountSid', required: true, address: true, kind: text(/^AC[0-9a-fA-F]{32}$/, 'AC and 32 hexadecimal digits') },
    { name: 'authToken', required: true, secret: true, kind: text(/^[\x21-\x7e]{8,256}$/, '8 to 256 printable characters without blanks') },
    { name: 'from', required: true, kind: sender },
    { name: 'countryCode', kind: text(/^[1-9][0-9]{0,3}$/, '1 to 4 digits') },
    { name: 'baseUrl', address: true, kind: url('http', 'https') },
    { name: 'publicUrl', kind: url('http', 'https') },
  ],
  connect: (settings, tools) => new TwilioClient(settings, tools),
  readTestMessage: readTestSms,
};

/** An answer of Twilio that is no success. */
class TwilioRefusal extends Error {
  override readonly name = 'TwilioRefusal';

  constructor(
    readonly status: number,
    /** Twilio's own error number, more exact than the status. */
    readonly code: number | undefined,
    message: string,
    readonly retryAfter: number | undefined,
  ) {
    super(message);
  }
}

/** What will be the same the next time: the number cannot get an SMS, does not want one, or the text is none. */
const FINAL_CODES: ReadonlySet<number> = new Set([
  21211, 21214, 21217, 21219, 21265, 21421, 21602, 21604, 21605, 21610, 21612, 21614, 21617, 21619, 21635, 63016, 63024,
]);

class TwilioClient implements ProviderClient<SmsMessage> {
  readonly timeLimit: number;
  readonly #agents: GuardedAgents;
  #client: Promise<Twilio> | undefined;

  constructor(
    private readonly settings: ChannelSettings,
    { network, timeLimit = TIME_LIMIT }: ProviderTools,
  ) {
    this.timeLimit = timeLimit;
    this.#agents = guardedAgents(timeLimit, network);
  }

  send(message: SmsMessage, signal: AbortSignal): Promise<Outcome> {
    return this.#call(signal, async (client) => {
      const { from = '', countryCode = DEFAULT_COUNTRY } = this.settings;
      const { text: body, templateCode, parameters, receiptUrl } = message;
      // A template of Twilio is a content of its own; a template code of another provider means nothing here.
      const isContent = templateCode?.startsWith('HX') === true;
      await client.messages.create({
        to: internationalPhone(message.to, countryCode),
        ...(from.startsWith('MG') ? { messagingServiceSid: from } : { from }),
        ...(isContent ? { contentSid: templateCode, ...(parameters !== undefined && { contentVariables: parameters }) } : { body }),
        ...(receiptUrl !== undefined && { statusCallback: receiptUrl }),
      });
      return delivered(201);
    });
  }

  /** Reads the account itself. */
  check(signal: AbortSignal): Promise<Outcome> {
    return this.#call(signal, async (client) => {
      await client.api.v2010.accounts(this.settings['accountSid'] ?? '').fetch();
      return delivered(200);
    });
  }

  close(): Promise<void> {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
    return Promise.resolve();
  }

  async #call(signal: AbortSignal, call: (client: Twilio) => Promise<Outcome>): Promise<Outcome> {
    try {
      return await withTimeLimit(signal, this.timeLimit, async () => call(await (this.#client ??= this.#open())));
    } catch (error) {
      signal.throwIfAborted();
      return outcomeOf(error);
    }
  }

  async #open(): Promise<Twilio> {
    const { default: twilio } = await import('twilio');
    const { accountSid, authToken, baseUrl } = this.settings;
    const requests = new twilio.RequestClient({ timeout: this.timeLimit });
    requests.axios.defaults.httpAgent = this.#agents.http;
    requests.axios.defaults.httpsAgent = this.#agents.https;
    // The client's own error for a refusal forgets the headers, and with them Retry-After.
    requests.axios.interceptors.response.use((answer) => {
      if (answer.status >= 200 && answer.status < 300) return answer;
      throw readRefusal(answer.status, answer.data, answer.headers['retry-after']);
    });
    const client = twilio(accountSid, authToken, { httpClient: requests });
    if (baseUrl !== undefined) client.api.baseUrl = baseUrl;
    return client;
  }
}

function readRefusal(status: number, body: unknown, retryAfter: unknown): TwilioRefusal {
  const { code, message } = (typeof body === 'object' && body !== null ? body : {}) as { code?: unknown; message?: unknown };
  const seconds = typeof retryAfter === 'string' && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  const said = typeof message === 'string' ? message.replace(/\s+/g, ' ').slice(0, 200) : 'no reason given';
  return new TwilioRefusal(status, typeof code === 'number' ? code : undefined, said, seconds);
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof TwilioRefusal)) {
    return retryable(`Twilio: ${error instanceof Error ? error.message || error.name : String(error)}`);
  }
  const { status, code, retryAfter } = error;
  const reason = `Twilio ${code ?? `HTTP ${status}`}: ${error.message}`;
  if (code !== undefined && FINAL_CODES.has(code)) return permanent(reason, code);
  return retryable(reason, { code: code ?? status, ...(retryAfter !== undefined && { retryAfter }) });
}
