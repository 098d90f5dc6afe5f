import { InvalidArgument } from '#runtime/invalid-argument.js';

/** One text to one phone, as every SMS provider is handed it. */
export interface SmsMessage {
  /** As the endpoint or the message gave it: digits, with or without `+` and country code. */
  readonly to: string;
  /** The published text, for providers and templates that take one. */
  readonly text: string;
  readonly signName?: string;
  readonly templateCode?: string;
  /** Variables of the template, a JSON object as text. */
  readonly parameters?: string;
  readonly extendCode?: string;
  /** Of the published message; what the provider shows in its own lists. */
  readonly id: string;
  /** The URL that is to be told what became of the SMS, where the hub can be reached by the provider. */
  readonly receiptUrl?: string;
}

/** A phone number: 5 to 20 digits, with `+` when the country code stands in front. */
const PHONE = /^\+?[0-9]{5,20}$/;

export function isPhone(text: string): boolean {
  return PHONE.test(text);
}

/**
 * With `+` and country code (E.164). A number without `+` is one of the country `countryCode`; `00` in front means the same as `+`.
 */
export function internationalPhone(phone: string, countryCode: string): string {
  if (phone.startsWith('+')) return phone;
  if (phone.startsWith('00')) return `+${phone.slice(2)}`;
  return `+${countryCode}${phone}`;
}

/** Reads the body of a test: `to` is required; `text`, `signName`, `templateCode` and `parameters` are not. @throws InvalidArgument */
export function readTestSms(members: Readonly<Record<string, unknown>>): SmsMessage {
  const { to, text = 'Test message of Magpie', signName, templateCode, parameters, ...others } = members;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw new InvalidArgument(unknown, `${unknown} is not known in a test of an SMS channel.`);
  if (typeof to !== 'string' || !isPhone(to)) throw new InvalidArgument('to', 'to is a phone number: 5 to 20 digits, with or without +.');
  if (typeof text !== 'string') throw new InvalidArgument('text', 'text is a string.');
  if (parameters !== undefined && (typeof parameters !== 'object' || parameters === null)) {
    throw new InvalidArgument('parameters', 'parameters is an object.');
  }
  return {
    to,
    text,
    ...(typeof signName === 'string' && { signName }),
    ...(typeof templateCode === 'string' && { templateCode }),
    ...(parameters !== undefined && { parameters: JSON.stringify(parameters) }),
    id: 'test',
  };
}
