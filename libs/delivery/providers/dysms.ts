import { isIP } from 'node:net';
import type dysmsapi from '@alicloud/dysmsapi20170525';
import { text, type SettingKind } from '#runtime/setting.js';
import type { ChannelSettings, ChannelType, ProviderClient, ProviderTools } from '../channel-type.js';
import { delivered, permanent, retryable, type Outcome } from '../outcome.js';
import { AddressRefused } from '../push-network.js';
import { withTimeLimit } from '../time-limit.js';
import { readTestSms, type SmsMessage } from './sms-message.js';

const TIME_LIMIT = 10_000;
const DEFAULT_ENDPOINT = 'https://dysmsapi.aliyuncs.com';

const ENDPOINT = /^(?:https:\/\/(?:[a-z0-9-]+\.)+aliyuncs\.com|https?:\/\/(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])(?::\d{1,5})?)$/;

/**
 * The client resolves names itself, so nobody could check which address a name of an account's choice leads to: only names of the
 * service are taken, or an address.
 */
const endpoint: SettingKind<string> = {
  allowed: 'https:// and a name below aliyuncs.com, or http:// or https:// and an IP address with an optional port',
  parse: (given) => (ENDPOINT.test(given) && URL.canParse(given) ? given : undefined),
};

const keyId = text(/^[A-Za-z0-9._-]{1,128}$/, '1 to 128 letters, digits, dots, hyphens and underscores');
const keySecret = text(/^[\x21-\x7e]{1,128}$/, '1 to 128 printable characters without blanks');

/** SMS through Alibaba Cloud's Short Message Service (Dysmsapi), by its official client. */
export const DYSMS: ChannelType<'sms'> = {
  kind: 'sms',
  settings: [
    { name: 'accessKeyId', required: true, address: true, kind: keyId },
    { name: 'accessKeySecret', required: true, secret: true, kind: keySecret },
    { name: 'signName', kind: text(/^[^\r\n]{1,64}$/, '1 to 64 characters') },
    { name: 'templateCode', kind: text(/^[A-Za-z0-9_-]{1,64}$/, '1 to 64 letters, digits, hyphens and underscores') },
    { name: 'endpoint', address: true, kind: endpoint },
  ],
  connect: (settings, tools) => new DysmsClient(settings, tools),
  readTestMessage: readTestSms,
};

/** The service's codes for what will be the same the next time: the number, the variables, the text. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'isv.MOBILE_NUMBER_ILLEGAL',
  'isv.MOBILE_COUNT_OVER_LIMIT',
  'isv.TEMPLATE_MISSING_PARAMETERS',
  'isv.TEMPLATE_PARAMS_ILLEGAL',
  'isv.INVALID_PARAMETERS',
  'isv.INVALID_JSON_PARAM',
  'isv.PARAM_LENGTH_LIMIT',
  'isv.PARAM_NOT_SUPPORT_URL',
  'isv.BLACK_KEY_CONTROL_LIMIT',
  'isv.SMS_CONTENT_ILLEGAL',
  'isv.BLACK_LIST',
  'isv.CUSTOMER_REFUSED',
]);

/** Limits of a number or an account, in the words of the answers, with the seconds after which another try may be worth it. */
const LIMITS: readonly (readonly [RegExp, number])[] = [
  [/分钟|minute/i, 60],
  [/小时|hour/i, 3_600],
  [/天|日|day|month|DAY_LIMIT|MONTH_LIMIT/i, 3_600],
];

class DysmsClient implements ProviderClient<SmsMessage> {
  readonly timeLimit: number;
  readonly #endpoint: URL;
  #library: Promise<Library> | undefined;

  constructor(
    private readonly settings: ChannelSettings,
    private readonly tools: ProviderTools,
  ) {
    this.timeLimit = tools.timeLimit ?? TIME_LIMIT;
    this.#endpoint = new URL(settings['endpoint'] ?? DEFAULT_ENDPOINT);
  }

