import { describe, expect, it } from '@jest/globals';
import { DEFAULT_QUEUE_ATTRIBUTES, type QueueDescription } from '#queue/queue-attributes.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readQueueAttributes, writeQueue, writeQueueList } from './queue-documents.js';
import { MalformedXml } from './xml-reader.js';

const ORDERS: QueueDescription = {
  ...DEFAULT_QUEUE_ATTRIBUTES,
  name: 'orders',
  visibilityTimeout: 60,
  createTime: 1_790_184_264_123,
  lastModifyTime: 1_790_184_265_999,
  activeMessages: 3,
  inactiveMessages: 2,
  delayMessages: 1,
  deadLettering: 0,
};

const ATTRIBUTES = `<QueueName>orders</QueueName>
<DelaySeconds>0</DelaySeconds>
<MaximumMessageSize>65536</MaximumMessageSize>
<MessageRetentionPeriod>345600</MessageRetentionPeriod>
<VisibilityTimeout>60</VisibilityTimeout>
<CreateTime>1790184264</CreateTime>
<LastModifyTime>1790184265</LastModifyTime>
<PollingWaitSeconds>0</PollingWaitSeconds>
<ActiveMessages>3</ActiveMessages>
<InactiveMessages>2</InactiveMessages>
<DelayMessages>1</DelayMessages>
<LoggingEnabled>False</LoggingEnabled>
<MessageType>0</MessageType>
<EnableSSE>False</EnableSSE>`;

const indented = (spaces: number): string => ATTRIBUTES.replaceAll(/^/gm, ' '.repeat(spaces));

describe('readQueueAttributes', () => {
  it('reads every attribute that can be set', () => {
    const body =
      '<Queue xmlns="http://mns.aliyuncs.com/doc/v1/"><DelaySeconds>1</DelaySeconds><MaximumMessageSize>2048</MaximumMessageSize>' +
      '<MessageRetentionPeriod>3600</MessageRetentionPeriod><VisibilityTimeout> 60 </VisibilityTimeout>' +
      '<PollingWaitSeconds>30</PollingWaitSeconds><LoggingEnabled>True</LoggingEnabled></Queue>';
    expect(readQueueAttributes(Buffer.from(body))).toEqual({
      delaySeconds: 1,
      maximumMessageSize: 2_048,
      messageRetentionPeriod: 3_600,
      visibilityTimeout: 60,
      pollingWaitSeconds: 30,
      loggingEnabled: true,
    });
  });

  it.each([
    undefined,
    Buffer.alloc(0),
    ' \r\n',
    '<Queue/>',
    '<?xml version="1.0"?><Queue xmlns="x"><Owner>me</Owner><DelaySeconds/></Queue>',
  ])('names nothing for %p', (body) => {
    expect(readQueueAttributes(body)).toEqual({});
  });

  it('keeps a zero: it is a value', () => {
    expect(readQueueAttributes('<Queue><DelaySeconds>0</DelaySeconds></Queue>')).toEqual({ delaySeconds: 0 });
  });

  it.each([
    ['true', true],
    ['TRUE', true],
    ['1', true],
    ['False', false],
    ['0', false],
  ])('reads LoggingEnabled %s', (text, loggingEnabled) => {
    expect(readQueueAttributes(`<Queue><LoggingEnabled>${text}</LoggingEnabled></Queue>`)).toEqual({ loggingEnabled });
  });

  it.each([
    ['fifo', 'fifo'],
    ['FIFO', 'fifo'],
    [' Normal ', 'normal'],
  ])('reads QueueType %s', (text, queueType) => {
    expect(readQueueAttributes(`<Queue><QueueType>${text}</QueueType></Queue>`)).toEqual({ queueType });
  });

  it.each([
    '<Queue><QueueType>lifo</QueueType></Queue>',
    '<Queue><DelaySeconds>ten</DelaySeconds></Queue>',
    '<Queue><DelaySeconds>1.5</DelaySeconds></Queue>',
    '<Queue><DelaySeconds>0x10</DelaySeconds></Queue>',
    '<Queue><DelaySeconds>1e3</DelaySeconds></Queue>',
    '<Queue><LoggingEnabled>yes</LoggingEnabled></Queue>',
    '<Topic/>',
  ])('refuses %s', (body) => {
    expect(() => readQueueAttributes(body)).toThrow(InvalidArgument);
  });

  it('tells broken XML from a wrong value', () => {
    expect(() => readQueueAttributes('<Queue>')).toThrow(MalformedXml);
  });
});

describe('writeQueue', () => {
  it('writes all attributes in the order of the service', () => {
    expect(writeQueue(ORDERS)).toBe(`<?xml version="1.0" ?>
<Queue xmlns="http://mns.aliyuncs.com/doc/v1">
${indented(2)}
</Queue>`);
  });
});

it('writes the type of a FIFO queue', () => {
  expect(writeQueue({ ...ORDERS, queueType: 'fifo' })).toContain('<MessageType>1</MessageType>');
});

describe('writeQueueList', () => {
  it('writes URLs and a marker', () => {
    const urls = [{ url: 'http://h/queues/a' }, { url: 'http://h/queues/b' }];
    expect(writeQueueList(urls, 'YQ==')).toBe(`<?xml version="1.0" ?>
<Queues xmlns="http://mns.aliyuncs.com/doc/v1">
  <Queue>
    <QueueURL>http://h/queues/a</QueueURL>
  </Queue>
  <Queue>
    <QueueURL>http://h/queues/b</QueueURL>
  </Queue>
  <NextMarker>YQ==</NextMarker>
</Queues>`);
  });

  it('writes attributes where they are given, and no marker at the end of the list', () => {
    expect(writeQueueList([{ url: 'http://h/queues/orders', description: ORDERS }])).toBe(`<?xml version="1.0" ?>
<Queues xmlns="http://mns.aliyuncs.com/doc/v1">
  <Queue>
    <QueueURL>http://h/queues/orders</QueueURL>
${indented(4)}
  </Queue>
</Queues>`);
  });

  it('writes an empty list as a document all the same', () => {
    expect(writeQueueList([])).toBe('<?xml version="1.0" ?>\n<Queues xmlns="http://mns.aliyuncs.com/doc/v1"></Queues>');
  });
});
