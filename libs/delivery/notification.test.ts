import { describe, expect, it } from '@jest/globals';
import { SaxesParser } from 'saxes';
import { notificationBody, type Notification } from './notification.js';

const hello: Notification = {
  topicOwner: '1234567890',
  topicName: 't1',
  subscriber: '1234567890',
  subscriptionName: 's1',
  messageId: 'D024B7DD33FD7FCF7F827DA3D57AEBEE',
  message: 'hello',
  publishTime: 1_790_299_889_032,
};

describe('notificationBody', () => {
  it('writes JSON with the members in the recorded order, all of them strings', () => {
    expect(notificationBody('JSON', hello)).toBe(
      '{"TopicOwner":"1234567890","Message":"hello","Subscriber":"1234567890","PublishTime":"1790299889032",' +
        '"SubscriptionName":"s1","MessageMD5":"5D41402ABC4B2A76B9719D911017C592","TopicName":"t1",' +
        '"MessageId":"D024B7DD33FD7FCF7F827DA3D57AEBEE"}',
    );
  });

  it('names the tag only when there is one', () => {
    const tagged = { ...hello, messageTag: 'vip' };
    expect(Object.keys(JSON.parse(notificationBody('JSON', tagged)) as object)).toEqual([
      'TopicOwner', 'Message', 'Subscriber', 'PublishTime', 'SubscriptionName', 'MessageMD5', 'MessageTag', 'TopicName', 'MessageId',
    ]);
    expect(notificationBody('XML', tagged)).toContain('<MessageTag>vip</MessageTag>');
    expect(notificationBody('XML', hello)).not.toContain('MessageTag');
  });

  it('writes XML with one element to a line', () => {
    expect(notificationBody('XML', { ...hello, messageTag: 'vip' })).toBe(
      [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<Notification xmlns="http://mns.aliyuncs.com/doc/v1/">',
        '  <TopicOwner>1234567890</TopicOwner>',
        '  <TopicName>t1</TopicName>',
        '  <Subscriber>1234567890</Subscriber>',
        '  <SubscriptionName>s1</SubscriptionName>',
        '  <MessageId>D024B7DD33FD7FCF7F827DA3D57AEBEE</MessageId>',
        '  <Message>hello</Message>',
        '  <MessageMD5>5D41402ABC4B2A76B9719D911017C592</MessageMD5>',
        '  <MessageTag>vip</MessageTag>',
        '  <PublishTime>1790299889032</PublishTime>',
        '</Notification>',
      ].join('\n'),
    );
  });

  it.each(['a<b>&amp;"c" ]]>', 'line\r\nline\n\tend ', '喜鹊 🐦', ' padded '])('lets an XML reader have %j back', (message) => {
    expect(elementText(notificationBody('XML', { ...hello, message }), 'Message')).toBe(message);
  });

  it('replaces what XML cannot hold', () => {
    const text = elementText(notificationBody('XML', { ...hello, message: 'a\u0000b\ud800c' }), 'Message');
    expect(text).toBe('a\ufffdb\ufffdc');
  });

  it('leaves a SIMPLIFIED body alone', () => {
    expect(notificationBody('SIMPLIFIED', { ...hello, message: '<raw/>\r\n' })).toBe('<raw/>\r\n');
  });
});

function elementText(document: string, name: string): string {
  const parser = new SaxesParser();
  let inside = false;
  let text = '';
  parser.on('opentag', (tag) => (inside = tag.name === name));
  parser.on('closetag', () => (inside = false));
  parser.on('text', (part) => (text += inside ? part : ''));
  parser.on('error', (error) => {
    throw error;
  });
  parser.write(document).close();
  return text;
}
