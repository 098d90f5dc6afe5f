import { describe, expect, it } from '@jest/globals';
import { InvalidQueueName } from '#queue/queue-errors.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { changeDeliveryOptions, checkDeliveryOptions, DELIVERY_OPTION_NAMES, showDeliveryOptions } from './delivery-options.js';

describe('delivery options', () => {
  it('are shown with what holds when they are absent', () => {
    expect(showDeliveryOptions({})).toEqual({
      batch: null,
      deadLetterQueue: null,
      keepDelivered: 0,
      retentionSeconds: 86_400,
      schedule: null,
      maxPerSecond: null,
      headers: {},
      signature: 'rsa',
      signingSecrets: null,
      clientCertificate: null,
    });
    expect(Object.keys(showDeliveryOptions({}))).toEqual(DELIVERY_OPTION_NAMES);
  });

  it('change where they are named, and null resets one', () => {
    const options = changeDeliveryOptions({ retentionSeconds: 60 }, { deadLetterQueue: 'dead', schedule: [0, 5, 43_200] });
    expect(options).toEqual({ retentionSeconds: 60, deadLetterQueue: 'dead', schedule: [0, 5, 43_200] });
    expect(changeDeliveryOptions(options, { retentionSeconds: null, schedule: [] })).toEqual({ deadLetterQueue: 'dead', schedule: [] });
  });

  it.each<[Record<string, unknown>]>([
    [{ maxPerSecond: 0 }],
    [{ maxPerSecond: 1.5 }],
    [{ maxPerSecond: 10_001 }],
    [{ retentionSeconds: 59 }],
    [{ retentionSeconds: 604_801 }],
    [{ retentionSeconds: 60.5 }],
    [{ retentionSeconds: '60' }],
    [{ schedule: 5 }],
    [{ schedule: [1, -1] }],
    [{ schedule: [43_201] }],
    [{ schedule: ['1'] }],
    [{ schedule: Array.from({ length: 201 }, () => 1) }],
    [{ deadLetterQueue: 5 }],
  ])('%j are refused', (changes) => {
    expect(() => changeDeliveryOptions({}, changes)).toThrow(InvalidArgument);
  });

  it('do not name the queue that the subscription delivers to as its dead-letter queue', () => {
    const endpoint = 'acs:mns:cn-hangzhou:1234567890123456:queues/work';
    expect(() => checkDeliveryOptions({ deadLetterQueue: 'work' }, endpoint, 'XML')).toThrow(InvalidArgument);
    expect(() => checkDeliveryOptions({ deadLetterQueue: 'dead' }, endpoint, 'XML')).not.toThrow();
    expect(() => checkDeliveryOptions({ deadLetterQueue: 'work' }, 'of another release', 'XML')).not.toThrow();
  });

  it('have batches where pushes can carry several messages', () => {
    const batch = { size: 2, waitMillis: 0, form: 'array' } as const;
    expect(changeDeliveryOptions({}, { batch: { size: 2 } })).toEqual({ batch });
    expect(changeDeliveryOptions({ batch }, { batch: { size: 100, waitMillis: 1_000, form: 'lines' } }).batch).toMatchObject({ size: 100, form: 'lines' });
    expect(changeDeliveryOptions({ batch }, { batch: null })).toEqual({});
    expect(() => checkDeliveryOptions({ batch }, 'https://example.com/', 'JSON')).not.toThrow();
    const refused = [
      ['https://example.com/', 'XML', 'JSON'],
      ['https://example.com/', 'SIMPLIFIED', 'JSON'],
      ['acs:mns:cn-hangzhou:1234567890123456:queues/work', 'JSON', 'http endpoints'],
    ] as const;
    for (const [endpoint, format, reason] of refused) {
      expect(() => checkDeliveryOptions({ batch }, endpoint, format)).toThrow(expect.objectContaining({ argument: 'batch', message: expect.stringContaining(reason) }));
    }
  });

  it.each([
    ['batch', 5],
    ['batch', []],
    ['batch.size', {}],
    ['batch.size', { size: 1 }],
    ['batch.size', { size: 101 }],
    ['batch.waitMillis', { size: 2, waitMillis: 1_001 }],
    ['batch.waitMillis', { size: 2, waitMillis: '5' }],
    ['batch.form', { size: 2, form: 'xml' }],
    ['batch.bytes', { size: 2, bytes: 5 }],
  ])('refuse %s of %j', (argument, batch) => {
    expect(() => changeDeliveryOptions({}, { batch })).toThrow(expect.objectContaining({ argument }));
  });

  it('name a queue as queues are named', () => {
    expect(() => changeDeliveryOptions({}, { deadLetterQueue: '-' })).toThrow(InvalidQueueName);
  });
});
