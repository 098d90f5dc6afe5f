import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { AccessDenied } from './access-errors.js';
import { authorize, OPERATIONS } from './operations.js';

describe('authorize', () => {
  it('lets an account do everything to its own and nothing to what others own', () => {
    for (const operation of Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[]) {
      expect(() => authorize('1000000000000001', '1000000000000001', operation)).not.toThrow();
      expect(() => authorize('1000000000000001', '1000000000000002', operation)).toThrow(AccessDenied);
    }
  });
});

describe('OPERATIONS', () => {
  it('names actions and resources as policies do', () => {
    for (const { actions, resource } of Object.values(OPERATIONS)) {
      expect(actions.length).toBeGreaterThan(0);
      for (const action of actions) expect(action).toMatch(/^mns:[A-Z][A-Za-z]+$/);
      expect(resource).toMatch(/^(\*|(\/([a-z]+|\{(queue|topic|subscription)\}))+)$/);
    }
  });

  it('lets the single action stand for its batch', () => {
    expect(OPERATIONS.BatchSendMessage.actions).toContain('mns:SendMessage');
    expect(OPERATIONS.BatchDeleteMessage.actions).toContain('mns:DeleteMessage');
  });

  it('are the operations of docs/protocol.md', () => {
    const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
    const rows = page.matchAll(/^\| ([A-Z]\w+) \| .*`(?:GET|PUT|POST|DELETE) |^\| ([A-Z]\w+) \| the same/gm);
    expect(Array.from(rows, (row) => row[1] ?? row[2]).sort()).toEqual(Object.keys(OPERATIONS).sort());
  });
});
