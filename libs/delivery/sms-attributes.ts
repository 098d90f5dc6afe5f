import type { SmsEndpoint } from './endpoint.js';
import { readAttribute, readObject, textOf } from './message-attributes.js';
import { isPhone, type SmsMessage } from './providers/sms-message.js';

/** What a message says about its SMS, for each phone that gets one. */
export type SmsContent = Pick<SmsMessage, 'to' | 'signName' | 'templateCode' | 'parameters' | 'extendCode'>;

/** Why a message cannot become an SMS, whoever tries it when. */
export interface SmsProblem {
  readonly problem: string;
}

const MOST_RECEIVERS = 100;

/** The attributes that count for an endpoint, the first of them first; members of one are not mixed with those of another. */
const ATTRIBUTES: Readonly<Record<SmsEndpoint['form'], readonly string[]>> = {
  directsms: ['DirectSMS', 'DYSMS'],
  dayu: ['Dayu', 'DirectSMS'],
  dysms: ['DYSMS', 'DirectSMS'],
};

/**
 * Reads the message attributes `DirectSMS` (FreeSignName, TemplateCode, SmsParams, Receiver, Type, ExtendCode), `Dayu` (the first three)
 * and `DYSMS` (PhoneNumber, SignName, TemplateCode, TemplateParam).
 *
 * - `singleContent`: SmsParams are the variables of the template, the same for every receiver.
 * - `multiContent`: SmsParams has the variables of each receiver under its number, and only endpoints without a number take it.
 * - `DYSMS.PhoneNumber` stands above the number of a `dysms` endpoint; `Receiver` counts only where the endpoint has no number.
 */
export function readSmsAttributes(
  endpoint: SmsEndpoint,
  attributes: Readonly<Record<string, string>> | undefined,
): readonly SmsContent[] | SmsProblem {
  const members = ATTRIBUTES[endpoint.form].map((name) => readAttribute(attributes, name)).find((found) => found !== undefined) ?? {};
  const shared = sharedContent(members);
  const given = members['SmsParams'] ?? members['TemplateParam'];
  const parameters = readParameters(given);
  if (given !== undefined && given !== '' && parameters === undefined) return { problem: 'SmsParams is not a JSON object' };
  if (members['Type'] === 'multiContent') {
    if (endpoint.phone !== undefined) return { problem: 'multiContent is for endpoints without a phone number' };
    return multiContent(shared, parameters ?? {});
  }
  const receivers = receiversOf(endpoint, members);
  if (!Array.isArray(receivers)) return receivers;
  return receivers.map((to) => ({ to, ...shared, ...(parameters !== undefined && { parameters: JSON.stringify(parameters) }) }));
}

function sharedContent(members: Readonly<Record<string, unknown>>): Omit<SmsContent, 'to'> {
  const signName = textOf(members['FreeSignName']) ?? textOf(members['SignName']);
  const templateCode = textOf(members['TemplateCode']);
  const extendCode = textOf(members['ExtendCode']);
  return {
    ...(signName !== undefined && { signName }),
    ...(templateCode !== undefined && { templateCode }),
    ...(extendCode !== undefined && { extendCode }),
  };
}

/** An object, or its JSON text. */
function readParameters(given: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof given === 'string') return given === '' ? undefined : readObject(given);
  return typeof given === 'object' && given !== null && !Array.isArray(given) ? (given as Record<string, unknown>) : undefined;
}

function multiContent(shared: Omit<SmsContent, 'to'>, parameters: Readonly<Record<string, unknown>>): readonly SmsContent[] | SmsProblem {
  const receivers = checkReceivers(Object.keys(parameters));
  if (!Array.isArray(receivers)) return receivers;
  return receivers.map((to) => ({ to, ...shared, parameters: JSON.stringify(parameters[to]) }));
}

function receiversOf(endpoint: SmsEndpoint, members: Readonly<Record<string, unknown>>): string[] | SmsProblem {
  const own = textOf(members['PhoneNumber']);
  const named = endpoint.form === 'dysms' ? (own ?? endpoint.phone) : (endpoint.phone ?? textOf(members['Receiver']) ?? own);
  return checkReceivers((named ?? '').split(',').map((phone) => phone.trim()).filter((phone) => phone !== ''));
}

function checkReceivers(phones: readonly string[]): string[] | SmsProblem {
  const receivers = [...new Set(phones)];
  if (receivers.length === 0) return { problem: 'neither the endpoint nor the message names a receiver' };
  if (receivers.length > MOST_RECEIVERS) return { problem: `the message has more than ${MOST_RECEIVERS} receivers` };
  return receivers.every(isPhone) ? receivers : { problem: 'a receiver is not a phone number' };
}
