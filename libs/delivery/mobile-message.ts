import { readObject, textOf } from './message-attributes.js';
import { readTarget, type MobileTarget } from './mobile-target.js';
import type { Notification } from './notification.js';
import { truncateToFit } from './text-fit.js';

/** What a mobile push says: shown by the system (`notification`), or given to the app alone. */
export interface MobileMessage {
  readonly target: MobileTarget;
  readonly notification?: { readonly title: string; readonly body: string };
  readonly data: Readonly<Record<string, string>>;
}

/** The message attribute and the endpoint name no one, or someone that this channel cannot name. */
export class MobileTargetMissing extends Error {
  override readonly name = 'MobileTargetMissing';
}

/** FCM's limits (bytes) of a message, and what is left of them for the envelope. */
const LARGEST = 4_096;
const LARGEST_TO_TOPIC = 2_048;
const ENVELOPE = 96;
/** Members that are read here; every other one goes to the app. */
const OWN_MEMBERS = ['Target', 'TargetValue', 'DeviceType', 'PushType', 'Title', 'Body'];
/** Where `Target` ALL goes: FCM has no "everybody", so devices join this topic. */
export const TOPIC_OF_ALL = 'all';

/**
 * Maps a delivery as MNS's `Push` attribute says: `PushType` NOTICE is shown by the system, MESSAGE (the default) goes to the app; `Title`
 * and `Body` stand for the topic's name and the published text. A message without the attribute is shown. What is too large is cut,
 * and `truncated` in the data says so.
 *
 * @throws MobileTargetMissing
 */
export function mobileMessage(notification: Notification, attribute: string | undefined, fixed: MobileTarget | undefined): MobileMessage {
  const members = attribute === undefined ? undefined : readObject(attribute);
  const target = fixed ?? targetOf(members ?? {});
  const title = textOf(members?.['Title']) ?? notification.topicName;
  const body = textOf(members?.['Body']) ?? notification.message;
  const isShown = members === undefined || textOf(members['PushType'])?.toUpperCase() === 'NOTICE';
  const facts = { ...extraMembers(members ?? {}), ...factsOf(notification) };
  const build = (text: string): MobileMessage => {
    const data = text === body ? facts : { ...facts, truncated: 'true' };
    return isShown ? { target, notification: { title, body: text }, data } : { target, data: { ...data, title, body: text } };
  };
  const limit = 'token' in target ? LARGEST : LARGEST_TO_TOPIC;
  const text = truncateToFit(body, (shorter) => Buffer.byteLength(JSON.stringify(build(shorter))) + ENVELOPE <= limit);
  // Extra members alone are too large: the provider says so better than we could.
  return build(text ?? body);
}

/** What an app needs to tell a second arrival of the same message. */
function factsOf({ messageId, topicName, messageTag }: Notification): Record<string, string> {
  return { messageId, topicName, ...(messageTag !== undefined && { messageTag }) };
}

function extraMembers(members: Readonly<Record<string, unknown>>): Record<string, string> {
  const extra = Object.entries(members).filter(([name, value]) => !OWN_MEMBERS.includes(name) && value !== null);
  return Object.fromEntries(extra.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]));
}

function targetOf({ Target: kind, TargetValue: value }: Readonly<Record<string, unknown>>): MobileTarget {
  const name = textOf(value)?.trim() ?? '';
  switch (textOf(kind)?.toUpperCase() ?? '') {
    case 'ALL':
      return { topic: TOPIC_OF_ALL };
    case 'DEVICE':
      return named(readTarget('token', name), 'one registration token');
    case 'TAG':
      return named(readTarget('topic', name), 'the name of a topic of FCM');
    case '':
      throw new MobileTargetMissing('neither the endpoint nor a Push attribute says to whom the message goes');
    default:
      throw new MobileTargetMissing('the Target of the Push attribute is none of DEVICE, TAG and ALL, the only ones that FCM knows');
  }
}

function named(target: MobileTarget | undefined, what: string): MobileTarget {
  if (target === undefined) throw new MobileTargetMissing(`TargetValue of the Push attribute is not ${what}`);
  return target;
}
