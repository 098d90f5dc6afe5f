import { once } from 'node:events';
import { rmSync } from 'node:fs';

export default async function globalTeardown() {
  const { child, dir } = globalThis.magpieTestRedis;
  // Waited for again: without it jest would end here, before it has written its results.
  child.ref();
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
  rmSync(dir, { recursive: true, force: true });
}
