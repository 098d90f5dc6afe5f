import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { minioProgram } from '../support/minio-server.js';

const main = fileURLToPath(new URL('../../dist/examples/main.js', import.meta.url));

async function runExample(...args: string[]) {
  const { PATH, HOME, MINIO_BIN = '' } = process.env;
  const child = spawn(process.execPath, [main, ...args], { env: { PATH, HOME, MINIO_BIN }, stdio: ['ignore', 'pipe', 'pipe'] });
  const written = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (written.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (written.stderr += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...written };
}

describe('npm run example', () => {
  // --local: whatever the reader of this has in .env, nobody gets an SMS.
  it('alert-fan-out: alerts of both formats reach SMS, e-mail and DingTalk', async () => {
    const { code, stdout, stderr } = await runExample('alert-fan-out', '--exit', '--local');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const name of ['DiskAlmostFull', '容器内存使用率大于80%']) {
      expect(stdout).toMatch(new RegExp(`sms +\\d+ ms +to 13800000000, 【Magpie】 .* level="critical" name="${name}"`));
      expect(stdout).toMatch(new RegExp(`e-mail +\\d+ ms +to on-call@example\\.com, subject "\\[CRITICAL\\] ${name}`));
      expect(stdout).toMatch(new RegExp(`dingtalk +\\d+ ms +markdown "\\[CRITICAL\\] ${name}`));
    }
    expect(stdout).toMatch(/dingtalk +\d+ ms +markdown "\[RESOLVED\] DiskAlmostFull"/);
    expect(stdout).toMatch(/sms +nothing, as its filter tag says/);
    expect(stdout).toContain('known, not published again');
  }, 90_000);

  (minioProgram === undefined ? it.skip : it)('object-pipeline: the index follows the bucket of a real MinIO', async () => {
    const { code, stdout, stderr } = await runExample('object-pipeline', '--exit');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/indexed +\d+ ms +inbox\/喜鹊\.txt/);
    expect(stdout).toMatch(/removed +\d+ ms +inbox\/magpie\.txt/);
    expect(stdout).toMatch(/failed +\d+ ms +inbox\/broken\.txt, try 3: /);
    expect(stdout).toContain('queue documents-dead holds the event of inbox/broken.txt');
    expect(stdout).toContain('the index leads from "magpie" to inbox/喜鹊.txt\n');
  }, 120_000);

  it('object-pipeline: says what is missing where there is no MinIO', async () => {
    const { PATH } = process.env;
    const child = spawn(process.execPath, [main, 'object-pipeline', '--exit'], { env: { PATH, MINIO_BIN: '/nowhere/minio' }, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(stderr).toBe('object-pipeline: no MinIO: put one on PATH, name it by MINIO_BIN, or install Go to have it built\n');
  });

  it.each([[], ['bogus'], ['constructor']])('says which examples there are when asked for %j', async (...args) => {
    const { code, stdout, stderr } = await runExample(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('examples: alert-fan-out, object-pipeline\n');
  });

  it.each(['alert-fan-out', 'object-pipeline'])('%s says how it is used when it does not understand', async (name) => {
    expect(await runExample(name, '--bogus')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(`${name}: usage: npm run example -- ${name}`) });
  });
});
