import { readFileSync } from 'node:fs';

/** The example of docs/setup-file.md. */
export function setupExample(): string {
  const page = readFileSync(new URL('../../docs/setup-file.md', import.meta.url), 'utf8');
  return /```yaml\n([\s\S]*?)```/.exec(page)![1]!;
}
