import { hash } from 'node:crypto';

/** How a published message is put into the body of a push. */
export const NOTIFY_CONTENT_FORMATS = ['XML', 'JSON', 'SIMPLIFIED'] as const;

export type NotifyContentFormat = (typeof NOTIFY_CONTENT_FORMATS)[number];

/** What a push tells the subscriber. */
export interface Notification {
  /** Account id. */
  readonly topicOwner: string;
  readonly topicName: string;
  /** Account id. */
  readonly subscriber: string;
  readonly subscriptionName: string;
  /** Of the published message; the same in every push of it. */
  readonly messageId: string;
  readonly message: string;
  readonly messageTag?: string;
  /** Milliseconds since the epoch. */
  readonly publishTime: number;
}

/** The body of a push: the published text itself (SIMPLIFIED), or a document around it whose members keep MNS's order and are all text. */
export function notificationBody(format: NotifyContentFormat, notification: Notification): string {
  switch (format) {
    case 'SIMPLIFIED':
      return notification.message;
    case 'JSON':
      return json(notification);
    case 'XML':
      return xml(notification);
  }
}

function json(notification: Notification): string {
  const { topicOwner, message, subscriber, publishTime, subscriptionName, messageTag, topicName, messageId } = notification;
  return JSON.stringify({
    TopicOwner: topicOwner,
    Message: message,
    Subscriber: subscriber,
    PublishTime: String(publishTime),
    SubscriptionName: subscriptionName,
    MessageMD5: md5(message),
    ...(messageTag !== undefined && { MessageTag: messageTag }),
    TopicName: topicName,
    MessageId: messageId,
  });
}

function xml(notification: Notification): string {
  const { topicOwner, topicName, subscriber, subscriptionName, messageId, message, messageTag, publishTime } = notification;
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<Notification xmlns="http://mns.aliyuncs.com/doc/v1/">',
    element('TopicOwner', topicOwner),
    element('TopicName', topicName),
    element('Subscriber', subscriber),
    element('SubscriptionName', subscriptionName),
    element('MessageId', messageId),
    element('Message', message),
    element('MessageMD5', md5(message)),
    ...(messageTag === undefined ? [] : [element('MessageTag', messageTag)]),
    element('PublishTime', String(publishTime)),
    '</Notification>',
  ].join('\n');
}

function element(name: string, text: string): string {
  return `  <${name}>${escapeXml(text)}</${name}>`;
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };
/** Characters that XML 1.0 cannot hold in any spelling; with the `u` flag the last range is halves of surrogate pairs alone. */
const UNSPEAKABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\ud800-\udfff]/gu;

/** Most texts hold nothing that needs care, and one look is cheaper than two replacements. */
const CAREFUL = /[&<>\u0000-\u0008\u000b-\u001f\ufffe\uffff\ud800-\udfff]/;

function escapeXml(text: string): string {
  if (!CAREFUL.test(text)) return text;
  return text.replace(UNSPEAKABLE, '\ufffd').replace(/[&<>\r]/g, (character) => ESCAPES[character]!);
}

/** Upper-case hexadecimal, as PublishMessage answers it. */
function md5(text: string): string {
  return hash('md5', text, 'hex').toUpperCase();
}
