import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { checkWebhookSecret, webhookHeaders, webhookKey } from './webhook-signature.js';

const secretOf = (bytes: Buffer): string => `whsec_${bytes.toString('base64')}`;

describe('webhookHeaders', () => {
  it('signs id, seconds and body as Standard Webhooks has it', () => {
    const [bytes, older] = [randomBytes(32), randomBytes(24)];
    const body = '{"text":"喜鹊"}';
    const keys = [webhookKey(secretOf(bytes)), webhookKey(secretOf(older))];
    const signatures = [bytes, older].map((key) => createHmac('sha256', key).update(`ID7.1790000000.${body}`).digest('base64'));
    expect(webhookHeaders('ID7', 1_790_000_000_999, body, keys)).toEqual([
      ['webhook-id', 'ID7'],
      ['webhook-timestamp', '1790000000'],
      ['webhook-signature', `v1,${signatures[0]} v1,${signatures[1]}`],
    ]);
  });
});

describe('checkWebhookSecret', () => {
  it.each([24, 32, 64])('takes %d bytes', (length) => {
    expect(() => checkWebhookSecret('s', secretOf(randomBytes(length)))).not.toThrow();
  });

  it.each([
    ['too short', secretOf(randomBytes(23))],
    ['too long', secretOf(randomBytes(65))],
    ['no prefix', randomBytes(32).toString('base64')],
    ['no base64', `whsec_${'*'.repeat(40)}`],
    ['empty', ''],
  ])('refuses one that is %s, without repeating it', (_what, secret) => {
    expect(() => checkWebhookSecret('s', secret)).toThrow(InvalidArgument);
    expect(() => checkWebhookSecret('s', secret)).not.toThrow(secret || 'whsec_whsec_');
  });
});
