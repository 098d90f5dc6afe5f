import { describe, expect, it } from '@jest/globals';
import { ReceiptHandleError } from './queue-errors.js';
import { ReceiptHandles } from './receipt-handle.js';

const handles = new ReceiptHandles(Buffer.alloc(32, 5));
const delivery = { queueId: 'AbCdEfGhIjA', member: 2 ** 52 + 7, number: 4_000_000_000, nextVisibleTime: 1_700_000_000_000 };

describe('a receipt handle', () => {
  it('gives back what it stands for, in characters that need no escaping', () => {
    const handle = handles.issue({ ...delivery, queueId: Buffer.alloc(8, 250).toString('base64url') });
    expect(handle).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(handles.read(handle)).toEqual({ ...delivery, queueId: Buffer.alloc(8, 250).toString('base64url') });
  });

  it('that was changed in any place, or made with another secret, was never issued', () => {
    const handle = handles.issue(delivery);
    for (let i = 0; i < handle.length; i++) {
      const other = handle[i] === 'A' ? 'B' : 'A';
      expect(() => handles.read(handle.slice(0, i) + other + handle.slice(i + 1))).toThrow(ReceiptHandleError);
    }
    expect(() => new ReceiptHandles(Buffer.alloc(32, 6)).read(handle)).toThrow(ReceiptHandleError);
  });

  it.each(['', 'x', '1-ODU4OTkzNDU5My0xNDMyNzI3ODI3LTItOA==', 'ü'.repeat(48), 'A'.repeat(48)])('%p was never issued', (text) => {
    expect(() => handles.read(text)).toThrow(ReceiptHandleError);
  });
});
