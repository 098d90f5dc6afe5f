import { LIMITS } from '#queue/limits.js';
import type { MessageContent, NewMessage, PeekedMessage, ReceivedMessage, SentMessage } from '#queue/message.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readSystemProperties, readUserProperties, writeProperties } from './message-properties.js';
import { MnsError } from './mns-error.js';
import { children, childText, type XmlElement } from './xml-reader.js';
import { readInteger, readOptionalRoot, readRoot, readWord, withoutUnset } from './xml-values.js';
import { group, leaf, xmlDocument } from './xml-writer.js';

/** A send is a batch when its root is `Messages`, even with one message: the answer then has the same root. */
export interface SendRequest {
  readonly batch: boolean;
  readonly messages: NewMessage[];
}

/** @throws MalformedXml, InvalidArgument */
export function readSend(body: Buffer | string): SendRequest {
  const root = readRoot(body, 'Message', 'Messages');
  if (root.name === 'Message') return { batch: false, messages: [readMessage(root)] };
  const items = children(root, 'Message');
  checkBatchSize(items.length);
  return { batch: true, messages: items.map(readMessage) };
}

function readMessage(message: XmlElement): NewMessage {
  return {
    ...readContent(message),
    ...withoutUnset<Pick<NewMessage, 'delaySeconds' | 'priority'>>({
      delaySeconds: readInteger(message, 'DelaySeconds'),
      // The Go SDK sends 0 for "none".
      priority: readInteger(message, 'Priority') || undefined,
    }),
  };
}

/**
 * What a sent and a published message have in common.
 *
 * @throws InvalidArgument, also for an empty body: the Python SDK could not read such a message back.
 */
export function readContent(message: XmlElement): MessageContent {
  const body = childText(message, 'MessageBody');
  if (body === undefined || body === '') throw new InvalidArgument('MessageBody', 'MessageBody is required and must not be empty.');
  return {
    body,
    ...withoutUnset<Omit<MessageContent, 'body'>>({
      userProperties: readUserProperties(message),
      systemProperties: readSystemProperties(message),
      messageGroupId: readGroupId(message),
    }),
  };
}

function readGroupId(message: XmlElement): string | undefined {
  const groupId = readWord(message, 'MessageGroupId');
  const [shortest, longest] = LIMITS.messageGroupIdLength;
  if (groupId !== undefined && groupId.length > longest) {
    throw InvalidArgument.outOfRange('MessageGroupId', shortest, longest, 'characters');
  }
  return groupId;
}

/**
 * The handles of a batch delete.
 *
 * @throws MalformedXml, InvalidArgument, MnsError `MissingReceiptHandle` when there is none, or an empty one.
 */
export function readReceiptHandles(body: Buffer | string | undefined): string[] {
  const root = readOptionalRoot(body, 'ReceiptHandles');
  const handles = root === undefined ? [] : children(root, 'ReceiptHandle').map(({ text }) => text.trim());
  if (handles.length === 0 || handles.includes('')) throw new MnsError('MissingReceiptHandle');
  checkBatchSize(handles.length);
  return handles;
}

function checkBatchSize(size: number): void {
  const [least, most] = LIMITS.batch;
  if (size < least || size > most) throw new InvalidArgument('Messages', `A batch has ${least} to ${most} messages, this one has ${size}.`);
}

export function writeSentMessage(message: SentMessage): string {
  return xmlDocument('Message', sent(1, message));
}

export function writeSentMessages(messages: readonly SentMessage[]): string {
  return batchOf(messages, sent);
}

function sent(depth: 1 | 2, message: SentMessage): string {
  return (
    leaf(depth, 'MessageId', message.messageId) +
    leaf(depth, 'MessageBodyMD5', message.bodyMd5) +
    leaf(depth, 'ReceiptHandle', message.receiptHandle) +
    leaf(depth, 'NextVisibleTime', message.nextVisibleTime) +
    leaf(depth, 'MessageGroupId', message.messageGroupId)
  );
}

export function writeReceivedMessage(message: ReceivedMessage): string {
  return xmlDocument('Message', received(1, message));
}

export function writeReceivedMessages(messages: readonly ReceivedMessage[]): string {
  return batchOf(messages, received);
}

function received(depth: 1 | 2, message: ReceivedMessage): string {
  return (
    leaf(depth, 'MessageId', message.messageId) +
    leaf(depth, 'MessageBodyMD5', message.bodyMd5) +
    leaf(depth, 'MessageBody', message.body) +
    leaf(depth, 'ReceiptHandle', message.receiptHandle) +
    leaf(depth, 'EnqueueTime', message.enqueueTime) +
    leaf(depth, 'FirstDequeueTime', message.firstDequeueTime) +
    leaf(depth, 'NextVisibleTime', message.nextVisibleTime) +
    tail(depth, message)
  );
}

export function writePeekedMessage(message: PeekedMessage): string {
  return xmlDocument('Message', peeked(1, message));
}

export function writePeekedMessages(messages: readonly PeekedMessage[]): string {
  return batchOf(messages, peeked);
}

function peeked(depth: 1 | 2, message: PeekedMessage): string {
  return (
    leaf(depth, 'MessageId', message.messageId) +
    leaf(depth, 'MessageBodyMD5', message.bodyMd5) +
    leaf(depth, 'MessageBody', message.body) +
    leaf(depth, 'EnqueueTime', message.enqueueTime) +
    leaf(depth, 'FirstDequeueTime', message.firstDequeueTime) +
    tail(depth, message)
  );
}

function tail(depth: 1 | 2, message: PeekedMessage): string {
  return (
    leaf(depth, 'DequeueCount', message.dequeueCount) +
    leaf(depth, 'Priority', message.priority) +
    leaf(depth, 'MessageGroupId', message.messageGroupId) +
    writeProperties(depth, message.systemProperties, message.userProperties)
  );
}

function batchOf<T>(items: readonly T[], write: (depth: 2, item: T) => string): string {
  let content = '';
  for (const item of items) content += group(1, 'Message', write(2, item));
  return xmlDocument('Messages', content);
}

/** `nextVisibleTime` in milliseconds since the epoch. */
export function writeChangeVisibility(receiptHandle: string, nextVisibleTime: number): string {
  return xmlDocument('ChangeVisibility', leaf(1, 'ReceiptHandle', receiptHandle) + leaf(1, 'NextVisibleTime', nextVisibleTime));
}

export interface DeleteError {
  /** As the client sent it: clients find their message by it. */
  readonly handle: string;
  readonly code: string;
  readonly message: string;
}

/** Answer to a batch delete of which some handles failed; names only those. */
export function writeDeleteErrors(errors: readonly DeleteError[]): string {
  let content = '';
  for (const { handle, code, message } of errors) {
    content += group(1, 'Error', leaf(2, 'ErrorCode', code) + leaf(2, 'ErrorMessage', message) + leaf(2, 'ReceiptHandle', handle));
  }
  return xmlDocument('Errors', content);
}
