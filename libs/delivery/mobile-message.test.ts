import { describe, expect, it } from '@jest/globals';
import { MobileTargetMissing, mobileMessage } from './mobile-message.js';
import type { Notification } from './notification.js';

const notification: Notification = {
  topicOwner: '1234567890123456',
  topicName: 'alerts',
  subscriber: '1234567890123456',
  subscriptionName: 's1',
  messageId: 'A'.repeat(32),
  message: 'disk full',
  publishTime: 0,
};
const facts = { messageId: 'A'.repeat(32), topicName: 'alerts' };

describe('mobileMessage', () => {
  it('shows a message without an attribute', () => {
    expect(mobileMessage(notification, undefined, { token: 'x' })).toEqual({
      target: { token: 'x' },
      notification: { title: 'alerts', body: 'disk full' },
      data: facts,
    });
    expect(mobileMessage({ ...notification, messageTag: 'vip' }, 'no json', { topic: 'x' }).data).toEqual({ ...facts, messageTag: 'vip' });
  });

  it('gives a MESSAGE to the app and shows a NOTICE, with what else the attribute holds', () => {
    const members = { Target: 'DEVICE', TargetValue: 'dev:1', DeviceType: 'ALL', Title: 't', Body: 'b', level: 3, url: 'https://x' };
    const extra = { level: '3', url: 'https://x' };
    const target = { token: 'dev:1' };
    expect(mobileMessage(notification, JSON.stringify(members), undefined)).toEqual({ target, data: { ...extra, ...facts, title: 't', body: 'b' } });
    const notice = mobileMessage(notification, JSON.stringify({ ...members, PushType: 'NOTICE' }), undefined);
    expect(notice).toEqual({ target, notification: { title: 't', body: 'b' }, data: { ...extra, ...facts } });
  });

  it.each([
    [{ Target: 'ALL', TargetValue: 'ALL' }, { topic: 'all' }],
    [{ Target: 'tag', TargetValue: 'news' }, { topic: 'news' }],
    [{ Target: 'DEVICE', TargetValue: 'abc:APA91_-x' }, { token: 'abc:APA91_-x' }],
  ])('reads the target of %j', (members, target) => {
    expect(mobileMessage(notification, JSON.stringify(members), undefined).target).toEqual(target);
    expect(mobileMessage(notification, JSON.stringify(members), { topic: 'fixed' }).target).toEqual({ topic: 'fixed' });
  });

  it.each([undefined, '{}', '{"Target":"DEVICE"}', '{"Target":"DEVICE","TargetValue":"a,b"}', '{"Target":"ACCOUNT","TargetValue":"x"}', '{"Target":"TAG","TargetValue":"a b"}', '[]'])(
    'names no target for %s',
    (attribute) => {
      expect(() => mobileMessage(notification, attribute, undefined)).toThrow(MobileTargetMissing);
    },
  );

  it.each([
    [{ token: 'x' }, 4_096],
    [{ topic: 'x' }, 2_048],
  ])('keeps to the size that a message to %j may have', (target, limit) => {
    const long = mobileMessage({ ...notification, message: '"🐦"'.repeat(5_000) }, undefined, target);
    const size = Buffer.byteLength(JSON.stringify(long));
    expect(size).toBeLessThanOrEqual(limit);
    expect(size).toBeGreaterThan(limit - 200);
    expect(long.data['truncated']).toBe('true');
    expect(long.notification?.body).toMatch(/truncated, 15000 characters/);
  });
});