  send(message: SmsMessage, signal: AbortSignal): Promise<Outcome> {
    const signName = message.signName ?? this.settings['signName'];
    const templateCode = message.templateCode ?? this.settings['templateCode'];
    if (signName === undefined || templateCode === undefined) {
      signal.throwIfAborted();
      const missing = signName === undefined ? 'signName' : 'templateCode';
      // The operator may give the channel one while the message still waits.
      return Promise.resolve(retryable(`Dysms: neither the message nor the channel names a ${missing}`));
    }
    return this.#call(signal, async ({ client, models }) => {
      const request = new models.SendSmsRequest({
        phoneNumbers: message.to.replace(/^\+/, ''),
        signName,
        templateCode,
        // A template without variables of its own choice takes the text itself.
        templateParam: message.parameters ?? JSON.stringify({ content: message.text }),
        ...(message.extendCode !== undefined && { smsUpExtendCode: message.extendCode }),
        outId: message.id,
      });
      const { body } = await client.sendSms(request);
      return readAnswer(body?.code, body?.message);
    });
  }

  /** Asks for one template of the account. */
  check(signal: AbortSignal): Promise<Outcome> {
    return this.#call(signal, async ({ client, models }) => {
      const { body } = await client.querySmsTemplateList(new models.QuerySmsTemplateListRequest({ pageIndex: 1, pageSize: 1 }));
      return readAnswer(body?.code, body?.message);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #call(signal: AbortSignal, call: (library: Library) => Promise<Outcome>): Promise<Outcome> {
    try {
      return await withTimeLimit(signal, this.timeLimit, async () => {
        this.#checkAddress();
        return await call(await (this.#library ??= this.#open()));
      });
    } catch (error) {
      signal.throwIfAborted();
      return outcomeOf(error);
    }
  }

  /** @throws AddressRefused */
  #checkAddress(): void {
    const host = this.#endpoint.hostname.replace(/^\[|\]$/g, '');
    const { network } = this.tools;
    if (network !== undefined && isIP(host) !== 0 && !network.allows(host)) throw new AddressRefused(host);
  }

  async #open(): Promise<Library> {
    // Both are CommonJS: what they export stands below the default that Node gives them.
    const [{ default: models }, { $OpenApiUtil }] = await Promise.all([
      import('@alicloud/dysmsapi20170525'),
      import('@alicloud/openapi-core'),
    ]);
    const { accessKeyId, accessKeySecret } = this.settings;
    const config = new $OpenApiUtil.Config({
      accessKeyId,
      accessKeySecret,
      endpoint: this.#endpoint.host,
      protocol: this.#endpoint.protocol.slice(0, -1),
      connectTimeout: this.timeLimit,
      readTimeout: this.timeLimit,
    });
    return { client: new models.default(config), models };
  }
}

interface Library {
  readonly client: InstanceType<(typeof dysmsapi)['default']>;
  readonly models: typeof dysmsapi;
}

/** `OK` inside a 200 is success; everything else inside a 200 is not. */
function readAnswer(code: string | undefined, message: string | undefined): Outcome {
  if (code === 'OK') return delivered(200);
  return outcomeOfCode(code ?? 'no code', message ?? 'no reason given', 200);
}

function outcomeOfCode(code: string, message: string, status: number, wish?: number): Outcome {
  const reason = `Dysms ${code}: ${message.replace(/\s+/g, ' ').slice(0, 200)}`;
  if (FINAL_CODES.has(code)) return permanent(reason, status);
  const isLimit = /LIMIT_CONTROL$|^Throttling/.test(code);
  const wait = wish ?? LIMITS.find(([words]) => words.test(message) || words.test(code))?.[1] ?? 60;
  return retryable(reason, { code: status, ...(isLimit && { retryAfter: wait }) });
}

function outcomeOf(error: unknown): Outcome {
  const { code, statusCode, message, retryAfter } = error as Readonly<Record<string, unknown>>;
  const said = typeof message === 'string' ? message : String(error);
  if (typeof code === 'string' && typeof statusCode === 'number') {
    // The library repeats code and status in its message.
    const wish = typeof retryAfter === 'number' ? Math.ceil(retryAfter / 1_000) : undefined;
    return outcomeOfCode(code, said.replace(/^[\w.]+: (?:code: \d+, )?/, ''), statusCode, wish);
  }
  // The library's HTTP client writes the whole URL behind what went wrong, and with it receivers and text.
  return retryable(`Dysms: ${said.replace(/(?:GET|POST) https?:\S+ failed\.?/, '').replace(/\s+/g, ' ').trim().slice(0, 200)}`);
}
