import { DEFAULT_RETENTION } from '#delivery/delivery-options.js';
import { NOTIFY_CONTENT_FORMATS } from '#delivery/notification.js';
import { NOTIFY_STRATEGIES } from '#delivery/notify-strategy.js';
import type { Subscription, SubscriptionAttributes } from '#topic/subscription.js';
import type { NewTopicMessage, PublishedMessage, TopicAttributes, TopicDescription } from '#topic/topic.js';
import { readContent } from './message-documents.js';
import { child, childText, type XmlElement } from './xml-reader.js';
import { readBoolean, readInteger, readOneOf, readOptionalRoot, readRoot, readWord, withoutUnset } from './xml-values.js';
import { flag, group, leaf, seconds, xmlDocument, type Depth } from './xml-writer.js';

/** Channel parameters that MNS has had over the years, and `Robot`, which it has not; each holds JSON text. */
const MESSAGE_ATTRIBUTES = ['DirectMail', 'DirectSMS', 'Dayu', 'Push', 'WebSocket', 'DYSMS', 'DM', 'Robot'] as const;

/**
 * The attributes that a create or set request names; those it leaves out are left out here. An absent or blank body names none.
 *
 * @throws MalformedXml, InvalidArgument
 */
export function readTopicAttributes(body: Buffer | string | undefined): Partial<TopicAttributes> {
  const topic = readOptionalRoot(body, 'Topic');
  if (topic === undefined) return {};
  return withoutUnset<Partial<TopicAttributes>>({
    maximumMessageSize: readInteger(topic, 'MaximumMessageSize'),
    loggingEnabled: readBoolean(topic, 'LoggingEnabled'),
  });
}

export function writeTopic(topic: TopicDescription): string {
  return xmlDocument('Topic', topicAttributes(1, topic));
}

export interface TopicListItem {
  readonly url: string;
  /** Only where the client asked for attributes. */
  readonly description?: TopicDescription;
}

/** `nextMarker` only when more topics follow. */
export function writeTopicList(topics: readonly TopicListItem[], nextMarker?: string): string {
  let content = '';
  for (const { url, description } of topics) {
    content += group(1, 'Topic', leaf(2, 'TopicURL', url) + (description === undefined ? '' : topicAttributes(2, description)));
  }
  return xmlDocument('Topics', content + leaf(1, 'NextMarker', nextMarker));
}

function topicAttributes(depth: Depth, topic: TopicDescription): string {
  return (
    leaf(depth, 'TopicName', topic.name) +
    leaf(depth, 'CreateTime', seconds(topic.createTime)) +
    leaf(depth, 'LastModifyTime', seconds(topic.lastModifyTime)) +
    leaf(depth, 'MaximumMessageSize', topic.maximumMessageSize) +
    leaf(depth, 'MessageRetentionPeriod', DEFAULT_RETENTION) +
    leaf(depth, 'MessageCount', topic.messageCount) +
    leaf(depth, 'LoggingEnabled', flag(topic.loggingEnabled))
  );
}

/**
 * What a subscribe or set request names. Whether the endpoint is one, and which attributes may still change, is the domain's to say.
 *
 * @throws MalformedXml, InvalidArgument
 */
export function readSubscription(body: Buffer | string | undefined): Partial<SubscriptionAttributes> {
  const subscription = readOptionalRoot(body, 'Subscription');
  if (subscription === undefined) return {};
  return withoutUnset<Partial<SubscriptionAttributes>>({
    endpoint: readWord(subscription, 'Endpoint'),
    filterTag: readWord(subscription, 'FilterTag'),
    notifyStrategy: readOneOf(subscription, 'NotifyStrategy', NOTIFY_STRATEGIES),
    notifyContentFormat: readOneOf(subscription, 'NotifyContentFormat', NOTIFY_CONTENT_FORMATS),
  });
}

export function writeSubscription(subscription: Subscription): string {
  return xmlDocument('Subscription', subscriptionAttributes(1, subscription));
}

export interface SubscriptionListItem {
  readonly url: string;
  /** Only where the client asked for attributes. */
  readonly description?: Subscription;
}

/** `nextMarker` only when more subscriptions follow. */
export function writeSubscriptionList(subscriptions: readonly SubscriptionListItem[], nextMarker?: string): string {
  let content = '';
  for (const { url, description } of subscriptions) {
    const attributes = description === undefined ? '' : subscriptionAttributes(2, description);
    content += group(1, 'Subscription', leaf(2, 'SubscriptionURL', url) + attributes);
  }
  return xmlDocument('Subscriptions', content + leaf(1, 'NextMarker', nextMarker));
}

function subscriptionAttributes(depth: Depth, subscription: Subscription): string {
  return (
    leaf(depth, 'TopicOwner', subscription.topicOwner) +
    leaf(depth, 'TopicName', subscription.topicName) +
    leaf(depth, 'SubscriptionName', subscription.name) +
    leaf(depth, 'Endpoint', subscription.endpoint) +
    leaf(depth, 'FilterTag', subscription.filterTag) +
    leaf(depth, 'NotifyStrategy', subscription.notifyStrategy) +
    leaf(depth, 'NotifyContentFormat', subscription.notifyContentFormat) +
    leaf(depth, 'CreateTime', seconds(subscription.createTime)) +
    leaf(depth, 'LastModifyTime', seconds(subscription.lastModifyTime))
  );
}

/** @throws MalformedXml, InvalidArgument */
export function readPublish(body: Buffer | string): NewTopicMessage {
  const message = readRoot(body, 'Message');
  return {
    ...readContent(message),
    ...withoutUnset<Pick<NewTopicMessage, 'messageTag' | 'messageAttributes'>>({
      messageTag: readWord(message, 'MessageTag'),
      messageAttributes: readMessageAttributes(message),
    }),
  };
}

/** The JSON is left to the channel that understands it: MNS takes any, also for channels that nobody has subscribed. */
function readMessageAttributes(message: XmlElement): Record<string, string> | undefined {
  const container = child(message, 'MessageAttributes');
  if (container === undefined) return undefined;
  const present = MESSAGE_ATTRIBUTES.map((name) => [name, childText(container, name)?.trim()] as const).filter(
    (attribute): attribute is readonly [(typeof MESSAGE_ATTRIBUTES)[number], string] => Boolean(attribute[1]),
  );
  return present.length === 0 ? undefined : Object.fromEntries(present);
}

export function writePublished(message: PublishedMessage): string {
  return xmlDocument('Message', leaf(1, 'MessageId', message.messageId) + leaf(1, 'MessageBodyMD5', message.bodyMd5));
}
