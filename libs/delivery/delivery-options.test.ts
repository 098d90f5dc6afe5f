import { describe, expect, it } from '@jest/globals';
import { InvalidQueueName } from '#queue/queue-errors.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { changeDeliveryOptions, checkDeliveryOptions, DELIVERY_OPTION_NAMES, showDeliveryOptions } from './delivery-options.js';

describe('delivery options', () => {
  it('are shown with what holds when they are absent', () => {
    expect(showDeliveryOptions({})).toEqual({
      deadLetterQueue: null,
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
    expect(() => checkDeliveryOptions({ deadLetterQueue: 'work' }, endpoint)).toThrow(InvalidArgument);
    expect(() => checkDeliveryOptions({ deadLetterQueue: 'dead' }, endpoint)).not.toThrow();
    expect(() => checkDeliveryOptions({ deadLetterQueue: 'work' }, 'of another release')).not.toThrow();
  });

  it('name a queue as queues are named', () => {
    expect(() => changeDeliveryOptions({}, { deadLetterQueue: '-' })).toThrow(InvalidQueueName);
  });
});
