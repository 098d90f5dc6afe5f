import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { hubMain } from '../support/hub.js';
import { minioProgram } from '../support/minio-server.js';

const demoMain = join(dirname(hubMain), 'demo/main.js');

async function runDemo(...args: string[]) {
  const { PATH, HOME, MINIO_BIN = '' } = process.env;
  const child = spawn(process.execPath, [demoMain, ...args], { env: { PATH, HOME, MINIO_BIN }, stdio: ['ignore', 'pipe', 'pipe'] });
  const written = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (written.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (written.stderr += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...written };
}

/** Every destination, for both objects. */
function expectArrivals(stdout: string): void {
  for (const key of ['hello.jpg', 'again.jpg']) {
    expect(stdout).toMatch(new RegExp(`http +\\d+ ms +POST /photos, signature valid: ObjectCreated:PutObject ${key}`));
    expect(stdout).toMatch(new RegExp(`queue +\\d+ ms +received with @alicloud/mns: ObjectCreated:PutObject ${key}`));
    expect(stdout).toMatch(new RegExp(`e-mail +\\d+ ms +to reader@example\\.com, subject ".*": ObjectCreated:PutObject ${key}`));
  }
  expect(stdout).toContain('nothing, as its tag says');
}

describe('npm run demo', () => {
  it('shows each arrival and ends with 0, without an object store', async () => {
    const { code, stdout, stderr } = await runDemo('--exit', '--no-minio');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`--no-minio: the demo posts the body of MinIO's webhook itself`);
    expectArrivals(stdout);
  });

  (minioProgram === undefined ? it.skip : it)('shows each arrival of a real MinIO', async () => {
    const { code, stdout, stderr } = await runDemo('--exit');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('MinIO ready');
    expectArrivals(stdout);
  });

  it('says how it is used when it does not understand', async () => {
    expect(await runDemo('--bogus')).toEqual({ code: 1, stdout: '', stderr: 'demo: usage: npm run demo [-- [--exit] [--no-minio]]\n' });
  });
});
