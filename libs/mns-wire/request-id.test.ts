import { describe, expect, it } from '@jest/globals';
import { createRequestId } from './request-id.js';

describe('createRequestId', () => {
  it('has 24 upper-case hexadecimal digits that begin with the Unix seconds', () => {
    expect(createRequestId(0x6ab5ce46 * 1_000 + 999)).toMatch(/^6AB5CE46[0-9A-F]{16}$/);
    expect(createRequestId(1_000)).toMatch(/^00000001[0-9A-F]{16}$/);
  });

  it('differs from call to call', () => {
    const ids = Array.from({ length: 10_000 }, () => createRequestId(1_790_184_264_000));
    expect(new Set(ids).size).toBe(ids.length);
  });
});
