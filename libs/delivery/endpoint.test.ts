import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { checkContentFormat, EndpointInvalid, parseEndpoint, ROBOT_SERVICES } from './endpoint.js';

describe('parseEndpoint', () => {
  it.each([
    ['http://127.0.0.1:8080/hook', 'http://127.0.0.1:8080', '/hook'],
    ['http://host.example', 'http://host.example', '/notifications'],
    ['http://host.example/', 'http://host.example', '/'],
    ['http://host.example?a=1', 'http://host.example', '/notifications?a=1'],
    ['https://host.example/a/b?c=d&e=%2F', 'https://host.example', '/a/b?c=d&e=%2F'],
    ['https://host.example:443/x', 'https://host.example', '/x'],
    ['HTTP://HOST.example:8080/Path', 'http://host.example:8080', '/Path'],
    ['http://[::1]:9000/x', 'http://[::1]:9000', '/x'],
    ['http://host.example/x#fragment', 'http://host.example', '/x'],
    ['http://0x7f.1/x', 'http://127.0.0.1', '/x'],
  ])('reads %s', (text, origin, requestUri) => {
    expect(parseEndpoint(text)).toEqual({ kind: 'http', origin, requestUri });
  });

  it.each([
    'acs:mns:cn-hangzhou:1234567890123456:queues/orders',
    'acs:mns:cn-hangzhou:1234567890123456:/queues/orders',
    'acs:mns:anything:127:queues/orders',
    'acs:mns:::queues/orders',
  ])('reads %s', (text) => {
    expect(parseEndpoint(text)).toEqual({ kind: 'queue', queue: 'orders' });
  });

  it.each([
    ['sms:directsms:13800000000', { form: 'directsms', phone: '13800000000' }],
    ['sms:directsms:+8613800000000', { form: 'directsms', phone: '+8613800000000' }],
    ['sms:directsms:anonymous', { form: 'directsms' }],
    ['sms:dayu:13800000000', { form: 'dayu', phone: '13800000000' }],
    ['smq-ep:dysms:1234567890123456:13800000000', { form: 'dysms', phone: '13800000000' }],
    ['smq-ep:dysms::__dynamic', { form: 'dysms' }],
    ['sms:directsms:anonymous?channel=ops-2', { form: 'directsms', channel: 'ops-2' }],
  ])('reads %s', (text, expected) => {
    expect(parseEndpoint(text)).toEqual({ kind: 'sms', ...expected });
  });

  it.each([
    ['push:24681012', { appKey: '24681012' }],
    ['push:24681012?channel=app-2', { appKey: '24681012', channel: 'app-2' }],
    ['push:app:token:dQw4:APA91b_x-1', { appKey: 'app', target: { token: 'dQw4:APA91b_x-1' } }],
    ['push:app:topic:news?channel=c', { appKey: 'app', target: { topic: 'news' }, channel: 'c' }],
    ["push:app:condition:'a' in topics && ('b' in topics || 'c' in topics)", { appKey: 'app', target: { condition: "'a' in topics && ('b' in topics || 'c' in topics)" } }],
  ])('reads %s', (text, expected) => {
    expect(parseEndpoint(text)).toEqual({ kind: 'mobile', ...expected });
  });

  it.each(ROBOT_SERVICES)('reads robot:%s:<channel>', (service) => {
    expect(parseEndpoint(`robot:${service}:ops-1`)).toEqual({ kind: 'robot', service, channel: 'ops-1' });
  });

  it('reads several mailboxes, none, and the channel to use', () => {
    expect(parseEndpoint('mail:directmail:a@example.com,b@example.com?channel=ops')).toEqual({
      kind: 'email',
      addresses: ['a@example.com', 'b@example.com'],
      channel: 'ops',
    });
    expect(parseEndpoint('smq-ep:dm:1:__dynamic')).toEqual({ kind: 'email', addresses: [] });
  });

  it('reads mail:directmail:<address>', () => {
    expect(parseEndpoint('mail:directmail:ops+hub@example.com')).toEqual({ kind: 'email', addresses: ['ops+hub@example.com'] });
  });

  it.each([
    '',
    'host.example/hook',
    '/hook',
    'http://',
    'http:///path',
    'http://host:99999/',
    'http://host.example/a b',
    'http://host.example/a\r\nX: y',
    'http://a b/',
    'http://user:secret@host.example/',
    'ftp://host.example/',
    'acs:mns:cn-hangzhou:1:queues/',
    'acs:mns:cn-hangzhou:1:queues/-orders',
    'acs:mns:cn-hangzhou:1:queues/a/b',
    'acs:mns:cn-hangzhou:1:topics/orders',
    `acs:mns:cn-hangzhou:1:queues/${'q'.repeat(121)}`,
    'mail:directmail:',
    'mail:directmail:nobody',
    'mail:directmail:a@example.com,b',
    'mail:directmail:a@example.com?channel=../x',
    'mail:directmail:a@example.com?channel=',
    'smq-ep:dm:1:nobody',
    'mail:directmail:a@example.com\r\nBcc: b@example.com',
    'mail:directmail:"A" <a@example.com>',
    'sms:directsms:',
    'sms:directsms:me',
    'sms:directsms:138 0000',
    'sms:directsms:__dynamic',
    'sms:other:13800000000',
    'smq-ep:dysms:13800000000',
    'smq-ep:dysms:1:anonymous',
    'push:',
    'push:a b',
    'push:24681012:token:',
    'push:24681012:token:a b',
    'push:24681012:device:abc',
    'push:24681012:condition:everybody',
    'push:24681012?channel=../x',
    'robot:dingtalk:',
    'robot:dingtalk:a/b',
    'robot:telegram:ops',
    'robot:https://oapi.dingtalk.com/robot/send?access_token=x',
    'smq-ep:other:1:__dynamic',
    'acs:fc:cn-hangzhou:1:services/s/functions/f',
    'acs:eventbridge:cn-hangzhou:1:eventbus/b',
    `http://host.example/${'x'.repeat(2_048)}`,
  ])('refuses %j', (text) => {
    expect(() => parseEndpoint(text)).toThrow(EndpointInvalid);
  });
});

describe('checkContentFormat', () => {
  it('asks for SIMPLIFIED where a mail is sent', () => {
    const mail = parseEndpoint('mail:directmail:a@example.com');
    expect(() => checkContentFormat(mail, 'SIMPLIFIED')).not.toThrow();
    expect(() => checkContentFormat(mail, 'XML')).toThrow(InvalidArgument);
    expect(() => checkContentFormat(mail, 'JSON')).toThrow(InvalidArgument);
  });

  it('takes every format elsewhere', () => {
    for (const format of ['XML', 'JSON', 'SIMPLIFIED'] as const) {
      expect(() => checkContentFormat(parseEndpoint('http://host.example/'), format)).not.toThrow();
      expect(() => checkContentFormat(parseEndpoint('acs:mns:r:1:queues/q'), format)).not.toThrow();
    }
  });
});
