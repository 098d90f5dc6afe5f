import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { OPERATIONS } from '#access/operations.js';

const folder = new URL('.', import.meta.url);
const controllers = readdirSync(folder).filter((file) => file.endsWith('.controller.ts'));
const textOf = (file: string): string => readFileSync(new URL(file, folder), 'utf8');

/** What nobody has to prove anything for, or proves with a signature of its own. */
const PUBLIC = ['certificate.controller.ts', 'health.controller.ts', 'sms-receipt.controller.ts'];

describe('operations', () => {
  it('are all begun by a controller, and with a check of the access key', () => {
    const texts = controllers.map(textOf).join('\n');
    const begun = Array.from(texts.matchAll(/beginOperation\(request, ([^)]+)\)/g), ([, name]) => name!);
    const names = begun.flatMap((expression) => expression.match(/(?<=')\w+(?=')/g) ?? []);
    expect([...new Set(names)].sort()).toEqual(Object.keys(OPERATIONS).sort());
  });

  it.each(controllers.filter((file) => !PUBLIC.includes(file)))('of %s are begun in no other way', (file) => {
    const text = textOf(file);
    expect(text).not.toContain('request.operation =');
    const routes = text.match(/@Req\(\)/g)?.length ?? 0;
    expect(text.match(/beginOperation\(request, /g)?.length ?? 0).toBeGreaterThanOrEqual(routes);
  });
});
