import { describe, expect, it } from '@jest/globals';
import { parseEndpoint, type SmsEndpoint } from './endpoint.js';
import { readSmsAttributes } from './sms-attributes.js';

const FIXED = 'sms:directsms:13800000001';
const ANYONE = 'sms:directsms:anonymous';
const DYNAMIC = 'smq-ep:dysms:1:__dynamic';

function read(endpoint: string, attributes: Readonly<Record<string, object | string>> = {}) {
  const texts = Object.entries(attributes).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
  return readSmsAttributes(parseEndpoint(endpoint) as SmsEndpoint, Object.fromEntries(texts) as Record<string, string>);
}

describe('readSmsAttributes', () => {
  it('reads DirectSMS', () => {
    const DirectSMS = { FreeSignName: '签名', TemplateCode: 'SMS_1', SmsParams: '{"code":"1"}', Type: 'singleContent', ExtendCode: '9' };
    const content = { signName: '签名', templateCode: 'SMS_1', parameters: '{"code":"1"}', extendCode: '9' };
    expect(read(FIXED, { DirectSMS: { ...DirectSMS, Receiver: '13900000000' } })).toEqual([{ to: '13800000001', ...content }]);
    expect(read(ANYONE, { DirectSMS: { ...DirectSMS, Receiver: '13900000000, 13900000001,13900000000' } })).toEqual([
      { to: '13900000000', ...content },
      { to: '13900000001', ...content },
    ]);
  });

  it('reads the variables of each receiver', () => {
    const SmsParams = '{"13900000000":{"k":"v"},"13900000001":{"k":"w"}}';
    expect(read(ANYONE, { DirectSMS: { Type: 'multiContent', TemplateCode: 'SMS_1', SmsParams } })).toEqual([
      { to: '13900000000', templateCode: 'SMS_1', parameters: '{"k":"v"}' },
      { to: '13900000001', templateCode: 'SMS_1', parameters: '{"k":"w"}' },
    ]);
  });

  it('reads Dayu and DYSMS, each first for the endpoints of its time', () => {
    const Dayu = { FreeSignName: 'old', TemplateCode: 'SMS_0' };
    const DYSMS = { PhoneNumber: '13700000000', SignName: 'new', TemplateParam: { a: 1 } };
    expect(read('sms:dayu:13800000001', { Dayu, DYSMS })).toEqual([{ to: '13800000001', signName: 'old', templateCode: 'SMS_0' }]);
    expect(read('smq-ep:dysms:1:13800000001', { Dayu, DYSMS })).toEqual([{ to: '13700000000', signName: 'new', parameters: '{"a":1}' }]);
    expect(read(DYNAMIC, { DYSMS })).toMatchObject([{ to: '13700000000' }]);
  });

  it('needs no attributes where the endpoint names the receiver', () => {
    expect(read(FIXED)).toEqual([{ to: '13800000001' }]);
    expect(read(FIXED, { DirectSMS: 'no json' })).toEqual([{ to: '13800000001' }]);
  });

  it.each([
    [ANYONE, {}, 'names a receiver'],
    [DYNAMIC, { DYSMS: {} }, 'names a receiver'],
    [ANYONE, { DirectSMS: { Receiver: 'me' } }, 'not a phone number'],
    [ANYONE, { DirectSMS: { Receiver: Array.from({ length: 101 }, (_, n) => `1390000${1000 + n}`).join() } }, 'more than 100'],
    [FIXED, { DirectSMS: { SmsParams: 'code=1' } }, 'not a JSON object'],
    [FIXED, { DirectSMS: { Type: 'multiContent' } }, 'multiContent'],
    [ANYONE, { DirectSMS: { Type: 'multiContent', SmsParams: '{}' } }, 'names a receiver'],
  ])('says why %s cannot take %j', (endpoint, attributes, problem) => {
    expect(read(endpoint, attributes)).toEqual({ problem: expect.stringContaining(problem) });
  });
});
