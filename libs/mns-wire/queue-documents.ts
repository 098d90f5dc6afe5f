import type { QueueAttributes, QueueDescription, QueueType } from '#queue/queue-attributes.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { XmlElement } from './xml-reader.js';
import { readBoolean, readInteger, readOptionalRoot, readWord, withoutUnset } from './xml-values.js';
import { flag, group, leaf, seconds, xmlDocument, type Depth } from './xml-writer.js';

/**
 * The attributes that a create or set request names; those it leaves out are left out here. An absent or blank body names none.
 *
 * @throws MalformedXml, InvalidArgument
 */
export function readQueueAttributes(body: Buffer | string | undefined): Partial<QueueAttributes> {
  const queue = readOptionalRoot(body, 'Queue');
  if (queue === undefined) return {};
  return withoutUnset<Partial<QueueAttributes>>({
    delaySeconds: readInteger(queue, 'DelaySeconds'),
    maximumMessageSize: readInteger(queue, 'MaximumMessageSize'),
    messageRetentionPeriod: readInteger(queue, 'MessageRetentionPeriod'),
    visibilityTimeout: readInteger(queue, 'VisibilityTimeout'),
    pollingWaitSeconds: readInteger(queue, 'PollingWaitSeconds'),
    loggingEnabled: readBoolean(queue, 'LoggingEnabled'),
    queueType: readQueueType(queue),
  });
}

/** Our own addition: MNS sets the type in its console. */
function readQueueType(queue: XmlElement): QueueType | undefined {
  const type = readWord(queue, 'QueueType')?.toLowerCase();
  if (type === undefined || type === 'normal' || type === 'fifo') return type;
  throw new InvalidArgument('QueueType', 'The value of QueueType should be normal or fifo.');
}

export function writeQueue(queue: QueueDescription): string {
  return xmlDocument('Queue', attributes(1, queue));
}

export interface QueueListItem {
  readonly url: string;
  /** Only where the client asked for attributes. */
  readonly description?: QueueDescription;
}

/** `nextMarker` only when more queues follow: every client takes its presence for "there is another page". */
export function writeQueueList(queues: readonly QueueListItem[], nextMarker?: string): string {
  let content = '';
  for (const { url, description } of queues) {
    content += group(1, 'Queue', leaf(2, 'QueueURL', url) + (description === undefined ? '' : attributes(2, description)));
  }
  return xmlDocument('Queues', content + leaf(1, 'NextMarker', nextMarker));
}

function attributes(depth: Depth, queue: QueueDescription): string {
  return (
    leaf(depth, 'QueueName', queue.name) +
    leaf(depth, 'DelaySeconds', queue.delaySeconds) +
    leaf(depth, 'MaximumMessageSize', queue.maximumMessageSize) +
    leaf(depth, 'MessageRetentionPeriod', queue.messageRetentionPeriod) +
    leaf(depth, 'VisibilityTimeout', queue.visibilityTimeout) +
    leaf(depth, 'CreateTime', seconds(queue.createTime)) +
    leaf(depth, 'LastModifyTime', seconds(queue.lastModifyTime)) +
    leaf(depth, 'PollingWaitSeconds', queue.pollingWaitSeconds) +
    leaf(depth, 'ActiveMessages', queue.activeMessages) +
    leaf(depth, 'InactiveMessages', queue.inactiveMessages) +
    leaf(depth, 'DelayMessages', queue.delayMessages) +
    leaf(depth, 'LoggingEnabled', flag(queue.loggingEnabled)) +
    leaf(depth, 'MessageType', queue.queueType === 'fifo' ? 1 : 0) +
    leaf(depth, 'EnableSSE', flag(false))
  );
}
