import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readAccountAttributes, writeAccountAttributes, writeAccountId, writeOpenService } from './account-documents.js';

const START = '<?xml version="1.0" ?>\n';
const NAMESPACE = 'xmlns="http://mns.aliyuncs.com/doc/v1"';

describe('account documents', () => {
  it('reads what a request names', () => {
    expect(readAccountAttributes('<Account><LoggingBucket>logs</LoggingBucket><TraceEnabled>1</TraceEnabled></Account>')).toEqual({
      loggingBucket: 'logs',
      traceEnabled: 1,
    });
    expect(readAccountAttributes('<Account/>')).toEqual({});
    expect(readAccountAttributes(Buffer.alloc(0))).toEqual({});
  });

  it('takes an empty bucket for the wish to have none', () => {
    expect(readAccountAttributes('<Account><LoggingBucket></LoggingBucket></Account>')).toEqual({ loggingBucket: '' });
  });

  it('refuses a trace switch that is none', () => {
    expect(() => readAccountAttributes('<Account><TraceEnabled>2</TraceEnabled></Account>')).toThrow(InvalidArgument);
  });

  it('writes answers', () => {
    expect(writeAccountAttributes({ loggingBucket: '', traceEnabled: 0 })).toBe(
      `${START}<Account ${NAMESPACE}>\n  <LoggingBucket></LoggingBucket>\n  <TraceEnabled>0</TraceEnabled>\n</Account>`,
    );
    const accountId = '1234567890123456';
    expect(writeAccountId(accountId)).toBe(`${START}<Account ${NAMESPACE}>\n  <AccountId>${accountId}</AccountId>\n</Account>`);
    expect(writeOpenService('42')).toBe(`${START}<OpenService ${NAMESPACE}>\n  <OrderId>42</OrderId>\n</OpenService>`);
  });
});
