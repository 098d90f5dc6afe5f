import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManagementClient } from '../contract/management-client.js';
import { hubEnvironment, hubMain, startHub, type TestHub } from '../support/hub.js';
import { setupExample } from '../support/setup-example.js';

/** The official SDK, which has no types. */
type Sdk = Record<string, (...args: unknown[]) => Promise<{ readonly body: Readonly<Record<string, string>> }>>;

describe('a hub with a set-up file', () => {
  let dataDir: string;
  let setupFile: string;
  const started: TestHub[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'magpie-hub-'));
    setupFile = join(dataDir, 'setup.yaml');
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((hub) => hub.stop()));
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(setup: string) {
    await writeFile(setupFile, setup);
    const hub = await startHub({ MAGPIE_DATA_DIR: dataDir, MAGPIE_SETUP_FILE: setupFile });
    started.push(hub);
    const { addresses, credentials } = hub;
    const Client = createRequire(import.meta.url)('@alicloud/mns') as new (account: string, options: object) => Sdk;
    const sdk = new Client(credentials.accountId, { ...credentials, endpoint: addresses.api });
    return { hub, sdk, management: new ManagementClient(addresses.api, credentials) };
  }

  it('has what the file says once it is ready, at each start', async () => {
    const first = await start(setupExample());
    const orders = (await first.sdk['getQueueAttributes']!('orders')).body;
    expect(orders).toMatchObject({ VisibilityTimeout: '60', PollingWaitSeconds: '20' });
    expect((await first.sdk['getQueueAttributes']!('payments')).body).toMatchObject({ MessageType: '1' });
    expect((await first.sdk['getTopicAttributes']!('new-photos')).body).toMatchObject({ MaximumMessageSize: '65536' });
    const rule = await first.management.call('GET', 'event-rules/photos');
    expect(rule).toMatchObject({ status: 200, json: { enabled: true, messageTag: 'photo' } });
    await first.sdk['publishMessage']!('new-photos', { MessageBody: 'hello' });
    expect((await first.sdk['receiveMessage']!('photo-log', 20)).body).toMatchObject({ MessageBody: 'hello' });
    await first.hub.stop();

    const second = await start(setupExample());
    expect((await second.sdk['getQueueAttributes']!('orders')).body).toEqual(orders);
    expect(second.hub.log.join('\n')).toMatch(/"created":\[\],"changed":\[\],"msg":"the set-up file is applied"/);
    await second.hub.stop();

    const third = await start(setupExample().replace('visibilityTimeout: 60', 'visibilityTimeout: 90').replace('pollingWaitSeconds: 20', ''));
    const attributes = { VisibilityTimeout: '90', PollingWaitSeconds: '20', CreateTime: orders['CreateTime'] };
    expect((await third.sdk['getQueueAttributes']!('orders')).body).toMatchObject(attributes);
  }, 90_000);

  it('does not start with a bad one, and says why', async () => {
    await writeFile(setupFile, 'queues:\n  orders:\n    visibilityTimeout: 0\ntopics:\n  alerts: { subscription: {} }\n');
    const { code, stdout, stderr } = await run(hubMain, await hubEnvironment({ MAGPIE_DATA_DIR: dataDir, MAGPIE_SETUP_FILE: setupFile }));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(
      [
        'magpie api: the set-up file has 2 problems and was not applied:',
        `  ${setupFile}:3:5: queues.orders.visibilityTimeout is 0: The value of VisibilityTimeout should between 1 and 43200 seconds.`,
        `  ${setupFile}:5:13: topics.alerts.subscription is not known: expected maximumMessageSize, loggingEnabled, subscriptions`,
        '',
      ].join('\n'),
    );
    expect(stderr).toMatch(/magpie: api ended with code 1\n$/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('the API alone, with a set-up file', () => {
  const main = hubMain.replace('standalone', 'api');
  const redis = { MAGPIE_REDIS_URL: process.env['MAGPIE_TEST_REDIS_URL']!, MAGPIE_KEY_PREFIX: `setup-${randomBytes(6).toString('hex')}` };
  const api = { ...redis, MAGPIE_SECRET_KEY: randomBytes(32).toString('base64'), MAGPIE_SETUP_FILE: '/nowhere/setup.yaml' };
  const account = { MAGPIE_ACCOUNT_ID: '1234567890123456', MAGPIE_ACCESS_KEY_ID: 'key', MAGPIE_ACCESS_KEY_SECRET: 'secret' };

  it('needs to know whose account it sets up', async () => {
    const stderr = 'magpie api: MAGPIE_ACCOUNT_ID is not set although MAGPIE_SETUP_FILE is: expected 16 digits, the account that the file is for\n';
    expect(await run(main, { PATH: process.env['PATH'], ...api })).toEqual({ code: 1, stdout: '', stderr });
  });

  it('says when there is no such file', async () => {
    const { code, stderr } = await run(main, { PATH: process.env['PATH'], ...api, ...account });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^magpie api: MAGPIE_SETUP_FILE is "\/nowhere\/setup\.yaml" \(there is no such file\): expected a YAML file .*\n$/);
  });
});

/** Runs a process until it ends; what it wrote and its exit code. */
async function run(main: string, env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const written = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (written.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (written.stderr += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...written };
}
