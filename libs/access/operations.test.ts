import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { AccessDenied } from './access-errors.js';
import { authorize, OPERATIONS, type Operation } from './operations.js';

const NAMES = Object.keys(OPERATIONS) as Operation[];
const keyOf = (account: string, managesAccounts = true) => ({ account, managesAccounts });

describe('authorize', () => {
  it('lets an account do everything to its own and nothing to what others own', () => {
    for (const operation of NAMES) {
      expect(() => authorize(keyOf('1000000000000001'), '1000000000000001', operation)).not.toThrow();
      expect(() => authorize(keyOf('1000000000000001'), '1000000000000002', operation)).toThrow(AccessDenied);
    }
  });

  it('lets the first account alone manage accounts and access keys', () => {
    const refused = NAMES.filter((operation) => {
      try {
        authorize(keyOf('1000000000000001', false), '1000000000000001', operation);
        return false;
      } catch {
        return true;
      }
    });
    expect(refused).toEqual(NAMES.filter((operation) => /Accounts?$|AccessKeys?$/.test(operation)));
    expect(refused).toHaveLength(11);
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

  it('are, those of the data plane, the rows of docs/protocol.md', () => {
    const rows = page('protocol').matchAll(/^\| ([A-Z]\w+) \| .*`(?:GET|PUT|POST|DELETE) |^\| ([A-Z]\w+) \| the same/gm);
    const documented = Array.from(rows, (row) => row[1] ?? row[2]!);
    // The management interface comes last, and begins with queues.
    expect(documented.sort()).toEqual(NAMES.slice(0, NAMES.indexOf('GetQueue')).sort());
  });

  it('is the table of docs/access.md', () => {
    const rows = page('access').matchAll(/^\| (\w+) \| (`mns:[^|]+`) \| `([^|]+)` \|/gm);
    const documented = Array.from(rows, ([, name, actions, resource]) => [name, { actions: actions!.match(/mns:\w+/g), resource }]);
    const known = Object.entries(OPERATIONS).map(([name, { actions, resource }]) => [name, { actions, resource }]);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(known));
  });
});

function page(name: string): string {
  return readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
}
